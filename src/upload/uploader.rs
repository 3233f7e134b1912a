//! The task behind a sink. It owns everything of one object that could be left behind, and ends in one of two ways:
//! the object is committed and the sink's owner has been told, or nothing of it is left (or an error names what may be).

use super::commit::{Commit, Failed};
use super::parts::{Kept, Part, Parts};
use super::plan::{Plan, UPKEEP};
use super::sealed::Sealed;
use super::stop::{Answer, Stop};
use crate::activity;
use crate::attempts::Attempts;
use crate::budget::{Block, Held};
use crate::checksum::Checksum;
use crate::error::{Error, ErrorKind, Result};
use crate::existence::Ours;
use crate::heard::Heard;
use crate::object::Committed;
use crate::object_store::{ObjectStore, PartReceipt, Upload};
use crate::shutdown::Registered;
use crate::work::{Stage, Work};
use bytes::Bytes;
use futures::stream::{FuturesOrdered, StreamExt};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

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
    /// What came of the object where it was not accepted.
    pub(super) otherwise: Heard<Error>,
}

/// The sink's end of an uploader.
pub(super) struct Line {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) outcome: Heard<Outcome>,
    /// What the upload may leave, also when its task is gone.
    pub(super) work: Arc<Work>,
}

/// Starts an uploader on the current runtime.
pub(super) fn spawn(plan: Plan, codec: activity::Codec) -> Line {
    let (commands, inbox) = mpsc::channel(1);
    let shutdown = Arc::clone(&plan.shutdown);
    let (outcome, result) = shutdown.channel();
    let uploader = Uploader::new(plan, inbox, codec);
    let work = Arc::clone(&uploader.work);
    let stop = Stop::new(outcome, Arc::clone(&work), shutdown.stop().clone());
    shutdown.tasks().spawn(uploader.run(stop));
    Line { commands, outcome: result, work }
}

pub(super) struct Uploader {
    pub(super) plan: Plan,
    pub(super) started: Instant,
    /// Says at any moment what may be left; what is still said when this is dropped, its owner keeps.
    pub(super) work: Registered,
    pub(super) inbox: mpsc::Receiver<Command>,
    input: Input,
    /// Is told whether compression is what the upload waits for.
    codec: activity::Codec,
    /// Held from the first block to the end of all.
    upkeep: Option<Held>,
    pub(super) encoding: FuturesOrdered<oneshot::Receiver<Result<Bytes>>>,
    /// Full parts that wait for a place among those in flight.
    pub(super) ready: Vec<Part>,
    pub(super) upload: Option<Arc<dyn Upload>>,
    pub(super) in_flight: JoinSet<Result<PartReceipt>>,
    receipts: Vec<PartReceipt>,
    pub(super) parts: u32,
    pub(super) bytes_in: u64,
    /// Over everything that has been given to the service.
    pub(super) whole: Checksum,
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
    fn new(plan: Plan, inbox: mpsc::Receiver<Command>, codec: activity::Codec) -> Self {
        Uploader {
            started: Instant::now(),
            work: plan.shutdown.register(plan.location()),
            inbox,
            input: Input::Open,
            codec,
            upkeep: None,
            encoding: FuturesOrdered::new(),
            ready: Vec::new(),
            upload: None,
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
            Ok(ours) => Ok(ours),
            Err(error) => self.clean_up(error).await,
        };
        // The owner may take its time to hear it.
        self.upkeep = None;
        match committed {
            Ok(ours) => self.deliver(ours, stop).await,
            Err(error) => {
                self.work.set(Stage::Nothing);
                // Nobody may be there to hear it.
                if let Err(Err(error)) = stop.into_outcome().send(Err(error)) {
                    self.plan.shutdown.keep_unheard(error);
                }
            }
        }
    }

