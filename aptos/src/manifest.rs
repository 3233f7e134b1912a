//! Manifests: which files a backup has and what is in them. The order and form of the fields are the archive format's,
//! byte for byte; files are named by their handles, so an archive can be copied between storages as it is.

use crate::chain::{HashValue, Waypoint};
use sealift::{Error, ErrorKind, FileHandle, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt::Display;

/// A backup's list of files.
pub trait Manifest: Serialize + DeserializeOwned {
    /// What is backed up, in words.
    fn subject(&self) -> String;

    /// What is wrong with it by the format's rules, in words.
    ///
    /// # Errors
    /// The first rule that is broken.
    fn check(&self) -> Result<(), String>;

    /// Reads a manifest and checks it. `file` is for the error.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when it is not JSON of this kind, or breaks a rule.
    fn parse(json: &[u8], file: &FileHandle) -> Result<Self> {
        let corrupt = |reason: String| {
            Error::new(ErrorKind::Corrupt, "read the manifest", file.to_string(), reason)
                .with_hint("check that this is the right kind of manifest; if it is, make the backup again")
        };
        let manifest: Self = serde_json::from_slice(json).map_err(|error| corrupt(error.to_string()))?;
        manifest.check().map_err(corrupt)?;
        Ok(manifest)
    }

    /// The manifest's text, once it is checked.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when it breaks a rule.
    fn to_json(&self) -> Result<Vec<u8>> {
        let corrupt = |reason| Error::new(ErrorKind::Corrupt, "make the manifest of", self.subject(), reason);
        self.check().map_err(corrupt)?;
        serde_json::to_vec(self).map_err(|error| corrupt(error.to_string()))
    }
}

/// The ledger infos that end the epochs `first_epoch..=last_epoch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochEndingBackup {
    /// The first epoch.
    pub first_epoch: u64,
    /// The last epoch.
    pub last_epoch: u64,
    /// The waypoint of each epoch's ledger info.
    pub waypoints: Vec<Waypoint>,
    /// The files, in order.
    pub chunks: Vec<EpochEndingChunk>,
}

/// A file of ledger infos.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochEndingChunk {
    /// The first epoch in it.
    pub first_epoch: u64,
    /// The last epoch in it.
    pub last_epoch: u64,
    /// Records of ledger infos with signatures.
    #[serde(with = "handle")]
    pub ledger_infos: FileHandle,
}

/// The transactions `first_version..=last_version`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionBackup {
    /// The first version.
    pub first_version: u64,
    /// The last version.
    pub last_version: u64,
    /// The files, in order.
    pub chunks: Vec<TransactionChunk>,
}

/// A file of transactions, and the proof of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionChunk {
    /// The first version in it.
    pub first_version: u64,
    /// The last version in it.
    pub last_version: u64,
    /// Records of transactions in the form `format`.
    #[serde(with = "handle")]
    pub transactions: FileHandle,
    /// BCS of the range proof and the ledger info that it leads to.
    #[serde(with = "handle")]
    pub proof: FileHandle,
    /// The form of the records; older manifests do not say it, and mean [`TransactionFormat::V0`].
    #[serde(default)]
    pub format: TransactionFormat,
}

/// What a record of a transaction holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TransactionFormat {
    /// The transaction, its info, events and write set.
    #[default]
    V0,
    /// The same with the persisted auxiliary info behind the transaction.
    V1,
}

/// The whole state at `version`, which ends `epoch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateSnapshotBackup {
    /// The version.
    pub version: u64,
    /// The epoch that ends there.
    pub epoch: u64,
    /// The root of the state tree.
    pub root_hash: HashValue,
    /// The files, in order.
    pub chunks: Vec<StateSnapshotChunk>,
    /// BCS of the proof of the root, and the ledger info that it leads to.
    #[serde(with = "handle")]
    pub proof: FileHandle,
}

