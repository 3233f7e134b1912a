//! `sealift ls --aptos`: what an archive covers, what is missing, and what a restore reaches. What it names as a remedy is
//! what helps.

use crate::scene::{LAST_EPOCH, MAX_CHUNK, Storage, node};
use sealift_node::Node;
use sealift_tests::cli::{self, Ended, run};
use serde_json::{Value, json};
use std::path::Path;

const ALL_EPOCHS: [&str; 5] = ["epoch-ending", "--start-epoch", "0", "--end-epoch", "4"];

async fn covers(storage: &Storage) -> Value {
    run(storage.command(&["ls", "--aptos", "--json"])).await.expect_code(0).json()
}

async fn told(storage: &Storage) -> String {
    run(storage.command(&["ls", "--aptos"])).await.expect_code(0).text()
}

async fn transactions(storage: &Storage, node: &Node, first: u64, last: u64) -> Ended {
    let (first, count) = (first.to_string(), (last + 1 - first).to_string());
    let arguments = ["transaction", "--start-version", &first, "--num_transactions", &count];
    storage.backed_up(node, MAX_CHUNK, &arguments).await
}

async fn snapshot(storage: &Storage, node: &Node, epoch: u64) {
    storage.backed_up(node, MAX_CHUNK, &["state-snapshot", "--state-snapshot-epoch", &epoch.to_string()]).await;
}

/// Runs the commands in backticks that are below the line with these words.
async fn follow(storage: &Storage, node: &Node, told: &str, words: &str) {
    let (_, after) = told.split_once(words).unwrap_or_else(|| panic!("{words} is missing in: {told}"));
    let commands: Vec<&str> = after.split('`').skip(1).step_by(2).collect();
    assert!(!commands.is_empty(), "{told}");
    for command in commands {
        let arguments: Vec<&str> = command.strip_prefix("backup ").expect("a backup").split(' ').collect();
        storage.backed_up(node, MAX_CHUNK, &arguments).await;
    }
}

