//! Whether two objects have the same content: by their checksums where both have one of a kind, otherwise by reading.

use super::outcome::{Due, Same, Why};
use crate::bucket::Bucket;
use crate::checksum::{ChecksumAlgorithm, Hashing};
use crate::download::Reader;
use crate::error::{Error, Result};
use crate::name::Key;
use crate::object::ObjectInfo;
use crate::object_store::ObjectStore;
use std::io;
use tokio::io::AsyncBufReadExt;

/// One of the two.
pub(super) struct Side<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) key: &'a Key,
    pub(super) info: &'a ObjectInfo,
}

impl Side<'_> {
    fn algorithm(&self) -> ChecksumAlgorithm {
        self.bucket.store().checksum_algorithm()
    }

    /// The checksum of all of it that is kept of it, of the service or of Sealift.
    fn kept(&self) -> Option<&[u8]> {
        self.info.checksum.as_deref().or(self.info.kept_checksum.as_deref())
    }

    /// The checksum of what it is read as, which is held against what is kept of it on the way.
    async fn read(&self, algorithm: ChecksumAlgorithm) -> Result<(Vec<u8>, u64)> {
        let mut reader = self.bucket.open_known(self.key, self.info.clone()).await?;
        let mut hashing = Hashing::new(algorithm);
        loop {
            let count = match fill(&mut reader, self.key).await? {
                [] => break,
                bytes => {
                    hashing.update(bytes);
                    bytes.len()
                }
            };
            reader.consume(count);
        }
        let length = hashing.byte_count();
        Ok((hashing.finish().to_be_bytes(), length))
    }
}

/// What comes next of a reader; empty at its end.
pub(super) async fn fill<'a>(reader: &'a mut Reader, key: &Key) -> Result<&'a [u8]> {
    let failed = |error: io::Error| match Error::from_io(&error) {
        Some(error) => error.clone(),
        None => Error::io("read", key.as_ref(), error),
    };
    reader.fill_buf().await.map_err(failed)
}

/// Compares what is stored.
pub(super) async fn stored(source: Side<'_>, target: Side<'_>) -> Result<Due> {
    if source.info.size != target.info.size {
        return Ok(Due::Copy(Why::Size { source: source.info.size, target: target.info.size }));
    }
    let one_kind = source.algorithm() == target.algorithm();
    let (same, how) = match (source.kept(), target.kept()) {
        (Some(of_source), Some(of_target)) if one_kind => {
            return Ok(match of_source == of_target {
                true => Due::Same(Same::Checksums),
                false => Due::Copy(Why::Checksum),
            });
        }
        (_, Some(of_target)) => (source.read(target.algorithm()).await?.0 == of_target, Same::SourceRead),
        (Some(of_source), None) => (target.read(source.algorithm()).await?.0 == of_source, Same::TargetRead),
        (None, None) => (both_read(&source, &target).await?, Same::BothRead),
    };
    Ok(if same { Due::Same(how) } else { Due::Copy(Why::Content) })
}

/// Compares what they are read as: the one is compressed another way than the other.
pub(super) async fn plain(source: Side<'_>, target: Side<'_>) -> Result<Due> {
    Ok(match both_read(&source, &target).await? {
        true => Due::Same(Same::BothRead),
        false => Due::Copy(Why::Content),
    })
}

/// One after the other, for each reader has a place in memory.
async fn both_read(source: &Side<'_>, target: &Side<'_>) -> Result<bool> {
    let algorithm = ChecksumAlgorithm::Crc64Nvme;
    Ok(source.read(algorithm).await? == target.read(algorithm).await?)
}
