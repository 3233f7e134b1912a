//! What other tools read of an archive, by their rules and not by Sealift's code, and what they demand of it.

use sealift_tests::original::{Files, Lines, lines};

/// Reads the files of an archive. Panics where the original fails: from 0 on, without gap or overlap.
pub(crate) fn read(files: &Files) -> Lines {
    let lines = lines(files);
    let mut next = 0;
    for (first, last, manifest) in &lines.transactions {
        assert_eq!(*first, next, "transactions of {manifest}");
        next = last + 1;
    }
    let mut next = 0;
    for (first, last, _, _, manifest) in &lines.epoch_endings {
        assert_eq!(*first, next, "epoch endings of {manifest}");
        next = last + 1;
    }
    lines
}
