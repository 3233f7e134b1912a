//! Whether an object is stored only if none exists, where that is asked for: of two puts at once exactly one may win, and
//! what comes after it, in one request or in parts, must be refused.

use super::examination::{Trial, options};
use crate::error::{Error, ErrorKind, Result};
use crate::examined::{Capability, Kept, Verdict};
use crate::name::Key;
use crate::object::IfExists;
use crate::object_store::ObjectStore;

const ONE: &[u8] = b"one of two scratch objects of `sealift doctor` at once";
const TWO: &[u8] = b"the other scratch object of `sealift doctor` at that time";

impl Trial<'_> {
    pub(super) async fn conditions(&mut self) -> Result<()> {
        let key = self.scratch.key("conditions")?;
        match self.examined.prove_conditions(&key).await {
            Ok(None) => {}
            Ok(Some(Kept::Yes(how, left))) => {
                self.scratch.told(&left);
                self.works(Capability::ConditionalPut, how.clone());
                self.works(Capability::ConditionalComplete, how);
                return Ok(());
            }
            Ok(Some(Kept::No(how, left))) => {
                self.scratch.told(&left);
                self.noted(Capability::ConditionalPut, Verdict::Ignored, how.clone());
                self.noted(Capability::ConditionalComplete, Verdict::Ignored, how);
                return Ok(());
            }
            Err(error) => {
                self.failed(Capability::ConditionalPut, &error);
                self.failed(Capability::ConditionalComplete, &error);
                return Ok(());
            }
        }
        match self.two_at_once(&key).await {
            Ok(()) => {
                self.go_on()?;
                let evidence = "of two puts at once one won, and one more was refused";
                self.works(Capability::ConditionalPut, evidence);
                self.in_parts(&key).await;
            }
            Err(Failed::Shown(how)) => {
                self.noted(Capability::ConditionalPut, Verdict::Ignored, how);
                self.noted(Capability::ConditionalComplete, Verdict::Unknown, "conditions on puts are not kept either");
            }
            Err(Failed::By(error)) => {
                self.failed(Capability::ConditionalPut, &error);
                self.noted(Capability::ConditionalComplete, Verdict::Unknown, "the put before it came to no end");
            }
        }
        Ok(())
    }

    async fn two_at_once(&mut self, key: &Key) -> Result<(), Failed> {
        let attempts = self.scratch.object(key);
        let (first, second) = (options(IfExists::Fail), options(IfExists::Fail));
        let (one, other) = tokio::join!(
            self.store.put(key, self.payload(ONE), &first, &attempts),
            self.store.put(key, self.payload(TWO), &second, &attempts),
        );
        for committed in [&one, &other].into_iter().flatten() {
            self.see_version(committed);
        }
        let refused = |error: &Error| error.kind() == ErrorKind::AlreadyExists;
        match (&one, &other) {
            (Ok(_), Ok(_)) => {
                return Err(Failed::Shown("two puts at once, each only if none exists, both won".to_owned()));
            }
            (Ok(_), Err(error)) | (Err(error), Ok(_)) if refused(error) => {}
            (Err(one), Err(other)) if refused(one) && refused(other) => {
                return Err(Failed::Shown("a put only if none exists is refused where there is none".to_owned()));
            }
            (Err(error), _) | (_, Err(error)) => return Err(Failed::By(error.clone())),
        }
        match self.store(key, self.payload(ONE), IfExists::Fail).await {
            Ok(_) => Err(Failed::Shown("an object was replaced by a put only if none exists".to_owned())),
            Err(error) if refused(&error) => Ok(()),
            Err(error) => Err(Failed::By(error)),
        }
    }

    async fn in_parts(&mut self, key: &Key) {
        let capability = Capability::ConditionalComplete;
        let (starts, attempts) = (self.scratch.start(key), self.scratch.object(key));
        let upload = match self.store.start(key, &options(IfExists::Fail), &starts).await {
            Ok(upload) => self.scratch.opened(key, upload),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return self.overtaken().await,
            Err(error) => return self.failed(capability, &error),
        };
        let payload = self.payload(ONE);
        let completed = async {
            let part = upload.put_part(1, payload.clone()).await?;
            upload.complete(&[part], payload.checksum(), &attempts).await
        };
        match completed.await {
            Ok(committed) => {
                self.see_version(&committed);
                self.scratch.closed(&upload);
                self.noted(capability, Verdict::Ignored, "an object was replaced by an upload only if none exists");
            }
            // It stays open, and is aborted at the end.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                self.works(capability, "an upload in parts was refused where there is an object");
            }
            Err(error) => self.failed(capability, &error),
        }
    }

    /// Where the start of an upload is refused already: one that was started before there was an object.
    async fn overtaken(&mut self) {
        let capability = Capability::ConditionalComplete;
        let Ok(key) = self.scratch.key("overtaken") else { return };
        let (starts, attempts) = (self.scratch.start(&key), self.scratch.object(&key));
        let upload = match self.store.start(&key, &options(IfExists::Fail), &starts).await {
            Ok(upload) => self.scratch.opened(&key, upload),
            Err(error) => return self.failed(capability, &error),
        };
        if let Err(error) = self.store(&key, self.payload(TWO), IfExists::Replace).await {
            return self.failed(capability, &error);
        }
        let payload = self.payload(ONE);
        let completed = async {
            let part = upload.put_part(1, payload.clone()).await?;
            upload.complete(&[part], payload.checksum(), &attempts).await
        };
        match completed.await {
            Ok(committed) => {
                self.see_version(&committed);
                self.scratch.closed(&upload);
                let evidence = "an object that came after its start was replaced by an upload only if none exists";
                self.noted(capability, Verdict::Ignored, evidence);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let evidence = "an upload in parts was refused where there is an object, at its start and at its end";
                self.works(capability, evidence);
            }
            Err(error) => self.failed(capability, &error),
        }
    }
}

/// Why a condition is not proven.
enum Failed {
    /// It was seen not to be kept.
    Shown(String),
    By(Error),
}
