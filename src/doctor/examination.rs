//! The order of an examination, and what it shares.

use super::report::Report;
use super::scratch::{Scratch, Versions};
use crate::checksum::Checksum;
use crate::error::{Error, ErrorKind, Result};
use crate::examined::{Capability, Examined, Finding, Verdict};
use crate::name::Key;
use crate::object::{CommitOptions, Committed, IfExists, Token};
use crate::object_store::ObjectStore;
use crate::payload::Payload;
use crate::retrying::RetryingStore;
use crate::shutdown::ANSWER_LIMIT;
use crate::work::Work;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

const OPERATION: &str = "examine";

/// How long one examination is tried again that fails in passing: there are thirty.
const TRIED_FOR: Duration = Duration::from_secs(15);

/// What the environment of the process says of the way to services.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Whether scratch objects are stored also where they cannot be removed for some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// Nothing is stored there, and what needs it is not examined.
    Avoided,
    /// They are, and stay.
    Accepted,
}

/// How a bucket is to be examined.
#[derive(Clone)]
#[non_exhaustive]
pub struct Examination {
    /// Scratch objects are made below this, which may be empty.
    pub prefix: String,
    /// What to do in a bucket that keeps everything.
    pub lasting: Lasting,
    /// The variables of the environment, by their names.
    pub environment: Environment,
}

impl Examination {
    /// On scratch objects below `prefix`, in an environment. A bucket that keeps everything is left alone
    /// ([`Lasting::Avoided`]) until [`lasting`](Self::lasting) says otherwise.
    pub fn new(prefix: impl Into<String>, environment: Environment) -> Self {
        Examination { prefix: prefix.into(), lasting: Lasting::Avoided, environment }
    }
}

impl std::fmt::Debug for Examination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Examination")
            .field("prefix", &self.prefix)
            .field("lasting", &self.lasting)
            .finish_non_exhaustive()
    }
}

/// Examines `store`, and removes what that made.
pub(crate) async fn examine(store: &RetryingStore, plan: &Examination, work: &Work) -> Result<Report> {
    let store = store.tried_for(TRIED_FOR);
    let examined = examined(&store)?;
    let scratch = Scratch::below(&plan.prefix, store.url(), work);
    let mut trial = Trial {
        store: &store,
        examined,
        scratch: &scratch,
        plan,
        work,
        findings: Vec::new(),
        versions: Versions::Unknown,
    };
    let stopped = async {
        work.stopped().await;
        sleep(ANSWER_LIMIT).await;
    };
    let done = tokio::select! {
        biased;
        done = trial.run() => done,
        () = stopped => Err(trial_stopped(&store)),
    };
    let Trial { mut findings, versions, .. } = trial;
    let (left, of_versions) = scratch.remove(&store.cleaning(), examined, versions).await;
    findings.extend(of_versions);
    match done {
        Ok(()) => Ok(Report::of(location(&store, &plan.prefix), findings, left)),
        Err(error) => Err(error.with_left_behind(left)),
    }
}

/// Has the service end incomplete uploads by itself: see [`Examined::end_incomplete_uploads`].
pub(crate) async fn end_incomplete_uploads(store: &RetryingStore) -> Result<Option<String>> {
    examined(store)?.end_incomplete_uploads().await
}

fn examined(store: &RetryingStore) -> Result<&dyn Examined> {
    store.examined().ok_or_else(|| {
        let reason = "this kind of storage cannot be examined";
        Error::new(ErrorKind::InvalidConfig, OPERATION, store.url(), reason)
    })
}

fn location(store: &dyn ObjectStore, prefix: &str) -> String {
    match prefix.trim_matches('/') {
        "" => store.url(),
        prefix => format!("{}/{prefix}", store.url()),
    }
}

fn trial_stopped(store: &dyn ObjectStore) -> Error {
    Error::new(ErrorKind::Cancelled, OPERATION, store.url(), "it was asked to stop")
}

/// An examination under way.
pub(super) struct Trial<'a> {
    pub(super) store: &'a RetryingStore,
    pub(super) examined: &'a dyn Examined,
    pub(super) scratch: &'a Scratch<'a>,
    pub(super) plan: &'a Examination,
    pub(super) work: &'a Work,
    pub(super) findings: Vec<Finding>,
    pub(super) versions: Versions,
}

impl Trial<'_> {
    async fn run(&mut self) -> Result<()> {
        self.way();
        let there = self.listing().await?;
        self.go_on()?;
        self.earlier().await;
        self.service_clock().await;
        let keeps = self.settings().await;
        self.go_on()?;
        if let (Some(why), Lasting::Avoided) = (keeps, self.plan.lasting) {
            self.noted(Capability::Put, Verdict::Unknown, format!("not tried, since what is stored stays: {why}"));
            return self.reading(there).await;
        }
        let Some((key, stored)) = self.put().await? else { return self.reading(there).await };
        self.clock_of(&stored);
        self.go_on()?;
        let removes = self.objects(&key, &stored).await?;
        self.go_on()?;
        self.conditions().await?;
        self.go_on()?;
        self.put_checksum().await?;
        self.go_on()?;
        self.upload().await?;
        self.go_on()?;
        self.damaged_upload().await?;
        self.go_on()?;
        match removes {
            true => self.copies().await?,
            false => self.no_copies(),
        }
        self.go_on()
    }

    /// Whether the examination is still wanted.
    pub(super) fn go_on(&self) -> Result<()> {
        match self.work.is_stopped() {
            true => Err(trial_stopped(self.store)),
            false => Ok(()),
        }
    }

    pub(super) fn noted(&mut self, capability: Capability, verdict: Verdict, evidence: impl Into<String>) {
        self.findings.push(Finding::new(capability, verdict, evidence));
    }

    pub(super) fn works(&mut self, capability: Capability, evidence: impl Into<String>) {
        self.noted(capability, Verdict::Works, evidence);
    }

    /// What `error` says. What it names is not forgotten.
    pub(super) fn failed(&mut self, capability: Capability, error: &Error) {
        self.scratch.told(error.left_behind());
        self.findings.push(Finding::failed(capability, self.examined.permission(capability), error));
    }

    /// `bytes` with their checksum.
    pub(super) fn payload(&self, bytes: impl Into<Bytes>) -> Payload {
        let bytes = bytes.into();
        let checksum = Checksum::of(self.store.checksum_algorithm(), &bytes);
        Payload::from_segments(vec![bytes], checksum)
    }

    /// `bytes` with the checksum of others.
    pub(super) fn damaged(&self, bytes: &'static [u8]) -> Payload {
        let others: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
        let checksum = Checksum::of(self.store.checksum_algorithm(), &others);
        Payload::from_segments(vec![bytes.into()], checksum)
    }

    /// What was stored, in a bucket that keeps versions, is one.
    pub(super) fn see_version(&mut self, committed: &Committed) {
        if self.examined.is_version(committed) {
            self.versions = Versions::Kept;
        }
    }

    /// Stores `payload` as the scratch object `key`.
    pub(super) async fn store(&mut self, key: &Key, payload: Payload, if_exists: IfExists) -> Result<Committed> {
        let attempts = self.scratch.object(key);
        let stored = self.store.put(key, payload, &options(if_exists), &attempts).await;
        match &stored {
            Ok(committed) => {
                self.scratch.told(&committed.left_behind);
                self.see_version(committed);
            }
            Err(error) => self.scratch.told(error.left_behind()),
        }
        stored
    }
}

pub(super) fn options(if_exists: IfExists) -> CommitOptions {
    CommitOptions { token: Token::random(), if_exists }
}
