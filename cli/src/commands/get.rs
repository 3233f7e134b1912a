//! `get`: an object becomes standard output or a file.

use super::stoppable;
use crate::args::{Get, Summary};
use crate::failure::{Cause, Failure};
use crate::interrupt::Interrupt;
use crate::outcome::Aftermath;
use crate::report;
use crate::storages::Opened;
use sealift::{LeftBehind, Reader, Verified};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tempfile::NamedTempFile;
use tokio::io::{AsyncBufRead, AsyncWriteExt, copy_buf, stdout};

pub(super) async fn run(args: Get, interrupt: &Interrupt) -> Result<(), Failure> {
    let started = Instant::now();
    let opening = async {
        let opened = Opened::object(&args.storage, &args.name).await?;
        let key = opened.key()?;
        let reader = opened.bucket.open(&key).await?;
        Ok((opened.location(&key), reader))
    };
    let output = args.output.as_deref();
    let (location, mut reader) = stoppable(interrupt, opening).await.map_err(|failure| unwritten(failure, output))?;
    let enough = |reader: &Reader| match args.require_checksum && !verified(reader).by_checksum() {
        true => Err(Failure::new(Cause::NoChecksum).while_doing(format!("read {location}"))),
        false => Ok(()),
    };
    let count = write_out(&mut reader, output, interrupt, enough).await?;
    let (info, verified) = (reader.info(), verified(&reader));
    match args.storage.summary() {
        Summary::Json => report::note(report::read_json(&location, info, count, verified, started.elapsed())),
        Summary::Text => report::note(report::read(&location, info, count, verified, started.elapsed())),
        Summary::None => {}
    }
    Ok(())
}

/// What was verified of what was read to its end.
fn verified(reader: &Reader) -> Verified {
    reader.verified().copied().unwrap_or_default()
}

/// Writes what `reader` gives to the file at `path`, or to standard output, if it is then good `enough`. Returns how many
/// bytes it was.
pub(super) async fn write_out<R: AsyncBufRead + Unpin>(
    reader: &mut R,
    path: Option<&Path>,
    interrupt: &Interrupt,
    enough: impl Fn(&R) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    match path {
        None => {
            let count = stoppable(interrupt, to_stdout(reader)).await?;
            enough(reader).map_err(|failure| failure.and(Aftermath::PassedOn))?;
            Ok(count)
        }
        Some(path) => {
            let written = to_file(reader, path, interrupt, enough).await;
            written.map_err(|failure| unwritten(failure, Some(path)))
        }
    }
}

/// What a failure means for the file that was to be written.
fn unwritten(failure: Failure, output: Option<&Path>) -> Failure {
    match output {
        Some(path) => failure.and(Aftermath::NotWritten(path.to_owned())),
        None => failure,
    }
}

async fn to_stdout(reader: &mut (impl AsyncBufRead + Unpin)) -> Result<u64, Failure> {
    let mut stdout = stdout();
    let copied = async {
        let count = copy_buf(reader, &mut stdout).await?;
        stdout.flush().await?;
        Ok(count)
    };
    copied.await.map_err(|error: std::io::Error| match error.kind() {
        ErrorKind::BrokenPipe => anyhow::anyhow!("write to standard output: its reader has gone").into(),
        _ => Failure::from_io(error, "write to standard output"),
    })
}

/// Writes beside `path` and renames at the end, so that an incomplete file never has its name.
async fn to_file<R: AsyncBufRead + Unpin>(
    reader: &mut R,
    path: &Path,
    interrupt: &Interrupt,
    enough: impl Fn(&R) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let doing = format!("write {}", path.display());
    let failed = |error: std::io::Error| Failure::from_io(error, &doing);
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let file = NamedTempFile::new_in(&folder).map_err(failed)?;
    let copied = async {
        let mut writer = tokio::fs::File::from_std(file.reopen()?);
        let count = copy_buf(reader, &mut writer).await?;
        writer.flush().await?;
        writer.sync_all().await?;
        Ok(count)
    };
    let copied = stoppable(interrupt, async { copied.await.map_err(failed) }).await;
    match copied.and_then(|count| enough(reader).map(|()| count)) {
        Ok(count) => match file.persist(path) {
            Ok(_) => Ok(count),
            Err(unnamed) => Err(discard(unnamed.file, failed(unnamed.error))),
        },
        Err(failure) => Err(discard(file, failure)),
    }
}

/// Removes the temporary file after a failure, which names it where that fails.
fn discard(file: NamedTempFile, failure: Failure) -> Failure {
    let temporary = file.path().to_owned();
    match file.close() {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            let left = LeftBehind::file(temporary.display().to_string()).because(error.to_string());
            failure.with_left([left.with_remedy("`rm` removes it")])
        }
        _ => failure,
    }
}
