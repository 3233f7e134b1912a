//! What a sink has come to.

use crate::existence::Confirmed;
use crate::left_behind::LeftBehind;
use std::time::Duration;

/// What was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sealed {
    /// The object's URL, without credentials.
    pub location: String,
    /// Bytes accepted.
    pub bytes_in: u64,
    /// Bytes stored.
    pub bytes_stored: u64,
    /// Parts they were stored in; 1 for a plain put.
    pub parts: u32,
    /// The checksum of what was sent, computed here, such as `crc64nvme:…`; [`confirmed`](Self::confirmed) says whether
    /// the service has agreed to it.
    pub checksum: String,
    /// How it is known that the service has stored it.
    pub confirmed: Confirmed,
    /// The service's tag of the content (ETag).
    pub etag: Option<String>,
    /// The object's version, in a bucket that keeps versions.
    pub version: Option<String>,
    /// From the opening of the sink to the commit.
    pub elapsed: Duration,
    /// What may be left besides the object, and does not speak against it: an upload whose start was not answered.
    pub left_behind: Vec<LeftBehind>,
}
