//! The metadata lines of an archive, as far as they can be read. What cannot be is a finding, and the rest goes on.

use crate::known::Known;
use crate::metadata::Metadata;
use futures::{StreamExt, stream};
use sealift::verify::{Files, Finding};
use sealift::{ErrorKind, FileHandle, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How often the list is asked for again when a file of it has gone: a compactor is at work.
const LISTS: u32 = 5;
/// The longest metadata file, in bytes: a compacted one has some hundred bytes for each backup.
const MAX: u64 = 64 << 20;

/// What the metadata files hold.
#[derive(Debug, Default)]
pub(super) struct LinesRead {
    pub(super) files: BTreeMap<FileHandle, Vec<Metadata>>,
    pub(super) findings: Vec<Finding>,
    pub(super) notes: Vec<String>,
}

impl LinesRead {
    /// What an archive of these lines has.
    pub(super) fn known(&self) -> Known {
        Known::of(self.files.clone())
    }
}

/// What one metadata file holds.
enum Read {
    Lines(Vec<Metadata>, Vec<Finding>),
    Gone,
}

/// Reads all metadata files, `at_once` at a time.
///
/// # Errors
/// The storage's, of the list itself.
pub(super) async fn read(files: &Files, at_once: usize) -> Result<LinesRead> {
    let mut read = LinesRead::default();
    let mut findings: BTreeMap<FileHandle, Vec<Finding>> = BTreeMap::new();
    for attempt in 1..=LISTS {
        let listed = list(files).await?;
        read.files.retain(|file, _| listed.contains(file));
        findings.retain(|file, _| listed.contains(file));
        let missing = listed.iter().filter(|file| !read.files.contains_key(*file)).cloned();
        let missing: Vec<FileHandle> = missing.collect();
        let reads = stream::iter(missing).map(async |file| {
            let content = read_one(files, &file).await;
            (file, content)
        });
        let mut gone = false;
        for (file, content) in reads.buffer_unordered(at_once.max(1)).collect::<Vec<_>>().await {
            match content {
                Read::Lines(lines, wrong) => {
                    read.files.insert(file.clone(), lines);
                    findings.insert(file, wrong);
                }
                // The list may be behind; in the end it is taken by its word.
                Read::Gone if attempt < LISTS => gone = true,
                Read::Gone => {
                    findings.insert(
                        file.clone(),
                        vec![Finding::wrong(file.as_ref(), "missing", "it is listed, and not there")],
                    );
                }
            }
        }
        if !gone {
            break;
        }
    }
    for (file, lines) in &read.files {
        if lines.is_empty() && findings.get(file).is_none_or(Vec::is_empty) {
            read.notes
                .push(format!("{file} is empty, and makes nothing known: a tool that was killed may have left it"));
        }
    }
    read.findings = findings.into_values().flatten().collect();
    Ok(read)
}

async fn list(files: &Files) -> Result<BTreeSet<FileHandle>> {
    match files.archive() {
        Some(archive) => Ok(archive.list_metadata_files().await?.into_iter().collect()),
        None => Ok(BTreeSet::new()),
    }
}

async fn read_one(files: &Files, file: &FileHandle) -> Read {
    let name = file.as_ref();
    let text = match files.read(name, MAX).await {
        Ok((content, _)) => String::from_utf8(content),
        Err(error) if error.kind() == ErrorKind::NotFound => return Read::Gone,
        Err(error) => return Read::Lines(Vec::new(), vec![Finding::of_error(name, &error)]),
    };
    let Ok(text) = text else {
        return Read::Lines(Vec::new(), vec![Finding::wrong(name, "line", "it is not UTF-8")]);
    };
    let (mut lines, mut findings) = (Vec::new(), Vec::new());
    for (at, line) in text.lines().enumerate() {
        match Metadata::parse_lines(line, file) {
            Ok(parsed) if has_its_form(&parsed, line) => lines.extend(parsed),
            Ok(parsed) => {
                let found = "it says more, or says it otherwise, than what is read of it";
                findings.push(Finding::wrong(name, "line-form", found).in_record(at as u64));
                lines.extend(parsed);
            }
            Err(error) => findings.push(Finding::wrong(name, "line", error.reason().to_string()).in_record(at as u64)),
        }
        if line.is_empty() {
            findings.push(
                Finding::wrong(name, "line", "it is empty, at which the tools that restore stop").in_record(at as u64),
            );
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        findings.push(Finding::wrong(name, "line-form", "its last line has no end: it may have been cut off"));
    }
    Read::Lines(lines, findings)
}

/// Whether a line is what a tool would write for what was read of it.
fn has_its_form(parsed: &[Metadata], line: &str) -> bool {
    let written = parsed.first().and_then(|metadata| serde_json::to_value(metadata).ok());
    written == serde_json::from_str::<Value>(line).ok()
}
