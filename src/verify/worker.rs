//! One shard of a plan: its pieces, many at a time. What is found is told as it comes, and what is good is recorded.

use super::depth::Depth;
use super::files::Files;
use super::finding::{Class, Finding};
use super::folder::Folder;
use super::piece::{Check, Outcome, Piece};
use super::plan::{Plan, tool};
use super::record::{Record, Recorded};
use super::shard::Shard;
use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// So many pieces are recorded at once, or what there is after so long: a run that is killed verifies that again.
const RECORD_AFTER: usize = 1000;
const RECORD_EVERY: Duration = Duration::from_secs(60);

/// What happens on the way.
#[derive(Debug)]
pub enum Event<'a> {
    /// Something is wrong, or could not be told.
    Found(&'a Finding),
    /// A piece is done.
    Done(&'a Piece),
    /// What is good could not be recorded: it will be verified again.
    NotRecorded(&'a Error),
}

/// A shard's work.
#[non_exhaustive]
pub struct Work<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Which part of it.
    pub shard: Shard,
    /// Where the files are.
    pub files: Arc<Files>,
    /// How they are verified.
    pub check: Arc<dyn Check>,
    /// How many pieces are verified at a time.
    pub at_once: usize,
    /// Where what is good is recorded.
    pub record: Option<Folder>,
    /// When no more is begun.
    pub until: Option<Instant>,
    /// Ends the work early; what is done by then is recorded.
    pub stop: CancellationToken,
    /// Who is told on the way.
    pub tell: &'a (dyn Fn(Event<'_>) + Sync),
}

/// What came of a shard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// The plan's id.
    pub plan: String,
    /// Which part of it.
    pub shard: Shard,
    /// Who has verified it.
    pub tool: String,
    /// How deep.
    pub depth: Depth,
    /// What came of each piece, by its name.
    pub pieces: BTreeMap<String, Outcome>,
    /// The pieces for which there was no time.
    pub unfinished: Vec<String>,
}

impl<'a> Work<'a> {
    /// All of the plan, a piece at a time and to its end; nothing is recorded and nobody is told on the way.
    pub fn new(plan: &'a Plan, files: Arc<Files>, check: Arc<dyn Check>) -> Self {
        Work {
            plan,
            shard: Shard::WHOLE,
            files,
            check,
            at_once: 1,
            record: None,
            until: None,
            stop: CancellationToken::new(),
            tell: &|_| {},
        }
    }

    /// Verifies the shard's pieces. Whatever is wrong with one is in the report, and ends nothing.
    ///
    /// # Cancel safety
    /// Dropped, it stops reading, and what was not recorded yet is verified again another time. [`stop`](Self::stop) has
    /// that recorded first.
    pub async fn run(self) -> Report {
        let share = self.shard.share(&self.plan.pieces);
        let mut waiting = share.iter().filter_map(|&at| self.plan.pieces.get(at)).peekable();
        let mut recorder = Recorder::new(self.record.clone(), self.plan.depth);
        let mut pieces = BTreeMap::new();
        let mut under_way = JoinSet::new();
        let mut names = HashMap::new();
        loop {
            while under_way.len() < self.at_once.max(1) && !self.is_over() {
                let Some(piece) = waiting.next().cloned() else { break };
                let (check, files, due) = (Arc::clone(&self.check), Arc::clone(&self.files), piece.clone());
                let task = under_way.spawn(async move { check.check(&due, &files).await });
                names.insert(task.id(), piece);
            }
            let done = tokio::select! {
                biased;
                () = self.stop.cancelled() => None,
                done = under_way.join_next_with_id() => done,
            };
            let Some(done) = done else { break };
            let (id, outcome) = match done {
                Ok(done) => done,
                Err(error) => (error.id(), failed(&error)),
            };
            let Some(piece) = names.remove(&id) else { continue };
            let outcome = in_file(&piece, outcome);
            outcome.findings.iter().for_each(|finding| (self.tell)(Event::Found(finding)));
            (self.tell)(Event::Done(&piece));
            recorder.take(&piece, &outcome);
            pieces.insert(piece.name, outcome);
            recorder.write_if_due(self.tell).await;
        }
        under_way.shutdown().await;
        recorder.write(self.tell).await;
        let all = share.iter().filter_map(|&at| self.plan.pieces.get(at));
        let unfinished = all.filter(|piece| !pieces.contains_key(&piece.name)).map(|piece| piece.name.clone());
        let unfinished = unfinished.collect();
        let (plan, depth) = (self.plan.id.clone(), self.plan.depth);
        Report { plan, shard: self.shard, tool: tool(), depth, pieces, unfinished }
    }

    fn is_over(&self) -> bool {
        self.stop.is_cancelled() || self.until.is_some_and(|until| Instant::now() >= until)
    }
}

/// A check that ended in a panic is a bug, and says nothing of its piece.
fn failed(error: &JoinError) -> Outcome {
    let finding = Finding::wrong("", "unread", format!("the verification itself failed: {error}"));
    Outcome::of(Finding { class: Class::Unverified, ..finding })
}

/// Names the piece where a finding names no file.
fn in_file(piece: &Piece, mut outcome: Outcome) -> Outcome {
    for finding in outcome.findings.iter_mut().filter(|finding| finding.file.is_empty()) {
        finding.file.clone_from(&piece.name);
    }
    outcome
}

impl fmt::Debug for Work<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("shard", &self.shard).finish_non_exhaustive()
    }
}

/// Records what is good, some at a time. Whoever may only read has no record, and is told once.
struct Recorder {
    folder: Option<Folder>,
    depth: Depth,
    waiting: Vec<Recorded>,
    since: Instant,
}

impl Recorder {
    fn new(folder: Option<Folder>, depth: Depth) -> Self {
        Recorder { folder, depth, waiting: Vec::new(), since: Instant::now() }
    }

    fn take(&mut self, piece: &Piece, outcome: &Outcome) {
        if self.folder.is_none() || !outcome.findings.is_empty() {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.waiting.push(Recorded {
            piece: piece.name.clone(),
            depth: self.depth,
            at: now.as_secs(),
            nanos: now.subsec_nanos(),
            tool: tool(),
            files: outcome.files.clone(),
            facts: outcome.facts.clone(),
        });
    }

    async fn write_if_due(&mut self, tell: &(dyn Fn(Event<'_>) + Sync)) {
        if self.waiting.len() >= RECORD_AFTER || self.since.elapsed() >= RECORD_EVERY {
            self.write(tell).await;
        }
    }

    async fn write(&mut self, tell: &(dyn Fn(Event<'_>) + Sync)) {
        self.since = Instant::now();
        let waiting = std::mem::take(&mut self.waiting);
        let Some(folder) = self.folder.as_ref().filter(|_| !waiting.is_empty()) else { return };
        if let Err(error) = Record::append(folder, &waiting).await {
            tell(Event::NotRecorded(&error));
            self.folder = None;
        }
    }
}
