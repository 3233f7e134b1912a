//! Whether the service looks at the checksums that it is sent: bytes are sent with the checksum of others.

use super::examination::{Trial, options};
use crate::error::{Error, ErrorKind, Result};
use crate::examined::{Capability, Finding, Sent, Verdict};
use crate::name::Key;
use crate::object::{IfExists, ObjectStore, Upload};
use std::sync::Arc;

const TEXT: &[u8] = b"a scratch object of `sealift doctor`, sent with the checksum of another";

impl Trial<'_> {
    pub(super) async fn put_checksum(&mut self) -> Result<()> {
        let Some(sent) = self.sent(Capability::PutChecksum) else { return Ok(()) };
        let key = self.scratch.key("damaged-put")?;
        let attempts = self.scratch.object(&key);
        let stored = self.examined.put_damaged(&key, self.damaged(TEXT), &attempts).await;
        if let Ok(committed) = &stored {
            self.see_version(committed);
        }
        let refused = stored.as_ref().is_err_and(|_| !attempts.effect().is_possible());
        let taken = stored.is_ok();
        self.judge(Capability::PutChecksum, sent, stored.map(drop));
        if taken {
            self.repeated_checksum(&key, sent).await;
        }
        if refused {
            self.scratch.removed(&key);
        }
        Ok(())
    }

    /// Whether the service tells of the object `key`, which was sent with a wrong checksum, that wrong one: then what it tells
    /// of others is what it was told, too, and not of what it has stored.
    async fn repeated_checksum(&mut self, key: &Key, sent: &str) {
        let Ok(info) = self.store.head(key).await else { return };
        if info.checksum.is_none_or(|told| told != self.damaged(TEXT).checksum().to_be_bytes()) {
            return;
        }
        let kept = Capability::KeptChecksum;
        self.findings.retain(|finding| finding.capability != kept);
        let evidence = format!("the {sent} that the service tells is the one that it was told, of whatever came");
        self.noted(kept, Verdict::Ignored, evidence);
    }

    /// One upload, whose parts and whole have the checksums of others. It is aborted, which shows whether that works.
    pub(super) async fn damaged_upload(&mut self) -> Result<()> {
        let key = self.scratch.key("damaged-upload")?;
        let starts = self.scratch.start(&key);
        // Each is sent once: a refusal for damage would be tried again.
        let upload = match self.store.once().start(&key, &options(IfExists::Replace), &starts).await {
            Ok(upload) => self.scratch.opened(&key, upload),
            Err(error) => {
                self.scratch.told(error.left_behind());
                for capability in [Capability::PartChecksum, Capability::WholeChecksum, Capability::Abort] {
                    self.noted(capability, Verdict::Unknown, "no upload could be started to try it on");
                }
                return Ok(());
            }
        };
        if let Some(sent) = self.sent(Capability::PartChecksum) {
            let stored = upload.put_part(1, self.damaged(TEXT)).await;
            self.judge(Capability::PartChecksum, sent, stored.map(drop));
        }
        self.go_on()?;
        self.whole_checksum(&upload).await?;
        self.go_on()?;
        self.abort(&key, &upload).await;
        Ok(())
    }

    async fn whole_checksum(&mut self, upload: &Arc<dyn Upload>) -> Result<()> {
        let payload = self.payload(TEXT);
        let part = match upload.put_part(1, payload.clone()).await {
            Ok(part) => part,
            Err(error) => {
                self.scratch.told(error.left_behind());
                let evidence = format!("no part could be stored to try it on: {}", error.reason());
                self.noted(Capability::WholeChecksum, Verdict::Unknown, evidence);
                return Ok(());
            }
        };
        self.uploads_are_listed().await;
        let Some(sent) = self.sent(Capability::WholeChecksum) else { return Ok(()) };
        let key = self.scratch.key("damaged-upload")?;
        let attempts = self.scratch.object(&key);
        let completed = upload.complete(&[part], self.damaged(TEXT).checksum(), &attempts).await;
        if let Ok(committed) = &completed {
            self.see_version(committed);
        }
        self.judge(Capability::WholeChecksum, sent, completed.map(drop));
        Ok(())
    }

    /// What is sent to be compared; where that is nothing, it is told.
    fn sent(&mut self, capability: Capability) -> Option<&'static str> {
        match self.examined.sent_with(capability) {
            Sent::Checksum(name) => Some(name),
            Sent::Nothing(why) => {
                self.noted(capability, Verdict::Absent, why);
                None
            }
            Sent::Untried(why) => {
                self.noted(capability, Verdict::Unknown, why);
                None
            }
        }
    }

    fn judge(&mut self, capability: Capability, sent: &str, stored: Result<(), Error>) {
        match stored {
            Ok(()) => {
                let evidence = format!("a wrong {sent} was taken: damage on the way would not be seen by the service");
                self.noted(capability, Verdict::Ignored, evidence);
            }
            Err(error) => {
                self.scratch.told(error.left_behind());
                match error.kind() {
                    ErrorKind::Corrupt => {
                        self.works(capability, format!("a wrong {sent} was refused: {}", error.reason()));
                    }
                    ErrorKind::Service => {
                        let evidence =
                            format!("it was refused with a wrong {sent}, and not for that: {}", error.reason());
                        self.noted(capability, Verdict::Unknown, evidence);
                    }
                    _ => {
                        let permission = self.examined.permission(capability);
                        self.findings.push(Finding::failed(capability, permission, &error));
                    }
                }
            }
        }
    }
}