    async fn upload(&mut self, stop: &mut Stop) -> Result<Ours> {
        let last = self.transfer(stop).await?;
        match &self.upload {
            None if self.plan.store.puts_in_one_step() => self.put(last, stop).await,
            _ => self.complete(last, stop).await,
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
                    self.plan.counts.encoded(end.len() as u64);
                    self.ready.extend(parts.push(end).await?);
                }
                self.input = Input::Ended;
                continue;
            }
            if self.input == Input::Ended && self.ready.is_empty() {
                self.codec.is_idle();
                return Ok(parts.finish());
            }
            match self.encoding.is_empty() || !self.ready.is_empty() {
                true => self.codec.is_idle(),
                false => self.codec.is_busy(),
            }
            tokio::select! {
                error = stop.requested() => return Err(error),
                Some(stored) = self.in_flight.join_next() => self.receipts.push(joined(stored)?),
                Some(block) = self.encoding.next(), if self.ready.is_empty() => {
                    let block = encoded(block)?;
                    self.plan.counts.encoded(block.len() as u64);
                    self.ready.extend(parts.push(block).await?);
                }
                command = self.inbox.recv(), if self.input == Input::Open && self.encoding.len() < encoding_limit => {
                    self.take(command, stop).await?;
                }
            }
        }
    }

    async fn take(&mut self, command: Option<Command>, stop: &mut Stop) -> Result<()> {
        match command {
            Some(Command::Block(mut block)) => {
                if self.bytes_in == 0 {
                    self.upkeep = block.split_off(UPKEEP);
                }
                self.bytes_in += block.data.len() as u64;
                self.encoding.push_back(self.plan.compressor.encode(block, self.plan.counts.unstored()));
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
        if self.upload.as_ref().is_some_and(|upload| upload.is_serial()) {
            return 1;
        }
        let limit = self.plan.store.part_policy().max_in_flight.max(1);
        match kept {
            Kept::Memory => limit,
            Kept::Spool => SPOOLED_IN_FLIGHT.min(limit),
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
        if let Some(upload) = &self.upload {
            return Ok(Arc::clone(upload));
        }
        let attempts = Attempts::default();
        self.work.set(Stage::Starting(attempts.clone()));
        let started = stop.answer(self.plan.store.start(&self.plan.key, &self.plan.options, &attempts)).await;
        let (started, stopped) = match started {
            Answer::InTime(started) => (started, None),
            Answer::AfterStop(started, stopped) => (started, Some(stopped)),
            Answer::Never(stopped) => {
                let left = self.work.leaves();
                self.work.set(Stage::Nothing);
                return Err(stopped.with_left_behind(left));
            }
        };
        match (started, stopped) {
            (Ok(started), stopped) => {
                let upload: Arc<dyn Upload> = Arc::from(started);
                self.upload = Some(Arc::clone(&upload));
                self.work.set(Stage::Parts(Arc::clone(&upload)));
                stopped.map_or(Ok(upload), Err)
            }
            (Err(error), stopped) => {
                self.work.set(Stage::Nothing);
                // The error names what an attempt may have started.
                let left = error.left_behind().to_vec();
                Err(stopped.unwrap_or(error).with_left_behind(left))
            }
        }
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

    async fn put(&mut self, part: Part, stop: &mut Stop) -> Result<Ours> {
        self.parts = 1;
        self.whole = part.payload.checksum();
        let place = tokio::select! {
            error = stop.requested() => return Err(error),
            place = self.plan.window.place() => place,
        };
        let attempts = Attempts::default();
        self.work.set(Stage::PutSent(attempts.clone()));
        let Plan { store, key, options, .. } = &self.plan;
        let (commit, request) = (self.commit(), store.put(key, part.payload, options, &attempts));
        let answer = stop.answer(commit.answer_or_sight(request, &attempts)).await.before_stop()?;
        match self.settled(answer, &attempts, stop).await? {
            Ok(ours) => {
                place.stored(self.whole.byte_count(), store.slow_downs());
                Ok(ours)
            }
            Err(Failed { error, existence }) => {
                self.work.set(Stage::Nothing);
                Err(existence.after(error, &self.plan.location()))
            }
        }
    }

    async fn complete(&mut self, last: Part, stop: &mut Stop) -> Result<Ours> {
        let upload = self.upload_in_parts(stop).await?;
        let limit = self.in_flight_limit(last.kept);
        self.store_until_fewer_than(limit, stop).await?;
        self.start_part(Arc::clone(&upload), last)?;
        self.store_until_fewer_than(1, stop).await?;
        self.receipts.sort_by_key(|receipt| receipt.number);
        let attempts = Attempts::default();
        self.work.set(Stage::CompleteSent(Arc::clone(&upload), attempts.clone()));
        let (commit, request) = (self.commit(), upload.complete(&self.receipts, self.whole, &attempts));
        let answer = stop.answer(commit.answer_or_sight(request, &attempts)).await.before_stop()?;
        // What is open after this, the abort makes sure of.
        self.settled(answer, &attempts, stop).await?.map_err(|failed| failed.error)
    }

    /// Settles the answer to the commit. A service that is silent when it is looked at does not hold up a stop: then the
    /// clean-up looks, on its own limit.
    async fn settled(
        &self,
        answer: Result<Committed>,
        attempts: &Attempts,
        stop: &mut Stop,
    ) -> Result<Result<Ours, Failed>> {
        stop.answer(self.commit().settle(answer, attempts.effect())).await.before_stop()
    }

    pub(super) fn commit(&self) -> Commit<'_> {
        let Plan { store, key, options, .. } = &self.plan;
        Commit { store, key, options, whole: self.whole }
    }
}

fn joined(stored: Result<Result<PartReceipt>, tokio::task::JoinError>) -> Result<PartReceipt> {
    stored.unwrap_or_else(|error| Err(Error::new(ErrorKind::Io, "upload", "a part", error.to_string())))
}

fn encoded(block: Result<Result<Bytes>, oneshot::error::RecvError>) -> Result<Bytes> {
    let ended = |_| Err(Error::new(ErrorKind::Io, "compress", "a block", "the compression thread panicked"));
    block.unwrap_or_else(ended)
}
