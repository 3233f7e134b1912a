//! What was copied, counted, and what is said of it: for people as text, for programs as JSON.

use crate::progress::{self, Objects};
use crate::report;
use crate::tally::word_of;
use bytesize::ByteSize;
use sealift::LeftBehind;
use sealift::copy::{Copied, Same};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What became of an object.
pub(super) enum Did {
    Copied(Copied),
    Same(Same),
    /// A file of an archive, of so many bytes of plain data.
    File {
        bytes: u64,
        proof: FileProof,
    },
    /// A file whose content is there: both were read and compared.
    FileSame,
    /// What is there now can be restored to this version, from this snapshot, as far as metadata and manifests tell.
    Restorable {
        version: u64,
        snapshot: u64,
    },
    Removed,
    /// It would have been done; in words.
    Told(String),
}

/// What is known of a file that was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileProof {
    /// It was read to its end with every checksum there is, and sealed.
    Sealed,
    /// What a command has checked, nobody knows.
    ReadByCommand,
    WrittenByCommand,
}

impl FileProof {
    fn told(self) -> (&'static str, &'static str) {
        match self {
            FileProof::Sealed => {
                ("sealed", "read to the end, with every checksum that is kept of it, and confirmed by the target")
            }
            FileProof::ReadByCommand => (
                "read-by-command",
                "read from a command that ended well, and confirmed by the target; what the command checks is not known",
            ),
            FileProof::WrittenByCommand => (
                "written-by-command",
                "read to the end, and taken by a command that ended well; what it has stored is not known",
            ),
        }
    }
}

/// What was done so far. It is counted in the moment in which it is done, so that none is missed when the work is dropped.
#[derive(Debug, Default)]
pub(in crate::commands) struct Tally(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    copied: u64,
    bytes: u64,
    bytes_stored: u64,
    removed: u64,
    /// By the way they went, and in what words that is told.
    ways: BTreeMap<&'static str, u64>,
    sources: BTreeMap<&'static str, (u64, String)>,
    confirmed: BTreeMap<&'static str, (u64, String)>,
    same: BTreeMap<&'static str, (u64, String)>,
    told: Vec<String>,
    restorable: Option<(u64, u64)>,
    left_behind: Vec<LeftBehind>,
}

impl Tally {
    pub(super) fn add(&self, did: Did) {
        let mut counts = self.counts();
        match did {
            Did::Copied(copied) => counts.add(copied),
            Did::Same(how) => counts.same.entry(how.word()).or_insert_with(|| (0, how.to_string())).0 += 1,
            Did::File { bytes, proof } => {
                counts.copied += 1;
                counts.bytes += bytes;
                let (word, said) = proof.told();
                counts.sources.entry(word).or_insert_with(|| (0, said.to_owned())).0 += 1;
            }
            Did::FileSame => counts.same.entry("both-read").or_insert_with(|| (0, Same::BothRead.to_string())).0 += 1,
            Did::Restorable { version, snapshot } => counts.restorable = Some((version, snapshot)),
            Did::Removed => counts.removed += 1,
            Did::Told(told) => counts.told.push(told),
        }
        let there_already = counts.same.values().map(|(count, _)| count).sum();
        progress::objects(Objects { done: "copied", count: counts.copied, there_already });
    }

    pub(in crate::commands) fn copied(&self) -> u64 {
        self.counts().copied
    }

    pub(in crate::commands) fn bytes(&self) -> u64 {
        self.counts().bytes
    }

    pub(super) fn removed(&self) -> u64 {
        self.counts().removed
    }

    pub(super) fn left_behind(&self) -> Vec<LeftBehind> {
        self.counts().left_behind.clone()
    }

    pub(super) fn json(&self, from: &str, to: &str, elapsed: Duration) -> Value {
        let counts = self.counts();
        let by = |words: &BTreeMap<&'static str, (u64, String)>| -> BTreeMap<&'static str, u64> {
            words.iter().map(|(word, (count, _))| (*word, *count)).collect()
        };
        json!({
            "operation": "copy",
            "from": from,
            "to": to,
            "copied": counts.copied,
            "bytes": counts.bytes,
            "bytes_stored": counts.bytes_stored,
            "ways": counts.ways,
            "sources": by(&counts.sources),
            "confirmed": by(&counts.confirmed),
            "same": by(&counts.same),
            "removed": counts.removed,
            "to_version": counts.restorable.map(|(version, _)| version),
            "snapshot_version": counts.restorable.map(|(_, snapshot)| snapshot),
            "would": counts.told,
            "left_behind": counts.left_behind.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "seconds": elapsed.as_secs_f64(),
            "peak_memory_bytes": report::peak_memory(),
        })
    }

    pub(super) fn text(&self, from: &str, to: &str, elapsed: Duration) -> String {
        let counts = self.counts();
        let mut text = String::new();
        for told in &counts.told {
            let _ = writeln!(text, "{told}");
        }
        let _ = writeln!(
            text,
            "copied {} from {from} to {to}: {}, {:.2} s",
            objects(counts.copied),
            ByteSize::b(counts.bytes).display().iec(),
            elapsed.as_secs_f64()
        );
        for (word, count) in &counts.ways {
            let _ = writeln!(text, "  {count} {}", way(word));
        }
        for (count, said) in counts.sources.values().chain(counts.confirmed.values()) {
            let _ = writeln!(text, "  {count}: {said}");
        }
        for (count, said) in counts.same.values() {
            let _ = writeln!(text, "left as it is: {}: {said}", objects(*count));
        }
        if let Some((version, snapshot)) = counts.restorable {
            let _ = writeln!(
                text,
                "chosen for a restore to version {version}, from the state snapshot at version {snapshot}; `sealift verify \
                 --start-version {snapshot}` of it tells whether it proves itself"
            );
        }
        if counts.removed > 0 {
            let _ = writeln!(text, "removed from {to}: {}, which the source has not", objects(counts.removed));
        }
        text
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn add(&mut self, copied: Copied) {
        self.copied += 1;
        self.bytes += copied.bytes;
        self.bytes_stored += copied.bytes_stored;
        *self.ways.entry(copied.way.word()).or_default() += 1;
        let source = || (0, copied.source.to_string());
        self.sources.entry(copied.source.word()).or_insert_with(source).0 += 1;
        let confirmed = || (0, format!("the target is {}", copied.confirmed));
        self.confirmed.entry(word_of(&copied.confirmed)).or_insert_with(confirmed).0 += 1;
        self.left_behind.extend(copied.left_behind);
    }
}

fn objects(count: u64) -> String {
    match count {
        1 => "1 object".to_owned(),
        count => format!("{count} objects"),
    }
}

fn way(word: &str) -> &'static str {
    match word {
        "through-here" => "were read here, and stored as they were",
        "recompressed" => "were read here, and compressed anew",
        _ => "were copied within the service",
    }
}
