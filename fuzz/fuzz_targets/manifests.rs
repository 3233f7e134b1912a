//! Manifests: what is taken is written as it was, and covers what it says without a gap.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift::FileHandle;
use sealift_aptos::manifest::{EpochEndingBackup, Manifest, StateSnapshotBackup, TransactionBackup};
use std::fmt::Debug;

fuzz_target!(|json: &[u8]| {
    if let Some(epochs) = parsed::<EpochEndingBackup>(json) {
        let chunks = epochs.chunks.iter().map(|chunk| (chunk.first_epoch, chunk.last_epoch));
        assert!(covers(epochs.first_epoch, epochs.last_epoch, chunks), "{epochs:?}");
    }
    if let Some(transactions) = parsed::<TransactionBackup>(json) {
        let chunks = transactions.chunks.iter().map(|chunk| (chunk.first_version, chunk.last_version));
        assert!(covers(transactions.first_version, transactions.last_version, chunks), "{transactions:?}");
    }
    if let Some(state) = parsed::<StateSnapshotBackup>(json) {
        let last = state.chunks.last().expect("a chunk").last_idx;
        assert!(covers(0, last, state.chunks.iter().map(|chunk| (chunk.first_idx, chunk.last_idx))), "{state:?}");
    }
});

fn parsed<M: Manifest + PartialEq + Debug>(json: &[u8]) -> Option<M> {
    let file: FileHandle = "b/manifest".parse().expect("a handle");
    let manifest = M::parse(json, &file).ok()?;
    let written = manifest.to_json().expect("it was checked");
    assert_eq!(M::parse(&written, &file).expect("it was written"), manifest);
    Some(manifest)
}

/// Whether every number of `first..=last` is in one of the chunks, in order, and no other is.
fn covers(first: u64, last: u64, chunks: impl Iterator<Item = (u64, u64)>) -> bool {
    let mut next = u128::from(first);
    let in_order = chunks.fold(true, |fine, (from, to)| {
        let fine = fine && u128::from(from) == next && from <= to;
        next = u128::from(to) + 1;
        fine
    });
    in_order && next == u128::from(last) + 1
}
