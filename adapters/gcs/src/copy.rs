//! A copy within the bucket. The service rewrites the object, in as many calls as it likes; the target appears with the
//! last.

use crate::client::Client;
use crate::faults::Fault;
use crate::resource::{Kept, Progress};
use crate::transport::{Answer, Call, Outgoing};
use crate::tries::Tries;
use futures::FutureExt;
use http::Method;
use sealift::{Attempts, Committed, Error, ErrorKind, LeftBehind, ObjectInfo, Result, Work};
use std::time::Duration;
use tokio::time::sleep;

const OPERATION: &str = "copy";
/// The time that a call gets to be answered once the copy is to stop: it may be the last, and only its answer tells.
const LAST_ANSWER: Duration = Duration::from_secs(20);

/// One copy.
struct Copy<'a> {
    client: &'a Client,
    from: &'a str,
    generation: &'a str,
    to: &'a str,
    work: &'a Work,
}

/// Copies the generation that `info` describes. Nothing has to be removed where it ends early: what the service has copied so
/// far it drops.
pub(crate) async fn copy(client: &Client, from: &str, info: &ObjectInfo, to: &str, work: &Work) -> Result<Committed> {
    let copy = Copy { client, from, generation: client.generation(OPERATION, info)?, to, work };
    let kept = copy.kept().await.map_err(|fault| copy.failed(fault))?;
    copy.rewrite(&kept).await
}

impl Copy<'_> {
    /// What the service does not copy by itself (it gives the bucket's own storage class) or only where nothing is asked for.
    async fn kept(&self) -> Result<Kept, Fault> {
        let url = self.client.object_url(self.from, &[("ifGenerationMatch", self.generation)]);
        self.client.ask(Method::GET, url, |answer| Kept::parse(&answer.body, self.from)).await
    }

    /// Asks until it is done: each answer says where to go on.
    async fn rewrite(&self, kept: &Kept) -> Result<Committed> {
        let (mut token, mut rewritten, mut tries) = (None, 0, Tries::default());
        loop {
            match self.step(kept, token.as_deref()).await? {
                Progress::Done(copied) => return Ok(copied),
                Progress::More { token: next, rewritten: now } => {
                    token = Some(next);
                    if now > rewritten {
                        rewritten = now;
                        tries.headway();
                    } else {
                        let fault = Fault::NoHeadway("goes on with the copy and copies nothing");
                        tries.pause(&self.client.http, fault).await.map_err(|fault| self.failed(fault))?;
                    }
                }
            }
            if self.work.stopped().now_or_never().is_some() {
                return Err(self.stopped());
            }
        }
    }

    /// One call, which may be the last. The error names the target if it may be there.
    async fn step(&self, kept: &Kept, token: Option<&str>) -> Result<Progress> {
        let attempts = Attempts::default();
        let target = || LeftBehind::object(self.client.location(self.to)).perhaps();
        self.work.may_leave([target().because("its copy is under way")]);
        let late = async {
            self.work.stopped().await;
            sleep(LAST_ANSWER).await;
        };
        let read = |answer: Answer| Progress::parse(&answer.body, self.to);
        let answer = tokio::select! {
            answer = self.client.send(&attempts, || self.call(kept, token), read) => answer.map_err(|fault| self.failed(fault)),
            () = late => Err(self.stopped()),
        };
        self.work.may_leave([]);
        answer.map_err(|error| match attempts.effect().is_possible() {
            true => error.with_left_behind([target().because("its copy was asked for, and the answer does not tell")]),
            false => error,
        })
    }

    fn call(&self, kept: &Kept, token: Option<&str>) -> Call {
        let bucket = &self.client.bucket;
        let mut query = vec![("ifSourceGenerationMatch", self.generation)];
        query.extend(kept.key().map(|key| ("destinationKmsKeyName", key)));
        query.extend(token.map(|token| ("rewriteToken", token)));
        let path = ["storage", "v1", "b", bucket, "o", self.from, "rewriteTo", "b", bucket, "o", self.to];
        let mut call = self.client.http.call(Method::POST, self.client.url_of(&path, &query));
        call.body = Outgoing::Json(kept.json());
        call
    }

    fn failed(&self, fault: Fault) -> Error {
        match fault.status() {
            Some(412) => {
                let reason = "it was replaced meanwhile";
                Error::new(ErrorKind::Changed, OPERATION, self.client.location(self.from), reason)
            }
            _ => self.client.failed(OPERATION, self.from, fault),
        }
    }

    fn stopped(&self) -> Error {
        Error::new(ErrorKind::Cancelled, OPERATION, self.client.location(self.from), "it was asked to stop")
    }
}
