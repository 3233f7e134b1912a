//! `put` of a folder or a list: many files, as many at a time as memory allows. Each is sealed by itself.

use super::failures::{AfterFailure, Failures, NotDone};
use super::find_files::{Files, Source, find, no_file};
use super::put::{given_up, pour};
use super::{changing, if_exists, stoppable};
use crate::args::{Put, Summary};
use crate::failure::{Cause, Failure};
use crate::interrupt::Interrupt;
use crate::machine::under_way_at_once;
use crate::outcome::Aftermath;
use crate::progress::{self, Objects};
use crate::report;
use crate::storages::Opened;
use crate::tally::Tally;
use futures::stream::StreamExt;
use sealift::{ErrorKind, IfExists, Key};
use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::pin::pin;
use std::time::Instant;
use tokio::fs::File;

/// The most files that are open at a time. How many of them are on their way the bucket's window says, and the memory budget
/// lets those go on that it has room for.
const OPEN: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);

pub(super) async fn run(args: Put, files: Files, interrupt: &Interrupt) -> Result<(), Failure> {
    let name = args.name.as_deref().unwrap_or_default();
    let opened = stoppable(interrupt, Opened::below(&args.storage, name)).await?;
    // Or each file would say it.
    opened.bucket.check_place().await?;
    let started = Instant::now();
    let stored = RefCell::new(Tally::default());
    let work = stoppable(interrupt, store_all(&opened, files, Manner::of(&args), &stored));
    let done = changing(interrupt, &opened.bucket, work, |_| None).await;
    let stored = stored.into_inner();
    report::left_beside(&stored.left_behind);
    done.map_err(|failure| failure.and(Aftermath::FilesStored(stored.files)))?;
    let below = format!("{}/{}", opened.bucket.url(), opened.within());
    match args.storage.summary() {
        Summary::Json => report::line(report::stored_json(&below, &stored, started.elapsed())),
        Summary::Text => report::line(report::stored(&below, &stored, started.elapsed())),
        Summary::None => {}
    }
    Ok(())
}

/// How files are stored, and what is done about those that are not.
#[derive(Debug, Clone, Copy)]
struct Manner {
    if_exists: IfExists,
    existing: Existing,
    after_failure: AfterFailure,
    nothing: Nothing,
}

/// What it means that there is no file at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nothing {
    IsAnError,
    /// With `--allow-empty`.
    IsFine,
}

/// What is done about a file whose object is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existing {
    /// As `--if-absent` says.
    AsWritten,
    /// It is left out (`--skip-existing`).
    Skipped,
}

impl Manner {
    fn of(args: &Put) -> Self {
        Manner {
            if_exists: if_exists(&args.write),
            existing: if args.skip_existing { Existing::Skipped } else { Existing::AsWritten },
            after_failure: if args.fail_fast { AfterFailure::End } else { AfterFailure::GoOn },
            nothing: if args.write.allow_empty { Nothing::IsFine } else { Nothing::IsAnError },
        }
    }
}

/// Stores everything there is. A file that cannot be stored is told and left out, and is the failure in the end.
async fn store_all(opened: &Opened, files: Files, manner: Manner, stored: &RefCell<Tally>) -> Result<(), Failure> {
    let of_what = files.to_string();
    let mut sources = pin!(find(files).peekable());
    // Or many would be under way when the first is told that there is no bucket.
    if let Some(Ok(first)) = sources.as_mut().peek().await
        && let Ok(key) = opened.new_key_below(&first.name)
    {
        opened.bucket.check_writable(&key, IfExists::Replace).await?;
    }
    let results = sources
        .map(|source| async move {
            let Source { path, name } = source?;
            store(opened, &path, &name, manner, stored).await
        })
        .buffer_unordered(under_way_at_once(OPEN).get());
    let (mut results, mut failed) = (pin!(results), Failures::new(NotDone::FileNotStored, manner.after_failure));
    let mut any = false;
    while let Some(result) = results.next().await {
        any = true;
        match result {
            Ok(()) => failed.done(),
            Err(failure) => match failed.add(failure) {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(()) => break,
            },
        }
    }
    match (any, manner.nothing) {
        (false, Nothing::IsAnError) => Err(Failure::new(Cause::EmptyInput).while_doing(of_what)),
        _ => failed.end(),
    }
}

/// Stores one file, and counts it in the moment in which it is sealed, so that none is missed when this is dropped.
async fn store(
    opened: &Opened,
    path: &Path,
    name: &str,
    manner: Manner,
    stored: &RefCell<Tally>,
) -> Result<(), Failure> {
    let key = opened.new_key_below(name)?;
    if manner.existing == Existing::Skipped && exists(opened, &key).await? {
        stored.borrow_mut().skipped += 1;
        tell_progress(stored);
        return Ok(());
    }
    let unreadable = |error: std::io::Error| {
        Failure::new(Cause::Other(anyhow::Error::new(error).context(path.display().to_string())))
    };
    // A pipe would be waited for until somebody writes to it.
    if !tokio::fs::metadata(path).await.map_err(unreadable)?.is_file() {
        return Err(no_file(path));
    }
    let file = File::open(path).await.map_err(unreadable)?;
    let length = file.metadata().await.map_err(unreadable)?.len();
    let mut sink = opened.bucket.create_sized(&key, manner.if_exists, length)?;
    if let Err(failure) = pour(file.into_std().await, &mut sink).await {
        return Err(given_up(sink, failure).await.while_doing(format!("store {}", path.display())));
    }
    let sealed = sink.seal().await?;
    stored.borrow_mut().add(sealed);
    tell_progress(stored);
    Ok(())
}

fn tell_progress(stored: &RefCell<Tally>) {
    let stored = stored.borrow();
    progress::objects(Objects { done: "stored", count: stored.files, there_already: stored.skipped });
}

/// Whether an object is there, as far as these credentials may know.
async fn exists(opened: &Opened, key: &Key) -> Result<bool, Failure> {
    match opened.bucket.check_writable(key, IfExists::Fail).await {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(true),
        Err(error) => Err(error.into()),
    }
}
