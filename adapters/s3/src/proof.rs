//! The proof that a service stores an object only if none exists, on a scratch object: of two puts at once exactly one
//! may win, and what comes after it, in one request or in parts, must be refused.

use crate::body::Sent;
use crate::client::Client;
use crate::delete::{delete, retract};
use crate::errors::status;
use crate::head::version;
use crate::limits::ANSWER;
use crate::meeting::{Meeting, meeting_bodies};
use crate::put::put;
use crate::upload::S3Upload;
use crate::verdict::{Verdict, judge};
use aws_sdk_s3::primitives::ByteStream;
use sealift::{
    Attempts, Checksum, ChecksumAlgorithm, CommitOptions, Error, ErrorKind, IfExists, Key, LeftBehind, ObjectInfo,
    Passing, Payload, Result, RetryPolicy, Token, Upload, Work,
};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// The beginning of a scratch object's name.
const SCRATCH: &str = ".sealift-conditions-";
/// The time for the proof, outages included, and that for removing what it made.
const PROOF_LIMIT: Duration = Duration::from_secs(600);
const CLEAN_UP_LIMIT: Duration = Duration::from_secs(30);

const OPERATION: &str = "prove the conditions of";

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) enum Proof {
    /// The service keeps the condition.
    Kept,
    /// It does, and what showed it is left: another proof would leave more.
    KeptAndLeft { reason: String, left: Vec<LeftBehind> },
    /// It does not, or its keeping it cannot be relied on.
    NotKept { reason: String, left: Vec<LeftBehind> },
}

/// Whether one step speaks for the service.
type Step = Result<(), String>;

/// Tries it beside `key`, where the credentials may write. It ends, and removes what it made, also when nobody waits for it.
pub(crate) async fn prove(client: &Client, key: &Key, policy: RetryPolicy) -> Result<Proof> {
    let (client, key) = (client.clone(), key.clone());
    let location = client.location(&key);
    let proof = tokio::spawn(async move {
        let work = Work::new(client.location(&key)).with_retry_policy(policy);
        Trial { client: &client, key: &key, work, made: Mutex::default() }.run().await
    });
    proof.await.unwrap_or_else(|error| Err(Error::new(ErrorKind::Cancelled, OPERATION, location, error.to_string())))
}

struct Trial<'a> {
    client: &'a Client,
    key: &'a Key,
    work: Work,
    made: Mutex<Vec<Scratch>>,
}

/// A scratch object.
struct Scratch {
    key: Key,
    attempts: Attempts,
    /// Its versions, in a bucket that keeps them.
    versions: Vec<Option<String>>,
}

