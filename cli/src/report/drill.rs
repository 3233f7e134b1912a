//! What drills have shown. As JSON also of those that failed: it is what metrics are made of.

use super::{Place, pasted, peak_memory, size};
use crate::failure::Failure;
use sealift::verify::Verdict;
use sealift::{ObjectInfo, Verified};
use sealift_aptos::Subset;
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;

/// Objects that were chosen among others, and what became of each.
#[derive(Debug)]
pub(crate) struct Drilled {
    location: String,
    seed: u64,
    /// Of how many they were chosen.
    among: u64,
    tried: Vec<Tried>,
}

/// An object whose restore was tried.
#[derive(Debug)]
pub(crate) struct Tried {
    name: String,
    bytes_stored: u64,
    elapsed: Duration,
    ended: Ended,
}

#[derive(Debug)]
enum Ended {
    Restored { bytes: u64, verified: Verified },
    Failed(Failed),
}

/// Why, and with which exit code.
#[derive(Debug)]
struct Failed {
    error: String,
    code: u8,
}

impl Failed {
    fn of(failure: &Failure) -> Self {
        Failed { error: failure.to_string(), code: failure.code() }
    }

    fn word(&self) -> &'static str {
        match self.code {
            7 => "damaged",
            _ => "failed",
        }
    }
}

impl Drilled {
    pub(crate) fn new(location: String, seed: u64, among: u64) -> Self {
        Drilled { location, seed, among, tried: Vec::new() }
    }

    pub(crate) fn add(&mut self, tried: Tried) {
        self.tried.push(tried);
    }

    fn word(&self) -> &'static str {
        let failed = self.tried.iter().find_map(|tried| match &tried.ended {
            Ended::Restored { .. } => None,
            Ended::Failed(failed) => Some(failed.word()),
        });
        failed.unwrap_or(RESTORED)
    }
}

impl Tried {
    /// What was chosen by its size in the listing; why it failed, where nothing else is said.
    pub(crate) fn new(name: String, bytes_stored: u64, elapsed: Duration) -> Self {
        Tried { name, bytes_stored, elapsed, ended: Ended::Failed(Failed { error: String::new(), code: 1 }) }
    }

    pub(crate) fn restored(self, info: &ObjectInfo, bytes: u64, verified: Verified) -> Self {
        Tried { bytes_stored: info.size, ended: Ended::Restored { bytes, verified }, ..self }
    }

    pub(crate) fn failed(self, failure: &Failure) -> Self {
        Tried { ended: Ended::Failed(Failed::of(failure)), ..self }
    }
}

const RESTORED: &str = "restored";

/// One line an object.
pub(crate) fn drilled(drilled: &Drilled) -> String {
    let Drilled { location, seed, among, tried } = drilled;
    let mut text = String::new();
    for tried in tried {
        let (name, stored, took) = (pasted(&tried.name), size(tried.bytes_stored), tried.elapsed);
        let _ = match &tried.ended {
            Ended::Restored { bytes, verified } => writeln!(
                text,
                "restored {name}: {stored} stored, {} out, {:.2} s, {}/s, {verified}; what was restored is removed",
                size(*bytes),
                took.as_secs_f64(),
                size(rate(*bytes, took)),
            ),
            Ended::Failed(failed) => writeln!(text, "not restored ({}): {name}: {stored} stored", failed.word()),
        };
    }
    let objects = if *among == 1 { "1 object".to_owned() } else { format!("{among} objects") };
    let _ = writeln!(text, "chosen among {objects} below {location}, by --seed {seed}");
    text
}

/// The same as JSON.
pub(crate) fn drilled_json(drilled: &Drilled) -> Value {
    let tried = drilled.tried.iter().map(|tried| {
        let mut value = json!({
            "name": tried.name,
            "bytes_stored": tried.bytes_stored,
            "seconds": tried.elapsed.as_secs_f64(),
            "bytes_restored": null,
            "verified": null,
            "verdict": RESTORED,
            "error": null,
            "exit_code": 0,
        });
        match &tried.ended {
            Ended::Restored { bytes, verified } => {
                value["bytes_restored"] = (*bytes).into();
                value["verified"] = super::verified_json(*verified);
            }
            Ended::Failed(failed) => told(&mut value, failed),
        }
        value
    });
    json!({
        "operation": "drill",
        "location": drilled.location,
        "seed": drilled.seed,
        "among": drilled.among,
        "verdict": drilled.word(),
        "objects": tried.collect::<Vec<_>>(),
        "peak_memory_bytes": peak_memory(),
    })
}