/// A file of state items, and the proof of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateSnapshotChunk {
    /// The index of the first item in it, among all items by key.
    pub first_idx: u64,
    /// The index of the last item in it.
    pub last_idx: u64,
    /// The hash of the first item's key.
    pub first_key: HashValue,
    /// The hash of the last item's key.
    pub last_key: HashValue,
    /// Records of keys and values.
    #[serde(with = "handle")]
    pub blobs: FileHandle,
    /// BCS of the proof that the items up to `last_key` add up with the rest to the root.
    #[serde(with = "handle")]
    pub proof: FileHandle,
}

impl Manifest for EpochEndingBackup {
    fn subject(&self) -> String {
        format!("epoch endings {} to {}", self.first_epoch, self.last_epoch)
    }

    fn check(&self) -> Result<(), String> {
        let chunks = self.chunks.iter().map(|chunk| (chunk.first_epoch, chunk.last_epoch));
        covers("epoch", (self.first_epoch, self.last_epoch), chunks)?;
        // No overflow: the epochs were found in order, and not to be all there are.
        let (epochs, waypoints) = (self.last_epoch - self.first_epoch + 1, self.waypoints.len());
        if waypoints as u64 != epochs {
            return Err(format!("{waypoints} waypoints for {epochs} epochs"));
        }
        match self.waypoints.windows(2).find(|pair| pair[0].version >= pair[1].version) {
            Some(pair) => Err(format!("the waypoint {} does not come after {}", pair[1], pair[0])),
            None => Ok(()),
        }
    }
}

impl Manifest for TransactionBackup {
    fn subject(&self) -> String {
        format!("transactions {} to {}", self.first_version, self.last_version)
    }

    fn check(&self) -> Result<(), String> {
        let chunks = self.chunks.iter().map(|chunk| (chunk.first_version, chunk.last_version));
        covers("version", (self.first_version, self.last_version), chunks)
    }
}

impl Manifest for StateSnapshotBackup {
    fn subject(&self) -> String {
        format!("the state at version {}, the end of epoch {}", self.version, self.epoch)
    }

    fn check(&self) -> Result<(), String> {
        let last = self.chunks.last().map_or(0, |chunk| chunk.last_idx);
        covers("item", (0, last), self.chunks.iter().map(|chunk| (chunk.first_idx, chunk.last_idx)))?;
        for chunk in &self.chunks {
            if chunk.first_key > chunk.last_key {
                return Err(format!("the keys of items {} to {} are not in order", chunk.first_idx, chunk.last_idx));
            }
        }
        match self.chunks.windows(2).find(|pair| pair[0].last_key >= pair[1].first_key) {
            Some(pair) => Err(format!("the key of item {} does not come after the one before", pair[1].first_idx)),
            None => Ok(()),
        }
    }
}

/// Whether `chunks` follow each other without gap or overlap and cover `whole`, ends included.
fn covers(
    what: impl Display,
    whole: (u64, u64),
    chunks: impl ExactSizeIterator<Item = (u64, u64)>,
) -> Result<(), String> {
    if chunks.len() == 0 {
        return Err("there are no chunks".to_owned());
    }
    if whole.0 > whole.1 {
        return Err(format!("the {what}s {} to {} are not in order", whole.0, whole.1));
    }
    // So many cannot be counted, and no chain comes near.
    if whole == (0, u64::MAX) {
        return Err(format!("the {what}s {} to {} are more than any chain has", whole.0, whole.1));
    }
    let mut before: Result<u64, u64> = Err(whole.0);
    for (first, last) in chunks {
        let expected = match before {
            Err(first) => first,
            Ok(before) => before.checked_add(1).ok_or(format!("a chunk comes after {what} {before}"))?,
        };
        if first != expected {
            return Err(format!("a chunk begins with {what} {first} instead of {expected}"));
        }
        if last < first {
            return Err(format!("a chunk ends with {what} {last} before it begins with {first}"));
        }
        before = Ok(last);
    }
    match before {
        Ok(last) if last == whole.1 => Ok(()),
        Ok(last) | Err(last) => Err(format!("the chunks end with {what} {last} instead of {}", whole.1)),
    }
}

/// File handles in JSON.
pub(crate) mod handle {
    use super::{Deserialize, Deserializer, FileHandle, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(handle: &FileHandle, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(handle.as_ref())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FileHandle, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
