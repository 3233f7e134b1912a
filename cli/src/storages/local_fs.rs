//! A folder.

use super::Streams;
use crate::failure::Failure;
use sealift::Bucket;
use sealift_local_fs::{EmptiedFolders, LocalFs};
use std::path::PathBuf;

pub(super) fn open(root: PathBuf, emptied: EmptiedFolders, streams: Streams) -> Result<Bucket, Failure> {
    Ok(streams.of(LocalFs::open_with(root, emptied)?))
}
