//! A copy within the container, or from another of the account, made by the service: Copy Blob, which it may carry on in the background. Its steps are tried
//! again one by one ([`Work::retry`]).
//!
//! Kept: the content and its headers, the metadata, a tier that somebody set, and the tags, which must be readable for it.
//! Not kept, because Copy Blob does not take it: an encryption scope (the container's default is used), an expiry, an
//! immutability policy, a legal hold. Blobs under a key of the customer's cannot be copied by the service at all.

use crate::client::Client;
use crate::commit::committed;
use crate::delete::remove_if_match;
use crate::errors::condition_not_met;
use crate::properties::{Properties, tier};
use azure_core::http::{ClientMethodOptions, Context, Etag};
use azure_storage_blob::models::{
    BlobClientGetPropertiesResultHeaders, BlobClientStartCopyFromUrlOptions, BlobClientStartCopyFromUrlResultHeaders,
    BlockBlobClientUploadOptions, CopyStatus,
};
use sealift::{Attempts, Committed, Error, ErrorKind, LeftBehind, ObjectInfo, Passing, Result, Work};
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

const OPERATION: &str = "copy";

/// The pauses between two looks at a copy under way double from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A copy of which the service has not moved a byte for so long is given up.
pub const COPY_STANDSTILL: Duration = Duration::from_secs(600);
/// The time that the request for a copy gets to answer once it is to stop: only its answer names the copy.
const ANSWER: Duration = Duration::from_secs(5);
/// The time to stop a copy and to remove what there is of it.
const UNDO: Duration = Duration::from_secs(20);

/// Copies the blob that `info` describes from `from` to `to`.
pub(crate) async fn copy(client: &Client, from: &str, info: &ObjectInfo, to: &str, work: &Work) -> Result<Committed> {
    between((client, from), info, (client, to), work).await
}

/// The same from another container of the account.
pub(crate) async fn copy_from(
    client: &Client,
    container: &str,
    from: &str,
    info: &ObjectInfo,
    to: &str,
    work: &Work,
) -> Result<Committed> {
    let source = client.with_container(container).map_err(|error| client.failed(OPERATION, from, error))?;
    between((&source, from), info, (client, to), work).await
}

async fn between(
    (source, from): (&Client, &str),
    info: &ObjectInfo,
    (client, to): (&Client, &str),
    work: &Work,
) -> Result<Committed> {
    let copying = Copying { client, source, from, to, work };
    let terms = copying.terms(info).await?;
    let attempts = Attempts::default();
    work.may_leave([copying.target().perhaps().because("a copy to it was asked for")]);
    let copied = match work.retry(|| copying.begin(&terms, &attempts)).await {
        Ok(Begun::Done(copied)) => Ok(copied),
        Ok(Begun::Pending(id)) => match copying.wait(&id).await {
            Ok(copied) => Ok(copied),
            Err(error) => Err(copying.undo(&id, error).await),
        },
        Err(error) if attempts.effect().is_possible() => {
            let target = copying.target().perhaps().because("whether a copy to it was begun is not known");
            Err(error.with_left_behind([target]))
        }
        Err(error) => Err(error),
    };
    // From here on the result says it.
    work.may_leave([]);
    copied
}

struct Copying<'a> {
    /// The container of the target.
    client: &'a Client,
    /// That of the original: the same, or another.
    source: &'a Client,
    from: &'a str,
    to: &'a str,
    work: &'a Work,
}

/// What the service answers to the request for a copy.
enum Begun {
    Done(Committed),
    /// It goes on under this id.
    Pending(String),
}

