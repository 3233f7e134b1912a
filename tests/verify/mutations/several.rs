//! Several damages at once: each is found, and none hides another.

use super::draft::{Backup, Draft, Sort, group};
use super::judge::{self, Extent};
use super::proofs::{self, RangeProof};
use super::records;
use super::scene::{self, Scene};
use rand::SeedableRng;
use rand::rngs::StdRng;
use sealift::verify::{Class, Depth};
use sealift_aptos::chain::SparseMerkleRangeProof;
use std::collections::BTreeSet;

/// The files in which something is wrong.
async fn wrong(scene: &Scene, draft: &Draft<'_>, depth: Depth) -> BTreeSet<String> {
    let (objects, _) = draft.objects().await.expect("something is changed");
    let judged = judge::verify(scene, objects, depth, Extent::Whole).await;
    let findings = judged.verdict.findings.into_iter().filter(|finding| finding.class == Class::Wrong);
    findings.map(|finding| finding.file).collect()
}

/// Whether damage of a file is told. Of an item of a state its chunk or the chunk's proof may be wrong, and nobody knows which.
fn is_told(wrong: &BTreeSet<String>, name: &str) -> bool {
    let one_of = |found: &String| found == name || name.starts_with("state_") && group(found) == group(name);
    wrong.iter().any(one_of)
}

fn change_a_byte(draft: &mut Draft<'_>, name: &str) {
    let mut content = draft.content(name);
    *content.last_mut().expect("not empty") ^= 1;
    draft.write(name, content);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_damages_are_both_found_wherever_they_are() {
    for scene in scene::all().await {
        let clean = Draft::new(&scene, StdRng::seed_from_u64(0));
        let transactions = records::chunks(&clean, Backup::Transactions);
        let states = records::chunks(&clean, Backup::State);
        let state_proofs = proofs::names::<SparseMerkleRangeProof>(&clean);
        let range_proofs = proofs::names::<RangeProof>(&clean);
        // Two chunks of one backup; of two; of two kinds; a proof and a chunk; two proofs.
        let pairs = [
            (&transactions[0], &transactions[1]),
            (&transactions[0], &transactions[transactions.len() - 1]),
            (&transactions[0], &states[0]),
            (&range_proofs[0], &transactions[transactions.len() - 1]),
            (&range_proofs[0], &state_proofs[0]),
            (&states[0], &states[states.len() - 1]),
        ];
        for (one, other) in pairs {
            let mut draft = Draft::new(&scene, StdRng::seed_from_u64(0));
            change_a_byte(&mut draft, one);
            change_a_byte(&mut draft, other);
            let wrong = wrong(&scene, &draft, Depth::Chain).await;
            assert!(is_told(&wrong, one) && is_told(&wrong, other), "{one} and {other}: {wrong:?}");
        }
        for depth in scene::DEPTHS {
            let mut draft = Draft::new(&scene, StdRng::seed_from_u64(0));
            draft.remove(&transactions[0]);
            draft.remove(&states[1]);
            let manifest = draft.manifests(Backup::Transactions)[1].clone();
            draft.remove(&manifest);
            let wrong = wrong(&scene, &draft, depth).await;
            let all = [transactions[0].clone(), states[1].clone(), manifest];
            assert!(all.iter().all(|name| wrong.contains(name)), "{depth}: {wrong:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_line_hides_no_other_line_and_no_chunk() {
    for scene in scene::all().await {
        let mut draft = Draft::new(&scene, StdRng::seed_from_u64(0));
        let lines = draft.files(Sort::Metadata);
        let compacted = lines.iter().find(|name| name.contains("compacted")).expect("one");
        let epochs = lines.iter().find(|name| name.contains("epoch_ending")).expect("one");
        draft.write(compacted, [b"{}\n".as_slice(), &draft.content(compacted)].concat());
        draft.write(epochs, [&draft.content(epochs), b"more\n".as_slice()].concat());
        let chunk = records::chunks(&draft, Backup::Transactions).pop().expect("one");
        change_a_byte(&mut draft, &chunk);
        let wrong = wrong(&scene, &draft, Depth::Chain).await;
        assert_eq!(wrong, BTreeSet::from([compacted.clone(), epochs.clone(), chunk]));
    }
}
