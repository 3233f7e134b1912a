//! Pieces: what is verified by itself, and what comes of it.

use super::files::{Files, How, Identity};
use super::finding::Finding;
use crate::object::ObjectInfo;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Objects that are verified together: a plain object, or the files of one backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Its name, which no other piece of the plan has: that of the object, or of the manifest.
    pub name: String,
    /// What it is, in one word.
    pub kind: Cow<'static, str>,
    /// Its files, each once.
    pub files: Vec<PlannedFile>,
}

/// A file of a piece, as the storage listed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFile {
    /// Its name below what is verified.
    pub name: String,
    /// What was listed; nothing where the storage cannot list, or did not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
}

impl Piece {
    /// How many bytes are stored of it, as far as that is known.
    pub fn bytes(&self) -> u64 {
        self.files.iter().filter_map(|file| file.identity.as_ref()).map(|identity| identity.size).sum()
    }
}

/// What pieces have to do with each other. A fact is a sentence; two that are equal are the same fact.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// What was taken for granted while the piece was verified. Another piece has to have proven it, one that comes before
    /// this one by an order of the data itself (epochs, say), so that there are no circles.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub needs: BTreeSet<String>,
    /// What was proven.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub proves: BTreeSet<String>,
    /// What was taken for granted because whoever asked said so.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub trusts: BTreeSet<String>,
}

impl Facts {
    /// Adds those of another piece.
    pub fn add(&mut self, other: Facts) {
        self.needs.extend(other.needs);
        self.proves.extend(other.proves);
        self.trusts.extend(other.trusts);
    }
}

/// What came of verifying a piece.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What is wrong, or could not be told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// What whoever reads the report should know, and does not speak against the piece.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What it rests on and what it proves.
    #[serde(default)]
    pub facts: Facts,
    /// How each file was verified, and what it was then.
    #[serde(default)]
    pub files: BTreeMap<String, VerifiedFile>,
}

/// A file that was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedFile {
    /// By what.
    pub how: How,
    /// What it was; nothing where the storage tells nothing of files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// The service's checksum over the whole, or the one that is kept beside it, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
}

impl VerifiedFile {
    /// A file that the service said this of.
    pub fn of(how: How, info: &ObjectInfo) -> Self {
        let checksum = info.checksum.as_ref().or(info.kept_checksum.as_ref());
        let hex = |bytes: &Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        VerifiedFile { how, identity: Some(Identity::from(info)), checksum: checksum.map(hex) }
    }

    /// A file of which nothing else is known.
    pub fn unknown(how: How) -> Self {
        VerifiedFile { how, identity: None, checksum: None }
    }
}

impl Outcome {
    /// Adds what came of another part of the same piece.
    pub fn add(&mut self, other: Outcome) {
        self.findings.extend(other.findings);
        self.notes.extend(other.notes);
        self.facts.add(other.facts);
        self.files.extend(other.files);
    }

    /// That alone.
    pub fn of(finding: Finding) -> Self {
        Outcome { findings: vec![finding], ..Outcome::default() }
    }
}

/// Verifies pieces of some kind. Whatever is wrong with one of them is in its outcome, and never ends anything.
#[async_trait]
pub trait Check: Send + Sync {
    /// Verifies one.
    ///
    /// # Cancel safety
    /// It only reads: dropped, it leaves nothing.
    async fn check(&self, piece: &Piece, files: &Files) -> Outcome;
}
