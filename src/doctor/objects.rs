//! Whole objects: stored, looked at, read, listed, removed.

use super::examination::Trial;
use super::surroundings::Stored;
use crate::error::{ErrorKind, Result};
use crate::examined::{Capability, Kept, Verdict};
use crate::name::Key;
use crate::object::{IfExists, ObjectInfo, Removal};
use crate::object_store::ObjectStore;
use std::time::{Duration, SystemTime};
use tokio::time::sleep;

/// What the first scratch object holds.
const TEXT: &[u8] = b"a scratch object of `sealift doctor`, which may be removed";
const OTHER: &[u8] = b"another scratch object of `sealift doctor`, which may be removed";

/// The pauses before an object is looked for again in a listing.
const LOOKS: [u64; 4] = [0, 250, 750, 2_000];

impl Trial<'_> {
    /// The first object. `None` where none can be stored.
    pub(super) async fn put(&mut self) -> Result<Option<(Key, Stored)>> {
        let key = self.scratch.key("put")?;
        let sent = SystemTime::now();
        match self.store(&key, self.payload(TEXT), IfExists::Replace).await {
            Ok(committed) => {
                let how = match &committed.checksum {
                    Some(told) if *told == self.payload(TEXT).checksum().to_be_bytes() => {
                        "the service's checksum is that of what was sent"
                    }
                    _ => "the service says so, and tells no checksum of it",
                };
                self.works(Capability::Put, format!("an object of {} bytes was stored: {how}", TEXT.len()));
                Ok(Some((key, Stored { committed, sent, answered: SystemTime::now() })))
            }
            Err(error) => {
                self.failed(Capability::Put, &error);
                Ok(None)
            }
        }
    }

    /// What can be read where nothing can be stored: the first object that there is.
    pub(super) async fn reading(&mut self, there: Vec<ObjectInfo>) -> Result<()> {
        let mut keys = there.iter().filter(|object| object.size > 0);
        match keys.find_map(|object| Key::existing(&object.key).ok()) {
            Some(key) => {
                self.look(&key, None).await;
                self.read(&key, None).await;
            }
            None => {
                for capability in [Capability::Look, Capability::Read, Capability::ReadRange] {
                    self.noted(
                        capability,
                        Verdict::Unknown,
                        "there is no object to try it on, and none could be stored",
                    );
                }
            }
        }
        Ok(())
    }

    /// What can be done with the object `key`. Returns whether objects can be removed.
    pub(super) async fn objects(&mut self, key: &Key, stored: &Stored) -> Result<bool> {
        let info = self.look(key, Some(stored)).await;
        self.read(key, Some(TEXT)).await;
        self.listed_at_once(key).await;
        self.go_on()?;
        self.conditional_delete(key, info).await?;
        Ok(self.delete(key).await)
    }

    async fn look(&mut self, key: &Key, stored: Option<&Stored>) -> Option<ObjectInfo> {
        let info = match self.store.head(key).await {
            Ok(info) => info,
            Err(error) => {
                self.failed(Capability::Look, &error);
                for unseen in [Capability::Metadata, Capability::KeptChecksum] {
                    self.noted(unseen, Verdict::Unknown, "objects cannot be looked at");
                }
                return None;
            }
        };
        match stored {
            Some(_) if info.size != TEXT.len() as u64 => {
                let evidence = format!("{} bytes were stored, and it tells {}", TEXT.len(), info.size);
                self.noted(Capability::Look, Verdict::Fails, evidence);
            }
            _ => self.works(Capability::Look, format!("it tells {} bytes, and an ETag", info.size)),
        }
        match &info.token {
            Some(_) => self.works(Capability::Metadata, "what was kept with the object came back"),
            None if stored.is_some() => {
                let evidence = "what was kept with the object did not come back";
                self.noted(Capability::Metadata, Verdict::Ignored, evidence);
            }
            None => {}
        }
        let ours = self.payload(TEXT).checksum().to_be_bytes();
        match (&info.checksum, &info.kept_checksum) {
            (Some(told), _) if stored.is_none() || *told == ours => {
                self.works(Capability::KeptChecksum, "the service tells its checksum of the whole");
            }
            (Some(_), _) => {
                let evidence = "the service tells a checksum of the whole, which is another than of what was stored";
                self.noted(Capability::KeptChecksum, Verdict::Fails, evidence);
            }
            (None, Some(told)) if stored.is_none() || *told == ours => {
                self.works(Capability::KeptChecksum, "Sealift's own, kept with the object");
            }
            (None, Some(_)) => {
                self.noted(Capability::KeptChecksum, Verdict::Fails, "Sealift's own comes back as another");
            }
            (None, None) => self.noted(Capability::KeptChecksum, Verdict::Absent, "no checksum of the whole is told"),
        }
        Some(info)
    }

    async fn read(&mut self, key: &Key, expected: Option<&[u8]>) {
        let size = match (expected, self.store.head(key).await) {
            (Some(expected), _) => expected.len() as u64,
            // Of somebody's object only the beginning is read.
            (None, Ok(info)) => info.size.min(64 << 10),
            (None, Err(error)) => return self.failed(Capability::Read, &error),
        };
        match self.store.get(key, 0..size, None).await {
            Ok(bytes) if expected.is_none_or(|expected| bytes == expected) => {
                self.works(Capability::Read, format!("{} bytes came as they were asked for", bytes.len()));
            }
            Ok(_) => self.noted(Capability::Read, Verdict::Fails, "other bytes came than were stored"),
            Err(error) => self.failed(Capability::Read, &error),
        }
        let range = size / 3..size / 3 * 2 + 1;
        match self.store.get(key, range.clone(), None).await {
            Ok(bytes) if expected.is_none_or(|all| bytes == all[range.start as usize..range.end as usize]) => {
                self.works(Capability::ReadRange, format!("bytes {} to {} came alone", range.start, range.end - 1));
            }
            Ok(_) => self.noted(Capability::ReadRange, Verdict::Fails, "other bytes came than those of the range"),
            Err(error) => self.failed(Capability::ReadRange, &error),
        }
    }

    async fn listed_at_once(&mut self, key: &Key) {
        let begun = SystemTime::now();
        for pause in LOOKS {
            sleep(Duration::from_millis(pause)).await;
            match self.store.list(&self.scratch.prefix(), None).await {
                Ok(page) if page.objects.iter().any(|object| object.key == key.as_ref()) && pause == 0 => {
                    return self.works(Capability::ListedAtOnce, "the first listing after the put showed it");
                }
                Ok(page) if page.objects.iter().any(|object| object.key == key.as_ref()) => {
                    let after = begun.elapsed().unwrap_or_default().as_millis();
                    let evidence = format!("it was listed {after} ms after the put, and not before");
                    return self.noted(Capability::ListedAtOnce, Verdict::Noted, evidence);
                }
                Ok(_) => {}
                Err(error) => return self.failed(Capability::ListedAtOnce, &error),
            }
        }
        self.noted(Capability::ListedAtOnce, Verdict::Fails, "it was not listed within 3 s of the put");
    }

    /// By the condition that the service checks, where it is asked that by itself; otherwise by a removal of content that was
    /// replaced since.
    async fn conditional_delete(&mut self, key: &Key, before: Option<ObjectInfo>) -> Result<()> {
        let capability = Capability::ConditionalDelete;
        match self.examined.remove_unmet(key).await {
            Ok(Some(Kept::Yes(how, left))) => {
                self.scratch.told(&left);
                self.works(capability, how);
                return Ok(());
            }
            Ok(Some(Kept::No(how, left))) => {
                self.scratch.told(&left);
                self.noted(capability, Verdict::Ignored, how);
                return Ok(());
            }
            Ok(None) => {}
            Err(error) => {
                self.failed(capability, &error);
                return Ok(());
            }
        }
        let Some(before) = before else {
            self.noted(capability, Verdict::Unknown, "what is to be removed cannot be told without a look at it");
            return Ok(());
        };
        if let Err(error) = self.store(key, self.payload(OTHER), IfExists::Replace).await {
            self.failed(capability, &error);
            return Ok(());
        }
        match self.store.delete(key, Some(&before)).await {
            Ok(Removal::Another) => self.works(capability, "an object that was replaced since was left alone"),
            Ok(Removal::Gone) => {
                let evidence = "an object that was replaced since was removed all the same";
                self.noted(capability, Verdict::Ignored, evidence);
            }
            Err(error) => self.failed(capability, &error),
        }
        Ok(())
    }

    async fn delete(&mut self, key: &Key) -> bool {
        match self.store.delete(key, None).await {
            Ok(_) => {}
            Err(error) => {
                self.failed(Capability::Delete, &error);
                return false;
            }
        }
        match self.store.head(key).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.works(Capability::Delete, "it was removed, and a look finds nothing");
                self.scratch.removed(key);
            }
            // S3 says so too of what is not there, to who may not list.
            Err(_) => {
                self.works(Capability::Delete, "the service says that it was removed; it could not be looked for")
            }
            Ok(_) => {
                self.noted(
                    Capability::Delete,
                    Verdict::Ignored,
                    "the service says that it was removed, and it is there",
                );
                return false;
            }
        }
        true
    }
}
