//! An archive that is being changed.

use super::scene::{Contents, Scene};
use super::store::{Object, Objects};
use rand::RngExt;
use rand::rngs::StdRng;
use sealift_aptos::manifest::Manifest;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The kinds of backups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backup {
    Epochs,
    State,
    Transactions,
}

pub(crate) const BACKUPS: [Backup; 3] = [Backup::Epochs, Backup::State, Backup::Transactions];

impl Backup {
    pub(crate) fn manifest(self) -> &'static str {
        match self {
            Backup::Epochs => "epoch_ending.manifest",
            Backup::State => "state.manifest",
            Backup::Transactions => "transaction.manifest",
        }
    }

    /// What a metadata line of it is called.
    pub(crate) fn line(self) -> &'static str {
        match self {
            Backup::Epochs => "EpochEndingBackup",
            Backup::State => "StateSnapshotBackup",
            Backup::Transactions => "TransactionBackup",
        }
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Backup::Epochs => "epoch endings",
            Backup::State => "state",
            Backup::Transactions => "transactions",
        }
    }
}

/// The sorts of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Metadata,
    Manifest,
    Chunk,
    Proof,
}

pub(crate) const SORTS: [Sort; 4] = [Sort::Metadata, Sort::Manifest, Sort::Chunk, Sort::Proof];

impl Sort {
    pub(crate) fn has(self, name: &str) -> bool {
        match self {
            // Those of an archive's own are nobody's.
            Sort::Metadata => {
                name.starts_with("metadata/") && !name.contains("identity") && !name.contains("timestamps")
            }
            Sort::Manifest => name.ends_with(".manifest"),
            Sort::Chunk => name.ends_with(".chunk"),
            Sort::Proof => name.ends_with(".proof"),
        }
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Sort::Metadata => "metadata file",
            Sort::Manifest => "manifest",
            Sort::Chunk => "chunk",
            Sort::Proof => "proof",
        }
    }
}

enum Change {
    Gone,
    /// It was written again, with this in it.
    Written(Vec<u8>),
    /// What is stored has changed, and the service knows nothing of it.
    Rotten(Vec<u8>),
    /// Another object was put in its place.
    Is(Object, Vec<u8>),
}

