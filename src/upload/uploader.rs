//! The task behind a sink. It owns everything of one object that could be left behind, and ends in one of two ways:
//! the object is committed and the sink's owner has been told, or nothing of it is left (or an error names what is).

use super::commit::{self, Look};
use super::parts::{Kept, Part, Parts};
use super::plan::Plan;
use super::sink::Sealed;
use super::stage::Stage;
use super::stop::{Answer, Stop};
use crate::checksum::Checksum;
use crate::codec::compressor::Block;
use crate::error::{Error, ErrorKind, LeftBehind, Result};
use crate::object::{Committed, PartReceipt, Upload};
use crate::shutdown::{ABORT_LIMIT, Shutdown, UnderWay};
use bytes::Bytes;
use futures::stream::{FuturesOrdered, StreamExt};
use std::mem;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Parts in temporary files that may be under way at once: they cost disk, and are large enough to fill a line.
const SPOOLED_IN_FLIGHT: usize = 2;

/// What a sink tells its uploader. Dropping the sender without `Finish` is the order to abort.
pub(super) enum Command {
    Block(Block),
    Finish,
}

/// How an upload ended, sent once, after everything else is done.
pub(super) type Outcome = Result<Delivery, Error>;

/// A committed object, for the sink to accept. Until it does, the uploader may have to take the object back.
pub(super) struct Delivery {
    pub(super) sealed: Sealed,
    pub(super) accept: oneshot::Sender<()>,
}

/// Starts an uploader on the current runtime.
pub(super) fn spawn(plan: Plan) -> (mpsc::Sender<Command>, oneshot::Receiver<Outcome>) {
    let (commands, inbox) = mpsc::channel(1);
    let (outcome, result) = oneshot::channel();
    let shutdown = Arc::clone(&plan.shutdown);
    let stop = Stop::new(outcome, shutdown.stop().clone(), plan.location());
    shutdown.tasks().spawn(Uploader::new(plan, inbox).run(stop));
    (commands, result)
}

/// Waits for the end of an upload whose sink has given it up.
pub(super) async fn stop(outcome: oneshot::Receiver<Outcome>) -> Error {
    match outcome.await {
        Ok(Err(error)) => error,
        // Committed in the same moment: refusing the delivery takes it back, and closing the bucket waits for that.
        Ok(Ok(delivery)) => Error::new(ErrorKind::Cancelled, "upload", delivery.sealed.location, "it was given up"),
        Err(_) => runtime_gone(),
    }
}

pub(super) fn runtime_gone() -> Error {
    Error::new(ErrorKind::Cancelled, "upload", "the object", "the runtime that uploads it has shut down")
        .with_hint("close the bucket before the runtime ends; `sealift sweep` finds what may be left")
}

struct Uploader {
    plan: Plan,
    started: Instant,
    under_way: UnderWay,
    inbox: mpsc::Receiver<Command>,
    input: Input,
    encoding: FuturesOrdered<oneshot::Receiver<Result<Bytes>>>,
    /// Full parts that wait for a place among those in flight.
    ready: Vec<Part>,
    stage: Stage,
    in_flight: JoinSet<Result<PartReceipt>>,
    receipts: Vec<PartReceipt>,
    parts: u32,
    bytes_in: u64,
    /// Over everything that has been given to the service.
    whole: Checksum,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    /// More blocks may come.
    Open,
    /// The sink announced the end.
    Finished,
    /// The codec's end mark is in the parts too.
    Ended,
}

impl Uploader {
    fn new(plan: Plan, inbox: mpsc::Receiver<Command>) -> Self {
        Uploader {
            started: Instant::now(),
            under_way: plan.shutdown.register(plan.location()),
            inbox,
            input: Input::Open,
            encoding: FuturesOrdered::new(),
            ready: Vec::new(),
            stage: Stage::Nothing,
            in_flight: JoinSet::new(),
            receipts: Vec::new(),
            parts: 0,
            bytes_in: 0,
            whole: Checksum::empty(plan.store.checksum_algorithm()),
            plan,
        }
    }