impl Copying<'_> {
    /// What is asked for: the content that `info` describes, with the tier and the tags it has now.
    async fn terms(&self, info: &ObjectInfo) -> Result<BlobClientStartCopyFromUrlOptions<'static>> {
        let failed = |error| self.failed(error);
        let etag = info.etag.as_deref().map(Etag::from);
        let etag = etag.ok_or_else(|| self.error(ErrorKind::InvalidConfig, "the ETag of the original is not known"))?;
        let Some(original) = self.work.retry(|| self.look(self.source, self.from)).await? else {
            return Err(self.error(ErrorKind::NotFound, "there is no such blob"));
        };
        let mut options = BlobClientStartCopyFromUrlOptions {
            source_if_match: Some(etag),
            tier: tier(&original).map_err(failed)?,
            ..Default::default()
        };
        if original.tag_count().map_err(failed)?.unwrap_or_default() > 0 {
            options.blob_tags_string = self.work.retry(|| self.tags()).await?;
        }
        Ok(options)
    }

    /// A look at the blob under `key`.
    async fn look(&self, container: &Client, key: &str) -> Result<Option<Properties>> {
        container.properties(key).await.map_err(|error| self.failed(error))
    }

    /// The tags of the original, in the form of a request's header.
    async fn tags(&self) -> Result<Option<String>> {
        let failed = |error| self.source.failed("read the tags of", self.from, error);
        let tags = self.source.blob(self.from).get_tags(None).await.and_then(|tags| tags.into_model());
        let tags = tags.map_err(|error| failed(error).with_hint("its tags would be lost: copy it by other means"))?;
        Ok(BlockBlobClientUploadOptions::default().with_tags(tags).blob_tags_string)
    }

    /// Asks for the copy. On the order to stop, its answer is awaited for [`ANSWER`] more.
    async fn begin(&self, terms: &BlobClientStartCopyFromUrlOptions<'_>, attempts: &Attempts) -> Result<Begun> {
        let options = BlobClientStartCopyFromUrlOptions {
            method_options: ClientMethodOptions { context: Context::new().with_value(attempts.clone()) },
            ..terms.clone()
        };
        let (source, target) = (self.source.blob(self.from).url().to_string(), self.client.blob(self.to));
        let mut asking = pin!(target.start_copy_from_url(source, Some(options)));
        let answer = tokio::select! {
            biased;
            answer = &mut asking => answer,
            () = self.work.stopped() => match timeout(ANSWER, asking).await {
                Ok(answer) => answer,
                Err(_) => return Err(self.stopped()),
            },
        };
        let answer = answer.map_err(|error| match condition_not_met(&error) {
            true => self.error(ErrorKind::Changed, "it was replaced while it was copied"),
            false => self.failed(error),
        })?;
        let failed = |error| self.failed(error);
        match (answer.copy_status().map_err(failed)?, answer.copy_id().map_err(failed)?) {
            (Some(CopyStatus::Success), _) => Ok(Begun::Done(committed(answer.headers()))),
            (Some(CopyStatus::Pending), Some(id)) => Ok(Begun::Pending(id)),
            _ => {
                let reason = "the service's answer does not tell what becomes of the copy";
                Err(self.error(ErrorKind::Service, reason).with_passing(Passing::Unlikely))
            }
        }
    }

    /// Waits for a copy that the service makes in the background, as long as it is at it.
    async fn wait(&self, id: &str) -> Result<Committed> {
        self.work.may_leave([self.target().because("a copy to it is under way, and it may be incomplete")]);
        tokio::select! {
            ended = self.follow(id) => ended,
            () = self.work.stopped() => Err(self.stopped()),
        }
    }

    async fn follow(&self, id: &str) -> Result<Committed> {
        let failed = |error| self.failed(error);
        let (mut pause, mut progress) = (FIRST_PAUSE, Progress { told: None, since: Instant::now() });
        loop {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let Some(target) = self.work.retry(|| self.look(self.client, self.to)).await? else {
                return Err(self.error(ErrorKind::Service, "the target was removed during the copy"));
            };
            if target.copy_id().map_err(failed)?.as_deref() != Some(id) {
                return Err(self.error(ErrorKind::Service, "the target was replaced during the copy"));
            }
            match target.copy_status().map_err(failed)? {
                Some(CopyStatus::Success) => return Ok(committed(target.headers())),
                Some(CopyStatus::Pending) => {}
                other => {
                    let why = target.copy_status_description().map_err(failed)?.unwrap_or_default();
                    return Err(self.error(ErrorKind::Service, format!("the copy ended as {other:?} {why}")));
                }
            }
            if progress.stands(target.copy_progress().map_err(failed)?) {
                let reason = format!("the service has copied nothing for {} s", COPY_STANDSTILL.as_secs());
                return Err(self.error(ErrorKind::TimedOut, reason));
            }
        }
    }

    /// Stops the copy and removes what there is of it; `error`, with what could not be removed.
    async fn undo(&self, id: &str, error: Error) -> Error {
        let undone = timeout(UNDO, self.work.retry_cleaning(|| self.remove(id))).await;
        let why = match undone {
            Ok(Ok(())) => return error,
            Ok(Err(failed)) => failed.reason().to_owned(),
            Err(_) => format!("it could not be removed within {} s", UNDO.as_secs()),
        };
        error.with_left_behind([self.target().perhaps().because(format!("the copy may be incomplete: {why}"))])
    }

    async fn remove(&self, id: &str) -> Result<()> {
        let failed = |error| self.client.failed("remove the copy at", self.to, error);
        // It may have ended meanwhile: the look tells.
        if let Err(error) = self.client.blob(self.to).abort_copy(id, None).await {
            tracing::debug!("stop the copy: {}", failed(error));
        }
        let Some(found) = self.client.properties(self.to).await.map_err(failed)? else { return Ok(()) };
        if found.copy_id().map_err(failed)?.as_deref() != Some(id) {
            return Ok(());
        }
        let Some(etag) = found.etag().map_err(failed)? else { return Ok(()) };
        match remove_if_match(self.client, self.to, etag).await {
            Err(error) if !condition_not_met(&error) => Err(failed(error)),
            _ => Ok(()),
        }
    }

    fn target(&self) -> LeftBehind {
        LeftBehind::object(self.client.location(self.to))
    }

    fn stopped(&self) -> Error {
        self.error(ErrorKind::Cancelled, "it was asked to stop")
    }

    fn failed(&self, error: azure_core::Error) -> Error {
        self.source.failed(OPERATION, self.from, error)
    }

    fn error(&self, kind: ErrorKind, reason: impl Into<String>) -> Error {
        Error::new(kind, OPERATION, self.source.location(self.from), reason)
    }
}

/// How far the service says it is, and since when it has said so.
struct Progress {
    told: Option<String>,
    since: Instant,
}

impl Progress {
    /// Takes in what it says `now`. Whether that has been the same for longer than [`COPY_STANDSTILL`].
    fn stands(&mut self, now: Option<String>) -> bool {
        if now != self.told {
            *self = Progress { told: now, since: Instant::now() };
        }
        self.since.elapsed() > COPY_STANDSTILL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_copy_takes_as_long_as_it_moves() {
        let mut progress = Progress { told: None, since: Instant::now() };
        for copied in 0..10 {
            tokio::time::advance(COPY_STANDSTILL).await;
            assert!(!progress.stands(Some(format!("{copied}/10"))));
        }
        tokio::time::advance(COPY_STANDSTILL).await;
        assert!(!progress.stands(Some("9/10".to_owned())));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(progress.stands(Some("9/10".to_owned())));
    }
}
