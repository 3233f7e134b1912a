//! Uploads in parts: started, filled, listed, completed, aborted; and whether parts may be of different sizes.

use super::examination::{Trial, options};
use crate::checksum::Checksum;
use crate::error::{Error, ErrorKind, Result};
use crate::examined::{Capability, Finding, Verdict};
use crate::leftovers;
use crate::name::Key;
use crate::object::{IfExists, Origin};
use crate::object_store::{ObjectStore, Upload};
use bytes::Bytes;
use std::sync::Arc;

/// How an upload ended.
enum Ended {
    Completed,
    /// It did not come to the completion.
    Before,
    Refused(Error),
}

impl Trial<'_> {
    /// One upload of parts of different sizes, and where that is refused one of equal parts.
    pub(super) async fn upload(&mut self) -> Result<()> {
        let [first, second, last] = self.examined.trial_parts();
        let sizes = format!("{first}, {second} and {last} bytes");
        match self.uploaded("parts", &[first, second, last]).await? {
            Ended::Before => return Ok(()),
            Ended::Completed => {
                self.works(Capability::Complete, format!("parts of {sizes} became an object"));
                self.works(Capability::UnequalParts, format!("parts of {sizes} were taken"));
                return Ok(());
            }
            Ended::Refused(refused) => {
                self.go_on()?;
                match self.uploaded("equal-parts", &[first, first, last]).await? {
                    Ended::Completed => {
                        let evidence = format!("equal parts became an object; of {sizes}: {}", refused.reason());
                        self.works(Capability::Complete, "equal parts, with a shorter last one, became an object");
                        self.noted(Capability::UnequalParts, Verdict::Fails, evidence);
                    }
                    Ended::Before | Ended::Refused(_) => {
                        self.failed(Capability::Complete, &refused);
                        self.noted(Capability::UnequalParts, Verdict::Unknown, "no upload could be completed");
                    }
                }
            }
        }
        Ok(())
    }

    async fn uploaded(&mut self, name: &str, sizes: &[usize]) -> Result<Ended> {
        let key = self.scratch.key(name)?;
        let starts = self.scratch.start(&key);
        let upload = match self.store.start(&key, &options(IfExists::Replace), &starts).await {
            Ok(upload) => {
                self.once(Capability::Start, "an upload was started");
                self.scratch.opened(&key, upload)
            }
            Err(error) => {
                self.failed(Capability::Start, &error);
                for capability in [Capability::Part, Capability::Complete] {
                    self.noted(capability, Verdict::Unknown, "no upload could be started to try it on");
                }
                return Ok(Ended::Before);
            }
        };
        let (mut parts, mut whole) = (Vec::new(), Checksum::empty(self.store.checksum_algorithm()));
        for (number, size) in (1..).zip(sizes) {
            self.go_on()?;
            let payload = self.payload(bytes(number, *size));
            whole = whole.then(payload.checksum());
            match upload.put_part(number, payload).await {
                Ok(part) => parts.push(part),
                Err(error) => {
                    self.failed(Capability::Part, &error);
                    self.noted(Capability::Complete, Verdict::Unknown, "a part is missing to try it with");
                    return Ok(Ended::Before);
                }
            }
        }
        self.once(Capability::Part, "parts were stored");
        self.go_on()?;
        let attempts = self.scratch.object(&key);
        match upload.complete(&parts, whole, &attempts).await {
            Ok(committed) => {
                self.see_version(&committed);
                self.scratch.told(&committed.left_behind);
                self.scratch.closed(&upload);
                match self.store.head(&key).await {
                    Ok(info) if info.size != whole.byte_count() => {
                        let reason = format!("{} bytes became an object of {}", whole.byte_count(), info.size);
                        Ok(Ended::Refused(Error::new(
                            ErrorKind::Corrupt,
                            "complete",
                            self.scratch.location(&key),
                            reason,
                        )))
                    }
                    _ => Ok(Ended::Completed),
                }
            }
            Err(error) => {
                self.scratch.told(error.left_behind());
                Ok(Ended::Refused(error))
            }
        }
    }

    /// Whether an upload that is open is found, with its parts.
    pub(super) async fn uploads_are_listed(&mut self) {
        let key = self.scratch.prefix();
        match leftovers::all(self.store, &key).await {
            Err(error) => {
                self.failed(Capability::ListUploads, &error);
                self.noted(
                    Capability::ListParts,
                    Verdict::Unknown,
                    "uploads cannot be listed, so none of them is looked at",
                );
            }
            Ok(found) => match (found.found.first(), found.unread.first()) {
                (Some(upload), _) => {
                    let marked = match upload.origin {
                        Origin::Sealift => "told to be Sealift's",
                        Origin::Unknown => "not told to be Sealift's: `sealift sweep` needs --foreign",
                    };
                    self.works(Capability::ListUploads, format!("the open upload was found, {marked}"));
                    let evidence = format!("{} bytes were found in it", upload.bytes);
                    self.works(Capability::ListParts, evidence);
                }
                (None, Some(unread)) => {
                    self.works(Capability::ListUploads, "the open upload was found");
                    let error = unread.error.clone();
                    self.failed(Capability::ListParts, &error);
                }
                (None, None) => {
                    let evidence = "the open upload is not listed";
                    let verdict = match self.examined.lists_uploads() {
                        true => Verdict::Fails,
                        false => Verdict::Absent,
                    };
                    self.noted(Capability::ListUploads, verdict.clone(), evidence);
                    self.noted(Capability::ListParts, verdict, evidence);
                }
            },
        }
    }

    /// Aborts the upload of `key`.
    pub(super) async fn abort(&mut self, key: &Key, upload: &Arc<dyn Upload>) {
        match upload.abort().await {
            Ok(()) => {
                self.scratch.closed(upload);
                if !self.examined.lists_uploads() {
                    return self.works(Capability::Abort, "the service says that it is gone");
                }
                let (verdict, evidence) = match leftovers::all(self.store, &self.scratch.prefix()).await {
                    Ok(found) if found.found.iter().any(|leftover| leftover.key == key.as_ref()) => {
                        (Verdict::Ignored, "the service says that it is gone, and lists it")
                    }
                    Ok(_) => (Verdict::Works, "it was aborted, and is not listed any more"),
                    Err(_) => (Verdict::Works, "the service says that it is gone; uploads cannot be listed"),
                };
                self.noted(Capability::Abort, verdict, evidence);
            }
            // It is tried again at the end, and named if that fails too.
            Err(error) => {
                let permission = self.examined.permission(Capability::Abort);
                self.findings.push(Finding::failed(Capability::Abort, permission, &error));
            }
        }
    }

    /// The same is not told twice.
    fn once(&mut self, capability: Capability, evidence: &str) {
        if !self.findings.iter().any(|finding| finding.capability == capability) {
            self.works(capability, evidence);
        }
    }
}

/// What a part holds: nothing that two parts have in common.
fn bytes(number: u32, size: usize) -> Bytes {
    (0..size).map(|at| (at as u32).wrapping_mul(2_654_435_761).wrapping_add(number).to_be_bytes()[0]).collect()
}
