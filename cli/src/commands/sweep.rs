//! `sweep`: what crashes left.

use super::failures::{AfterFailure, Failures, NotDone};
use super::rm::answered;
use super::{changing, owned, stoppable};
use crate::args::Sweep;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::outcome::Aftermath;
use crate::report::{self, Fate};
use crate::storages::Opened;
use sealift::{Archive, ErrorKind, Leftover, Leftovers, Origin};
use sealift_aptos::Orphan;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::Duration;

/// How many manifests are read at a time.
const AT_ONCE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);

pub(super) async fn run(args: Sweep, interrupt: &Interrupt) -> Result<(), Failure> {
    let older_than = Duration::try_from(args.older_than)
        .map_err(|_| Failure::usage(format!("--older-than {:#}: a time cannot be negative", args.older_than)))?;
    let opened = stoppable(interrupt, Opened::below(&args.storage, &args.name)).await?;
    opened.check_folder().await?;
    let (mut removed, mut kept) = (0, 0);
    let work = async {
        let found = async { Ok(opened.bucket.leftovers(&opened.within(), older_than).await?) };
        let Leftovers { found, unread, .. } = stoppable(interrupt, found).await?;
        let mut failures = Failures::new(NotDone::LeftoverNotSwept, AfterFailure::GoOn);
        for unread in unread {
            failures.add_alone(unread.error.into());
        }
        for leftover in found {
            if let Some(stop) = interrupt.received() {
                return Err(Failure::interrupted(stop));
            }
            let fate = match sweep(&args, &opened, &leftover, interrupt).await {
                Ok(fate) => {
                    failures.done();
                    fate
                }
                Err(stopped) if interrupt.received().is_some() => return Err(stopped),
                Err(failure) => match failures.add(failure) {
                    ControlFlow::Continue(()) => continue,
                    ControlFlow::Break(()) => break,
                },
            };
            removed += u64::from(matches!(fate, Fate::Removed));
            kept += u64::from(matches!(fate, Fate::Foreign));
            match args.storage.json {
                true => report::line(report::leftover_json(fate, &leftover)),
                false => report::line(report::leftover(fate, &leftover)),
            }
        }
        if args.aptos {
            sweep_archive(&args, &opened, older_than, interrupt, (&mut failures, &mut removed)).await?;
        }
        failures.end()
    };
    let done = changing(interrupt, &opened.bucket, work, |_| None).await;
    if kept > 0 {
        report::note(format_args!("sealift: {}", report::kept_foreign(kept)));
    }
    match args.yes {
        true => done.map_err(|failure| failure.and(Aftermath::Swept(removed))),
        false => done,
    }
}

/// Lists, or removes, what nothing leads to, group by group, and counts what it has removed.
async fn sweep_archive(
    args: &Sweep,
    opened: &Opened,
    older_than: Duration,
    interrupt: &Interrupt,
    (failures, removed): (&mut Failures, &mut u64),
) -> Result<(), Failure> {
    let archive = Archive::new(opened.bucket.clone(), &opened.within())?;
    let find = async { Ok(Orphan::find(&archive, older_than, AT_ONCE).await?) };
    let found = stoppable(interrupt, find).await?;
    let mut groups: Vec<Vec<Orphan>> = Vec::new();
    for orphan in found {
        match groups.last_mut().filter(|group| group.iter().all(|other| other.group == orphan.group)) {
            Some(group) => group.push(orphan),
            None => groups.push(vec![orphan]),
        }
    }
    for group in groups {
        let still = async { Ok(Orphan::still(&archive, group, AT_ONCE).await?) };
        let group = stoppable(interrupt, still).await?;
        if sweep_group(args, &archive, group, interrupt, (failures, removed)).await?.is_break() {
            break;
        }
    }
    Ok(())
}

async fn sweep_group(
    args: &Sweep,
    archive: &Archive,
    group: Vec<Orphan>,
    interrupt: &Interrupt,
    (failures, removed): (&mut Failures, &mut u64),
) -> Result<ControlFlow<()>, Failure> {
    for orphan in group {
        if let Some(stop) = interrupt.received() {
            return Err(Failure::interrupted(stop));
        }
        let fate = match args.yes {
            false => Ok(Fate::Listed),
            true => answered(interrupt, orphan.remove(archive)).await.map(|gone| match gone {
                true => Fate::Removed,
                false => Fate::Alive,
            }),
        };
        let fate = match fate {
            Ok(fate) => fate,
            Err(stopped) if interrupt.received().is_some() => return Err(stopped),
            Err(failure) => match failures.add(failure) {
                ControlFlow::Continue(()) => continue,
                ControlFlow::Break(()) => return Ok(ControlFlow::Break(())),
            },
        };
        failures.done();
        *removed += u64::from(matches!(fate, Fate::Removed));
        match args.storage.json {
            true => report::line(report::orphan_json(fate, &orphan)),
            false => report::line(report::orphan(fate, &orphan)),
        }
    }
    Ok(ControlFlow::Continue(()))
}

async fn sweep(args: &Sweep, opened: &Opened, leftover: &Leftover, interrupt: &Interrupt) -> Result<Fate, Failure> {
    if leftover.origin == Origin::Unknown && !args.foreign {
        return Ok(Fate::Foreign);
    }
    if !args.yes {
        return Ok(Fate::Listed);
    }
    match owned(interrupt, &opened.bucket, opened.bucket.remove_leftover(leftover)).await {
        Ok(()) => Ok(Fate::Removed),
        Err(error) if error.kind() == ErrorKind::Changed => Ok(Fate::Alive),
        Err(error) => Err(error.into()),
    }
}
