//! How much is verified.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How much is verified. Each depth has all that the ones before have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// What is named is there.
    Exists,
    /// What the service says of it, size and checksum, is what is known of it here. Nothing is downloaded.
    Stored,
    /// It is read to its end: every checksum there is agrees, and what Sealift wrote has its end mark.
    Content,
    /// What is in it proves itself: hashes, proofs and signatures of a chain's data. Only archives have that.
    Chain,
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Depth::Exists => "exists",
            Depth::Stored => "stored",
            Depth::Content => "content",
            Depth::Chain => "chain",
        })
    }
}
