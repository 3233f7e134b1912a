//! Of plain objects: each is read as `get -o` reads it.

use super::super::copy::choice::Choice;
use super::super::failures::{AfterFailure, Failures, NotDone};
use super::super::get::{Needed, Of, Restored, Which, output, restore};
use super::super::stoppable;
use super::choose::{Chosen, Seed};
use super::{removed, scratch};
use crate::args::{Drill, Summary};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::Naming;
use crate::report::{self, Drilled, Tried};
use crate::storages::Opened;
use futures::{StreamExt, TryStreamExt};
use sealift::verify::FOLDER;
use sealift::{Error, ErrorKind, Key, ObjectInfo};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// How what was restored is called in its throw-away place.
const RESTORED: &str = "restored";

pub(super) async fn run(args: &Drill, into: PathBuf, seed: Seed, interrupt: &Interrupt) -> Result<(), Failure> {
    let patterns = Choice::by_patterns(&args.include, &args.exclude)?;
    let opened = stoppable(interrupt, Opened::below(&args.storage, &args.name)).await?;
    let chosen = stoppable(interrupt, choose(args, &opened, &patterns, seed)).await?;
    let mut drilled = Drilled::new(opened.location_within(), seed.0, chosen.among);
    let mut failures = Failures::new(NotDone::ObjectNotRestored, AfterFailure::GoOn);
    let is_alone = chosen.chosen.len() == 1;
    for info in chosen.chosen {
        let started = Instant::now();
        let done = one(args, &opened, &info, &into, interrupt).await;
        if interrupt.received().is_some() && done.is_err() {
            return done.map(drop);
        }
        let tried = Tried::new(opened.name_of(&info.key), info.size, started.elapsed());
        match done {
            Ok(restored) => {
                failures.done();
                drilled.add(tried.restored(&restored.info, restored.bytes, restored.verified));
            }
            Err(failure) => {
                drilled.add(tried.failed(&failure));
                if is_alone {
                    tell(args, &drilled);
                    return Err(failure);
                }
                if failures.add(failure) == ControlFlow::Break(()) {
                    break;
                }
            }
        }
    }
    tell(args, &drilled);
    failures.end()
}

/// Lists everything, to its end.
async fn choose(args: &Drill, opened: &Opened, patterns: &Choice, seed: Seed) -> Result<Chosen<ObjectInfo>, Failure> {
    opened.check_folder().await?;
    let within = opened.within();
    let within = within.trim_end_matches('/');
    let mut chosen = Chosen::new(seed, args.count.get());
    let mut objects = opened.bucket.list(&opened.within()).boxed();
    while let Some(info) = objects.try_next().await? {
        let name = info.key.strip_prefix(within).unwrap_or(&info.key).trim_start_matches('/');
        let is_record = info.key.split('/').any(|part| part == FOLDER);
        if !is_record && patterns.takes(name) {
            chosen.add(info);
        }
    }
    match chosen.among {
        0 => {
            let reason = "there is no object, or none that --include and --exclude leave";
            let error =
                Error::new(ErrorKind::NotFound, "choose what is restored from", opened.location_within(), reason);
            Err(error.with_hint("check the bucket and the prefix").into())
        }
        _ => Ok(chosen),
    }
}

async fn one(
    args: &Drill,
    opened: &Opened,
    info: &ObjectInfo,
    into: &Path,
    interrupt: &Interrupt,
) -> Result<Restored, Failure> {
    let key = Key::existing(&info.key)?;
    // What it is decompressed nobody has noted; that it is less than what is stored is rare.
    let scratch = scratch(into, &opened.location(&key), Some(info.size), interrupt).await?;
    let needed = if args.require_checksum { Needed::Checksum } else { Needed::AsIs };
    let of = Of { bucket: &opened.bucket, key: &key, which: Which::Latest, needed };
    let restored = async {
        let output = output(Some(scratch.path().join(RESTORED)), Naming::AtOnce).await?;
        restore(of, output, interrupt).await
    };
    let done = restored.await;
    removed(scratch, done).await
}

fn tell(args: &Drill, drilled: &Drilled) {
    match args.storage.summary() {
        Summary::Json => report::line(report::drilled_json(drilled)),
        Summary::Text => report::text(&report::drilled(drilled)),
        Summary::None => {}
    }
}
