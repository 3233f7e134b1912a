//! What was checked of what was read, to be said exactly.

use std::fmt;

/// What was checked by the time an object was read to its end. That all stored bytes came, as many as the service says
/// there are, always was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Verified {
    /// The service's checksum over the whole object agrees with the bytes that came.
    pub service_checksum: bool,
    /// The service keeps none; the checksum that Sealift computed when it stored the object, and keeps in its metadata,
    /// agrees.
    pub kept_checksum: bool,
    /// The data agrees with the checksums that are in the stream itself: gzip's own, or those of Sealift's zstd frames.
    pub content_checksums: bool,
}

impl Verified {
    /// Whether any checksum was compared at all. Without one, a byte that changed on its way is not noticed.
    pub fn by_checksum(&self) -> bool {
        self.service_checksum || self.kept_checksum || self.content_checksums
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checks = [
            (self.service_checksum, "the service's checksum"),
            (self.kept_checksum, "the checksum kept with it"),
            (self.content_checksums, "the checksums in the stream"),
        ];
        let done: Vec<&str> = checks.into_iter().filter(|(done, _)| *done).map(|(_, what)| what).collect();
        match done.as_slice() {
            [] => f.write_str("only its size was checked: nothing keeps a checksum of it"),
            done => write!(f, "verified by {}", done.join(" and ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_checked_is_said() {
        let nothing = Verified::default();
        assert!(!nothing.by_checksum() && !nothing.to_string().contains("verified"), "{nothing}");
        let both = Verified { service_checksum: true, content_checksums: true, ..nothing };
        assert_eq!(both.to_string(), "verified by the service's checksum and the checksums in the stream");
    }
}
