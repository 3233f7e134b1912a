//! What a compaction is to write, stamp and move: decided from what was read, and from the time. Nothing here reads or
//! writes anything.

use super::runs::Run;
use super::stamps::{self, Stamps};
use crate::known::Known;
use crate::metadata::Metadata;
use sealift::{Error, ErrorKind, FileHandle, Result};
use std::collections::{BTreeMap, BTreeSet};

/// What a compaction is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// How many metadata files there are.
    pub metadata_files: usize,
    /// The compacted files that are to be written.
    pub write: Vec<Compacted>,
    /// The compacted files that are there already.
    pub standing: Vec<FileHandle>,
    /// The files that are not needed any more, and were needed or not seen before: their time begins now.
    pub stamp: Vec<FileHandle>,
    /// How many files are not needed, and wait until their time has come.
    pub waiting: usize,
    /// When the first of those may be moved, in seconds since 1970.
    pub next_move_after: Option<u64>,
    /// The files that are to be moved to `metadata_backup/`.
    pub moves: Vec<FileHandle>,
    /// The files that are never moved, or not now.
    pub kept: Vec<Kept>,
    /// What the timestamps file is to hold; `None` where the newest that is there holds the same.
    pub(super) timestamps: Option<Timestamps>,
}

/// A file with the lines of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compacted {
    /// Its name, and what else it may be called where somebody else has written that name meanwhile.
    pub(super) names: Vec<FileHandle>,
    pub(super) lines: Vec<Metadata>,
}

/// The timestamps that are to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Timestamps {
    /// When they are written. Later than all others that there are, of which the latest counts.
    pub(super) at: u64,
    pub(super) times: BTreeMap<FileHandle, u64>,
}

/// A file that stays, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kept {
    /// The file.
    pub file: FileHandle,
    /// Why.
    pub why: Why,
}

/// Why a file stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// It says who the archive is. Without it, the next tool says something else.
    Identity,
    /// It holds nothing: whoever has made it may still be writing.
    Empty,
    /// `metadata_backup/` has a file of this name that holds something else, which would be lost.
    AnotherIsAside,
    /// It has a line that no compacted file has.
    NotCompacted,
}

/// What lies in `metadata_backup/` under a file's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Aside {
    Lines(Vec<Metadata>),
    NotUnderstood,
}

impl Compacted {
    /// What it is called.
    pub fn file(&self) -> &FileHandle {
        &self.names[0]
    }

    /// How many lines it has.
    pub fn lines(&self) -> usize {
        self.lines.len()
    }
}

impl Plan {
    /// For an archive that is `known`, whose lines are to be in these `runs`. `aside` is what lies in `metadata_backup/`
    /// under the names of its files and of the runs. Files that are not needed are moved `after` so many seconds.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] when all names of a run are taken by files with other lines.
    pub(super) fn of(
        known: &Known,
        runs: Vec<Run>,
        aside: &BTreeMap<FileHandle, Aside>,
        now: u64,
        after: u64,
    ) -> Result<Plan> {
        let files = known.files();
        let (write, standing) = place(files, runs, aside)?;
        let stamps = Stamps::of(known);
        let newest = stamps.newest.as_ref().map(|(file, _)| file);
        let compacted: BTreeSet<&FileHandle> = standing.iter().collect();
        let mut covered = Covered::default();
        for line in write.iter().flat_map(|file| &file.lines).chain(standing.iter().flat_map(|file| &files[file])) {
            covered.add(line)?;
        }
        let mut plan = Plan {
            metadata_files: files.len(),
            write: Vec::new(),
            standing: Vec::new(),
            stamp: Vec::new(),
            waiting: 0,
            next_move_after: None,
            moves: Vec::new(),
            kept: Vec::new(),
            timestamps: None,
        };
        let (mut times, mut were) = (BTreeMap::new(), BTreeMap::new());
        for (file, lines) in files.iter().filter(|(file, _)| !compacted.contains(file)) {
            // The newest timestamps are needed until there are newer ones, which is known in the end.
            if newest == Some(file) {
                continue;
            }
            if let Some(why) = stays(lines, &covered)? {
                plan.kept.push(Kept { file: file.clone(), why });
                continue;
            }
            let was = stamps.time_of(file);
            were.extend(was.map(|was| (file.clone(), was)));
            // A time to come is of a clock that was wrong.
            let time = was.filter(|&was| was <= now);
            times.insert(file.clone(), time.unwrap_or(now));
            match time {
                None => plan.stamp.push(file.clone()),
                Some(time) if now > time.saturating_add(after) => match aside.get(file) {
                    Some(Aside::Lines(aside)) if aside == lines => plan.moves.push(file.clone()),
                    None => plan.moves.push(file.clone()),
                    Some(_) => plan.kept.push(Kept { file: file.clone(), why: Why::AnotherIsAside }),
                },
                Some(time) => {
                    plan.waiting += 1;
                    let earliest = plan.next_move_after.get_or_insert(u64::MAX);
                    *earliest = time.saturating_add(after).min(*earliest);
                }
            }
        }
        // Without news there is nothing to write, or every run would leave a file.
        if times != were || !write.is_empty() {
            let mut at = now;
            if let Some((file, newest_at)) = &stamps.newest {
                at = at.max(newest_at.saturating_add(1));
                if let Some(why) = stays(&files[file], &covered)? {
                    plan.kept.push(Kept { file: file.clone(), why });
                } else {
                    plan.stamp.push(file.clone());
                    times.insert(file.clone(), now);
                }
            }
            plan.timestamps = Some(Timestamps { at, times });
        }
        plan.write = write;
        plan.standing = standing;
        Ok(plan)
    }

