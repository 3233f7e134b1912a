//! Block ids: which upload a block belongs to, and when it was staged. The service tells neither.
//!
//! 24 bytes: `SL`, 14 random bytes of the upload, the time of staging in seconds and the part's number, both big-endian.
//! The ids of all blocks of a name must have the same length (Microsoft, "Put Block").

use std::fmt;
use std::time::{Duration, SystemTime};

const MARK: [u8; 2] = *b"SL";
const RANDOM: usize = 14;
const LENGTH: usize = MARK.len() + RANDOM + 4 + 4;

/// Names one upload. Shown in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UploadId([u8; RANDOM]);

impl UploadId {
    pub(crate) fn random() -> Self {
        UploadId(rand::random())
    }

    /// The id of this upload's block `number`, staged at `time`.
    pub(crate) fn block(&self, number: u32, time: SystemTime) -> Vec<u8> {
        let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        [&MARK[..], &self.0, &seconds.to_be_bytes(), &number.to_be_bytes()].concat()
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a block's id tells, if it is one of ours: its upload, and when it was staged.
pub(crate) fn read(id: &[u8]) -> Option<(UploadId, SystemTime)> {
    if id.len() != LENGTH {
        return None;
    }
    let rest = id.strip_prefix(&MARK)?;
    let (upload, rest) = rest.split_first_chunk::<RANDOM>()?;
    let (seconds, _) = rest.split_first_chunk::<4>()?;
    let staged = SystemTime::UNIX_EPOCH + Duration::from_secs(u32::from_be_bytes(*seconds).into());
    Some((UploadId(*upload), staged))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_tell_their_upload_and_time_and_are_told_from_others() {
        let (upload, time) = (UploadId::random(), SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let ids = [1, 2, 50_000].map(|number| upload.block(number, time));
        assert!(ids.iter().all(|id| id.len() == LENGTH && read(id) == Some((upload, time))));
        assert!(ids[0] != ids[1] && ids[1] != ids[2]);
        assert_eq!(upload.to_string().len(), 28);
        assert_eq!(read(b"0123456789abcdef"), None);
        assert_eq!(read(&[b'x'; LENGTH]), None);
    }
}
