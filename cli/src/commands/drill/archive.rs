//! Of an archive: what a restore to one version needs is copied, and the copy is verified. The node's own restore is not run.

use super::super::changing;
use super::super::copy::{Files, How, Side, Tally, in_group};
use super::super::covers::commands_of;
use super::super::failures::AfterFailure;
use super::super::stoppable;
use super::super::verify::{memory_for_files, unrecorded, whether_found};
use super::choose::{Seed, number};
use super::{removed, scratch};
use crate::args::{ChainArgs, DepthArg, Drill, Summary, ToVersion, WhatArgs, WorkArgs};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::report::{self, ArchiveDrilled, Place};
use crate::storages::Opened;
use futures::{StreamExt, TryStreamExt};
use sealift::verify::Verdict;
use sealift::{Archive, Budget, Error, ErrorKind, FileHandle};
use sealift_aptos::{Known, Subset};
use sealift_command::CommandStorage;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

pub(super) async fn run(args: &Drill, into: PathBuf, seed: Seed, interrupt: &Interrupt) -> Result<(), Failure> {
    let budget = memory_for_files(&args.storage)?;
    let opened = stoppable(interrupt, Opened::below_with(&args.storage, &args.name, budget.clone())).await?;
    opened.check_folder().await?;
    let place = Place::url(opened.location_within());
    let from = Side::Bucket(opened.into_archive()?);
    drill(args, Source { from, place, budget }, into, seed, interrupt).await
}

pub(super) async fn by_command(
    args: &Drill,
    storage: &CommandStorage,
    into: PathBuf,
    seed: Seed,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let budget = memory_for_files(&args.storage)?;
    let (from, place) = (Side::Commands(storage.clone()), commands_of(&args.storage));
    drill(args, Source { from, place, budget }, into, seed, interrupt).await
}

/// Where the archive is, and the memory for its files.
struct Source {
    from: Side,
    place: Place,
    budget: Budget,
}

async fn drill(args: &Drill, source: Source, into: PathBuf, seed: Seed, interrupt: &Interrupt) -> Result<(), Failure> {
    let Source { from, place, budget } = source;
    let (subset, files) = stoppable(interrupt, choose(args, &from, &place, seed)).await?;
    let needed = stoppable(interrupt, stored(&from, &files)).await?;
    let what = format!("version {} of {}", subset.version, place.name);
    let mut drilled = ArchiveDrilled::new(&place, seed.0, &subset, files.len(), needed);
    let trying = async {
        let scratch = scratch(&into, &what, needed, interrupt).await?;
        let restoring = Restoring { args, from, budget, into: scratch.path(), interrupt };
        let done = restoring.restore(&subset, &files, &mut drilled).await;
        removed(scratch, done).await
    };
    let done = trying.await.and_then(|verdict| {
        drilled.verdict = Some(verdict);
        drilled.verdict.as_ref().map_or(Ok(()), whether_found)
    });
    if interrupt.received().is_some() && done.is_err() {
        return done;
    }
    if let Err(failure) = &done {
        drilled.fail(failure);
    }
    match args.storage.summary() {
        Summary::Json => report::line(report::archive_drilled_json(&drilled)),
        Summary::Text => report::text(&report::archive_drilled(&drilled)),
        Summary::None => {}
    }
    done
}

/// What a restore to the version needs, which is chosen here where it is not said.
async fn choose(args: &Drill, from: &Side, place: &Place, seed: Seed) -> Result<(Subset, Vec<FileHandle>), Failure> {
    let known = Known::read(from.storage(), args.concurrent_downloads).await?;
    if known.is_empty() {
        return Err(Known::no_archive(&place.name).into());
    }
    let version = match args.to_version {
        ToVersion::This(version) => version,
        ToVersion::Random => number(seed, &known.restorable_versions()).ok_or_else(|| {
            let reason = "its metadata knows of no version that it can be restored to";
            Error::new(ErrorKind::Corrupt, "choose a version of", place.name.clone(), reason)
                .with_hint("`sealift ls --aptos` shows what is missing")
        })?,
    };
    let subset = known.subset(version)?;
    let files = subset.files(from.storage(), args.concurrent_downloads).await?;
    Ok((subset, files))
}

/// How many bytes are stored of these, where the storage tells. What is missing is told by who reads it.
async fn stored(from: &Side, files: &[FileHandle]) -> Result<Option<u64>, Failure> {
    let Side::Bucket(archive) = from else { return Ok(None) };
    let mut groups = BTreeSet::new();
    for file in files {
        groups.insert(in_group(file)?.0);
    }
    let below = |name: &str| match archive.prefix() {
        "" => name.to_owned(),
        prefix => format!("{}/{name}", prefix.trim_end_matches('/')),
    };
    let mut sizes = BTreeMap::new();
    for group in groups {
        let mut objects = archive.bucket().list(&below(&format!("{}/", group.as_ref()))).boxed();
        while let Some(info) = objects.try_next().await? {
            sizes.insert(info.key, info.size);
        }
    }
    let files: BTreeSet<String> = files.iter().map(|file| below(file.as_ref())).collect();
    Ok(Some(files.iter().filter_map(|file| sizes.get(file)).sum()))
}

/// From where to where.
struct Restoring<'a> {
    args: &'a Drill,
    from: Side,
    budget: Budget,
    into: &'a Path,
    interrupt: &'a Interrupt,
}

impl Restoring<'_> {
    async fn restore(
        self,
        subset: &Subset,
        files: &[FileHandle],
        drilled: &mut ArchiveDrilled,
    ) -> Result<Verdict, Failure> {
        let Restoring { args, from, budget, into, interrupt } = self;
        let started = Instant::now();
        let to = Opened::folder(&args.storage, into, budget.clone())?.into_archive()?;
        let bucket = to.bucket().clone();
        let tally = Tally::default();
        let copied = async {
            let nothing = Known::read(&to, args.concurrent_downloads).await?;
            let files_of = Files { from, to: Side::Bucket(Archive::clone(&to)), how: how(args), tally: &tally };
            files_of.copy_chosen(subset, files, &nothing).await
        };
        let copied = changing(interrupt, &bucket, stoppable(interrupt, copied), |_| None).await;
        drilled.copied(tally.bytes(), started.elapsed());
        copied?;
        let started = Instant::now();
        let copy = Opened::folder(&args.storage, into, budget)?;
        let bucket = copy.bucket.clone();
        let what = what(args, subset);
        let verifying = unrecorded(copy, &what, &args.storage, interrupt);
        let verdict = changing(interrupt, &bucket, verifying, |_| None).await;
        drilled.verifying = Some(started.elapsed());
        verdict
    }
}

fn how(args: &Drill) -> How {
    let after_failure = AfterFailure::EndForAllAreNeeded;
    How { sync: false, if_absent: false, dry_run: false, after_failure, at_once: args.concurrent_downloads }
}

/// As docs/RESTORE.md verifies a copy.
fn what(args: &Drill, subset: &Subset) -> WhatArgs {
    WhatArgs {
        name: String::new(),
        depth: Some(DepthArg::Chain),
        aptos: true,
        objects: false,
        concurrent_downloads: args.concurrent_downloads,
        metadata_cache_dir: None,
        chain: ChainArgs {
            trust_waypoint: args.trust_waypoint.clone(),
            start_version: subset.snapshot.version,
            end_version: u64::MAX,
            state_snapshot_before_version: None,
            skip_epoch_endings: false,
            allow_lagging_endings: false,
        },
        work: WorkArgs { work: None, no_record: true },
    }
}
