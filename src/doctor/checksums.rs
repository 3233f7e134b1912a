//! Whether the service looks at the checksums that it is sent: bytes are sent with the checksum of others.

use super::examination::{Trial, options};
use crate::error::{Error, ErrorKind, Result};
use crate::examined::{Capability, Finding, Sent, Verdict};
use crate::name::Key;
use crate::object::IfExists;
use crate::object_store::{ObjectStore, Upload};
use std::sync::Arc;

const TEXT: &[u8] = b"a scratch object of `sealift doctor`, sent with the checksum of another";

/// What became of an upload whose completion had the checksum of another.
enum Whole {
    Completed,
    Open,
}

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
        let tried = [Capability::PartChecksum, Capability::WholeChecksum, Capability::Abort];
        let Some(upload) = self.opened_once(&key, &tried).await else { return Ok(()) };
        if let Some(sent) = self.sent(Capability::PartChecksum) {
            let stored = upload.put_part(1, self.damaged(TEXT)).await;
            self.judge(Capability::PartChecksum, sent, stored.map(drop));
        }
        self.go_on()?;
        let whole = self.whole_checksum(&upload).await?;
        self.go_on()?;
        match whole {
            Whole::Open => self.abort(&key, &upload).await,
            // There is nothing to abort any more.
            Whole::Completed => {
                self.scratch.closed(&upload);
                self.abandoned_upload().await?;
            }
        }
        Ok(())
    }

    /// One upload of a part, and its abort.
    async fn abandoned_upload(&mut self) -> Result<()> {
        let key = self.scratch.key("abandoned-upload")?;
        let Some(upload) = self.opened_once(&key, &[Capability::Abort]).await else { return Ok(()) };
        if let Err(error) = upload.put_part(1, self.payload(TEXT)).await {
            self.scratch.told(error.left_behind());
        }
        self.abort(&key, &upload).await;
        Ok(())
    }

    /// A started upload whose requests are each sent once, since a refusal for damage would be tried again; or what was to
    /// be tried on it is unknown.
    async fn opened_once(&mut self, key: &Key, tried: &[Capability]) -> Option<Arc<dyn Upload>> {
        let starts = self.scratch.start(key);
        match self.store.once().start(key, &options(IfExists::Replace), &starts).await {
            Ok(upload) => Some(self.scratch.opened(key, upload)),
            Err(error) => {
                self.scratch.told(error.left_behind());
                for capability in tried {
                    self.noted(*capability, Verdict::Unknown, "no upload could be started to try it on");
                }
                None
            }
        }
    }

    async fn whole_checksum(&mut self, upload: &Arc<dyn Upload>) -> Result<Whole> {
        let payload = self.payload(TEXT);
        let part = match upload.put_part(1, payload.clone()).await {
            Ok(part) => part,
            Err(error) => {
                self.scratch.told(error.left_behind());
                let evidence = format!("no part could be stored to try it on: {}", error.reason());
                self.noted(Capability::WholeChecksum, Verdict::Unknown, evidence);
                return Ok(Whole::Open);
            }
        };
        self.uploads_are_listed().await;
        let Some(sent) = self.sent(Capability::WholeChecksum) else { return Ok(Whole::Open) };
        let key = self.scratch.key("damaged-upload")?;
        let attempts = self.scratch.object(&key);
        let completed = upload.complete(&[part], self.damaged(TEXT).checksum(), &attempts).await;
        let whole = match &completed {
            Ok(committed) => {
                self.see_version(committed);
                Whole::Completed
            }
            Err(_) => Whole::Open,
        };
        self.judge(Capability::WholeChecksum, sent, completed.map(drop));
        Ok(whole)
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
