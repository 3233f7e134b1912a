//! Cells in which something is stored.

use crate::cells::{Cause, Cell, Ending, Kind, Often, Over, Task};
use crate::faults::{Armed, arm};
use crate::stage::{KEY, Outcome, Run, Stage, THEIR_UPLOAD, THEIRS, large, limit, old, parsed, said, small, theirs};
use bytes::Bytes;
use sealift::{Bucket, Error, IfExists, LeftBehind, Sealed};
use sealift_tests::cloud::Cloud;
use sealift_tests::promise::{Errand, World};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

/// After which a server that was restarted listens again, and a request that was late is served.
const LATE: Duration = Duration::from_millis(1500);

pub(crate) async fn run<C: Cloud>(cell: Cell) -> Outcome {
    let stage = Stage::<C>::new().await;
    let content = if cell.call.task == Task::Put { small() } else { large() };
    if cell.over == Over::Old {
        stage.cloud.put(KEY, old(content.len())).await;
    }
    stage.cloud.leave_unfinished(THEIR_UPLOAD).await;
    if C::keeps_uploads_apart() {
        stage.cloud.leave_unfinished(KEY).await;
    }
    let before = stage.world().await;
    let armed = arm::<C>(&stage.proxy, &cell).await;

    let ended = CancellationToken::new();
    let written = async {
        let written = end(&stage, &cell, &armed, content.clone()).await;
        ended.cancel();
        written
    };
    let (written, foreign, (), _) = tokio::join!(
        written,
        another_writer(&stage, &cell, &armed, &ended),
        recover(&stage, &cell, &armed, &ended),
        ended.run_until_cancelled(fail(&cell, &armed)),
    );
    let now = stage.world().await;
    armed.main.apply_now().await;
    let settled = stage.world().await;
    let run = Run {
        said: said(written.sealed, written.left, &written.errors, written.begun),
        errand: Errand::Store { key: KEY.to_owned(), content },
        before,
        foreign,
        now,
        settled,
        limit: limit(&cell, written.given_up),
        fired: armed.main.fired(),
        false_reading: false,
    };
    let outcome = run.judge(&stage);
    stage.end().await;
    outcome
}

/// How a write ended.
struct Written {
    sealed: bool,
    left: Vec<LeftBehind>,
    errors: Vec<Error>,
    /// From when on the time counts.
    begun: Instant,
    given_up: bool,
}

async fn end<C: Cloud>(stage: &Stage<C>, cell: &Cell, armed: &Armed, content: Bytes) -> Written {
    let bucket = &stage.bucket;
    let mut begun = Instant::now();
    let if_exists = if cell.over == Over::Absent { IfExists::Fail } else { IfExists::Replace };
    let mut writing = Box::pin(write(bucket.clone(), if_exists, content));
    let mut given_up = false;
    let result = match cell.ending {
        Ending::Itself => Some(writing.await),
        Ending::Dropped | Ending::Stopped => {
            tokio::select! {
                biased;
                () = armed.given_up(&stage.proxy) => {
                    (given_up, begun) = (true, Instant::now());
                    match cell.ending {
                        Ending::Stopped => {
                            bucket.stop();
                            Some(writing.await)
                        }
                        _ => {
                            drop(writing);
                            None
                        }
                    }
                }
                // It may never come to the fault.
                result = &mut writing => Some(result),
            }
        }
    };
    let mut errors = bucket.close().await.err().unwrap_or_default();
    let (sealed, left) = match result {
        Some(Ok(sealed)) => (true, sealed.left_behind),
        Some(Err(error)) => {
            errors.push(error);
            (false, Vec::new())
        }
        None => (false, Vec::new()),
    };
    Written { sealed, left, errors, begun, given_up }
}

pub(crate) async fn write(bucket: Bucket, if_exists: IfExists, content: Bytes) -> Result<Sealed, Error> {
    let mut sink = bucket.create(&parsed(KEY), if_exists)?;
    match sink.write_all(&content).await {
        Ok(()) => sink.seal().await,
        Err(error) => Err(Error::from_io(&error).expect("ours").clone()),
    }
}

/// Another writer, who stores something of his own when the fault has been done, and returns what.
pub(crate) async fn another_writer<C: Cloud>(
    stage: &Stage<C>,
    cell: &Cell,
    armed: &Armed,
    ended: &CancellationToken,
) -> World {
    tokio::select! {
        () = armed.main.wait_fired(1) => {}
        () = ended.cancelled() => return World::default(),
    }
    let mut foreign = World::default();
    let mut keys = vec![THEIRS];
    if cell.over == Over::Rival {
        keys.push(KEY);
    }
    for key in keys {
        stage.cloud.put(key, theirs()).await;
        foreign.objects.insert(key.to_owned(), theirs());
    }
    foreign
}

/// The failure that makes a write abort, once something is stored.
async fn fail(cell: &Cell, armed: &Armed) {
    if cell.call.cause == Cause::Aborting && cell.ending == Ending::Itself {
        armed.fail().await;
    }
}

/// What gets better by itself after a while.
pub(crate) async fn recover<C: Cloud>(stage: &Stage<C>, cell: &Cell, armed: &Armed, ended: &CancellationToken) {
    let fired = async {
        armed.main.wait_fired(1).await;
        tokio::time::sleep(LATE).await;
    };
    if ended.run_until_cancelled(fired).await.is_none() {
        return;
    }
    match cell.kind {
        Kind::Refused if cell.often == Often::Once => stage.proxy.up().await,
        Kind::AppliedLaterClientWaits if cell.ending == Ending::Itself => armed.main.release(),
        _ => {}
    }
}
