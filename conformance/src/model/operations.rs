//! What can be done with a storage, and how likely each is.

use crate::data::Kind;
use proptest::prelude::{Strategy, any, prop};
use proptest::prop_oneof;
use proptest::strategy::{BoxedStrategy, Just};
use std::ops::RangeInclusive;

/// Few, so that files are written again, read, and under way more than once.
pub(super) const FILES: [&str; 5] = ["one/file", "one/other", "one/third", "two/file", "two/other"];
const METADATA: [&str; 3] = ["aaa.meta", "bbb.meta", "c-c.meta"];

/// Writers are numbered in the order in which they were last used, modulo how many there are.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    /// Opens a file; with as many open as may be, the oldest is shut down first.
    Open {
        file: &'static str,
    },
    Write {
        writer: usize,
        piece: Piece,
    },
    Flush {
        writer: usize,
    },
    ShutDown {
        writer: usize,
    },
    Drop {
        writer: usize,
    },
    /// Drops the future when it has paused so often, and then the writer.
    CancelWrite {
        writer: usize,
        piece: Piece,
        pauses: usize,
    },
    /// The same with a shutdown.
    CancelShutDown {
        writer: usize,
        pauses: usize,
    },
    Read {
        file: &'static str,
    },
    SaveMetadata {
        name: &'static str,
        lines: Vec<String>,
    },
    ListMetadata,
    BackUpMetadata {
        name: &'static str,
    },
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    pub(super) len: usize,
    pub(super) seed: usize,
}

pub(super) fn sequence() -> impl Strategy<Value = Vec<Operation>> {
    prop::collection::vec(operation(), 1..40)
}

fn operation() -> impl Strategy<Value = Operation> {
    let file = || prop::sample::select(&FILES[..]);
    let name = || prop::sample::select(&METADATA[..]);
    let writer = || 0_usize..6;
    let pauses = || 1_usize..8;
    prop_oneof![
        4 => file().prop_map(|file| Operation::Open { file }),
        9 => (writer(), piece()).prop_map(|(writer, piece)| Operation::Write { writer, piece }),
        1 => writer().prop_map(|writer| Operation::Flush { writer }),
        4 => writer().prop_map(|writer| Operation::ShutDown { writer }),
        2 => writer().prop_map(|writer| Operation::Drop { writer }),
        2 => (writer(), piece(), pauses())
            .prop_map(|(writer, piece, pauses)| Operation::CancelWrite { writer, piece, pauses }),
        2 => (writer(), pauses()).prop_map(|(writer, pauses)| Operation::CancelShutDown { writer, pauses }),
        3 => file().prop_map(|file| Operation::Read { file }),
        2 => (name(), prop::collection::vec("[ -~]{0,40}", 0..4))
            .prop_map(|(name, lines)| Operation::SaveMetadata { name, lines }),
        1 => Just(Operation::ListMetadata),
        1 => name().prop_map(|name| Operation::BackUpMetadata { name }),
    ]
}

fn piece() -> impl Strategy<Value = Piece> {
    let kind = any::<bool>().prop_map(|noise| if noise { Kind::Noise } else { Kind::Text });
    (kind, len(), 0_usize..1000).prop_map(|(kind, len, seed)| Piece { kind, len, seed })
}

/// Mostly small, often around what is full at some size, now and then more than a part.
fn len() -> BoxedStrategy<usize> {
    let around = |size: usize| -> RangeInclusive<usize> { size - 2..=size + 2 };
    prop_oneof![
        4 => 0..300_usize,
        2 => around(64 << 10),
        2 => 0..400_000_usize,
        2 => around(1 << 20),
        2 => 1_000_000..7_000_000_usize,
    ]
    .boxed()
}
