//! What is read: an object as it is now, or a version of it that the bucket keeps.

use crate::activity::Counts;
use crate::error::Result;
use crate::name::Key;
use crate::object::ObjectInfo;
use crate::object_store::ObjectStore;
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;

/// An object in its store.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) key: Key,
    /// Not what is there now, but this.
    pub(crate) version: Option<String>,
    /// Where it is counted.
    pub(crate) counts: Arc<Counts>,
}

impl Subject {
    pub(super) async fn head(&self) -> Result<ObjectInfo> {
        match &self.version {
            Some(version) => self.store.head_version(&self.key, version).await,
            None => self.store.head(&self.key).await,
        }
    }

    pub(super) async fn get(&self, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
        match &self.version {
            Some(version) => self.store.get_version(&self.key, version, range, etag).await,
            None => self.store.get(&self.key, range, etag).await,
        }
    }

    pub(super) fn location(&self) -> String {
        format!("{}/{}", self.store.url(), self.key)
    }
}
