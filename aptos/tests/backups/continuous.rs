//! Backups that go on by themselves, on an archive that others work on too.

use crate::node::Ledger;
use crate::records::state;
use crate::scene::{CHUNK, Scene, small};
use sealift_aptos::{Continuous, Event, Known, Options, Schedule};
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Longer than anything here takes, also on a slow machine.
const HANGS: Duration = Duration::from_secs(60);

/// Works on an archive that was empty when it was looked at, until all of these metadata files are made.
async fn until_made(scene: &Scene, files: &[&str]) {
    let schedule = Schedule {
        state_snapshot_interval_epochs: 100,
        transaction_batch_size: 10,
        transaction_max_age: None,
        first_pause: Duration::from_millis(1),
        ..Schedule::default()
    };
    let (told, mut made) = mpsc::unbounded_channel();
    let told = move |event: Event<'_>| {
        if let Event::Made(_, backup, _) = event {
            drop(told.send(backup.metadata.to_string()));
        }
    };
    let continuous = Continuous::new(scene.backups(small()), schedule, told).unwrap();
    let mut missing = files.to_vec();
    let all = async {
        while !missing.is_empty() {
            let made = made.recv().await.unwrap();
            missing.retain(|file| *file != made);
        }
    };
    let nothing = Known::default();
    tokio::select! {
        never = continuous.run(&nothing) => match never {},
        all = timeout(HANGS, all) => all.unwrap(),
    }
}

async fn gaps(scene: &Scene) -> Vec<String> {
    Known::read(scene.storage.as_ref(), NonZeroUsize::MIN).await.unwrap().gaps()
}

#[tokio::test]
async fn what_another_makes_known_further_on_is_not_jumped_to() {
    let scene = Scene::with(Ledger { committed: 49, ..Ledger::new(state(23)) }).await;
    scene.backups(small()).transactions(25, 10).await.unwrap();
    until_made(&scene, &["metadata/transaction_35-40.meta"]).await;
    assert_eq!(gaps(&scene).await, Vec::<String>::new());
    let files = scene.files().await;
    for made in ["11-20", "21-24", "25-34"] {
        assert!(files.contains_key(&format!("metadata/transaction_{made}.meta")), "{made}: {:?}", files.keys());
    }
}

#[tokio::test]
async fn nor_are_epochs_left_out() {
    let scene = Scene::with(Ledger { committed: 49, ..Ledger::new(state(23)) }).await;
    // By other means, so that what is in the way is not the same.
    let other = scene.backups(Options { max_chunk_size: 10 * CHUNK, ..small() });
    other.epoch_ending(6, 7).await.unwrap();
    other.epoch_ending(8, 9).await.unwrap();
    until_made(&scene, &["metadata/epoch_ending_9-9.meta"]).await;
    assert_eq!(gaps(&scene).await, Vec::<String>::new());
}