fn told(value: &mut Value, failed: &Failed) {
    value["verdict"] = failed.word().into();
    value["error"] = failed.error.as_str().into();
    value["exit_code"] = failed.code.into();
}

fn rate(bytes: u64, elapsed: Duration) -> u64 {
    (bytes as f64 / elapsed.as_secs_f64().max(0.001)) as u64
}

/// A version of an archive that was restored.
#[derive(Debug)]
pub(crate) struct ArchiveDrilled {
    location: String,
    seed: u64,
    version: u64,
    snapshot: u64,
    files: usize,
    /// Where the storage tells.
    bytes_stored: Option<u64>,
    bytes: u64,
    copying: Duration,
    pub(crate) verifying: Option<Duration>,
    pub(crate) verdict: Option<Verdict>,
    failed: Option<Failed>,
}

impl ArchiveDrilled {
    pub(crate) fn new(place: &Place, seed: u64, subset: &Subset, files: usize, bytes_stored: Option<u64>) -> Self {
        ArchiveDrilled {
            location: place.name.clone(),
            seed,
            version: subset.version,
            snapshot: subset.snapshot.version,
            files,
            bytes_stored,
            bytes: 0,
            copying: Duration::ZERO,
            verifying: None,
            verdict: None,
            failed: None,
        }
    }

    /// So much of it came, in this time.
    pub(crate) fn copied(&mut self, bytes: u64, elapsed: Duration) {
        (self.bytes, self.copying) = (bytes, elapsed);
    }

    pub(crate) fn fail(&mut self, failure: &Failure) {
        self.failed = Some(Failed::of(failure));
    }
}

/// What was restored, how it was verified, and what was not done.
pub(crate) fn archive_drilled(drilled: &ArchiveDrilled) -> String {
    let ArchiveDrilled { location, seed, version, snapshot, files, bytes, copying, .. } = drilled;
    let mut text = String::new();
    let stored = drilled.bytes_stored.map(|bytes| format!("{} stored, ", size(bytes))).unwrap_or_default();
    let word = drilled.failed.as_ref().map(Failed::word);
    let said = word.map_or("copied all for".to_owned(), |word| format!("not restored ({word}):"));
    let _ = writeln!(
        text,
        "{said} version {version} of {location}, from the state snapshot at {snapshot}: {files} files, {stored}{} out, {:.2} s, \
         {}/s",
        size(*bytes),
        copying.as_secs_f64(),
        size(rate(*bytes, *copying)),
    );
    if let (Some(verdict), Some(verifying)) = (&drilled.verdict, drilled.verifying) {
        let found = match verdict.findings.len() {
            0 => "nothing wrong was found".to_owned(),
            count => format!("{count} findings"),
        };
        let seconds = verifying.as_secs_f64();
        let _ = writeln!(text, "verified the copy to the depth {}: {found}, {seconds:.2} s", verdict.depth);
        for trust in &verdict.trusts {
            let _ = writeln!(text, "note: taken for granted: {trust}");
        }
        for note in &verdict.notes {
            let _ = writeln!(text, "note: {note}");
        }
    }
    let removed = if drilled.failed.is_none() { "the copy is removed, and " } else { "" };
    let _ = writeln!(text, "chosen by --seed {seed}; {removed}the node's own restore was not run");
    text
}

/// The same as JSON.
pub(crate) fn archive_drilled_json(drilled: &ArchiveDrilled) -> Value {
    let verdict = drilled.verdict.as_ref();
    let mut value = json!({
        "operation": "drill",
        "location": drilled.location,
        "seed": drilled.seed,
        "to_version": drilled.version,
        "snapshot_version": drilled.snapshot,
        "files": drilled.files,
        "bytes_stored": drilled.bytes_stored,
        "bytes_restored": drilled.bytes,
        "seconds_copying": drilled.copying.as_secs_f64(),
        "seconds_verifying": drilled.verifying.map(|time| time.as_secs_f64()),
        "seconds": (drilled.copying + drilled.verifying.unwrap_or_default()).as_secs_f64(),
        "depth": verdict.map(|verdict| verdict.depth),
        "pieces": verdict.map(|verdict| &verdict.pieces),
        "trusts": verdict.map(|verdict| &verdict.trusts),
        "notes": verdict.map(|verdict| &verdict.notes),
        "findings": verdict.map(|verdict| &verdict.findings),
        "node_restore": "not run",
        "verdict": RESTORED,
        "error": null,
        "exit_code": 0,
        "peak_memory_bytes": peak_memory(),
    });
    if let Some(failed) = &drilled.failed {
        told(&mut value, failed);
    }
    value
}