pub(crate) struct Draft<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) random: StdRng,
    changes: BTreeMap<String, Change>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(scene: &'a Scene, random: StdRng) -> Self {
        Draft { scene, random, changes: BTreeMap::new() }
    }

    /// One of these; `None` of none.
    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        (!of.is_empty()).then(|| of[self.random.random_range(0..of.len())].clone())
    }

    /// A number below `end`; `None` when there is none.
    pub(crate) fn below(&mut self, end: usize) -> Option<usize> {
        (end > 0).then(|| self.random.random_range(0..end))
    }

    /// Two numbers below `end`, the first the smaller one.
    pub(crate) fn two_below(&mut self, end: usize) -> Option<(usize, usize)> {
        let second = self.below(end.checked_sub(1)?)? + 1;
        Some((self.below(second)?, second))
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let gone = |name: &String| matches!(self.changes.get(name), Some(Change::Gone));
        let all: BTreeSet<&String> = self.scene.contents.keys().chain(self.changes.keys()).collect();
        all.into_iter().filter(|name| !gone(name)).cloned().collect()
    }

    pub(crate) fn files(&self, sort: Sort) -> Vec<String> {
        self.names().into_iter().filter(|name| sort.has(name)).collect()
    }

    /// The manifests of a kind, in the order of their data.
    pub(crate) fn manifests(&self, backup: Backup) -> Vec<String> {
        let mut all: Vec<String> =
            self.names().into_iter().filter(|name| name.ends_with(&format!("/{}", backup.manifest()))).collect();
        all.sort_by_key(|name| first_number(name));
        all
    }

    pub(crate) fn any_manifest(&mut self, backup: Backup) -> Option<String> {
        let all = self.manifests(backup);
        self.pick(&all)
    }

    /// What is in a file, as far as it was not damaged in its place.
    pub(crate) fn content(&self, name: &str) -> Vec<u8> {
        match self.changes.get(name) {
            None | Some(Change::Rotten(_)) => self.scene.contents[name].clone(),
            Some(Change::Written(content) | Change::Is(_, content)) => content.clone(),
            Some(Change::Gone) => Vec::new(),
        }
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.content(name)).expect("JSON")
    }

    pub(crate) fn typed<M: Manifest>(&self, name: &str) -> M {
        M::parse(&self.content(name), &name.parse().expect("a handle")).expect("a manifest")
    }

    pub(crate) fn write(&mut self, name: &str, content: Vec<u8>) {
        self.changes.insert(name.to_owned(), Change::Written(content));
    }

    pub(crate) fn write_json(&mut self, name: &str, value: &Value) {
        self.write(name, serde_json::to_vec(value).expect("JSON"));
    }

    pub(crate) fn write_typed<M: Manifest>(&mut self, name: &str, manifest: &M) {
        self.write(name, serde_json::to_vec(manifest).expect("JSON"));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.changes.insert(name.to_owned(), Change::Gone);
    }

    pub(crate) fn rot(&mut self, name: &str, stored: Vec<u8>) {
        self.changes.insert(name.to_owned(), Change::Rotten(stored));
    }

    /// Puts the object that is `from` in the clean archive in the place of another.
    pub(crate) fn put(&mut self, from: &str, to: &str) {
        let is = Change::Is(self.scene.objects[from].clone(), self.scene.contents[from].clone());
        self.changes.insert(to.to_owned(), is);
    }

    pub(crate) fn exchange(&mut self, one: &str, other: &str) {
        self.put(one, other);
        self.put(other, one);
    }

    /// Puts all files of the group that `manifest` is in, as another chain has them, in the place of those here.
    pub(crate) fn take_group_from(&mut self, others: &Contents, manifest: &str) {
        let group = group(manifest);
        let here: Vec<String> = self.names().into_iter().filter(|name| name.starts_with(&group)).collect();
        here.iter().for_each(|name| self.remove(name));
        for (name, content) in others.iter().filter(|(name, _)| name.starts_with(&group)) {
            self.write(name, content.clone());
        }
    }

    /// The objects, and whether they say the same as the clean ones all the same; `None` when nothing has changed.
    pub(crate) async fn objects(&self) -> Option<(Objects, Meaning)> {
        let (scene, mut objects) = (self.scene, self.scene.objects.clone());
        let mut meaning = Meaning::Same;
        for (name, change) in &self.changes {
            let object = match change {
                Change::Gone => None,
                Change::Written(content) if scene.contents.get(name) == Some(content) => continue,
                Change::Written(content) => Some(scene.storage.written(name, content).await),
                Change::Rotten(stored) => Some(Object { stored: stored.clone().into(), ..scene.objects[name].clone() }),
                Change::Is(object, _) => Some(object.clone()),
            };
            let now = match &object {
                Some(object) => scene.storage.read(object).await,
                None => None,
            };
            if !now.zip(scene.contents.get(name)).is_some_and(|(now, before)| says_the_same(name, &now, before)) {
                meaning = Meaning::Another;
            }
            match object {
                Some(object) => objects.insert(name.clone(), object),
                None => objects.remove(name),
            };
        }
        (objects != scene.objects).then_some((objects, meaning))
    }
}

/// What an archive that was changed says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The same as before, in other bytes.
    Same,
    Another,
}

fn says_the_same(name: &str, now: &[u8], before: &[u8]) -> bool {
    let values = |text: &[u8]| -> Option<Vec<Value>> {
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).ok()).collect()
    };
    let is_json = Sort::Metadata.has(name) || Sort::Manifest.has(name);
    now == before || is_json && values(now).is_some_and(|now| Some(now) == values(before))
}

/// The folder of a file, with its slash.
pub(crate) fn group(name: &str) -> String {
    name.split_once('/').map_or(String::new(), |(group, _)| format!("{group}/"))
}

/// The first number in a name.
pub(crate) fn first_number(name: &str) -> u64 {
    let digits = name.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().unwrap_or_default()
}
