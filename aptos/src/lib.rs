//! Backups of Aptos nodes: what a node serves, written into an archive that Aptos' own tools restore.
//!
//! [`Backups`] takes a [`Client`] of a node's backup service and any [`BackupStorage`](sealift::BackupStorage), and
//! makes the archive's three kinds of backup: epoch endings, transactions, state snapshots. Each is a group of chunk
//! and proof files, a [`manifest`] that lists them, and one [`metadata`] line that makes the backup known. The line is
//! written last, so a backup that was interrupted is known to nobody. [`Continuous`] makes whatever is due, for ever.
//! [`compact`] makes few metadata files of many; [`prune`] removes snapshots that no wanted version needs.
#![forbid(unsafe_code)]

mod address;
mod backup;
pub mod chain;
mod chunk;
mod client;
pub mod compact;
mod continuous;
mod failure;
mod feed;
mod known;
pub mod manifest;
pub mod metadata;
mod orphans;
pub mod prune;
mod records;
mod seal;
mod subset;
pub mod verify;
mod whole;

pub use address::Address;
pub use backup::{BackedUp, Backups, Continue, Options, Replace};
pub use chunk::{ChunkRule, MAX_CHUNK_SIZE};
pub use client::{Client, ClientOptions, DbState};
pub use continuous::{Continuous, Event, Kind, Schedule};
pub use known::{Coverage, Covered, Extent, Known, Obstacle, Restorable, Snapshot};
pub use orphans::Orphan;
pub use records::{MAX_RECORD, Oversized, PREFIX, Run, Splitter};
pub use subset::Subset;
