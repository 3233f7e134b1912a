//! What a compacted file is called. The name tells the range, and for one range there can be several contents: a state
//! snapshot that was backed up later stands between two others. What a name holds never changes, since tools that have
//! read it once keep it, so such a file has a name of its own.

use crate::metadata::Metadata;
use sealift::{FileHandle, Result};
use sha3::{Digest, Sha3_256};

/// The names for a file of these lines, which are of one kind and in order: the one that every tool gives it, and the one
/// for when that has another content. None of no lines, and of those that are never compacted.
pub(crate) fn names(lines: &[Metadata]) -> Result<Vec<FileHandle>> {
    let stem = match (lines.first(), lines.last()) {
        (
            Some(Metadata::EpochEndingBackup { first_epoch, .. }),
            Some(Metadata::EpochEndingBackup { last_epoch, .. }),
        ) => format!("epoch_ending_compacted_{first_epoch}-{last_epoch}"),
        (
            Some(Metadata::TransactionBackup { first_version, .. }),
            Some(Metadata::TransactionBackup { last_version, .. }),
        ) => format!("transaction_compacted_{first_version}-{last_version}"),
        (
            Some(Metadata::StateSnapshotBackup { epoch: first, .. }),
            Some(Metadata::StateSnapshotBackup { epoch: last, .. }),
        ) => format!("state_snapshot_compacted_epoch_{first}_{last}"),
        _ => return Ok(Vec::new()),
    };
    Ok(vec![format!("metadata/{stem}.meta").parse()?, format!("metadata/{stem}.{:08x}.meta", sum(lines)?).parse()?])
}

/// Four bytes of the lines' SHA3-256: the same lines have the same name whoever compacts them.
fn sum(lines: &[Metadata]) -> Result<u32> {
    let mut digest = Sha3_256::new();
    for line in lines {
        digest.update(super::text_of(line)?);
        digest.update("\n");
    }
    let [a, b, c, d, ..] = <[u8; 32]>::from(digest.finalize());
    Ok(u32::from_be_bytes([a, b, c, d]))
}
