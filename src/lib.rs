//! Streams backups into object storage without a shell: bytes are compressed in this process and uploaded in parts
//! through an adapter, and a file is either sealed (complete, verified, visible) or it never existed.
//!
//! This crate knows no cloud and no command line. Take it together with one adapter crate.

#![forbid(unsafe_code)]

mod activity;
mod archive;
mod attempts;
mod bucket;
mod budget;
mod checksum;
mod codec;
pub mod copy;
mod delegation;
pub mod doctor;
mod download;
mod error;
mod examined;
mod existence;
#[cfg(test)]
mod far_store;
mod handshake;
mod heard;
mod left_behind;
mod leftovers;
mod listing;
#[cfg(any(test, feature = "memory"))]
mod memory_store;
mod moving;
mod name;
mod object;
mod object_store;
#[cfg(test)]
mod odd_store;
mod part_policy;
mod passing;
mod payload;
#[cfg(test)]
mod promise_tests;
pub mod prune;
#[cfg(test)]
mod read_tests;
mod retry;
mod retrying;
mod shutdown;
mod slow_downs;
mod storage;
#[cfg(test)]
mod stream_tests;
mod template;
mod upload;
pub mod verify;
mod work;

pub use activity::{Activity, ActivitySnapshot, Retries, RetryCause, Waiting, WaitsFor};
pub use archive::Archive;
pub use attempts::{Attempt, Attempts, Effect};
pub use bucket::Bucket;
pub use budget::Budget;
pub use checksum::{Checksum, ChecksumAlgorithm};
pub use codec::{Codec, Compressor, Level, ZstdLevel};
pub use download::{Reader, Verified};
pub use error::{Error, ErrorKind, Result};
pub use existence::Confirmed;
pub use handshake::handshake_hint;
pub use left_behind::{Certainty, LeftBehind, Remnant};
#[cfg(any(test, feature = "memory"))]
pub use memory_store::MemoryStore;
pub use name::{BackupHandle, FileHandle, Key, ShellSafeName, TextLine};
pub use object::{
    CHECKSUM_METADATA, CommitOptions, Committed, Home, IfExists, Leftover, Leftovers, ObjectInfo, Origin, Page,
    Removal, TOKEN_METADATA, Token, Unread,
};
pub use object_store::{ObjectStore, PartReceipt, Upload};
pub use part_policy::{Growth, PartPolicy};
pub use passing::Passing;
pub use payload::{Payload, PayloadStream};
pub use retry::RetryPolicy;
pub use retrying::RetryingStore;
pub use slow_downs::SlowDowns;
pub use storage::{BackupStorage, FileReader, FileWriter};
pub use template::{NameRead, NameTemplate};
pub use upload::{Sealed, Sink};
pub use work::{UnderWay, Work};