fn end_of(node: &Node, epoch: u64) -> u64 {
    node.chain().epoch_ending(epoch).expect("it has ended").version()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_a_restore_is_told_until_it_reaches_everything() {
    for storage in [Storage::folder(), Storage::s3().await, Storage::commands()] {
        let node = node().await;
        let none = run(storage.command(&["ls", "--aptos"])).await.expect_code(3);
        assert!(none.stdout.is_empty() && none.stderr.contains("no file in its metadata/"), "{none:?}");

        snapshot(&storage, &node, 1).await;
        let version = end_of(&node, 1);
        let first = covers(&storage).await;
        assert_eq!((&first["restorable"], &first["metadata_files"]), (&Value::Null, &json!(1)));
        assert_eq!(first["state_snapshots"][0]["version"], version);
        assert_eq!(first["obstacle"]["missing"][0]["what"], "epoch endings 0 to 1");
        follow(&storage, &node, &told(&storage).await, "Nothing can be restored yet").await;
        let all = covers(&storage).await;
        assert_eq!(all["obstacle"], Value::Null, "{all}");
        let reached = json!({
            "version": version,
            "needs_target_version": false,
            "state_snapshot": all["state_snapshots"][0],
            "transactions_after_snapshot": 0,
            "epoch_endings": { "first": 0, "last": 1 },
            "manifests": { "epoch_endings": 1, "state_snapshots": 1, "transactions": 1 },
        });
        assert_eq!(all["restorable"], reached);

        // A snapshot ahead of its transactions and endings, and transactions after a gap.
        snapshot(&storage, &node, LAST_EPOCH).await;
        let end = end_of(&node, LAST_EPOCH);
        transactions(&storage, &node, version + 3, version + 4).await;
        let gap = covers(&storage).await;
        assert_eq!(gap["restorable"]["version"], version);
        assert_eq!(gap["restorable"]["needs_target_version"], true);
        assert_eq!(gap["transactions"]["missing"], json!([{ "first": version + 1, "last": version + 2 }]));
        let words = told(&storage).await;
        assert!(words.contains(&format!("Say --target-version {version} to aptos-db-tool")), "{words}");
        assert!(words.contains(&format!("transactions {} to {} are missing, see above", version + 1, version + 2)));
        follow(&storage, &node, &words, "2 backups\n").await;
        let all = covers(&storage).await;
        assert_eq!((&all["restorable"]["version"], &all["obstacle"]), (&json!(end), &Value::Null), "{all}");
        assert_eq!(all["restorable"]["manifests"]["transactions"], 1, "{all}");
        node.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_in_columns_and_plain_sentences() {
    let (storage, node) = (Storage::folder(), node().await);
    let Storage::Folder(folder) = &storage else { panic!("a folder") };
    let (first, last) = (end_of(&node, 1), node.chain().last_version());
    storage.backed_up(&node, MAX_CHUNK, &ALL_EPOCHS).await;
    transactions(&storage, &node, 0, first).await;
    transactions(&storage, &node, first + 1, last).await;
    snapshot(&storage, &node, 1).await;
    snapshot(&storage, &node, LAST_EPOCH).await;
    let (end, url) = (end_of(&node, LAST_EPOCH), format!("file://{}", folder.path().display()));
    let expected = format!(
        "archive {url}: 5 metadata files

epoch endings    0 to 3               1 backup
transactions     0 to {last:<15} 2 backups
state snapshots  epoch 1, version {first}  2 backups
                 epoch 3, version {end}

A restore reaches version {last}: the state at version {end}, the end of epoch 3, and {} transactions after it.
It needs epoch endings 0 to 3, and reads 3 manifests: 1 of epoch endings, 1 of the state, 1 of transactions.
",
        last - end
    );
    assert_eq!(told(&storage).await, expected);

    // A second manifest of a range, as a tool leaves it that does not look first.
    let line = std::fs::read_to_string(folder.path().join(format!("metadata/transaction_0-{first}.meta")));
    let second = line.expect("a line").replace("transaction_0-", "transaction_0-again");
    std::fs::write(folder.path().join("metadata/transaction_again.meta"), second).expect("written");
    let words = told(&storage).await;
    for expected in [
        &format!("more than one backup has transactions 0 to {first}, see above")[..],
        "Nothing can be restored yet",
        "metadata_backup/",
        &format!("The commands take --storage {url}."),
    ] {
        assert!(words.contains(expected), "{expected} is missing in: {words}");
    }
    let command = words.split('`').nth(1).expect("a command").to_owned();
    let arguments: Vec<&str> = command.strip_prefix("sealift ").expect("sealift").split(' ').collect();
    run(storage.command(&arguments)).await.expect_code(0);
    assert_eq!(told(&storage).await, expected);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_in_two_files_are_one_and_an_archive_of_nothing_is_one() {
    let (storage, node) = (Storage::folder(), node().await);
    let Storage::Folder(folder) = &storage else { panic!("a folder") };
    let metadata = folder.path().join("metadata");
    std::fs::create_dir(&metadata).expect("made");
    std::fs::write(metadata.join("identity.meta"), "{\"Identity\":{\"id\":\"0a\"}}\n").expect("written");
    let words = told(&storage).await;
    assert!(words.contains("transactions     none\n") && words.contains("`backup continuously`"), "{words}");

    storage.backed_up(&node, MAX_CHUNK, &ALL_EPOCHS).await;
    transactions(&storage, &node, 0, 9).await;
    transactions(&storage, &node, 10, 19).await;
    snapshot(&storage, &node, 0).await;
    let loose = covers(&storage).await;
    let all = [loose_lines(&metadata, "transaction_0-9.meta"), loose_lines(&metadata, "transaction_10-19.meta")];
    std::fs::write(metadata.join("transaction_compacted_0-19.meta"), all.concat()).expect("written");
    std::fs::remove_file(metadata.join("identity.meta")).expect("removed");
    assert_eq!(covers(&storage).await, loose);
    assert_eq!((&loose["transactions"]["backups"], &loose["restorable"]["version"]), (&json!(2), &json!(19)));
    node.shutdown().await;
}

fn loose_lines(metadata: &Path, name: &str) -> String {
    std::fs::read_to_string(metadata.join(name)).expect("a file")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_below_a_prefix_is_found_and_no_other() {
    let node = node().await;
    for storage in [Storage::folder(), Storage::s3().await] {
        let below = ["transaction", "--start-version", "0", "--num_transactions", "5", "--prefix", "net/main"];
        storage.backed_up(&node, MAX_CHUNK, &below).await;
        // A whole URL needs no storage beside it, but for where the emulator is.
        let listing = |arguments: &[&str]| {
            let arguments = [&["ls", "--aptos", "--json"], arguments].concat();
            match &storage {
                Storage::Folder(_) if arguments.iter().any(|name| name.contains("://")) => cli::command(arguments),
                _ => storage.command(&arguments),
            }
        };
        let asked = async |arguments: &[&str]| {
            let ended = run(listing(arguments)).await.expect_code(0);
            let value = ended.json();
            assert_eq!(value["transactions"]["ranges"], json!([{ "first": 0, "last": 4 }]), "{arguments:?}");
            value["location"].as_str().expect("text").to_owned()
        };
        let url = asked(&["net/main"]).await;
        assert!(url.ends_with("/net/main") && url.contains("://"), "{url}");
        for arguments in [&["net/main/"][..], &["main", "--prefix", "net"], &["--prefix", "/net/main/"], &[&url]] {
            assert_eq!(asked(arguments).await, url, "{arguments:?}");
        }
        let file = format!("{url}/metadata/transaction_0-4.meta");
        for wrong in ["net", "net/mai", "net/main/metadata", "", &file] {
            let ended = run(listing(&[wrong])).await.expect_code(3);
            let said = ended.stdout.is_empty() && ended.stderr.contains("no file in its metadata/");
            assert!(said && ended.stderr.contains("check the prefix"), "{wrong}: {ended:?}");
        }
    }
    let nowhere = ["ls", "--aptos", "file:///nowhere/at/all"];
    assert!(run(cli::command(nowhere)).await.expect_code(3).stderr.contains("no such folder"));
    let by_commands = run(Storage::commands().command(&["ls", "--aptos", "net/main"])).await.expect_code(2);
    assert!(by_commands.stderr.contains("leave out the name"), "{}", by_commands.stderr);
    let names = run(cli::command(["ls", "--aptos", "--names"])).await.expect_code(2);
    assert!(names.stderr.contains("--names"), "{}", names.stderr);
    node.shutdown().await;
}
