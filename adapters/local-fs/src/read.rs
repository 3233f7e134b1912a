//! Looking at files and reading them. All of it blocks.

use crate::failure::is_absent;
use crate::paths::Root;
use bytes::Bytes;
use sealift::{Error, Key, ObjectInfo, Result};
use std::fs::{self, File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;

/// The tag of a file's content: device, inode, time of modification and size.
pub(crate) fn etag(metadata: &Metadata) -> String {
    format!(
        "{:x}-{:x}-{:x}.{:x}-{:x}",
        metadata.dev(),
        metadata.ino(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.len()
    )
}

/// What a listing says of a file.
pub(crate) fn info(key: String, metadata: &Metadata) -> ObjectInfo {
    let mut info = ObjectInfo::new(key, metadata.len());
    info.modified = metadata.modified().ok();
    info.etag = Some(etag(metadata));
    info
}

/// The file under `key`.
pub(crate) fn look(root: &Root, key: &Key) -> Result<ObjectInfo> {
    match fs::metadata(root.path_of("look at", key)?) {
        Ok(metadata) if metadata.is_file() => Ok(info(key.to_string(), &metadata)),
        Ok(_) => Err(root.not_found("look at", key)),
        Err(error) if is_absent(&error) => Err(root.not_found("look at", key)),
        Err(error) => Err(root.failed("look at", key, error)),
    }
}

/// The bytes of `range`, if the file is still the one that `tag` names.
pub(crate) fn read(root: &Root, key: &Key, range: Range<u64>, tag: Option<&str>) -> Result<Bytes> {
    let changed = || Error::changed_while_read(root.location(key.as_ref()));
    let mut file = match File::open(root.path_of("read", key)?) {
        Ok(file) => file,
        Err(error) if is_absent(&error) && tag.is_some() => return Err(changed()),
        Err(error) if is_absent(&error) => return Err(root.not_found("read", key)),
        Err(error) => return Err(root.failed("read", key, error)),
    };
    let failed = |error| root.failed("read", key, error);
    let metadata = file.metadata().map_err(failed)?;
    if tag.is_some_and(|tag| tag != etag(&metadata)) {
        return Err(changed());
    }
    let length = range.end - range.start;
    let mut buffer = Vec::with_capacity(length as usize);
    file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
    // A file that became shorter gives fewer bytes, which whoever asked for them sees.
    file.take(length).read_to_end(&mut buffer).map_err(failed)?;
    Ok(buffer.into())
}
