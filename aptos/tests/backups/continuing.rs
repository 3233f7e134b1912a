//! Runs that are interrupted: what they sealed is used by the next one, and the result is the same.

use crate::node::{Ledger, Node};
use crate::records::{framed, state};
use crate::scene::{Scene, small};
use crate::storage::Trouble;
use sealift::ErrorKind;
use sealift_aptos::{BackedUp, Continue, Options};
use std::collections::BTreeMap;

const ITEMS: usize = 120;

fn options() -> Options {
    Options { concurrent_chunks: 4, ..small() }
}

async fn scene() -> Scene {
    Scene::with(Ledger::new(state(ITEMS))).await
}

/// What a run without interruption makes, and the names of its files in the order of their chunks.
async fn whole() -> (BTreeMap<String, Vec<u8>>, Vec<String>) {
    let scene = scene().await;
    scene.backups(options()).state_snapshot(4).await.unwrap();
    let mut chunks: Vec<String> =
        scene.storage.take_sealed().into_iter().filter(|name| name.ends_with(".chunk")).collect();
    chunks.sort_by_key(|name| first_of(name));
    (scene.files().await, chunks)
}

fn first_of(name: &str) -> u64 {
    name.split('-').next().unwrap().parse().unwrap()
}

/// Runs until `name` is about to be sealed and `others` are, and then drops everything, as a crash would.
async fn interrupt(scene: &Scene, options: Options, name: &str, others: &[String]) {
    scene.storage.fail(name, Trouble::Hangs);
    let backups = scene.backups(options);
    tokio::select! {
        result = backups.state_snapshot(4) => panic!("it ended: {result:?}"),
        () = scene.storage.until_sealed(others) => {}
    }
}

async fn interrupted_at_every_chunk(concurrent_chunks: usize) {
    let (expected, chunks) = whole().await;
    assert!(chunks.len() > 20, "{}", chunks.len());
    let (scene, options) = (scene().await, Options { concurrent_chunks, ..options() });
    let (mut sealed, mut interruptions): (Vec<String>, usize) = (Vec::new(), 0);
    while let Some(at) = chunks.iter().position(|name| !sealed.contains(name)) {
        interrupt(&scene, options.clone(), &chunks[at], &chunks[..at]).await;
        interruptions += 1;
        scene.nothing_is_known().await;
        // The account goes on over all runs: none is sealed twice.
        sealed = scene.storage.take_sealed();
        let mut once = sealed.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), sealed.len(), "{sealed:?}");
        scene.storage.recall(&sealed);
        // Now the one that hung.
        seal_one_more(&scene, options.clone(), &chunks, at).await;
        sealed = scene.storage.sealed();
    }
    assert!(interruptions * concurrent_chunks >= chunks.len());
    scene.storage.take_sealed();
    scene.node.take_requests("");
    let done = scene.backups(options).state_snapshot(4).await.unwrap();
    assert_eq!((done.chunks, done.sealed_before), (chunks.len(), chunks.len()));
    assert_eq!(scene.files().await, expected);
    assert_eq!(scene.node.take_requests("state_snapshot_chunk"), Vec::<String>::new());
}

/// Runs until the chunk `at` is sealed, and interrupts at the next one that is not.
async fn seal_one_more(scene: &Scene, options: Options, chunks: &[String], at: usize) {
    let sealed = scene.storage.sealed();
    let next = chunks[at + 1..].iter().find(|name| !sealed.contains(name));
    match next {
        Some(next) => interrupt(scene, options, next, &chunks[..=at]).await,
        None => interrupt(scene, options, "state.proof", &chunks[..=at]).await,
    }
}

#[tokio::test]
async fn interrupted_at_every_chunk_a_snapshot_is_the_same_in_the_end() {
    interrupted_at_every_chunk(1).await;
    interrupted_at_every_chunk(4).await;
}

#[tokio::test]
async fn chunks_sealed_behind_a_gap_are_not_written_again() {
    let (expected, chunks) = whole().await;
    let scene = scene().await;
    interrupt(&scene, options(), &chunks[1], &[&chunks[..1], &chunks[2..5]].concat()).await;
    assert!(!scene.files().await.keys().any(|file| file.ends_with(&format!("/{}", chunks[1]))));
    scene.storage.take_sealed();
    let done = scene.backups(options()).state_snapshot(4).await.unwrap();
    assert_eq!(done.sealed_before, 1);
    let again = scene.storage.take_sealed();
    assert!(again.contains(&chunks[1]) && again.contains(&chunks[5]), "{again:?}");
    assert!(!again.iter().any(|name| chunks[2..5].contains(name) || *name == chunks[0]), "{again:?}");
    assert_eq!(scene.files().await, expected);
}