impl Trial<'_> {
    async fn run(self) -> Result<Proof> {
        let late = Error::new(
            ErrorKind::TimedOut,
            OPERATION,
            self.client.location(self.key),
            format!("it did not end within {} seconds", PROOF_LIMIT.as_secs()),
        );
        let tried = timeout(PROOF_LIMIT, self.steps()).await.unwrap_or(Err(late));
        let left = self.clean_up().await;
        match tried {
            Err(error) => Err(error.with_left_behind(left)),
            Ok(Err(reason)) => Ok(Proof::NotKept { reason, left }),
            Ok(Ok(())) if left.is_empty() => Ok(Proof::Kept),
            Ok(Ok(())) => {
                let reason = "that it keeps conditions was tried, and the scratch object cannot be removed".to_owned();
                Ok(Proof::KeptAndLeft { reason, left })
            }
        }
    }

    async fn steps(&self) -> Result<Step> {
        let first = self.work.retry(|| self.two_at_once()).await?;
        let Ok(scratch) = first else { return Ok(first.map(drop)) };
        let another = self.one_more(&scratch).await?;
        match another {
            Ok(()) => self.in_parts(&scratch).await,
            refused => Ok(refused),
        }
    }

    /// Two puts whose bodies end at the same time. Returns the object of the one that won.
    async fn two_at_once(&self) -> Result<Result<Key, String>> {
        let scratch = self.scratch();
        let [one, other] = meeting_bodies();
        let (one, other) = tokio::join!(self.attempt(&scratch, one), self.attempt(&scratch, other));
        let key = scratch.key.clone();
        let won = [&one, &other].into_iter().filter_map(|outcome| match outcome {
            Outcome::Won(version) => Some(version.clone()),
            _ => None,
        });
        let versions = won.collect();
        self.made().push(Scratch { versions, ..scratch });
        match (one, other) {
            (Outcome::Won(_), Outcome::Won(_)) => {
                Ok(Err(self.ignores("two puts at once, each on the condition that there is no object, both won")))
            }
            (Outcome::Won(_), Outcome::Refused) | (Outcome::Refused, Outcome::Won(_)) => Ok(Ok(key)),
            (Outcome::Rejected(reason), _) | (_, Outcome::Rejected(reason)) => Ok(Err(reason)),
            (Outcome::Failed(error), _) | (_, Outcome::Failed(error)) => Err(error),
            (Outcome::Refused, Outcome::Refused) => {
                let reason =
                    self.ignores("a put on the condition that there is no object is refused where there is none");
                // Each can have been in the other's way.
                Err(Error::new(ErrorKind::Service, OPERATION, self.client.location(key), reason)
                    .with_passing(Passing::Unlikely))
            }
        }
    }

    async fn attempt(&self, scratch: &Scratch, meeting: Meeting) -> Outcome {
        let client = self.client;
        let attempt = scratch.attempts.begin();
        let length = meeting.length();
        let request = client
            .sdk
            .put_object()
            .bucket(&client.bucket)
            .key(scratch.key.as_ref())
            .if_none_match("*")
            .content_length(length)
            .body(ByteStream::new(meeting.body(Sent::of(attempt.clone()))))
            .customize()
            .config_override(client.within(ANSWER))
            .disable_payload_signing();
        let error = match request.send().await {
            Ok(stored) => {
                attempt.applied();
                return Outcome::Won(stored.version_id);
            }
            Err(error) => error,
        };
        match status(&error) {
            Some(409 | 412) => {
                attempt.refused();
                Outcome::Refused
            }
            Some(400 | 501) => {
                attempt.refused();
                let error = client.failed(OPERATION, &scratch.key, error);
                Outcome::Rejected(self.ignores(&format!("it rejects conditions ({})", error.reason())))
            }
            _ => {
                match judge(&error).0 {
                    Verdict::Refused => attempt.refused(),
                    Verdict::Unclear => attempt.unclear(),
                    Verdict::Unanswered => {}
                }
                Outcome::Failed(client.failed(OPERATION, &scratch.key, error))
            }
        }
    }

    async fn one_more(&self, key: &Key) -> Result<Step> {
        let (attempts, condition) = (self.attempts_on(key), on_condition());
        match self.work.retry(|| put(self.client, key, payload(), &condition, &attempts)).await {
            Ok(replaced) => {
                self.keep_version(key, replaced.version);
                Ok(Err(self.ignores("it replaced an object by a put on the condition that there is none")))
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Ok(())),
            Err(error) => Err(error),
        }
    }

    async fn in_parts(&self, key: &Key) -> Result<Step> {
        let attempts = self.attempts_on(key);
        let (starts, condition) = (Attempts::default(), on_condition());
        let upload = self.work.retry(|| S3Upload::start(self.client, key, &condition, &starts)).await?;
        let completed = async {
            let part = [self.work.retry(|| upload.put_part(1, payload())).await?];
            self.work.retry(|| upload.complete(&part, payload().checksum(), &attempts)).await
        };
        let step =
            match completed.await {
                Ok(replaced) => {
                    self.keep_version(key, replaced.version);
                    Ok(Err(self
                        .ignores("it replaced an object by an upload in parts, on the condition that there is none")))
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Ok(())),
                Err(error) => Err(error),
            };
        match (step, self.work.retry_cleaning(|| upload.abort()).await) {
            (step, Ok(())) => step,
            (Err(error), Err(left)) => Err(error.with_left_behind(left.left_behind().iter().cloned())),
            (Ok(_), Err(error)) => Err(error),
        }
    }

    /// Removes the scratch objects, and returns what is left.
    async fn clean_up(&self) -> Vec<LeftBehind> {
        let mut left = Vec::new();
        let made = mem::take(&mut *self.made());
        for scratch in made.iter().filter(|scratch| scratch.attempts.effect().is_possible()) {
            let object = LeftBehind::object(self.client.location(&scratch.key));
            match timeout(CLEAN_UP_LIMIT, self.work.retry_cleaning(|| self.remove(scratch))).await {
                Ok(Ok(())) if scratch.attempts.effect().is_pending() => {
                    left.push(object.perhaps().because("a put of it was not answered"));
                }
                Ok(Ok(())) => {}
                Ok(Err(error)) => left.push(object.because(format!("it could not be removed: {}", error.reason()))),
                Err(_) => left.push(object.because("its removal took too long")),
            }
        }
        left
    }

    async fn remove(&self, scratch: &Scratch) -> Result<()> {
        let versions = scratch.versions.iter().map(|version| described(&scratch.key, version.clone()));
        let versions: Vec<_> = versions.filter(|info| version(info).is_some()).collect();
        if versions.is_empty() {
            return delete(self.client, &scratch.key, None).await.map(drop);
        }
        for info in versions {
            retract(self.client, &scratch.key, &info).await?;
        }
        Ok(())
    }

    fn made(&self) -> MutexGuard<'_, Vec<Scratch>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new scratch object, beside the object that is to be stored.
    fn scratch(&self) -> Scratch {
        let folder = self.key.as_ref().rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let name = format!("{SCRATCH}{}", Token::random());
        // A key that is too long with the folder before it goes without.
        let key = format!("{folder}{name}").parse().or_else(|_| name.parse()).unwrap_or_else(|_| self.key.clone());
        Scratch { key, attempts: Attempts::default(), versions: Vec::new() }
    }

    fn attempts_on(&self, key: &Key) -> Attempts {
        self.made()
            .iter()
            .find(|scratch| scratch.key == *key)
            .map(|scratch| scratch.attempts.clone())
            .unwrap_or_default()
    }

    fn keep_version(&self, key: &Key, version: Option<String>) {
        if let Some(scratch) = self.made().iter_mut().find(|scratch| scratch.key == *key) {
            scratch.versions.push(version);
        }
    }

    fn ignores(&self, how: &str) -> String {
        format!("{} cannot be relied on not to replace an object that exists: {how}", self.client.endpoint)
    }
}

/// How one of two puts at once ended.
enum Outcome {
    Won(Option<String>),
    Refused,
    /// The service takes no conditions.
    Rejected(String),
    Failed(Error),
}

fn on_condition() -> CommitOptions {
    CommitOptions::new(IfExists::Fail)
}

fn payload() -> Payload {
    const TEXT: &[u8] = b"a scratch object of sealift, which may be removed";
    Payload::from_segments(vec![TEXT.into()], Checksum::of(ChecksumAlgorithm::Crc64Nvme, TEXT))
}

/// As much of an object as its removal needs.
fn described(key: &Key, version: Option<String>) -> ObjectInfo {
    let mut info = ObjectInfo::new(key.to_string(), 0);
    info.version = version;
    info
}