    /// The timestamps file that is to be written.
    pub fn timestamps_file(&self) -> Option<FileHandle> {
        let Timestamps { at, times } = self.timestamps.as_ref()?;
        file_of(&stamps::line(*at, times)).ok()
    }

    /// Whether there is nothing to do.
    pub fn is_nothing(&self) -> bool {
        self.write.is_empty() && self.timestamps.is_none() && self.moves.is_empty()
    }
}

/// The file that holds a line alone.
pub(super) fn file_of(line: &Metadata) -> Result<FileHandle> {
    format!("metadata/{}", line.file_name()?).parse()
}

/// Where each run stands: in a file that is there, or in one that is to be written under a name that nothing else has.
fn place(
    files: &BTreeMap<FileHandle, Vec<Metadata>>,
    runs: Vec<Run>,
    aside: &BTreeMap<FileHandle, Aside>,
) -> Result<(Vec<Compacted>, Vec<FileHandle>)> {
    let (mut write, mut standing, mut taken) = (Vec::new(), Vec::new(), BTreeSet::new());
    for Run { names, lines } in runs {
        if let Some(name) = names.iter().find(|name| files.get(*name) == Some(&lines)) {
            standing.push(name.clone());
            continue;
        }
        // What was moved away under the name may be remembered by those who have read it.
        let was_another = |name: &FileHandle| match aside.get(name) {
            None => false,
            Some(Aside::Lines(aside)) => *aside != lines,
            Some(Aside::NotUnderstood) => true,
        };
        let is_free = |name: &FileHandle| !files.contains_key(name) && !taken.contains(name) && !was_another(name);
        let usual = names.first().map(FileHandle::to_string).unwrap_or_default();
        let names: Vec<FileHandle> = names.into_iter().filter(is_free).collect();
        match names.first() {
            Some(name) => {
                taken.insert(name.clone());
                write.push(Compacted { names, lines });
            }
            None => {
                let reason = "files with other lines have all names that this one can have";
                return Err(Error::new(ErrorKind::AlreadyExists, "write", usual, reason)
                    .with_hint("look what they hold; one in metadata_backup/ can be given another name"));
            }
        }
    }
    Ok((write, standing))
}

/// Why a file with these lines is never moved.
fn stays(lines: &[Metadata], covered: &Covered) -> Result<Option<Why>> {
    if lines.is_empty() {
        return Ok(Some(Why::Empty));
    }
    if lines.iter().any(|line| matches!(line, Metadata::Identity { .. })) {
        return Ok(Some(Why::Identity));
    }
    Ok(match covered.has_all(lines)? {
        true => None,
        false => Some(Why::NotCompacted),
    })
}

/// Lines that are in compacted files.
#[derive(Debug, Default)]
pub(super) struct Covered(BTreeSet<String>);

impl Covered {
    pub(super) fn add(&mut self, line: &Metadata) -> Result<()> {
        self.0.insert(super::text_of(line)?);
        Ok(())
    }

    /// Whether all of these are, which make backups known.
    pub(super) fn has_all(&self, lines: &[Metadata]) -> Result<bool> {
        for line in lines.iter().filter(|line| line.manifest().is_some()) {
            if !self.0.contains(&super::text_of(line)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