#[tokio::test]
async fn a_chunk_sealed_behind_a_gap_with_another_content_is_an_error() {
    let (_, chunks) = whole().await;
    let scene = scene().await;
    interrupt(&scene, options(), &chunks[1], &[&chunks[..1], &chunks[2..5]].concat()).await;
    let files = scene.files().await;
    let file = files.keys().find(|file| file.ends_with(&format!("/{}", chunks[3]))).unwrap();
    let mut content = files[file].clone();
    *content.last_mut().unwrap() ^= 1;
    std::fs::write(scene.path(file), content).unwrap();
    let error = scene.backups(options()).state_snapshot(4).await.unwrap_err();
    assert_eq!(error.kind(), sealift::ErrorKind::Changed);
    assert!(error.to_string().contains(file) && error.to_string().contains("begin afresh"), "{error}");
    scene.nothing_is_known().await;
}

#[tokio::test]
async fn what_follows_sealed_chunks_must_follow_their_keys() {
    let (_, chunks) = whole().await;
    let mut scene = scene().await;
    interrupt(&scene, Options { concurrent_chunks: 1, ..options() }, &chunks[2], &chunks[..2]).await;
    let mut items = state(ITEMS);
    let next = first_of(&chunks[2]) as usize;
    items[next] = items[0].clone();
    scene.node = Node::start(Ledger::new(items)).await;
    let error = scene.backups(options()).state_snapshot(4).await.unwrap_err().to_string();
    assert!(
        error.contains(&format!("state items {next} to {next}")) && error.contains("does not come after"),
        "{error}"
    );
    scene.nothing_is_known().await;
}

#[tokio::test]
async fn a_finished_backup_that_is_made_again_asks_for_no_records() {
    let scene = scene().await;
    let first = scene.backups(options()).state_snapshot(4).await.unwrap();
    let files = scene.files().await;
    scene.storage.take_sealed();
    scene.node.take_requests("");
    let again = scene.backups(options()).state_snapshot(4).await.unwrap();
    assert_eq!((again.manifest, again.sealed_before), (first.manifest, first.chunks));
    assert_eq!(scene.node.take_requests("state_snapshot_chunk"), Vec::<String>::new());
    assert_eq!(scene.storage.take_sealed(), Vec::<String>::new());
    assert_eq!(scene.files().await, files);
}

#[tokio::test]
async fn a_damaged_chunk_or_a_missing_proof_is_written_again() {
    let (expected, chunks) = whole().await;
    let scene = scene().await;
    scene.backups(options()).state_snapshot(4).await.unwrap();
    let handle = |name: &str| expected.keys().find(|file| file.ends_with(&format!("/{name}"))).unwrap().clone();
    let damaged = &chunks[3];
    for damage in [Damage::Cut, Damage::Empty, Damage::OutOfOrder, Damage::Gone] {
        damage.to(&scene.path(&handle(damaged)));
        scene.storage.take_sealed();
        let done = scene.backups(options()).state_snapshot(4).await.unwrap();
        assert_eq!(done.sealed_before, 3, "{damage:?}");
        assert!(scene.storage.take_sealed().contains(damaged));
        assert_eq!(scene.files().await, expected, "{damage:?}");
    }
    let proof = expected.keys().find(|file| file.ends_with(".proof") && file.contains("/0-")).unwrap();
    Damage::Gone.to(&scene.path(proof));
    scene.backups(options()).state_snapshot(4).await.unwrap();
    assert_eq!(scene.files().await, expected);
}

#[derive(Debug, Clone, Copy)]
enum Damage {
    Cut,
    Empty,
    OutOfOrder,
    Gone,
}

impl Damage {
    fn to(self, file: &std::path::Path) {
        let content = std::fs::read(file).unwrap();
        let half = 4 + u32::from_be_bytes(content[..4].try_into().unwrap()) as usize;
        match self {
            Damage::Cut => std::fs::write(file, &content[..content.len() - 1]).unwrap(),
            Damage::Empty => std::fs::write(file, b"").unwrap(),
            Damage::OutOfOrder => std::fs::write(file, [&content[half..], &content[..half]].concat()).unwrap(),
            Damage::Gone => std::fs::remove_file(file).unwrap(),
        }
    }
}

#[tokio::test]
async fn transactions_continue_too() {
    let whole = Scene::new().await;
    whole.backups(options()).transactions(5, 40).await.unwrap();
    let mut chunks: Vec<String> =
        whole.storage.take_sealed().into_iter().filter(|name| name.ends_with(".chunk")).collect();
    chunks.sort_by_key(|name| first_of(name));
    assert!(chunks.len() > 8);

    let scene = Scene::new().await;
    scene.storage.fail(&chunks[4], Trouble::AtShutdown);
    scene.backups(options()).transactions(5, 40).await.unwrap_err();
    assert_eq!(scene.storage.troubles_left(), 0);
    scene.nothing_is_known().await;
    let before = scene.storage.take_sealed();
    let done = scene.backups(options()).transactions(5, 40).await.unwrap();
    assert!(done.sealed_before >= 1, "{done:?}");
    let after = scene.storage.take_sealed();
    assert!(!after.iter().any(|name| name.ends_with(".chunk") && before.contains(name)), "{before:?} {after:?}");
    let files = scene.files().await;
    assert_eq!(files, whole.files().await);

    // A chunk that goes on behind the end is another backup's: neither continued nor replaced.
    let last = files.keys().find(|file| file.ends_with(&format!("/{}", chunks[chunks.len() - 1]))).unwrap();
    let longer = [&files[last][..], &framed(b"more")].concat();
    std::fs::write(scene.path(last), &longer).unwrap();
    let error = scene.backups(options()).transactions(5, 40).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Changed && error.to_string().contains("begin afresh"), "{error}");
    assert_eq!(scene.files().await[last], longer);
}