    async fn run(mut self, mut stop: Stop) {
        let committed = match self.upload(&mut stop).await {
            Ok(committed) => Ok(committed),
            Err(error) => self.clean_up(error).await,
        };
        match committed {
            Ok(committed) => self.deliver(committed, stop).await,
            Err(error) => tell(&self.plan.shutdown, stop.into_outcome(), error),
        }
    }

    async fn upload(&mut self, stop: &mut Stop) -> Result<Committed> {
        let last = self.transfer(stop).await?;
        match &self.stage {
            Stage::Parts(upload) => {
                let upload = Arc::clone(upload);
                self.complete(upload, last, stop).await
            }
            _ => self.put(last, stop).await,
        }
    }

    /// Takes the stream in, stores its full parts, and returns the last one.
    async fn transfer(&mut self, stop: &mut Stop) -> Result<Part> {
        let algorithm = self.plan.store.checksum_algorithm();
        let mut parts = Parts::new(self.plan.part_policy(), self.plan.memory_part(), algorithm);
        let encoding_limit = self.plan.compressor.threads() + 1;
        loop {
            self.start_ready_parts(stop).await?;
            if self.input == Input::Finished && self.encoding.is_empty() {
                if let Some(end) = self.plan.compressor.end(self.bytes_in) {
                    self.ready.extend(parts.push(end).await?);
                }
                self.input = Input::Ended;
                continue;
            }
            if self.input == Input::Ended && self.ready.is_empty() {
                return Ok(parts.finish());
            }
            tokio::select! {
                error = stop.requested() => return Err(error),
                Some(stored) = self.in_flight.join_next() => self.receipts.push(joined(stored)?),
                Some(block) = self.encoding.next(), if self.ready.is_empty() => {
                    self.ready.extend(parts.push(encoded(block)?).await?);
                }
                command = self.inbox.recv(), if self.input == Input::Open && self.encoding.len() < encoding_limit => {
                    self.take(command, stop).await?;
                }
            }
        }
    }

    async fn take(&mut self, command: Option<Command>, stop: &mut Stop) -> Result<()> {
        match command {
            Some(Command::Block(block)) => {
                self.bytes_in += block.data.len() as u64;
                self.encoding.push_back(self.plan.compressor.encode(block));
                Ok(())
            }
            Some(Command::Finish) => {
                self.input = Input::Finished;
                Ok(())
            }
            None => Err(stop.given_up()),
        }
    }

    async fn start_ready_parts(&mut self, stop: &mut Stop) -> Result<()> {
        while let Some(part) = self.ready.first() {
            let limit = self.in_flight_limit(part.kept);
            if self.in_flight.len() >= limit {
                return Ok(());
            }
            let upload = self.upload_in_parts(stop).await?;
            let part = self.ready.remove(0);
            self.start_part(upload, part)?;
        }
        Ok(())
    }

    fn in_flight_limit(&self, kept: Kept) -> usize {
        match kept {
            Kept::Memory => self.plan.store.part_policy().max_in_flight.max(1),
            Kept::Spool => SPOOLED_IN_FLIGHT.min(self.plan.store.part_policy().max_in_flight.max(1)),
        }
    }

    /// Waits until fewer than `limit` parts are in flight.
    async fn store_until_fewer_than(&mut self, limit: usize, stop: &mut Stop) -> Result<()> {
        while self.in_flight.len() >= limit {
            tokio::select! {
                error = stop.requested() => return Err(error),
                Some(stored) = self.in_flight.join_next() => self.receipts.push(joined(stored)?),
            }
        }
        Ok(())
    }

