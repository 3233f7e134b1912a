//! What a storage must hold, after everything that was done with it. Mostly that is one thing; a shutdown that was
//! given up leaves more than one possibility.

use crate::backend::Traits;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;

/// A file as it is found, or its absence.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    There(Vec<u8>),
    Gone,
}

impl Outcome {
    pub(super) fn is_there(&self) -> bool {
        matches!(self, Outcome::There(_))
    }
}

impl From<io::Result<Vec<u8>>> for Outcome {
    fn from(read: io::Result<Vec<u8>>) -> Self {
        read.map_or(Outcome::Gone, Outcome::There)
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::There(content) => {
                write!(f, "{} bytes that begin with {:02x?}", content.len(), &content[..content.len().min(8)])
            }
            Outcome::Gone => f.write_str("not there"),
        }
    }
}

#[derive(Debug)]
pub(super) struct File {
    /// What it may be in the end.
    stands: BTreeSet<Outcome>,
    /// What something given up earlier may still make of it, until the storage is closed.
    later: BTreeSet<Outcome>,
    /// What may be seen for a moment, before it is taken back.
    glimpses: BTreeSet<Outcome>,
}

impl Default for File {
    fn default() -> Self {
        File { stands: BTreeSet::from([Outcome::Gone]), later: BTreeSet::new(), glimpses: BTreeSet::new() }
    }
}

impl File {
    fn may_become(&mut self, outcome: Outcome) {
        self.stands.insert(outcome.clone());
        self.later.insert(outcome);
    }

    fn is(&mut self, outcome: Outcome) {
        self.stands = self.later.clone();
        self.stands.insert(outcome);
    }
}

pub(super) struct Expected {
    traits: Traits,
    files: BTreeMap<String, File>,
}

impl Expected {
    pub(super) fn new(traits: Traits) -> Self {
        Expected { traits, files: BTreeMap::new() }
    }

    fn file(&mut self, file: &str) -> &mut File {
        self.files.entry(file.to_owned()).or_default()
    }

    /// A shutdown has returned `Ok`.
    pub(super) fn shut_down(&mut self, file: &str, content: Vec<u8>) {
        self.file(file).is(Outcome::There(content));
    }

    /// A writer was dropped before its shutdown: nothing has changed.
    pub(super) fn given_up(&mut self, file: &str) {
        let replaces_at_once = self.traits.replaces_at_once;
        let file = self.file(file);
        if !replaces_at_once {
            file.may_become(Outcome::Gone);
        }
    }

    /// A writer was dropped during its shutdown: nothing has changed, or what it had put there was taken back, which
    /// does not bring back what was there before.
    pub(super) fn shutdown_given_up(&mut self, file: &str, content: Vec<u8>) {
        let takes_back = self.traits.takes_back;
        let file = self.file(file);
        file.may_become(Outcome::Gone);
        file.glimpses.insert(Outcome::There(content.clone()));
        if !takes_back {
            file.may_become(Outcome::There(content));
        }
    }

    /// Metadata was saved; the file of that name may be kept.
    pub(super) fn metadata_saved(&mut self, name: &str, content: Vec<u8>) {
        let keeps = self.traits.keeps_metadata;
        let file = self.file(&format!("metadata/{name}"));
        if !keeps || !file.stands.iter().any(Outcome::is_there) {
            file.is(Outcome::There(content));
        }
    }

    /// Metadata was moved; whether there was any.
    pub(super) fn metadata_backed_up(&mut self, name: &str) -> bool {
        let moved = std::mem::take(self.file(&format!("metadata/{name}")));
        match moved.stands.iter().any(Outcome::is_there) {
            true => {
                self.files.insert(format!("metadata_backup/{name}"), moved);
                true
            }
            false => false,
        }
    }

    /// The metadata files.
    pub(super) fn metadata(&self) -> Vec<&str> {
        let listed = self
            .files
            .iter()
            .filter(|(name, file)| name.starts_with("metadata/") && file.stands.iter().any(Outcome::is_there));
        listed.map(|(name, _)| name.as_str()).collect()
    }

    /// Everything that was ever written to.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    pub(super) fn knows(&self, file: &str) -> bool {
        self.files.contains_key(file)
    }

    /// Whether it may be found like that when all has ended.
    pub(super) fn may_stand(&self, file: &str, found: &Outcome) -> bool {
        match self.files.get(file) {
            Some(file) => file.stands.contains(found),
            None => !found.is_there(),
        }
    }

    /// Whether it may be found like that meanwhile.
    pub(super) fn may_be_seen(&self, file: &str, found: &Outcome) -> bool {
        self.may_stand(file, found) || self.files.get(file).is_some_and(|file| file.glimpses.contains(found))
    }

    /// What is known of a file, for a message.
    pub(super) fn of(&self, file: &str) -> Option<&File> {
        self.files.get(file)
    }
}
