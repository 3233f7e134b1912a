//! What speaks against nothing, and is said all the same.

use super::draft::{Backup, Draft};
use super::judge::{self, Extent};
use super::{ranges, scene};
use rand::SeedableRng;
use rand::rngs::StdRng;
use sealift_aptos::manifest::TransactionBackup;

/// An archive may end earlier than it did. What is left of the rest is named, also beside files that are still known.
#[tokio::test(flavor = "multi_thread")]
async fn files_that_nothing_leads_to_any_more_are_noted() {
    for scene in scene::all().await {
        let mut draft = Draft::new(&scene, StdRng::seed_from_u64(0));
        let manifest = draft.manifests(Backup::Transactions).pop().expect("one");
        let backup: TransactionBackup = draft.typed(&manifest);
        let left = backup.chunks.last().expect("a chunk");
        ranges::without_last_chunk(&mut draft, &manifest).expect("there are others");
        let (objects, _) = draft.objects().await.expect("something is changed");
        for depth in scene::DEPTHS {
            let judged = judge::verify(&scene, objects.clone(), depth, Extent::Whole).await;
            let told = |note: &String| note.starts_with("2 files of ") && note.contains(left.transactions.as_ref());
            assert!(judged.verdict.notes.iter().any(told), "{depth}: {:?}", judged.verdict.notes);
        }
    }
}
