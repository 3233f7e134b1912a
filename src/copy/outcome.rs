//! What became of an object that was to be copied, and by what that is known. Every sentence about it is made here.

use crate::download::Verified;
use crate::existence::Confirmed;
use crate::left_behind::LeftBehind;
use std::fmt;

/// Whether an object is to be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// It is, because of this.
    Copy(Why),
    /// The copy is there.
    Same(Same),
}

/// Why an object is to be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// All are: nothing was looked at.
    All,
    /// There is none of this name.
    Missing,
    /// What is there has another size.
    Size {
        /// Of what is copied.
        source: u64,
        /// Of what is there.
        target: u64,
    },
    /// What is there has another checksum of the same kind.
    Checksum,
    /// Both were read, or one of them and held against the other's checksum, and they differ.
    Content,
}

/// By what it is known that the copy is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Same {
    /// Both have a checksum of the same kind, of a service or kept with the object, and they are equal.
    Checksums,
    /// What is copied was read, and has the checksum that is kept of the copy.
    SourceRead,
    /// The copy was read, and has the checksum that is kept of what is copied.
    TargetRead,
    /// Both were read, and have the same checksum.
    BothRead,
    /// Both have the same size, and nothing else was looked at: so it was asked for.
    SizeOnly,
}

/// A copy that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// Its URL, without credentials.
    pub location: String,
    /// The way that the bytes went.
    pub way: Way,
    /// Bytes of the source, stored or, where it was compressed anew, plain.
    pub bytes: u64,
    /// Bytes stored.
    pub bytes_stored: u64,
    /// The checksum of what was stored, where it was computed here.
    pub checksum: Option<String>,
    /// What is known of what was read.
    pub source: SourceProof,
    /// How it is known that the target has it.
    pub confirmed: Confirmed,
    /// What may be left besides the copy, and does not speak against it.
    pub left_behind: Vec<LeftBehind>,
}

/// The way from one bucket to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Read here and stored as it was.
    ThroughHere,
    /// Read here, and compressed anew.
    Recompressed,
    /// By the service that both buckets are of.
    WithinService,
}

/// What is known of what was read from the source.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceProof {
    /// It was held against these checksums.
    Verified(Verified),
    /// It was read once. The service keeps no checksum of it.
    ReadOnce {
        /// The tag (ETag) under which all of it was read, if there is one.
        etag: Option<String>,
    },
    /// It was not read here: the service copied what has this tag.
    ByService,
}

impl Way {
    /// For programs.
    pub fn word(self) -> &'static str {
        match self {
            Way::ThroughHere => "through-here",
            Way::Recompressed => "recompressed",
            Way::WithinService => "within-service",
        }
    }
}

impl Same {
    /// For programs.
    pub fn word(self) -> &'static str {
        match self {
            Same::Checksums => "checksums",
            Same::SourceRead => "source-read",
            Same::TargetRead => "target-read",
            Same::BothRead => "both-read",
            Same::SizeOnly => "size-only",
        }
    }
}

impl SourceProof {
    /// For programs.
    pub fn word(&self) -> &'static str {
        match self {
            SourceProof::Verified(verified) if verified.service_checksum => "service-checksum",
            SourceProof::Verified(verified) if verified.kept_checksum => "kept-checksum",
            SourceProof::Verified(_) => "content-checksums",
            SourceProof::ReadOnce { etag: Some(_) } => "read-once-under-one-etag",
            SourceProof::ReadOnce { etag: None } => "read-once",
            SourceProof::ByService => "by-service",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::All => f.write_str("all are copied"),
            Why::Missing => f.write_str("it is not there"),
            Why::Size { source, target } => write!(f, "it has {source} bytes, and what is there {target}"),
            Why::Checksum => f.write_str("what is there has another checksum"),
            Why::Content => f.write_str("what is there was compared by reading, and differs"),
        }
    }
}

impl fmt::Display for Same {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Same::Checksums => "both have the same checksum",
            Same::SourceRead => "the source was read, and has the checksum that is kept of the target",
            Same::TargetRead => "the target was read, and has the checksum that is kept of the source",
            Same::BothRead => "both were read, and have the same checksum",
            Same::SizeOnly => "both have the same size, and nothing else was compared",
        })
    }
}

impl fmt::Display for SourceProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceProof::Verified(verified) => write!(f, "the source was {verified}"),
            SourceProof::ReadOnce { etag: Some(_) } => {
                f.write_str("nothing keeps a checksum of the source: it was read once, under one ETag")
            }
            SourceProof::ReadOnce { etag: None } => {
                f.write_str("nothing keeps a checksum of the source, nor a tag: it was read once")
            }
            SourceProof::ByService => f.write_str("the service copied it"),
        }
    }
}
