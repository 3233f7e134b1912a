//! A copy within the bucket, or from another. The service rewrites the object, in as many calls as it likes; the target appears with the
//! last.

use crate::client::Client;
use crate::faults::Fault;
use crate::resource::{Kept, Progress};
use crate::transport::{Answer, Call, Outgoing};
use futures::FutureExt;
use http::Method;
use sealift::{Attempts, Committed, Error, ErrorKind, LeftBehind, ObjectInfo, Result, Work};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

const OPERATION: &str = "copy";
/// The time that a call gets to be answered once the copy is to stop: it may be the last, and only its answer tells.
const LAST_ANSWER: Duration = Duration::from_secs(20);

/// One copy.
struct Copy<'a> {
    /// The bucket of the target.
    client: &'a Client,
    /// That of the source: the same, or another.
    source: &'a Client,
    from: &'a str,
    generation: &'a str,
    to: &'a str,
    work: &'a Work,
    attempts: Attempts,
    reached: Mutex<Reached>,
}

/// How far the service is.
#[derive(Debug, Default)]
struct Reached {
    bytes: u64,
    /// What to go on with.
    token: Option<String>,
}

/// What came of one call.
enum Step {
    Done(Committed),
    GoOn,
}

/// Copies the generation that `info` describes. Nothing has to be removed where it ends early: what the service has copied so
/// far it drops.
pub(crate) async fn copy(client: &Client, from: &str, info: &ObjectInfo, to: &str, work: &Work) -> Result<Committed> {
    between((client, from), info, (client, to), work).await
}

/// The same from another bucket.
pub(crate) async fn copy_from(
    client: &Client,
    bucket: &str,
    from: &str,
    info: &ObjectInfo,
    to: &str,
    work: &Work,
) -> Result<Committed> {
    let other = Client { bucket: bucket.to_owned(), ..client.clone() };
    between((&other, from), info, (client, to), work).await
}

async fn between(
    (source, from): (&Client, &str),
    info: &ObjectInfo,
    (client, to): (&Client, &str),
    work: &Work,
) -> Result<Committed> {
    let generation = source.generation(OPERATION, info)?;
    let copy =
        Copy { client, source, from, generation, to, work, attempts: Attempts::default(), reached: Mutex::default() };
    let kept = work.retry(|| copy.kept()).await?;
    copy.rewrite(&kept).await
}

impl Copy<'_> {
    /// What the service does not copy by itself (it gives the bucket's own storage class) or only where nothing is asked for.
    async fn kept(&self) -> Result<Kept> {
        let url = self.source.object_url(self.from, &[("ifGenerationMatch", self.generation)]);
        let kept = self.client.ask(Method::GET, url, |answer| Kept::parse(&answer.body, self.from)).await;
        kept.map_err(|fault| self.failed(fault))
    }

    /// Asks until it is done: each answer says where to go on. The error names the target if it may be there.
    async fn rewrite(&self, kept: &Kept) -> Result<Committed> {
        loop {
            self.work.may_leave([self.target().because("its copy is under way")]);
            let step = self.step(kept).await;
            self.work.may_leave(self.left());
            match step.map_err(|error| error.with_left_behind(self.left()))? {
                Step::Done(copied) => return Ok(copied),
                Step::GoOn if self.work.stopped().now_or_never().is_some() => {
                    return Err(self.stopped().with_left_behind(self.left()));
                }
                Step::GoOn => {}
            }
        }
    }

    /// One step, which may be the last.
    async fn step(&self, kept: &Kept) -> Result<Step> {
        let late = async {
            self.work.stopped().await;
            sleep(LAST_ANSWER).await;
        };
        tokio::select! {
            step = self.work.retry(|| self.ask(kept)) => step,
            () = late => Err(self.stopped()),
        }
    }

    async fn ask(&self, kept: &Kept) -> Result<Step> {
        let attempt = self.attempts.begin();
        let mut call = self.call(kept, self.reached().token.as_deref());
        call.attempt = Some(attempt.clone());
        let answer = self.client.http.send(call).await.and_then(Answer::success);
        match answer.and_then(|answer| Progress::parse(&answer.body, self.to)) {
            Ok(Progress::Done(copied)) => {
                attempt.applied();
                Ok(Step::Done(copied))
            }
            Ok(Progress::More { token, rewritten }) => {
                // Nothing can be seen of it.
                attempt.refused();
                let before = mem::replace(&mut *self.reached(), Reached { bytes: rewritten, token: Some(token) });
                match rewritten > before.bytes {
                    true => Ok(Step::GoOn),
                    false => Err(self.failed(Fault::NoHeadway("goes on with the copy and copies nothing"))),
                }
            }
            Err(fault) => {
                fault.account(&attempt);
                Err(self.failed(fault))
            }
        }
    }

    /// The target, if it may be there.
    fn left(&self) -> Option<LeftBehind> {
        let is_possible = self.attempts.effect().is_possible();
        is_possible.then(|| self.target().because("its copy was asked for, and the answer does not tell"))
    }

    fn target(&self) -> LeftBehind {
        LeftBehind::object(self.client.location(self.to)).perhaps()
    }

    fn reached(&self) -> MutexGuard<'_, Reached> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, kept: &Kept, token: Option<&str>) -> Call {
        let (source, target) = (&self.source.bucket, &self.client.bucket);
        let mut query = vec![("ifSourceGenerationMatch", self.generation)];
        query.extend(kept.key().map(|key| ("destinationKmsKeyName", key)));
        query.extend(token.map(|token| ("rewriteToken", token)));
        let path = ["storage", "v1", "b", source, "o", self.from, "rewriteTo", "b", target, "o", self.to];
        let mut call = self.client.http.call(Method::POST, self.client.url_of(&path, &query));
        call.body = Outgoing::Json(kept.json());
        call
    }

    fn failed(&self, fault: Fault) -> Error {
        match fault.status() {
            Some(412) => {
                let reason = "it was replaced meanwhile";
                Error::new(ErrorKind::Changed, OPERATION, self.source.location(self.from), reason)
            }
            _ => self.source.failed(OPERATION, self.from, fault),
        }
    }

    fn stopped(&self) -> Error {
        Error::new(ErrorKind::Cancelled, OPERATION, self.source.location(self.from), "it was asked to stop")
    }
}
