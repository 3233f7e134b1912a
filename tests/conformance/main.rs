//! The conformance suite (`sealift-conformance`) on each storage: the contract of `BackupStorage`, and its promise that a
//! file exists whole or not at all.
//!
//! A new storage is an implementation of `Backend` below `backends/` (a cloud has one: `Native`) and one line here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod backends;

use sealift_conformance::{ThroughItself, suite};

suite!(command: crate::backends::Command, 30 sequences);
suite!(local_fs: crate::backends::LocalFs, 80 sequences);
// The way that whoever writes an adapter comes in by.
suite!(memory: ThroughItself<crate::backends::Memory>, 40 sequences);
suite!(s3_native: crate::backends::Native<sealift_tests::s3::TestBucket>, 40 sequences);
suite!(azure_native: crate::backends::Native<sealift_tests::azure::TestContainer>, 40 sequences);
suite!(gcs_native: crate::backends::Native<sealift_tests::gcs::TestBucket>, 40 sequences);
suite!(gcs_parts: crate::backends::Native<sealift_tests::gcs_parts::TestBucket>, 40 sequences);