    /// The upload, started if it was not yet.
    async fn upload_in_parts(&mut self, stop: &mut Stop) -> Result<Arc<dyn Upload>> {
        if let Stage::Parts(upload) = &self.stage {
            return Ok(Arc::clone(upload));
        }
        let (started, stopped) = match stop.answer(self.plan.store.start(&self.plan.key, &self.plan.options)).await {
            Answer::InTime(started) => (started?, None),
            Answer::AfterStop(Ok(started), stopped) => (started, Some(stopped)),
            Answer::AfterStop(Err(error), stopped) => {
                return Err(stopped.with_left_behind(error.left_behind().iter().cloned()));
            }
            Answer::Never(stopped) => {
                let left = "perhaps an upload whose start was not answered (`sealift sweep` finds it, where uploads are listed)";
                return Err(stopped.with_left_behind([LeftBehind(left.into())]));
            }
        };
        let upload: Arc<dyn Upload> = Arc::from(started);
        self.stage = Stage::Parts(Arc::clone(&upload));
        self.under_way.describe(self.stage.describe(&self.plan.location()));
        stopped.map_or(Ok(upload), Err)
    }

    fn start_part(&mut self, upload: Arc<dyn Upload>, part: Part) -> Result<()> {
        let policy = self.plan.store.part_policy();
        if self.parts == policy.max_parts {
            let reason =
                format!("the service takes {} parts, which held {} bytes", policy.max_parts, self.whole.byte_count());
            return Err(Error::new(ErrorKind::TooLarge, "upload", self.plan.location(), reason)
                .with_hint("start with larger parts, or say what size to expect"));
        }
        self.parts += 1;
        self.whole = self.whole.then(part.payload.checksum());
        let (number, bytes) = (self.parts, part.payload.byte_count());
        let (window, store) = (Arc::clone(&self.plan.window), Arc::clone(&self.plan.store));
        self.in_flight.spawn(async move {
            let place = window.place().await;
            let receipt = upload.put_part(number, part.payload).await?;
            place.stored(bytes, store.slow_downs());
            Ok(receipt)
        });
        Ok(())
    }

    async fn put(&mut self, part: Part, stop: &mut Stop) -> Result<Committed> {
        self.parts = 1;
        self.whole = part.payload.checksum();
        let place = tokio::select! {
            error = stop.requested() => return Err(error),
            place = self.plan.window.place() => place,
        };
        self.stage = Stage::PutSent;
        let Plan { store, key, options, .. } = &self.plan;
        let whole = self.whole;
        let put =
            async { commit::settle(&**store, key, options, whole, store.put(key, part.payload, options).await).await };
        let committed = stop.answer(put).await.before_stop()?;
        place.stored(whole.byte_count(), store.slow_downs());
        self.stage = Stage::Nothing;
        Ok(committed)
    }

    async fn complete(&mut self, upload: Arc<dyn Upload>, last: Part, stop: &mut Stop) -> Result<Committed> {
        let limit = self.in_flight_limit(last.kept);
        self.store_until_fewer_than(limit, stop).await?;
        self.start_part(Arc::clone(&upload), last)?;
        self.store_until_fewer_than(1, stop).await?;
        self.receipts.sort_by_key(|receipt| receipt.number);
        self.stage = Stage::CompleteSent(Arc::clone(&upload));
        let Plan { store, key, options, .. } = &self.plan;
        let (receipts, whole) = (&self.receipts, self.whole);
        let complete =
            async { commit::settle(&**store, key, options, whole, upload.complete(receipts, whole).await).await };
        let committed = stop.answer(complete).await.before_stop()?;
        self.stage = Stage::Nothing;
        Ok(committed)
    }

    /// Removes everything after `error`, on a time limit of its own. `Ok` when the commit turns out to have taken
    /// effect after all, and nothing speaks against it.
    async fn clean_up(&mut self, error: Error) -> Result<Committed> {
        self.inbox.close();
        while self.inbox.try_recv().is_ok() {}
        self.encoding = FuturesOrdered::new();
        self.ready.clear();
        self.in_flight.shutdown().await;
        let location = self.plan.location();
        let cleaned = match timeout(ABORT_LIMIT, self.remove(&error)).await {
            Ok(cleaned) => cleaned,
            Err(_) => {
                let reason = format!("it did not end within {} seconds", ABORT_LIMIT.as_secs());
                Err(Error::new(ErrorKind::TimedOut, "abort", &location, reason))
            }
        };
        let stage = mem::replace(&mut self.stage, Stage::Nothing);
        match cleaned {
            Ok(Some(committed)) => Ok(committed),
            Ok(None) => Err(error),
            Err(failed) => {
                tracing::error!("{failed}");
                let mut left = failed.left_behind().to_vec();
                if left.is_empty() {
                    left.push(LeftBehind(format!("{}: {failed}", stage.describe(&location))));
                }
                Err(error.with_left_behind(left))
            }
        }
    }

