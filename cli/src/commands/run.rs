//! `run`: a command's standard output becomes an object, if and only if the command exits with 0. A pipe cannot tell
//! a producer that has finished from one that has died; its parent can.

use super::put::{copy, seal, tell};
use super::{changing, if_exists, stoppable};
use crate::args::Run;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::outcome::Aftermath;
use crate::producer::Producer;
use crate::storages::Opened;
use sealift::Sink;
use tokio::io::AsyncWrite;
use tokio::process::ChildStdout;

pub(super) async fn run(args: Run, interrupt: &Interrupt) -> Result<(), Failure> {
    let opened = stoppable(interrupt, Opened::object(&args.storage, args.name.as_deref().unwrap_or_default())).await?;
    let key = opened.new_key()?;
    let work = async {
        let mode = if_exists(&args.write);
        let writable = async { Ok(opened.bucket.check_writable(&key, mode).await?) };
        stoppable(interrupt, writable).await?;
        let sink = opened.bucket.create(&key, mode)?;
        let (sink, count) = produce(&args, sink, interrupt).await?;
        stoppable(interrupt, seal(sink, count, &args.write)).await
    };
    let sealed = changing(interrupt, &opened.bucket, work, |clean| Some(Aftermath::NothingStored(clean))).await?;
    tell("run", &sealed, args.storage.summary());
    Ok(())
}

/// Where a producer's output goes.
pub(super) trait Destination: AsyncWrite + Unpin {
    /// Gives up what was written, and returns when nothing of it is left.
    async fn give_up(self) -> sealift::Result<()>;
}

impl Destination for Sink {
    async fn give_up(self) -> sealift::Result<()> {
        self.abort().await
    }
}

/// Runs the producer into the destination. Nothing of the producer is left running when this returns; it stops it itself
/// on a signal, since that takes longer than dropping a future.
pub(super) async fn produce<D: Destination>(
    args: &Run,
    mut destination: D,
    interrupt: &Interrupt,
) -> Result<(D, u64), Failure> {
    let (mut producer, output) = Producer::start(&args.producer, interrupt)?;
    match stoppable(interrupt, produce_all(&mut producer, output, &mut destination)).await {
        Ok(count) => Ok((destination, count)),
        Err(failure) => {
            let (given_up, survivor) = tokio::join!(destination.give_up(), producer.stop());
            let left = given_up.err().map(|error| error.left_behind().to_vec()).unwrap_or_default();
            Err(failure.with_left(left).with_left(survivor))
        }
    }
}

/// Copies all output, and returns once the producer has exited with 0 and its output has ended. A failure of either
/// ends the wait for the other.
async fn produce_all(
    producer: &mut Producer,
    output: ChildStdout,
    destination: &mut (impl AsyncWrite + Unpin),
) -> Result<u64, Failure> {
    let (count, ()) = tokio::try_join!(copy(output, destination), producer.success())?;
    Ok(count)
}
