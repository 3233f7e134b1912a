//! `get`: an object becomes standard output or a file.

use super::stoppable;
use crate::activity;
use crate::args::{Get, Summary};
use crate::failure::{Cause, Failure};
use crate::interrupt::Interrupt;
use crate::outcome::Aftermath;
use crate::output::{Naming, Output, Target};
use crate::progress::{self, Whole};
use crate::report;
use crate::storages::Opened;
use sealift::{Bucket, Key, ObjectInfo, Reader, Verified};
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;
use tokio::io::{AsyncBufRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_buf, stdout};

/// How often in all a file is read that came damaged and was read in pieces that cannot be checked one by one.
const READS: u32 = 3;
/// What is shorter, in bytes, is written in one go when all of it has come. Of hundreds at a time that is not in the budget.
const SHORT: u64 = 32 << 10;

pub(super) async fn run(args: Get, interrupt: &Interrupt) -> Result<(), Failure> {
    let started = Instant::now();
    let output = output(args.output.clone(), Naming::AtOnce).await?;
    not_to_a_terminal(&args, &output)?;
    let name = args.name.as_deref().unwrap_or_default();
    let opening = stoppable(interrupt, Opened::object(&args.storage, name)).await;
    let opened = opening.map_err(|failure| unwritten(failure, output.file()))?;
    let key = opened.key().map_err(|failure| unwritten(failure, output.file()))?;
    let needed = if args.require_checksum { Needed::Checksum } else { Needed::AsIs };
    let which = args.version_id.as_deref().map_or(Which::Latest, Which::Version);
    let (location, of) = (opened.location(&key), Of { bucket: &opened.bucket, key: &key, which, needed });
    let Restored { info, bytes, verified } = restore(of, output, interrupt).await?;
    match args.storage.summary() {
        Summary::Json => {
            report::summary_beside_data(report::read_json(&location, &info, bytes, verified, started.elapsed()))
        }
        Summary::Text => {
            report::summary_beside_data(report::read(&location, &info, bytes, verified, started.elapsed()))
        }
        Summary::None => {}
    }
    Ok(())
}

/// What is stored may be anything, and a terminal does what its control characters say. Who wants that says `-o -`.
pub(super) fn not_to_a_terminal(args: &Get, output: &Output) -> Result<(), Failure> {
    match (output, &args.output) {
        (Output::Stdout, None) if std::io::stdout().is_terminal() => Err(Failure::usage(
            "get: what is stored may be binary, and standard output is a terminal: say -o FILE, pipe it into a program, or \
             say -o - to have it on the terminal all the same",
        )),
        _ => Ok(()),
    }
}

/// What has to be known of what was read, besides that it agrees with every checksum there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needed {
    AsIs,
    /// That there is one.
    Checksum,
}

/// An object, and what is needed of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) key: &'a Key,
    pub(super) which: Which<'a>,
    pub(super) needed: Needed,
}

/// Which of its versions.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which<'a> {
    /// What is there now.
    Latest,
    /// The same, of which a listing told this.
    Listed(&'a ObjectInfo),
    Version(&'a str),
}

/// What was read to its end.
#[derive(Debug)]
pub(super) struct Restored {
    pub(super) info: ObjectInfo,
    /// As they were written out.
    pub(super) bytes: u64,
    pub(super) verified: Verified,
}

/// Reads an object to `output`. One that came damaged, and that nobody has seen, is read again.
pub(super) async fn restore(of: Of<'_>, mut output: Output, interrupt: &Interrupt) -> Result<Restored, Failure> {
    for _ in 1..READS {
        let again = output.again();
        match (read(of, output, interrupt).await, again) {
            (Err(failure), Some((path, naming))) if came_damaged(&failure) => {
                tracing::warn!("{}; reading it again", failure.cause());
                output = self::output(Some(path), naming).await?;
            }
            (done, _) => return done,
        }
    }
    read(of, output, interrupt).await
}

/// Whether another read may find it whole.
fn came_damaged(failure: &Failure) -> bool {
    matches!(failure.cause(), Cause::Storage(error) if error.kind() == sealift::ErrorKind::Corrupt && error.passing().is_some())
}

async fn read(of: Of<'_>, output: Output, interrupt: &Interrupt) -> Result<Restored, Failure> {
    let Of { bucket, key, which, needed } = of;
    let opened = async {
        match which {
            Which::Version(version) => Ok(bucket.open_version(key, version).await?),
            Which::Listed(info) => Ok(bucket.open_listed(key, info).await?),
            Which::Latest => Ok(bucket.open(key).await?),
        }
    };
    let opening = stoppable(interrupt, opened).await;
    let mut reader = opening.map_err(|failure| unwritten(failure, output.file()))?;
    // Beside what was read of others before.
    progress::whole(Whole::Read(activity::snapshot().bytes_read + reader.info().size));
    let enough = |reader: &Reader| match needed == Needed::Checksum && !verified(reader).by_checksum() {
        true => Err(Failure::new(Cause::NoChecksum).while_doing(format!("read {}/{key}", bucket.url()))),
        false => Ok(()),
    };
    // A place that cannot be written is told before much is read.
    let ahead = if reader.info().size <= SHORT { SHORT } else { 0 };
    let bytes = write_out(&mut reader, output, ahead, interrupt, enough).await?;
    Ok(Restored { info: reader.info().clone(), bytes, verified: verified(&reader) })
}

/// Where `path` leads. It is looked at on a thread of its own, as all that blocks: a file system may hang.
pub(super) async fn output(path: Option<PathBuf>, naming: Naming) -> Result<Output, Failure> {
    off_the_runtime(move || Output::of(path.as_deref(), naming)).await?
}

/// Runs what blocks.
pub(super) async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| anyhow::Error::new(error).context("work on a file").into())
}

