//! Copies within the bucket, and new names in one step.

use super::examination::Trial;
use crate::error::{ErrorKind, Result};
use crate::examined::{Capability, Verdict};
use crate::name::Key;
use crate::object::IfExists;
use crate::object_store::ObjectStore;

const TEXT: &[u8] = b"a scratch object of `sealift doctor` that is copied";

impl Trial<'_> {
    /// Says that none is tried, where nothing can be removed.
    pub(super) fn no_copies(&mut self) {
        for capability in [Capability::Copy, Capability::Rename] {
            self.noted(capability, Verdict::Unknown, "not tried: it would leave objects that cannot be removed");
        }
    }

    pub(super) async fn copies(&mut self) -> Result<()> {
        let (from, to, renamed) = (self.scratch.key("from")?, self.scratch.key("to")?, self.scratch.key("renamed")?);
        if let Err(error) = self.store(&from, self.payload(TEXT), IfExists::Replace).await {
            self.failed(Capability::Copy, &error);
            return Ok(());
        }
        match self.rename(&from, &renamed).await {
            true => self.noted(Capability::Copy, Verdict::Absent, "not needed: names are changed in one step"),
            false => self.copy(&from, &to).await,
        }
        Ok(())
    }

    async fn rename(&mut self, from: &Key, to: &Key) -> bool {
        let attempts = self.scratch.object(to);
        match self.store.rename(from, to).await {
            Ok(false) => {
                self.scratch.removed(to);
                self.noted(Capability::Rename, Verdict::Absent, "a move is a copy and a removal");
                false
            }
            Ok(true) => {
                attempts.begin().applied();
                self.scratch.removed(from);
                self.works(Capability::Rename, "an object got another name in one step");
                true
            }
            Err(error) => {
                attempts.begin().unclear();
                self.failed(Capability::Rename, &error);
                true
            }
        }
    }

    async fn copy(&mut self, from: &Key, to: &Key) {
        let info = match self.store.head(from).await {
            Ok(info) => info,
            Err(error) => {
                let evidence = format!("what is to be copied cannot be looked at: {}", error.reason());
                return self.noted(Capability::Copy, Verdict::Unknown, evidence);
            }
        };
        let attempt = self.scratch.object(to).begin();
        attempt.sent();
        let work = self.work.beside(self.scratch.location(from));
        match self.store.copy(from, &info, to, &work).await {
            Ok(committed) => {
                attempt.applied();
                self.see_version(&committed);
                match self.store.get(to, 0..TEXT.len() as u64, None).await {
                    Ok(bytes) if bytes != TEXT => {
                        self.noted(Capability::Copy, Verdict::Fails, "the copy is another object")
                    }
                    Ok(_) => self.works(Capability::Copy, "the service copied an object, and the copy was read"),
                    Err(_) => self.works(Capability::Copy, "the service says that it copied an object"),
                }
            }
            Err(error) => {
                match error.left_behind().is_empty() || error.kind() == ErrorKind::Denied {
                    true => attempt.refused(),
                    false => attempt.unclear(),
                }
                self.failed(Capability::Copy, &error);
            }
        }
    }
}
