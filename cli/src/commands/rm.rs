//! `rm`: removes objects, many at a time, and can say at any moment which.

use super::failures::{AfterFailure, Failures, NotDone};
use super::{rm_below, stoppable};
use crate::args::Rm;
use crate::failure::{Cause, Failure};
use crate::interrupt::Interrupt;
use crate::outcome::Aftermath;
use crate::report;
use crate::storages::Opened;
use futures::stream::{self, StreamExt};
use sealift::{ErrorKind, Key};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::pin::pin;
use std::time::Duration;
use tokio::time::timeout;

/// What a removal under way gets to be answered after a signal: its answer tells more than its end.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

pub(super) async fn run(args: Rm, interrupt: &Interrupt) -> Result<(), Failure> {
    if args.recursive {
        return rm_below::run(args, interrupt).await;
    }
    let names: Vec<&str> = args.names.iter().map(String::as_str).collect();
    let opened = stoppable(interrupt, Opened::objects(&args.storage, &names)).await?;
    let keys = opened.keys()?;
    stoppable(interrupt, look_at(&args, &opened, &keys)).await?;
    let (removals, failed) = remove_all(&args, &opened, &keys, interrupt).await;
    let said = match interrupt.received() {
        Some(stop) if !removals.are_all_of(&keys) => Err(Failure::interrupted(stop)),
        _ => failed,
    };
    said.map_err(|failure| match removals.is_nothing() && interrupt.received().is_none() {
        true => failure,
        false => failure.and(removals.aftermath(&opened, &keys)),
    })
}

/// Looks at all of them first, so that a name that is wrong removes nothing. Who may not look may still remove.
async fn look_at(args: &Rm, opened: &Opened, keys: &[Key]) -> Result<(), Failure> {
    let looks = stream::iter(keys).map(|key| opened.bucket.stat(key)).buffered(args.concurrent_removals.get());
    let mut looks = pin!(looks.zip(stream::iter(keys)));
    while let Some((look, key)) = looks.next().await {
        match look {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Denied => {
                report::note(format_args!("sealift: whether {} is there could not be seen", opened.location(key)));
            }
            Err(error) => {
                let removed = Aftermath::Removed { removed: Vec::new(), unknown: Vec::new() };
                return Err(Failure::from(error).and(removed));
            }
        }
    }
    Ok(())
}

/// What became of a removal that was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Removed,
    /// The service said no.
    Refused,
    /// It may have been removed, or be removed yet.
    Unknown,
}

/// Those that were begun, by their place on the command line.
#[derive(Debug, Default)]
struct Removals {
    fates: BTreeMap<usize, Fate>,
}

impl Removals {
    /// Whether surely nothing was removed.
    fn is_nothing(&self) -> bool {
        self.fates.values().all(|fate| *fate == Fate::Refused)
    }

    fn are_all_of(&self, keys: &[Key]) -> bool {
        self.fates.len() == keys.len() && self.fates.values().all(|fate| *fate == Fate::Removed)
    }

    fn aftermath(&self, opened: &Opened, keys: &[Key]) -> Aftermath {
        let of = |wanted| {
            let those = self.fates.iter().filter(move |(_, fate)| **fate == wanted);
            those.filter_map(|(at, _)| Some(opened.location(keys.get(*at)?))).collect()
        };
        Aftermath::Removed { removed: of(Fate::Removed), unknown: of(Fate::Unknown) }
    }
}

/// Removes them, and begins no further one after a signal, or when it is no use.
async fn remove_all(
    args: &Rm,
    opened: &Opened,
    keys: &[Key],
    interrupt: &Interrupt,
) -> (Removals, Result<(), Failure>) {
    let (mut removals, useless) = (Removals::default(), Cell::new(false));
    let mut failures = Failures::new(NotDone::ObjectNotRemoved, AfterFailure::GoOn);
    let removed = stream::iter(keys).enumerate().map(async |(at, key)| {
        if useless.get() || interrupt.received().is_some() {
            return None;
        }
        Some((at, answered(interrupt, opened.bucket.remove(key)).await))
    });
    let mut removed = pin!(removed.buffer_unordered(args.concurrent_removals.get()));
    while let Some(ended) = removed.next().await {
        let Some((at, result)) = ended else { continue };
        let failure = match result {
            Ok(()) => {
                removals.fates.insert(at, Fate::Removed);
                failures.done();
                continue;
            }
            Err(failure) => failure,
        };
        removals.fates.insert(at, if is_refusal(&failure) { Fate::Refused } else { Fate::Unknown });
        // After a signal each of those under way says the same.
        match (keys, interrupt.received()) {
            (_, Some(_)) => {}
            ([_], None) => return (removals, Err(failure)),
            (_, None) => useless.set(failures.add(failure) == ControlFlow::Break(()) || useless.get()),
        }
    }
    (removals, failures.end())
}

/// Waits for the answer to `removal`, and after a signal for [`ANSWER_LIMIT`] more.
pub(super) async fn answered<T>(
    interrupt: &Interrupt,
    removal: impl Future<Output = sealift::Result<T>>,
) -> Result<T, Failure> {
    let mut removal = pin!(removal);
    let stop = tokio::select! {
        biased;
        answer = &mut removal => return Ok(answer?),
        stop = interrupt.requested() => stop,
    };
    match timeout(ANSWER_LIMIT, removal).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Failure::interrupted(stop)),
    }
}

fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.cause(), Cause::Storage(error) if error.kind() == ErrorKind::Denied)
}