    async fn remove(&self, error: &Error) -> Result<Option<Committed>> {
        let Plan { store, key, options, .. } = &self.plan;
        let must_not_stand = matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Corrupt);
        match &self.stage {
            Stage::Nothing => Ok(None),
            Stage::Parts(upload) => upload.abort().await.map(|()| None),
            Stage::PutSent if must_not_stand => commit::retract(&**store, key, options).await.map(|()| None),
            Stage::PutSent => Ok(None),
            Stage::CompleteSent(upload) => {
                // After the abort no complete can take effect any more, so this look is the last word.
                upload.abort().await?;
                if must_not_stand {
                    return commit::retract(&**store, key, options).await.map(|()| None);
                }
                match commit::look(&**store, key, options).await {
                    Look::Ours(_) => {
                        commit::settle(&**store, key, options, self.whole, Err(error.clone())).await.map(Some)
                    }
                    Look::NotOurs | Look::Unknown(_) => Ok(None),
                }
            }
        }
    }

    /// Tells the sink, and takes the object back if nobody is there to hear of it.
    async fn deliver(self, committed: Committed, stop: Stop) {
        let sealed = Sealed {
            location: self.plan.location(),
            bytes_in: self.bytes_in,
            bytes_stored: self.whole.byte_count(),
            parts: self.parts,
            checksum: self.whole.to_string(),
            etag: committed.etag,
            version: committed.version,
            elapsed: self.started.elapsed(),
        };
        let (accept, mut accepted) = oneshot::channel();
        let delivered = stop.into_outcome().send(Ok(Delivery { sealed, accept })).is_ok();
        let heard = delivered
            && tokio::select! {
                answer = &mut accepted => answer.is_ok(),
                () = self.plan.shutdown.stop().cancelled() => {
                    accepted.close();
                    accepted.try_recv().is_ok()
                }
            };
        if heard {
            return;
        }
        let Plan { store, key, options, shutdown, .. } = &self.plan;
        let location = self.plan.location();
        let retracted = match timeout(ABORT_LIMIT, commit::retract(&**store, key, options)).await {
            Ok(retracted) => retracted,
            Err(_) => Err(Error::new(ErrorKind::TimedOut, "take back", &location, "the service did not answer")),
        };
        if let Err(error) = retracted {
            shutdown.keep_unheard(
                error.with_left_behind([LeftBehind(format!("the object {location} (`sealift rm` removes it)"))]),
            );
        }
    }
}

impl Drop for Uploader {
    fn drop(&mut self) {
        if !matches!(self.stage, Stage::Nothing) {
            let left = self.stage.describe(&self.plan.location());
            tracing::error!("left behind: {left}: the runtime ended before the abort");
        }
    }
}

fn joined(stored: Result<Result<PartReceipt>, tokio::task::JoinError>) -> Result<PartReceipt> {
    stored.unwrap_or_else(|error| Err(Error::new(ErrorKind::Io, "upload", "a part", error.to_string())))
}

fn encoded(block: Result<Result<Bytes>, oneshot::error::RecvError>) -> Result<Bytes> {
    let ended = |_| Err(Error::new(ErrorKind::Io, "compress", "a block", "the compression thread panicked"));
    block.unwrap_or_else(ended)
}

/// Tells the sink of a failure. When nobody hears it, it is kept if something was left behind.
fn tell(shutdown: &Shutdown, outcome: oneshot::Sender<Outcome>, error: Error) {
    if let Err(Err(error)) = outcome.send(Err(error))
        && !error.left_behind().is_empty()
    {
        shutdown.keep_unheard(error);
    }
}