/// So that another backup of the same can be made known.
fn move_away(scene: &Scene, known: &BackedUp) {
    std::fs::remove_file(scene.path(known.metadata.as_ref())).unwrap();
}

#[tokio::test]
async fn other_chunk_sizes_and_ranges_are_other_backups() {
    let scene = scene().await;
    let (small, large) = (options(), Options { max_chunk_size: 1000, ..options() });
    let first = scene.backups(small.clone()).state_snapshot(4).await.unwrap();
    move_away(&scene, &first);
    let second = scene.backups(large).state_snapshot(4).await.unwrap();
    assert_ne!(first.manifest, second.manifest);
    assert_eq!(second.sealed_before, 0);
    let first = scene.backups(small.clone()).transactions(0, 10).await.unwrap();
    let second = scene.backups(small).transactions(0, 11).await.unwrap();
    assert_ne!(first.manifest, second.manifest);
    assert_eq!(second.sealed_before, 0);
}

#[tokio::test]
async fn afresh_nothing_is_looked_for() {
    let scene = scene().await;
    let first = scene.backups(options()).state_snapshot(4).await.unwrap();
    move_away(&scene, &first);
    let afresh = Options { sealed_chunks: Continue::Afresh, ..options() };
    let second = scene.backups(afresh).state_snapshot(4).await.unwrap();
    assert_eq!((second.sealed_before, second.chunks), (0, first.chunks));
    // One in 65,536 draws is the first one's.
    assert_ne!(first.manifest, second.manifest);
}

#[tokio::test]
async fn a_storage_that_takes_no_name_twice_gets_another() {
    let scene = scene().await;
    scene.storage.fail("backup", Trouble::AtCreate);
    let done = scene.backups(options()).state_snapshot(4).await.unwrap();
    assert_eq!(scene.storage.troubles_left(), 0);
    move_away(&scene, &done);
    let usual = scene.backups(options()).state_snapshot(4).await.unwrap();
    // One in 65,536 draws is the usual one.
    assert_ne!(done.manifest, usual.manifest);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_do_no_harm() {
    let (expected, _) = whole().await;
    for _ in 0..5 {
        let scene = scene().await;
        let (one, two) = (scene.backups(options()), scene.backups(options()));
        let (one, two) = tokio::join!(
            tokio::spawn(async move { one.state_snapshot(4).await }),
            tokio::spawn(async move { two.state_snapshot(4).await }),
        );
        assert_eq!(one.unwrap().unwrap().manifest, two.unwrap().unwrap().manifest);
        assert_eq!(scene.files().await, expected);
    }
}

/// Another run seals a chunk after it was looked for: some storages say so when the first bytes come, others at the end.
#[tokio::test]
async fn a_chunk_that_another_run_seals_meanwhile_is_used() {
    for told_at_once in [true, false] {
        let scene = Scene::new().await;
        let (backups, alone) = (scene.backups(options()), Options { concurrent_chunks: 1, ..options() });
        backups.state_snapshot(4).await.unwrap();
        backups.transactions(5, 40).await.unwrap();
        backups.epoch_ending(3, 6).await.unwrap();
        let files = scene.files().await;
        for backup in ["state_epoch_4", "transaction_5-"] {
            let mut chunks: Vec<_> = files.keys().filter(|f| f.starts_with(backup) && f.ends_with(".chunk")).collect();
            chunks.sort_by_key(|chunk| first_of(chunk.rsplit('/').next().unwrap()));
            let chunk = chunks[2].rsplit('/').next().unwrap();
            scene.storage.fail(chunk, Trouble::Unseen);
            if told_at_once {
                scene.storage.fail(chunk, Trouble::Taken);
            }
            let done = match backup {
                "state_epoch_4" => scene.backups(alone.clone()).state_snapshot(4).await.unwrap(),
                _ => scene.backups(alone.clone()).transactions(5, 40).await.unwrap(),
            };
            assert_eq!((scene.storage.troubles_left(), done.sealed_before), (0, 2), "{backup}");
            assert_eq!(scene.files().await, files);
        }
    }
}
