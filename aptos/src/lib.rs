//! Backups of Aptos nodes: what a node serves, written into an archive that Aptos' own tools restore.
#![forbid(unsafe_code)]

pub mod chain;
