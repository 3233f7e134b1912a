//! An upload whose requests are tried again.

use crate::attempts::Attempts;
use crate::checksum::Checksum;
use crate::error::Result;
use crate::left_behind::LeftBehind;
use crate::object::Committed;
use crate::object_store::{PartReceipt, Upload};
use crate::payload::Payload;
use crate::retry::Retry;
use async_trait::async_trait;

#[derive(Debug)]
pub(super) struct RetryingUpload {
    upload: Box<dyn Upload>,
    retry: Retry,
    /// What failed attempts to start it may have left.
    beside: Vec<LeftBehind>,
}

impl RetryingUpload {
    pub(super) fn new(upload: Box<dyn Upload>, retry: Retry, beside: Vec<LeftBehind>) -> Self {
        RetryingUpload { upload, retry, beside }
    }
}

#[async_trait]
impl Upload for RetryingUpload {
    fn id(&self) -> &str {
        self.upload.id()
    }

    fn remedy(&self) -> &'static str {
        self.upload.remedy()
    }

    fn left_beside(&self) -> Vec<LeftBehind> {
        let mut beside = self.upload.left_beside();
        let more: Vec<_> = self.beside.iter().filter(|left| !beside.contains(left)).cloned().collect();
        beside.extend(more);
        beside
    }

    fn parts_may_come_late(&self) -> bool {
        self.upload.parts_may_come_late()
    }

    fn is_serial(&self) -> bool {
        self.upload.is_serial()
    }

    async fn put_part(&self, number: u32, payload: Payload) -> Result<PartReceipt> {
        self.retry.run(|| self.upload.put_part(number, payload.clone())).await
    }

    async fn complete(&self, parts: &[PartReceipt], whole: Checksum, attempts: &Attempts) -> Result<Committed> {
        self.retry.run(|| self.upload.complete(parts, whole, attempts)).await
    }

    async fn abort(&self) -> Result<()> {
        self.retry.cleaning().run(|| self.upload.abort()).await
    }
}
