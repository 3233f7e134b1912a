//! `rm --recursive`: removes all that a listing shows, as it comes, by as few requests as the storage has.

use super::failures::{AfterFailure, Failures, NotDone};
use super::rm::answered;
use super::stoppable;
use crate::args::{Rm, Summary};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::outcome::Aftermath;
use crate::progress::{self, Objects};
use crate::report;
use crate::storages::Opened;
use futures::stream::{StreamExt, TryStreamExt};
use sealift::{Error, ErrorKind, Key};
use std::cell::Cell;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::pin::pin;

/// How many requests are under way that remove many objects each.
const BATCHES: usize = 4;

pub(super) async fn run(args: Rm, interrupt: &Interrupt) -> Result<(), Failure> {
    let name = match args.names.as_slice() {
        [name] if !name.is_empty() => name,
        [_] => {
            return Err(Failure::usage(
                "--recursive: the name is empty; to remove all of a storage, give its whole URL",
            ));
        }
        _ => return Err(Failure::usage("--recursive takes one NAME")),
    };
    let opened = stoppable(interrupt, Opened::below(&args.storage, name)).await?;
    opened.check_folder().await?;
    if args.dry_run {
        return stoppable(interrupt, tell_all(&opened)).await;
    }
    let mut removed = Removed::default();
    let ended = remove_all(&opened, args.concurrent_removals, interrupt, &mut removed).await;
    let said = match interrupt.received() {
        Some(stop) => Err(Failure::interrupted(stop)),
        None => ended,
    };
    let Removed { removed, unknown } = removed;
    said.map_err(|failure| failure.and(Aftermath::RemovedBelow { removed, unknown }))?;
    match args.storage.summary() {
        Summary::Json => report::line(report::removed_json(&opened.location_within(), removed)),
        Summary::Text => report::line(report::removed(&opened.location_within(), removed)),
        Summary::None => {}
    }
    Ok(())
}

/// What became of those that were begun.
#[derive(Debug, Default)]
struct Removed {
    removed: u64,
    /// Whether they were removed, or will be, nobody knows.
    unknown: u64,
}

async fn tell_all(opened: &Opened) -> Result<(), Failure> {
    let mut listed = pin!(opened.bucket.list(&opened.within()));
    let mut any = false;
    while let Some(info) = listed.try_next().await? {
        any = true;
        report::line(format_args!("would be removed: {}", opened.name_of(&info.key)));
    }
    if any { Ok(()) } else { Err(nothing_there(opened)) }
}

/// Removes what is listed, and begins nothing more after a signal, or when it is no use.
async fn remove_all(
    opened: &Opened,
    single: NonZeroUsize,
    interrupt: &Interrupt,
    told: &mut Removed,
) -> Result<(), Failure> {
    let useless = Cell::new(false);
    let size = opened.bucket.removals_at_once();
    let at_once = if size > 1 { BATCHES } else { single.get() };
    let listed = opened.bucket.list(&opened.within()).take_until(interrupt.requested());
    let keys = listed.map(|listed| Ok::<_, Failure>(Key::existing(&listed?.key)?));
    let removals = keys.try_chunks(size).map(async |keys| match keys {
        _ if useless.get() || interrupt.received().is_some() => Ended::NotBegun,
        // Those that came before the error are listed again by the next run.
        Err(failed) => Ended::NotListed(failed.1),
        Ok(keys) => match answered(interrupt, async { Ok(opened.bucket.remove_many(&keys).await) }).await {
            Ok(of_each) => Ended::Answered(of_each),
            Err(_) => Ended::Unanswered(keys.len() as u64),
        },
    });
    let mut removals = pin!(removals.buffer_unordered(at_once));
    let mut failures = Failures::new(NotDone::ObjectNotRemoved, AfterFailure::GoOn);
    let (mut any, mut not_listed) = (false, None);
    while let Some(ended) = removals.next().await {
        let removed = match ended {
            Ended::Answered(removed) => removed,
            Ended::Unanswered(count) => {
                told.unknown += count;
                continue;
            }
            // Those that are under way are heard out.
            Ended::NotListed(failure) => {
                not_listed = Some(failure);
                continue;
            }
            Ended::NotBegun => continue,
        };
        any = true;
        for removed in removed {
            let Err(error) = removed else {
                told.removed += 1;
                failures.done();
                continue;
            };
            told.unknown += u64::from(error.kind() != ErrorKind::Denied);
            useless.set(failures.add(error.into()) == ControlFlow::Break(()) || useless.get());
        }
        progress::objects(Objects { done: "removed", count: told.removed, there_already: 0 });
    }
    match (not_listed, any || interrupt.received().is_some()) {
        (Some(failure), _) => Err(failure),
        (None, true) => failures.end(),
        (None, false) => Err(nothing_there(opened)),
    }
}

/// How a request for several ended.
enum Ended {
    Answered(Vec<sealift::Result<()>>),
    /// It was given up after a signal, and was about so many.
    Unanswered(u64),
    NotListed(Failure),
    NotBegun,
}

fn nothing_there(opened: &Opened) -> Failure {
    let reason = "there is no object of this name, or below it";
    let error = Error::new(ErrorKind::NotFound, "remove", opened.location_within(), reason);
    error.with_hint("`sealift ls` shows what there is").into()
}
