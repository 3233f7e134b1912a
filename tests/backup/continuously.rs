//! `sealift backup continuously`: what is due is backed up, through trouble and signals, by one or by two.

use crate::scene::{LAST_EPOCH, MAX_CHUNK, Storage, chain, node};
use crate::verify;
use rustix::process::{Pid, Signal, kill_process};
use sealift_node::{Endpoint, Match, Misbehaviour, Node};
use sealift_tests::cli::{Ended, run};
use sealift_tests::eventually::eventually;
use sealift_tests::patience::HANGS;
use serde_json::Value;
use std::collections::BTreeSet;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tokio::time::timeout;

/// Every second epoch's end is a snapshot, ten transactions are a batch.
const SCHEDULE: [&str; 5] =
    ["continuously", "--state-snapshot-interval-epochs=2", "--transaction-batch-size=10", "--json", "--memory=64MiB"];

/// A process that backs up until it is stopped.
pub(crate) struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(storage: &Storage, node: &Node) -> Self {
        Running::with(storage, node, &SCHEDULE)
    }

    pub(crate) fn with(storage: &Storage, node: &Node, arguments: &[&str]) -> Self {
        let mut child = storage.backup(node, MAX_CHUNK, arguments).spawn().expect("sealift starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Running { child, lines }
    }

    /// Waits until it has told of all these metadata files.
    pub(crate) async fn until_known(&mut self, metadata: &[String]) {
        let mut missing: BTreeSet<String> = metadata.iter().cloned().collect();
        while !missing.is_empty() {
            let Ok(Ok(Some(line))) = timeout(HANGS, self.lines.next_line()).await else {
                panic!("{missing:?} did not come: {}", self.stderr_so_far().await)
            };
            let told: Value = serde_json::from_str(&line).expect("JSON");
            missing.remove(told["metadata"].as_str().expect("a handle"));
        }
    }

    async fn stderr_so_far(&mut self) -> String {
        self.child.kill().await.expect("killed");
        let mut told = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut told).await.expect("read");
        }
        told
    }

    /// Sends it a signal and waits for its end.
    pub(crate) async fn stop(self, signal: Signal) -> Ended {
        let pid = Pid::from_raw(self.child.id().expect("it runs") as i32).expect("a process");
        kill_process(pid, signal).expect("signalled");
        let mut rest = String::new();
        self.lines.into_inner().read_to_string(&mut rest).await.expect("read");
        timeout(HANGS, self.child.wait_with_output()).await.expect("it ends").expect("waited for").into()
    }
}

/// The metadata files of a chain with this open epoch, when it was watched from the beginning of it: snapshots are those
/// given, transactions are batches of ten.
fn metadata(
    node: &Node,
    epochs: std::ops::Range<u64>,
    versions: std::ops::Range<u64>,
    snapshots: &[u64],
) -> Vec<String> {
    let chain = node.chain();
    let epochs = epochs.map(|epoch| format!("metadata/epoch_ending_{epoch}-{epoch}.meta"));
    let snapshots = snapshots.iter().map(|&epoch| {
        let version = chain.epoch_ending(epoch).expect("it has ended").version();
        format!("metadata/state_snapshot_ver_{version}.meta")
    });
    let batches = versions.filter(|version| version % 10 == 0).map(|last| match last {
        0 => "metadata/transaction_0-0.meta".to_owned(),
        last => format!("metadata/transaction_{}-{last}.meta", last - 9),
    });
    epochs.chain(snapshots).chain(batches).collect()
}

/// Waits until all of these metadata files are there, whoever has made them.
async fn until_stored(storage: &Storage, metadata: &[String]) {
    eventually("it is backed up", HANGS, async || match missing(storage, metadata).await {
        missing if missing.is_empty() => Ok(()),
        missing => Err(missing.join(", ")),
    })
    .await;
}

