//! `run`: a command's standard output becomes an object, if and only if the command exits with 0. A pipe cannot tell
//! a producer that has finished from one that has died; its parent can.

use super::put::{pour, seal, tell};
use super::{if_exists, stoppable, writing};
use crate::args::Run;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::producer::Producer;
use crate::target::Target;
use sealift::Sink;
use tokio::process::ChildStdout;

pub(super) async fn run(args: Run, interrupt: &Interrupt) -> Result<(), Failure> {
    let target = stoppable(interrupt, Target::open_object(&args.storage, &args.name)).await?;
    let key = target.key()?;
    let work = async {
        let mode = if_exists(&args.write);
        let writable = async { Ok(target.bucket.check_writable(&key, mode).await?) };
        stoppable(interrupt, writable).await?;
        let sink = target.bucket.create(&key, mode)?;
        let (sink, count) = produce(&args, sink, interrupt).await?;
        stoppable(interrupt, seal(sink, count, &args.write)).await
    };
    let sealed = writing(interrupt, &target.bucket, work).await?;
    tell("run", &sealed, args.storage.json);
    Ok(())
}

/// Runs the producer into the sink. Nothing of the producer is left running when this returns; it stops it itself
/// on a signal, since that takes longer than dropping a future.
async fn produce(args: &Run, mut sink: Sink, interrupt: &Interrupt) -> Result<(Sink, u64), Failure> {
    let (mut producer, output) = Producer::start(&args.producer)?;
    let produced = tokio::select! {
        produced = produce_all(&mut producer, output, &mut sink) => produced,
        signal = interrupt.requested() => {
            Err(Failure::Interrupted(signal, format!("stopped by {signal}; nothing was stored")))
        }
    };
    match produced {
        Ok(count) => Ok((sink, count)),
        Err(failure) => {
            let (aborted, ()) = tokio::join!(sink.abort(), producer.stop());
            aborted.map_err(|left| Failure::LeftBehind(format!("{failure}; {left}")))?;
            Err(failure)
        }
    }
}

/// Copies all output, and returns once the producer has exited with 0 and its output has ended. A failure of either
/// ends the wait for the other.
async fn produce_all(producer: &mut Producer, output: ChildStdout, sink: &mut Sink) -> Result<u64, Failure> {
    let (count, ()) = tokio::try_join!(pour(output, sink), producer.success())?;
    Ok(count)
}
