//! The codecs and their levels.

use crate::error::{Error, ErrorKind, Result};

/// What becomes of plain data before it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// gzip members of 1 MiB of plain data each.
    Gzip(Level),
    /// zstd frames of 1 MiB of plain data each.
    Zstd(ZstdLevel),
    /// Stored as it is.
    Plain,
}

impl Codec {
    /// The number of its level; 0 for none.
    pub(super) fn level(self) -> u8 {
        match self {
            Codec::Gzip(Level(level)) | Codec::Zstd(ZstdLevel(level)) => level,
            Codec::Plain => 0,
        }
    }
}

/// A level of gzip from 1 (fastest) to 12 (smallest).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(u8);

impl Level {
    /// Level `level`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] outside of 1 to 12.
    pub fn new(level: u8) -> Result<Self> {
        match level {
            1..=12 => Ok(Level(level)),
            _ => Err(outside(level, "gzip", 12)),
        }
    }
}

impl Default for Level {
    /// Level 5: about the size of `gzip -6` (0.993 to 1.008 of it, as measured), at about four times its speed.
    fn default() -> Self {
        Level(5)
    }
}

/// A level of zstd from 1 (fastest) to 19 (smallest). Above that zstd only looks further back than a block is long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZstdLevel(u8);

impl ZstdLevel {
    /// Level `level`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] outside of 1 to 19.
    pub fn new(level: u8) -> Result<Self> {
        match level {
            1..=19 => Ok(ZstdLevel(level)),
            _ => Err(outside(level, "zstd", 19)),
        }
    }
}

impl Default for ZstdLevel {
    /// Level 3, zstd's own.
    fn default() -> Self {
        ZstdLevel(3)
    }
}

fn outside(level: u8, codec: &str, most: u8) -> Error {
    let reason = format!("{level} is no level of {codec}: 1 (fastest) to {most} (smallest)");
    Error::new(ErrorKind::InvalidConfig, "set up", "the compression level", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_a_range_of_their_codec() {
        assert!(Level::new(0).is_err() && Level::new(13).is_err());
        assert!(ZstdLevel::new(0).is_err());
        assert!((1..=12).all(|level| Level::new(level).is_ok()) && (1..=19).all(|level| ZstdLevel::new(level).is_ok()));
        let error = ZstdLevel::new(20).expect_err("too high");
        assert!(error.to_string().contains("20 is no level of zstd: 1 (fastest) to 19 (smallest)"), "{error}");
    }
}