/// Those of these metadata files that are not there.
async fn missing(storage: &Storage, metadata: &[String]) -> Vec<String> {
    let mut missing = Vec::new();
    for file in metadata {
        if !storage.holds(file).await {
            missing.push(file.clone());
        }
    }
    missing
}

fn last_batch(node: &Node) -> u64 {
    node.chain().last_version() / 10 * 10
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_is_backed_up_on_every_storage() {
    for storage in [Storage::folder(), Storage::s3().await, Storage::commands()] {
        let node = node().await;
        let mut running = Running::start(&storage, &node);
        let (epoch, last) = (node.chain().epoch(), last_batch(&node));
        let before = metadata(&node, 0..epoch, 0..last + 1, &[2]);
        running.until_known(&before).await;

        // Epochs 4 to 8 have ended when the node is looked at again: the snapshots of 4 and 6 are not taken any more.
        node.set_chain(chain(LAST_EPOCH + 5));
        let after = metadata(&node, epoch..node.chain().epoch(), last + 1..last_batch(&node) + 1, &[8]);
        running.until_known(&after).await;
        let ended = running.stop(Signal::TERM).await.expect_code(0);
        assert!(ended.stderr.contains("stopped by SIGTERM"), "{}", ended.stderr);

        assert_eq!(storage.unfinished().await, Vec::<String>::new());
        let files = storage.files().await;
        let known: BTreeSet<_> = files.keys().filter(|file| file.starts_with("metadata/")).cloned().collect();
        assert_eq!(known, before.into_iter().chain(after).collect());
        verify::epoch_endings(&files, &node.chain());
        verify::transactions(&files, &node.chain(), last_batch(&node));
        verify::state_snapshots(&files, &[2, 8]);
        node.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_in_the_middle_it_leaves_nothing_and_goes_on_at_the_next_start() {
    for (storage, signal) in [
        (Storage::folder(), Signal::TERM),
        (Storage::s3().await, Signal::TERM),
        (Storage::commands(), Signal::INT),
        (Storage::folder(), Signal::KILL),
    ] {
        let node = node().await;
        let held = [
            node.on(Match::endpoint(Endpoint::StateChunk).times(1), Misbehaviour::Stall { after_bytes: 5000 }),
            node.on(Match::endpoint(Endpoint::Transactions).after(2).times(1), Misbehaviour::Stall { after_bytes: 1 }),
        ];
        let running = Running::start(&storage, &node);
        for held in &held {
            timeout(HANGS, held.wait_fired(1)).await.expect("it fires");
        }
        let ended = running.stop(signal).await;
        if signal == Signal::KILL {
            assert_eq!(ended.code, None);
        } else {
            ended.expect_code(0);
            assert_eq!(storage.unfinished().await, Vec::<String>::new());
        }
        held.iter().for_each(sealift_node::MisbehaviourHandle::release);
        let files = storage.files().await;
        assert!(!files.keys().any(|file| file.starts_with("metadata/state_snapshot")), "{:?}", files.keys());

        let mut running = Running::start(&storage, &node);
        let due = metadata(&node, 0..0, last_batch(&node) - 9..last_batch(&node) + 1, &[2]);
        running.until_known(&due).await;
        running.stop(Signal::TERM).await.expect_code(0);
        let files = storage.files().await;
        verify::epoch_endings(&files, &node.chain());
        verify::transactions(&files, &node.chain(), last_batch(&node));
        verify::state_snapshots(&files, &[2]);
        node.shutdown().await;
    }
}

/// So that an archive always has the epoch endings that the rest is verified by.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_is_backed_up_before_the_epoch_endings_are() {
    let (storage, node) = (Storage::folder(), node().await);
    let held = node.on(Match::path("epoch_ending_ledger_infos/1/2").times(1), Misbehaviour::Silence);
    let mut running = Running::start(&storage, &node);
    timeout(HANGS, held.wait_fired(1)).await.expect("it fires");
    let asked = |path: &str| node.requests().iter().filter(|request| request.starts_with(path)).count();
    let before = asked("db_state");
    eventually("the node is looked at again and again", HANGS, async || match asked("db_state") {
        now if now >= before + 2 => Ok(()),
        now => Err(format!("{now} times")),
    })
    .await;
    assert_eq!((asked("transactions/"), asked("state_")), (0, 0));
    held.release();
    running.until_known(&metadata(&node, 0..node.chain().epoch(), 0..1, &[2])).await;
    running.stop(Signal::TERM).await.expect_code(0);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_is_told_and_passes() {
    let (storage, node) = (Storage::folder(), node().await);
    let down = node.on(Match::endpoint(Endpoint::DbState).times(2), Misbehaviour::Status(503));
    let refusing = [Endpoint::EpochEndings, Endpoint::StateItemCount, Endpoint::Transactions]
        .map(|endpoint| node.on(Match::endpoint(endpoint).times(1), Misbehaviour::Status(403)));
    let mut running = Running::start(&storage, &node);
    let due = metadata(&node, 0..node.chain().epoch(), 0..last_batch(&node) + 1, &[2]);
    running.until_known(&due).await;
    assert_eq!(down.fired(), 2);
    assert!(refusing.iter().all(|refusing| refusing.fired() == 1));
    // The node goes away, and is asked less and less often.
    let endpoint = node.endpoint();
    let chain = node.chain();
    node.shutdown().await;
    let mut stderr = BufReader::new(running.child.stderr.take().expect("a pipe")).lines();
    let mut told = String::new();
    while !told.contains("asking again in 2s: read the state of the database from") || !told.contains("refused") {
        let line = timeout(HANGS, stderr.next_line()).await.expect("it is told").expect("read").expect("it goes on");
        told.push_str(&line);
        told.push('\n');
    }
    for kind in ["epoch endings", "state snapshots", "transactions"] {
        assert!(told.contains(&format!("the backup of {kind} failed and is made again in 1s")), "{told}");
    }
    assert!(told.contains("503") && told.contains(&endpoint), "{told}");
    running.stop(Signal::TERM).await.expect_code(0);
    let files = storage.files().await;
    verify::transactions(&files, &chain, chain.last_version() / 10 * 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_on_one_archive_do_no_harm() {
    for storage in [Storage::folder(), Storage::s3().await, Storage::commands()] {
        let node = node().await;
        let due = metadata(&node, 0..node.chain().epoch(), 0..last_batch(&node) + 1, &[2]);
        // Neither makes anything before both have read what the archive has.
        let held = node.on(Match::endpoint(Endpoint::EpochEndings).times(2), Misbehaviour::Silence);
        let (mut one, mut other) = (Running::start(&storage, &node), Running::start(&storage, &node));
        timeout(HANGS, held.wait_fired(2)).await.expect("both ask");
        held.release();
        // A batch of transactions that one has made known is not made by the other.
        let (batches, the_same): (Vec<_>, Vec<_>) = due.into_iter().partition(|file| file.contains("transaction"));
        one.until_known(&the_same).await;
        other.until_known(&the_same).await;
        until_stored(&storage, &batches).await;
        // One is stopped at once when there is more to do, the other does it.
        node.set_chain(chain(LAST_EPOCH + 3));
        let first = metadata(&node, LAST_EPOCH + 1..LAST_EPOCH + 2, 0..0, &[]);
        one.until_known(&first).await;
        one.stop(Signal::TERM).await.expect_code(0);
        let rest = metadata(&node, 0..0, last_batch(&node) - 9..last_batch(&node) + 1, &[6]);
        until_stored(&storage, &rest).await;
        other.stop(Signal::TERM).await.expect_code(0);
        // A stop in the moment of a commit takes back what could be seen already: the next run makes that.
        let due = metadata(&node, 0..node.chain().epoch(), 0..last_batch(&node) + 1, &[2, 6]);
        let taken_back = missing(&storage, &due).await;
        if !taken_back.is_empty() {
            let mut next = Running::start(&storage, &node);
            next.until_known(&taken_back).await;
            next.stop(Signal::TERM).await.expect_code(0);
        }

        assert_eq!(storage.unfinished().await, Vec::<String>::new());
        let files = storage.files().await;
        verify::epoch_endings(&files, &node.chain());
        verify::transactions(&files, &node.chain(), last_batch(&node));
        verify::state_snapshots(&files, &[2, 6]);
        node.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_in_the_archive_is_told_with_what_closes_it() {
    let (storage, node) = (Storage::folder(), node().await);
    storage.backed_up(&node, MAX_CHUNK, &["epoch-ending", "--start-epoch", "1", "--end-epoch", "3"]).await;
    let mut running = Running::start(&storage, &node);
    running.until_known(&metadata(&node, 3..4, 0..1, &[2])).await;
    let ended = running.stop(Signal::TERM).await.expect_code(0);
    assert!(ended.stderr.contains("`backup epoch-ending --start-epoch 0 --end-epoch 1`"), "{}", ended.stderr);
    storage.backed_up(&node, MAX_CHUNK, &["epoch-ending", "--start-epoch", "0", "--end-epoch", "1"]).await;
    verify::epoch_endings(&storage.files().await, &node.chain());
    node.shutdown().await;
}

/// What an interrupted copy, or a tool without this check, can bring about.
async fn overlapping(node: &Node) -> Storage {
    let (storage, other) = (Storage::folder(), Storage::folder());
    let range = |first, count| ["transaction", "--start-version", first, "--num_transactions", count];
    storage.backed_up(node, MAX_CHUNK, &range("0", "10")).await;
    other.backed_up(node, MAX_CHUNK, &range("5", "10")).await;
    let (Storage::Folder(into), Storage::Folder(from)) = (&storage, &other) else { panic!("folders") };
    for (handle, content) in other.files().await {
        let path = into.path().join(&handle);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::copy(from.path().join(&handle), path).unwrap_or_else(|error| panic!("{error}: {}", content.len()));
    }
    storage
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overlap_in_the_archive_is_told_with_what_moves_it_away() {
    let node = node().await;
    let storage = overlapping(&node).await;
    let mut running = Running::start(&storage, &node);
    running.until_known(&["metadata/transaction_15-20.meta".to_owned()]).await;
    let ended = running.stop(Signal::TERM).await.expect_code(0);
    let away = "metadata/transaction_5-14.meta metadata_backup/transaction_5-14.meta";
    let closing = "backup transaction --start-version 10 --num_transactions 5";
    for words in ["transactions 5 to 14", "transactions 0 to 9", &format!("`sealift mv {away}`"), closing] {
        assert!(ended.stderr.contains(words), "{words} is missing in: {}", ended.stderr);
    }
    // What it says is what helps.
    let Storage::Folder(folder) = &storage else { panic!("a folder") };
    let mut mv = sealift_tests::cli::command([&["mv"][..], &away.split(' ').collect::<Vec<_>>()].concat());
    mv.arg("--storage=local-fs").arg("--local-fs-dir").arg(folder.path());
    run(mv).await.expect_code(0);
    let arguments: Vec<&str> = closing.split(' ').skip(1).collect();
    storage.backed_up(&node, MAX_CHUNK, &arguments).await;
    let mut files = storage.files().await;
    // The group of the line that was moved away is known to nobody.
    files.retain(|handle, _| !handle.starts_with("transaction_5-"));
    verify::transactions(&files, &node.chain(), 20);
    node.shutdown().await;
}

/// A tool that was killed between creating its line and writing it leaves an empty file.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_metadata_file_is_told_and_stands_in_nobodys_way() {
    for storage in [Storage::folder(), Storage::commands()] {
        let node = node().await;
        let (Storage::Folder(folder) | Storage::Commands(folder)) = &storage else { panic!("a folder") };
        std::fs::create_dir(folder.path().join("metadata")).expect("made");
        // The names of a batch that comes, and of one that does not.
        for name in ["transaction_1-10.meta", "transaction_7-8.meta"] {
            let file = folder.path().join("metadata").join(name);
            match &storage {
                Storage::Commands(_) => {
                    let mut gzip = std::process::Command::new("gzip");
                    let gzip = gzip.arg("-c").stdin(std::process::Stdio::null()).output().expect("gzip runs");
                    std::fs::write(file, gzip.stdout).expect("written");
                }
                _ => std::fs::write(file, b"").expect("written"),
            }
        }
        let mut running = Running::start(&storage, &node);
        let mut due = metadata(&node, 0..0, 0..last_batch(&node) + 1, &[]);
        due.retain(|file| file != "metadata/transaction_1-10.meta");
        running.until_known(&due).await;
        let ended = running.stop(Signal::TERM).await.expect_code(0);
        assert!(ended.stderr.contains("metadata/transaction_7-8.meta is empty"), "{}", ended.stderr);
        let files = storage.files().await;
        // Other tools do not read again what they have read.
        assert!(
            files["metadata/transaction_1-10.meta"].is_empty() && files["metadata/transaction_7-8.meta"].is_empty()
        );
        assert!(!files.keys().any(|file| file.starts_with("metadata_backup/")), "{:?}", files.keys());
        verify::transactions(&files, &node.chain(), last_batch(&node));
        node.shutdown().await;
    }
}

/// A compactor moves files away between the listing and the reading; of commands it is only known that they failed.
#[tokio::test(flavor = "multi_thread")]
async fn a_metadata_file_that_vanishes_is_no_trouble() {
    let (storage, node) = (Storage::commands(), node().await);
    storage.backed_up(&node, MAX_CHUNK, &["transaction", "--start-version", "0", "--num_transactions", "1"]).await;
    let Storage::Commands(folder) = &storage else { panic!("a folder") };
    let config = std::fs::read_to_string(folder.path().join("config.yaml")).expect("read");
    let list = "ls -d metadata/* || true";
    let once = "ls -d metadata/* || true; test -e listed || echo metadata/gone.meta; touch listed";
    assert!(config.contains(list));
    std::fs::write(folder.path().join("config.yaml"), config.replace(list, once)).expect("written");
    let mut running = Running::start(&storage, &node);
    running.until_known(&["metadata/transaction_1-10.meta".to_owned()]).await;
    running.stop(Signal::TERM).await.expect_code(0);
    node.shutdown().await;
}

/// Of the same epoch, by other means: its line stands, and there is nothing left to do.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_tool_makes_known_meanwhile_is_taken_for_made() {
    for storage in [Storage::folder(), Storage::s3().await] {
        let node = node().await;
        let held = [
            node.on(Match::path("epoch_ending_ledger_infos/1/2").times(1), Misbehaviour::Silence),
            node.on(Match::endpoint(Endpoint::StateChunk).times(1), Misbehaviour::Silence),
        ];
        let mut running = Running::start(&storage, &node);
        for (held, other) in held.iter().zip([
            &["epoch-ending", "--start-epoch", "1", "--end-epoch", "2"][..],
            &["state-snapshot", "--state-snapshot-epoch", "2"],
        ]) {
            timeout(HANGS, held.wait_fired(1)).await.expect("it fires");
            storage.backed_up(&node, MAX_CHUNK + 1, other).await;
            held.release();
        }
        running.until_known(&metadata(&node, 2..node.chain().epoch(), 0..last_batch(&node) + 1, &[])).await;
        node.set_chain(chain(LAST_EPOCH + 2));
        running.until_known(&metadata(&node, 0..0, 0..0, &[4])).await;
        let told = running.stop(Signal::TERM).await.expect_code(0).stderr;
        assert!(!told.contains("is made again"), "{told}");
        let files = storage.files().await;
        let known = |name: &str| files.keys().filter(|file| file.starts_with(&format!("metadata/{name}"))).count();
        assert_eq!((known("epoch_ending_1"), known("state_snapshot")), (1, 2), "{:?}", files.keys());
        node.shutdown().await;
    }
}