/// What was verified of what was read to its end.
fn verified(reader: &Reader) -> Verified {
    reader.verified().copied().unwrap_or_default()
}

/// Writes what `reader` gives to `output`, if it is then good `enough`. A file is begun when `ahead` bytes have come, or all of
/// them. Returns how many bytes it was.
pub(super) async fn write_out<R: AsyncBufRead + Unpin>(
    reader: &mut R,
    output: Output,
    ahead: u64,
    interrupt: &Interrupt,
    enough: impl Fn(&R) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let passed_on = |to: &str| Aftermath::PassedOn { to: to.to_owned() };
    match output {
        Output::Stdout => {
            let to = "standard output";
            let count = stoppable(interrupt, pass_on(reader, &mut stdout(), to)).await?;
            enough(reader).map_err(|failure| failure.and(passed_on(to)))?;
            Ok(count)
        }
        Output::Through(path) => {
            let to = path.display().to_string();
            let passing = async {
                let opened = tokio::fs::OpenOptions::new().append(true).open(&path).await;
                let mut opened = opened.map_err(|error| Failure::from_io(error, &format!("write to {to}")))?;
                pass_on(reader, &mut opened, &to).await
            };
            let count = stoppable(interrupt, passing).await?;
            enough(reader).map_err(|failure| failure.and(passed_on(&to)))?;
            Ok(count)
        }
        Output::File(target) => to_file(reader, target, ahead, interrupt, enough).await,
    }
}

/// What a failure means for the file that was to be written.
fn unwritten(failure: Failure, file: Option<&Path>) -> Failure {
    match file {
        Some(path) => failure.and(Aftermath::NotWritten(path.to_owned())),
        None => failure,
    }
}

fn unwritable(error: std::io::Error, file: &Path) -> Failure {
    unwritten(Failure::from_io(error, &format!("write {}", file.display())), Some(file))
}

async fn pass_on(
    reader: &mut (impl AsyncBufRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
    to: &str,
) -> Result<u64, Failure> {
    let copied = async {
        let count = copy_buf(reader, writer).await?;
        writer.flush().await?;
        Ok(count)
    };
    copied.await.map_err(|error: std::io::Error| match error.kind() {
        ErrorKind::BrokenPipe => anyhow::anyhow!("write to {to}: its reader has gone").into(),
        _ => Failure::from_io(error, &format!("write to {to}")),
    })
}

/// Writes beside `target` and renames at the end, so that an incomplete file never has its name.
async fn to_file<R: AsyncBufRead + Unpin>(
    reader: &mut R,
    target: Target,
    ahead: u64,
    interrupt: &Interrupt,
    enough: impl Fn(&R) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let named = target.named().to_owned();
    let failed = |error| unwritable(error, &named);
    let mut beginning = Vec::new();
    let reading = async { (&mut *reader).take(ahead).read_to_end(&mut beginning).await.map_err(failed) };
    let read = stoppable(interrupt, reading).await.map_err(|failure| unwritten(failure, Some(&named)))?;
    if (read as u64) < ahead {
        enough(reader).map_err(|failure| unwritten(failure, Some(&named)))?;
        return off_the_runtime(move || whole(target, &beginning)).await?;
    }
    let file = off_the_runtime(|| target.begin()).await?.map_err(failed)?;
    let copied = async {
        let mut writer = tokio::fs::File::from_std(file.file().try_clone()?);
        writer.write_all(&beginning).await?;
        let count = copy_buf(reader, &mut writer).await?;
        writer.flush().await?;
        writer.sync_all().await?;
        Ok(ahead + count)
    };
    let copied = stoppable(interrupt, async { copied.await.map_err(failed) }).await;
    match copied.and_then(|count| enough(reader).map(|()| count)) {
        Ok(count) => off_the_runtime(|| file.finish()).await?.map(|()| count),
        Err(failure) => Err(unwritten(file.discard(failure), Some(&named))),
    }
}

/// Writes all of a short file.
fn whole(target: Target, data: &[u8]) -> Result<u64, Failure> {
    let named = target.named().to_owned();
    let file = target.begin().map_err(|error| unwritable(error, &named))?;
    match file.file().write_all(data).and_then(|()| file.file().sync_all()) {
        Ok(()) => file.finish().map(|()| data.len() as u64),
        Err(error) => Err(file.discard(unwritable(error, &named))),
    }
}
