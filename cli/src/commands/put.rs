//! `put`: standard input becomes an object. Also how any stream becomes one, for `run`.

use super::beginning::{Beginning, Begun};
use super::find_files::{Files, Separator};
use super::put_files;
use super::{changing, if_exists, stoppable};
use crate::args::{Put, Summary, WriteArgs};
use crate::failure::{Cause, Failure};
use crate::interrupt::Interrupt;
use crate::outcome::Aftermath;
use crate::progress::{self, Whole};
use crate::report;
use crate::storages::Opened;
use sealift::{Sealed, Sink};
use std::fs::File;
use std::io::{Cursor, Read, Seek, stdin};
use std::os::fd::AsFd;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, copy_buf};

/// How much is read from a producer at a time.
pub(super) const READ: usize = 256 * 1024;

pub(super) async fn run(mut args: Put, interrupt: &Interrupt) -> Result<(), Failure> {
    let lines = args.files_from.take().map(|list| Files::List(list, Separator::Line));
    let zeros = args.files_from0.take().map(|list| Files::List(list, Separator::Zero));
    match args.folder.take().map(Files::Folder).or(lines).or(zeros) {
        Some(files) => {
            files.check()?;
            put_files::run(args, files, interrupt).await
        }
        None if args.skip_existing || args.fail_fast => {
            Err(Failure::usage("--skip-existing and --fail-fast are for --folder, --files-from and --files-from0"))
        }
        None => put_input(args, interrupt).await,
    }
}

async fn put_input(args: Put, interrupt: &Interrupt) -> Result<(), Failure> {
    let name = args.name.as_deref().unwrap_or_default();
    // What is short has come by the time that the storage is open.
    let beginning = Beginning::of(input()?);
    let opened = stoppable(interrupt, Opened::object(&args.storage, name)).await?;
    let key = opened.new_key()?;
    let work = async {
        let mode = if_exists(&args.write);
        opened.bucket.check_place().await?;
        let checked = opened.bucket.check_writable(&key, mode);
        let (sink, count) = match beginning.unless_short(checked).await? {
            Begun::Short(bytes) => {
                let mut sink = opened.bucket.create_sized(&key, mode, bytes.len() as u64)?;
                let count = pour(Cursor::new(bytes), &mut sink).await?;
                (sink, count)
            }
            Begun::Long(input) => {
                let mut sink = opened.bucket.create(&key, mode)?;
                let count = pour(input, &mut sink).await?;
                (sink, count)
            }
        };
        seal(sink, count, &args.write).await
    };
    let work = stoppable(interrupt, work);
    let sealed = changing(interrupt, &opened.bucket, work, |clean| Some(Aftermath::NothingStored(clean))).await?;
    tell("put", &sealed, args.storage.summary());
    Ok(())
}

/// Standard input.
fn input() -> Result<File, Failure> {
    let input = stdin().as_fd().try_clone_to_owned().map_err(unreadable)?;
    let input = File::from(input);
    length(&input).inspect(|length| progress::whole(Whole::In(*length)));
    Ok(input)
}

pub(super) fn unreadable(error: std::io::Error) -> Failure {
    Failure::from_io(error, "read the input")
}

/// How much is left to read of an input that is a file.
fn length(mut input: &File) -> Option<u64> {
    let is = input.metadata().ok().filter(std::fs::Metadata::is_file)?;
    Some(is.len().saturating_sub(input.stream_position().ok()?))
}

/// Reads all of `input` into the sink.
pub(super) async fn pour(input: impl Read + Send + 'static, sink: &mut Sink) -> Result<u64, Failure> {
    sink.pour(input).await.map_err(unreadable)
}

/// The same of an input that is not blocking, or into something other than a sink.
pub(super) async fn copy(
    input: impl AsyncRead + Unpin,
    output: &mut (impl AsyncWrite + Unpin),
) -> Result<u64, Failure> {
    let mut input = BufReader::with_capacity(READ, input);
    copy_buf(&mut input, output).await.map_err(unreadable)
}

/// Seals what was poured, unless it was nothing and that is not allowed.
pub(super) async fn seal(sink: Sink, count: u64, args: &WriteArgs) -> Result<Sealed, Failure> {
    match check_not_empty(count, args) {
        Ok(()) => Ok(sink.seal().await?),
        Err(empty) => Err(given_up(sink, empty).await),
    }
}

/// Gives the sink up because of `failure`, which then names what is left.
pub(super) async fn given_up(sink: Sink, failure: Failure) -> Failure {
    match sink.abort().await {
        Ok(()) => failure,
        Err(error) => failure.with_left(error.left_behind().to_vec()),
    }
}

/// A failure for no input, unless that is allowed.
pub(super) fn check_not_empty(count: u64, args: &WriteArgs) -> Result<(), Failure> {
    match count == 0 && !args.allow_empty {
        false => Ok(()),
        true => Err(Failure::new(Cause::EmptyInput)),
    }
}

/// Prints the summary.
pub(super) fn tell(operation: &str, sealed: &Sealed, summary: Summary) {
    match summary {
        Summary::Json => report::line(report::sealed_json(operation, sealed)),
        Summary::Text => report::line(report::sealed(sealed)),
        Summary::None => {}
    }
    report::left_beside(&sealed.left_behind);
}
