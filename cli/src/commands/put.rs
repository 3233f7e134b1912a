//! `put`: standard input becomes an object. Also how any stream becomes one, for `run`.

use super::{if_exists, stoppable, writing};
use crate::args::{Put, WriteArgs};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::report;
use crate::target::Target;
use sealift::{Sealed, Sink};
use tokio::io::{AsyncRead, BufReader, copy_buf, stdin};

/// How much is read from a producer at a time.
const READ: usize = 256 * 1024;

pub(super) async fn run(args: Put, interrupt: &Interrupt) -> Result<(), Failure> {
    let target = stoppable(interrupt, Target::open_object(&args.storage, &args.name)).await?;
    let key = target.key()?;
    let work = async {
        let mode = if_exists(&args.write);
        target.bucket.check_writable(&key, mode).await?;
        let mut sink = target.bucket.create(&key, mode)?;
        let count = pour(stdin(), &mut sink).await?;
        seal(sink, count, &args.write).await
    };
    let sealed = writing(interrupt, &target.bucket, stoppable(interrupt, work)).await?;
    tell("put", &sealed, args.storage.json);
    Ok(())
}

/// Copies `input` to its end.
pub(super) async fn pour(input: impl AsyncRead + Unpin, sink: &mut Sink) -> Result<u64, Failure> {
    let mut input = BufReader::with_capacity(READ, input);
    copy_buf(&mut input, sink).await.map_err(|error| Failure::from_io(error, "read the input"))
}

/// Seals what was poured, unless it was nothing and that is not allowed.
pub(super) async fn seal(sink: Sink, count: u64, args: &WriteArgs) -> Result<Sealed, Failure> {
    if count == 0 && !args.allow_empty {
        sink.abort().await?;
        let hint = "if it is meant to be empty, say --allow-empty";
        return Err(Failure::EmptyInput(format!("the input was empty, so nothing was stored; {hint}")));
    }
    Ok(sink.seal().await?)
}

/// Prints the summary.
pub(super) fn tell(operation: &str, sealed: &Sealed, json: bool) {
    match json {
        true => report::line(report::sealed_json(operation, sealed)),
        false => report::line(report::sealed(sealed)),
    }
}
