//! `get`: an object becomes standard output or a file.

use super::stoppable;
use crate::args::{Get, Summary};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::report;
use crate::target::Target;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tempfile::NamedTempFile;
use tokio::io::{AsyncBufRead, AsyncWriteExt, copy_buf, stdout};

pub(super) async fn run(args: Get, interrupt: &Interrupt) -> Result<(), Failure> {
    stoppable(interrupt, get(args)).await
}

async fn get(args: Get) -> Result<(), Failure> {
    let started = Instant::now();
    let target = Target::open_object(&args.storage, &args.name).await?;
    let key = target.key()?;
    let mut reader = target.bucket.open(&key).await?;
    let count = write_out(&mut reader, args.output.as_deref()).await?;
    let (location, info) = (target.location(&key), reader.info());
    match args.storage.summary() {
        Summary::Json => report::note(report::read_json(&location, info, count, started.elapsed())),
        Summary::Text => report::note(report::read(&location, info, count, started.elapsed())),
        Summary::None => {}
    }
    Ok(())
}

/// Writes what `reader` gives to the file at `path`, or to standard output. Returns how many bytes it was.
pub(super) async fn write_out(reader: &mut (impl AsyncBufRead + Unpin), path: Option<&Path>) -> Result<u64, Failure> {
    match path {
        None => to_stdout(reader).await,
        Some(path) => to_file(reader, path).await,
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
        ErrorKind::BrokenPipe => Failure::Other(anyhow::anyhow!("write to standard output: its reader has gone")),
        _ => Failure::from_io(error, "write to standard output"),
    })
}

/// Writes beside `path` and renames at the end, so that an incomplete file never has its name.
async fn to_file(reader: &mut (impl AsyncBufRead + Unpin), path: &Path) -> Result<u64, Failure> {
    let doing = format!("write {}", path.display());
    let failed = |error: std::io::Error| Failure::from_io(error, &doing);
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let file = NamedTempFile::new_in(&folder).map_err(failed)?;
    let mut writer = tokio::fs::File::from_std(file.reopen().map_err(failed)?);
    let count = copy_buf(reader, &mut writer).await.map_err(failed)?;
    writer.flush().await.map_err(failed)?;
    writer.sync_all().await.map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(count)
}
