//! Single backups from outside: the command lines of aptos-db-tool, nodes of another kind, and what other tools can read.

use crate::scene::{LAST_EPOCH, MAX_CHUNK, Storage, chain, node};
use crate::verify;
use sealift_aptos::chain::RecordFormat;
use sealift_node::{Chain, Match, Misbehaviour, Node, Recipe};
use sealift_tests::cli::run;

#[tokio::test(flavor = "multi_thread")]
async fn command_lines_of_aptos_db_tool_work() {
    let (storage, node) = (Storage::folder(), node().await);
    let (last, count) = (LAST_EPOCH.to_string(), (node.chain().last_version() + 1).to_string());
    let end = (LAST_EPOCH + 1).to_string();
    for arguments in [
        vec!["oneoff", "epoch-ending", "--start-epoch", "0", "--end-epoch", &end],
        vec!["oneoff", "transaction", "--start-version", "0", "--num_transactions", &count],
        vec!["oneoff", "state-snapshot", "--state-snapshot-epoch", &last],
    ] {
        storage.backed_up(&node, MAX_CHUNK, &[&arguments[..], &["--metadata-cache-dir", "/nowhere"]].concat()).await;
    }
    let files = storage.files().await;
    verify::epoch_endings(&files, &node.chain());
    verify::transactions(&files, &node.chain(), node.chain().last_version());
    verify::state_snapshots(&files, &[LAST_EPOCH]);
    assert!(!std::path::Path::new("/nowhere").exists());
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_serves_the_older_form_is_backed_up_as_such() {
    let recipe = Recipe { format: RecordFormat::V0, epochs: LAST_EPOCH, ..Recipe::default() };
    let (storage, node) = (Storage::folder(), Node::start(Chain::generate(&recipe)).await);
    let arguments = ["transaction", "--start-version", "0", "--num_transactions", "20", "--transaction-format", "V0"];
    storage.backed_up(&node, MAX_CHUNK, &arguments).await;
    let files = storage.files().await;
    let (_, manifest) = files.iter().find(|(handle, _)| handle.ends_with("transaction.manifest")).expect("a manifest");
    let manifest = String::from_utf8(manifest.clone()).expect("text");
    assert!(manifest.contains(r#""format":"V0""#) && !manifest.contains("V1"), "{manifest}");
    verify::transactions(&files, &node.chain(), 19);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_node_has_pruned_has_an_exit_code_of_its_own() {
    let (storage, node) = (Storage::folder(), node().await);
    let version = node.chain().epoch_ending(1).expect("it has ended").version();
    let first_of = |path: &str| path.split('/').nth(1).and_then(|first| first.parse::<u64>().ok());
    // A body that is promised and does not come, and an error without a word, as the service does it.
    node.on(
        Match::new(move |path| match path.split('/').next() {
            Some("transactions") => first_of(path) < Some(20),
            Some("state_snapshot_chunk") => first_of(path) <= Some(version),
            _ => false,
        }),
        Misbehaviour::Cut { after_bytes: 0 },
    );
    node.on(Match::path(format!("state_item_count/{version}")), Misbehaviour::Status(500));
    let transactions = ["transaction", "--start-version", "5", "--num_transactions", "10"];
    let snapshot = ["state-snapshot", "--state-snapshot-epoch", "1"];
    for (arguments, words) in [
        (&transactions[..], ["transactions from version 5 on", "none before version 20"]),
        (&snapshot, [&format!("the state at version {version}")[..], "the node has pruned it"]),
    ] {
        let ended = run(storage.backup(&node, MAX_CHUNK, arguments)).await.expect_code(11);
        let message = ended.stderr.lines().last().expect("a message");
        assert!(words.iter().all(|words| message.contains(words)), "{message}");
    }
    let later = ["transaction", "--start-version", "20", "--num_transactions", "5"];
    storage.backed_up(&node, MAX_CHUNK, &later).await;
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_original_cannot_read_is_told() {
    let node = Node::start(chain(1)).await;
    let first = ["transaction", "--start-version", "0", "--num_transactions", "1"];
    let told = async |storage: Storage, codec: &[&str]| {
        storage.backed_up(&node, MAX_CHUNK, &[&first[..], codec].concat()).await.stderr
    };
    assert!(told(Storage::folder(), &["--codec=gzip"]).await.contains("cannot restore this with --local-fs-dir"));
    assert!(told(Storage::s3().await, &["--codec=none"]).await.contains("decompress each"));
    for (storage, codec) in [
        (Storage::folder(), &[][..]),
        (Storage::folder(), &["--codec=none"]),
        (Storage::s3().await, &[]),
        (Storage::s3().await, &["--codec=gzip"]),
    ] {
        let told = told(storage, codec).await;
        assert!(!told.contains("--codec"), "{told}");
    }
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_ahead_of_its_transactions_is_told() {
    let (storage, node) = (Storage::folder(), node().await);
    let epoch = LAST_EPOCH.to_string();
    let snapshot = ["state-snapshot", "--state-snapshot-epoch", &epoch];
    let told = storage.backed_up(&node, MAX_CHUNK, &snapshot).await;
    let version = told.json()["last_version"].as_u64().expect("a number");
    let command = format!("backup transaction --start-version 0 --num_transactions {}", version + 1);
    assert!(told.stderr.contains(&format!("`{command}` adds them now")), "{}", told.stderr);
    // What it says is what helps.
    let arguments: Vec<&str> = command.split(' ').skip(1).collect();
    storage.backed_up(&node, MAX_CHUNK, &arguments).await;
    let told = storage.backed_up(&node, MAX_CHUNK, &snapshot).await.stderr;
    assert!(!told.contains("cannot be restored"), "{told}");
    node.shutdown().await;
}
