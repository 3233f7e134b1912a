//! What of an object may exist at the service, and in which words a person is told of it.

use crate::object::Upload;
use std::sync::Arc;

#[derive(Debug)]
pub(super) enum Stage {
    Nothing,
    Parts(Arc<dyn Upload>),
    PutSent,
    CompleteSent(Arc<dyn Upload>),
}

impl Stage {
    /// What is left if nothing more is done, and what removes it.
    pub(super) fn describe(&self, location: &str) -> String {
        match self {
            Stage::Nothing => format!("nothing of {location}"),
            Stage::Parts(upload) => {
                format!("incomplete upload of {location}, upload id {} ({})", upload.id(), upload.remedy())
            }
            Stage::PutSent => format!("perhaps the object {location} (`sealift rm` removes it)"),
            Stage::CompleteSent(upload) => format!(
                "perhaps the object {location} (`sealift rm` removes it), or its incomplete upload, upload id {} ({})",
                upload.id(),
                upload.remedy()
            ),
        }
    }
}
