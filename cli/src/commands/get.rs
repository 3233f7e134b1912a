//! `get`: an object becomes standard output or a file.

use super::stoppable;
use crate::args::Get;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::report;
use crate::target::Target;
use sealift::Reader;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;
use tempfile::NamedTempFile;
use tokio::io::{AsyncWriteExt, BufReader, copy_buf, stdout};

/// How much is written at a time.
const WRITE: usize = 256 * 1024;

pub(super) async fn run(args: Get, interrupt: &Interrupt) -> Result<(), Failure> {
    stoppable(interrupt, get(args)).await
}

async fn get(args: Get) -> Result<(), Failure> {
    let started = Instant::now();
    let target = Target::open_object(&args.storage, &args.name).await?;
    let key = target.key()?;
    let mut reader = BufReader::with_capacity(WRITE, target.bucket.open(&key).await?);
    let count = match &args.output {
        None => to_stdout(&mut reader).await?,
        Some(path) => to_file(&mut reader, path).await?,
    };
    let (location, info) = (target.location(&key), reader.get_ref().info());
    let mut stderr = std::io::stderr();
    let _ = match args.storage.json {
        true => writeln!(stderr, "{}", report::read_json(&location, info, count, started.elapsed())),
        false => writeln!(stderr, "{}", report::read(&location, info, count, started.elapsed())),
    };
    Ok(())
}

async fn to_stdout(reader: &mut BufReader<Reader>) -> Result<u64, Failure> {
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
async fn to_file(reader: &mut BufReader<Reader>, path: &Path) -> Result<u64, Failure> {
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
