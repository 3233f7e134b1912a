//! `sweep`: what crashes left, many at a time.

use super::failures::{AfterFailure, Failures, NotDone};
use super::rm::answered;
use super::{changing, owned, stoppable};
use crate::args::Sweep;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::outcome::Aftermath;
use crate::report::{self, Fate};
use crate::storages::Opened;
use futures::stream::{self, StreamExt, TryStreamExt};
use sealift::{Archive, ErrorKind, Leftover, Leftovers, Origin};
use sealift_aptos::Orphan;
use std::cell::Cell;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::pin::pin;
use std::time::Duration;

/// How many manifests are read at a time.
const READ_AT_ONCE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);

pub(super) async fn run(args: Sweep, interrupt: &Interrupt) -> Result<(), Failure> {
    let older_than = Duration::try_from(args.older_than)
        .map_err(|_| Failure::usage(format!("--older-than {:#}: a time cannot be negative", args.older_than)))?;
    let opened = stoppable(interrupt, Opened::below(&args.storage, &args.name)).await?;
    opened.check_folder().await?;
    let mut sweeping = Sweeping::new(&args, &opened, interrupt);
    let work = async {
        sweeping.uploads(older_than).await?;
        if args.aptos {
            sweeping.archive(older_than).await?;
        }
        Ok(())
    };
    let done = changing(interrupt, &opened.bucket, work, |_| None).await;
    let Sweeping { failures, removed, kept, .. } = sweeping;
    let done = done.and_then(|()| failures.end());
    if kept > 0 {
        report::note(format_args!("sealift: {}", report::kept_foreign(kept)));
    }
    match args.yes {
        true => done.map_err(|failure| failure.and(Aftermath::Swept(removed))),
        false => done,
    }
}

/// A sweep under way, and what it has come to.
struct Sweeping<'a> {
    args: &'a Sweep,
    opened: &'a Opened,
    interrupt: &'a Interrupt,
    failures: Failures,
    removed: u64,
    /// How many were left alone, for they are not Sealift's.
    kept: u64,
}

impl<'a> Sweeping<'a> {
    fn new(args: &'a Sweep, opened: &'a Opened, interrupt: &'a Interrupt) -> Self {
        let failures = Failures::new(NotDone::LeftoverNotSwept, AfterFailure::GoOn);
        Sweeping { args, opened, interrupt, failures, removed: 0, kept: 0 }
    }

    /// Lists, or removes, incomplete uploads, as they are found.
    async fn uploads(&mut self, older_than: Duration) -> Result<(), Failure> {
        let (args, opened, interrupt) = (self.args, self.opened, self.interrupt);
        let tell = |fate, leftover: &Leftover| match args.storage.json {
            true => report::line(report::leftover_json(fate, leftover)),
            false => report::line(report::leftover(fate, leftover)),
        };
        let swept = async |leftover: &Leftover| sweep(args, opened, leftover, interrupt).await;
        let mut pages = pin!(opened.bucket.list_leftovers(&opened.within(), older_than));
        loop {
            let page = stoppable(interrupt, async { Ok(pages.try_next().await?) }).await?;
            let Some(Leftovers { found, unread, .. }) = page else { return Ok(()) };
            for unread in unread {
                self.failures.add_alone(unread.error.into());
            }
            if self.all(&found, &swept, tell).await?.is_break() {
                return Ok(());
            }
        }
    }

    /// Lists, or removes, what nothing leads to, group by group.
    async fn archive(&mut self, older_than: Duration) -> Result<(), Failure> {
        let (args, interrupt) = (self.args, self.interrupt);
        let archive = Archive::new(self.opened.bucket.clone(), &self.opened.within())?;
        let find = async { Ok(Orphan::find(&archive, older_than, READ_AT_ONCE).await?) };
        let found = stoppable(interrupt, find).await?;
        let tell = |fate, orphan: &Orphan| match args.storage.json {
            true => report::line(report::orphan_json(fate, orphan)),
            false => report::line(report::orphan(fate, orphan)),
        };
        let swept = async |orphan: &Orphan| match args.yes {
            false => Ok(Fate::Listed),
            true => answered(interrupt, orphan.remove(&archive)).await.map(|gone| match gone {
                true => Fate::Removed,
                false => Fate::Alive,
            }),
        };
        for group in found.chunk_by(|one, next| one.group == next.group) {
            let still = async { Ok(Orphan::still(&archive, group.to_vec(), READ_AT_ONCE).await?) };
            let group = stoppable(interrupt, still).await?;
            if self.all(&group, &swept, tell).await?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Sweeps each of `found`, many at a time, and tells it in this order. None is begun after a signal, or when it is no use;
    /// those under way are heard out.
    async fn all<T>(
        &mut self,
        found: &[T],
        sweep: impl AsyncFn(&T) -> Result<Fate, Failure>,
        tell: impl Fn(Fate, &T),
    ) -> Result<ControlFlow<()>, Failure> {
        let (interrupt, sweep, useless) = (self.interrupt, &sweep, Cell::new(false));
        let swept = stream::iter(found).map(async |one| match useless.get() || interrupt.received().is_some() {
            true => None,
            false => Some((one, sweep(one).await)),
        });
        let mut swept = pin!(swept.buffered(self.args.concurrent_removals.get()));
        let mut stopped = None;
        while let Some(ended) = swept.next().await {
            match ended {
                None => {}
                Some((one, Ok(fate))) => {
                    self.failures.done();
                    self.removed += u64::from(matches!(fate, Fate::Removed));
                    self.kept += u64::from(matches!(fate, Fate::Foreign));
                    tell(fate, one);
                }
                // Each of those under way says so.
                Some((_, Err(failure))) if interrupt.received().is_some() => stopped = stopped.or(Some(failure)),
                Some((_, Err(failure))) => useless.set(self.failures.add(failure).is_break() || useless.get()),
            }
        }
        match (stopped, interrupt.received()) {
            (Some(failure), _) => Err(failure),
            (None, Some(stop)) => Err(Failure::interrupted(stop)),
            (None, None) if useless.get() => Ok(ControlFlow::Break(())),
            (None, None) => Ok(ControlFlow::Continue(())),
        }
    }
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
