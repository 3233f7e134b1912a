//! Cells in which something is looked at, read, moved or removed.

use crate::cells::{Call, Cause, Cell, Ending, Kind, Often, Over, Task};
use crate::faults::{Armed, arm};
use crate::stage::{KEY, Outcome, Run, Stage, THEIR_UPLOAD, limit, old, parsed, said, small};
use crate::writes::{another_writer, recover};
use futures::TryStreamExt;
use sealift::{Bucket, Error, ErrorKind};
use sealift_tests::cloud::{Cloud, Field, Spoiled, Step};
use sealift_tests::promise::Errand;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

pub(crate) const TARGET: &str = "backups/moved";

pub(crate) async fn run<C: Cloud>(cell: Cell) -> Outcome {
    let stage = Stage::<C>::new().await;
    stage.store(KEY, &small()).await;
    if cell.over == Over::Old {
        stage.cloud.put(TARGET, old(small().len())).await;
    }
    stage.cloud.leave_unfinished(THEIR_UPLOAD).await;
    let before = stage.world().await;
    let armed = arm::<C>(&stage.proxy, &cell).await;

    let ended = CancellationToken::new();
    let done = async {
        let done = end(&stage, &cell, &armed).await;
        ended.cancel();
        done
    };
    let (done, foreign, ()) =
        tokio::join!(done, another_writer(&stage, &cell, &armed, &ended), recover(&stage, &cell, &armed, &ended));
    let now = stage.world().await;
    armed.main.apply_now().await;
    let settled = stage.world().await;
    let their_upload = before.uploads.iter().find(|(key, _)| key == THEIR_UPLOAD).expect("it was begun").clone();
    let errand = match cell.call.task {
        Task::Move => Errand::Move { from: KEY.to_owned(), to: TARGET.to_owned() },
        Task::Remove => Errand::Remove { key: KEY.to_owned() },
        Task::Sweep => Errand::Sweep { upload: their_upload },
        _ => Errand::Read,
    };
    // What another stored meanwhile is beside what was to be read.
    let expected = match errand {
        Errand::Read => settled.clone(),
        _ => before,
    };
    let run = Run {
        said: said(done.success, Vec::new(), &done.errors, done.begun),
        errand,
        before: expected,
        foreign,
        now,
        settled,
        limit: limit(&cell, done.given_up),
        fired: armed.main.fired(),
        false_reading: done.false_reading,
    };
    let outcome = run.judge(&stage);
    stage.end().await;
    outcome
}

struct Done {
    success: bool,
    errors: Vec<Error>,
    begun: Instant,
    given_up: bool,
    false_reading: bool,
}

/// What a task tells of what it read.
type Told = Result<Reading, Error>;

/// Whether what was read is what is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    True,
    False,
}

async fn end<C: Cloud>(stage: &Stage<C>, cell: &Cell, armed: &Armed) -> Done {
    let bucket = &stage.bucket;
    let mut begun = Instant::now();
    let mut doing = Box::pin(perform(bucket.clone(), *cell));
    let mut given_up = false;
    let told = match cell.ending {
        Ending::Itself => Some(doing.await),
        Ending::Dropped | Ending::Stopped => {
            tokio::select! {
                biased;
                () = armed.given_up(&stage.proxy) => {
                    (given_up, begun) = (true, Instant::now());
                    match cell.ending {
                        Ending::Stopped => {
                            bucket.stop();
                            Some(doing.await)
                        }
                        _ => {
                            drop(doing);
                            None
                        }
                    }
                }
                told = &mut doing => Some(told),
            }
        }
    };
    let mut errors = bucket.close().await.err().unwrap_or_default();
    let (success, false_reading) = match told {
        Some(Ok(reading)) => (true, reading == Reading::False),
        Some(Err(error)) => {
            let not_there = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NoSuchBucket);
            errors.push(error);
            // Only the service may say so.
            (false, not_there && cell.kind != Kind::Missing)
        }
        None => (false, false),
    };
    Done { success, errors, begun, given_up, false_reading }
}

/// A task that moves or removes, without a fault.
pub(crate) async fn perform_task(bucket: Bucket, task: Task) -> Result<(), Error> {
    let call = Call { task, step: Step::Delete, cause: Cause::Always };
    let cell = Cell { call, kind: Kind::Reset, often: Often::Once, over: Over::Nothing, ending: Ending::Itself };
    perform(bucket, cell).await.map(drop)
}

async fn perform(bucket: Bucket, cell: Cell) -> Told {
    let key = parsed(KEY);
    let is = |right: bool| if right { Reading::True } else { Reading::False };
    // A wrong number that looks like one is believed by whoever has nothing to hold against it.
    let lies_in_size = cell.kind == Kind::Spoils(Field::Length, Spoiled::Wrong);
    match cell.call.task {
        Task::Stat => {
            let info = bucket.stat(&key).await?;
            Ok(is(lies_in_size || info.size == small().len() as u64))
        }
        Task::List => {
            let listed: Vec<_> = bucket.list("backups/file").try_collect().await?;
            let ours =
                |info: &sealift::ObjectInfo| info.key == KEY && (lies_in_size || info.size == small().len() as u64);
            Ok(is(listed.len() == 1 && listed.iter().all(ours)))
        }
        Task::Get => {
            let mut read = Vec::new();
            let whole = bucket.open(&key).await?.read_to_end(&mut read).await;
            whole.map_err(|error| Error::from_io(&error).expect("ours").clone())?;
            Ok(is(small() == read))
        }
        Task::Move => bucket.rename(&key, &parsed(TARGET)).await.map(|()| Reading::True),
        Task::Remove => bucket.remove(&key).await.map(|()| Reading::True),
        Task::Sweep => {
            let left = bucket.leftovers(THEIR_UPLOAD, Duration::ZERO).await.and_then(sealift::Leftovers::all)?;
            if left.iter().all(|left| left.key != THEIR_UPLOAD) {
                // It was removed by an attempt whose answer was lost, or it was not seen.
                return Ok(is(cell.call.step == Step::Abort));
            }
            for left in &left {
                bucket.remove_leftover(left).await?;
            }
            Ok(Reading::True)
        }
        Task::Put | Task::Upload => unreachable!("these are in another file"),
    }
}
