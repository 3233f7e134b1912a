//! One upload in parts, several at a time, by the XML API (Google, "XML API multipart uploads").
//!
//! The service takes no condition with it ("Preconditions are not supported in the requests"), so it is only for what may
//! replace an object: `store` sees to that.

use crate::abort::abort;
use crate::client::Client;
use crate::faults::Fault;
use crate::resource::{checksum_of, hash_header};
use crate::transport::{Answer, Outgoing};
use crate::uploads::open;
use crate::xml::{Document, parts_list};
use async_trait::async_trait;
use futures::StreamExt;
use http::Method;
use sealift::{Attempts, Checksum, CommitOptions, Committed, Effect, LeftBehind, PartReceipt, Payload, Result, Upload};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// What removes an upload that is left. Nothing that the service lists of one tells whose it is.
pub(crate) const REMEDY: &str = "`sealift sweep --foreign` removes it";
/// [`sealift::TOKEN_METADATA`] as a header.
const TOKEN_HEADER: &str = "x-goog-meta-sealift-token";
/// How long nothing may move while the service makes the object: it "can take several minutes to process a request to complete
/// a multipart upload" (Google, "Complete a multipart upload").
const COMPLETING: Duration = Duration::from_secs(600);
/// The pauses before the looks into the list of uploads for a start whose answer was lost, in milliseconds.
const LOOKS: [u64; 4] = [0, 300, 700, 1_000];
/// The time for all of these looks.
const LOOKS_LIMIT: Duration = Duration::from_secs(20);
/// How far the service's time of a start and of a listing may be apart, beyond the time between them.
const SKEW: Duration = Duration::from_secs(5);

/// One upload.
#[derive(Debug)]
pub(crate) struct MultipartUpload {
    client: Client,
    key: String,
    id: String,
}

impl MultipartUpload {
    /// Starts one.
    pub(crate) async fn start(
        client: &Client,
        key: &str,
        options: &CommitOptions,
        attempts: &Attempts,
    ) -> Result<Self> {
        let mut call = client.http.call(Method::POST, client.xml_url(key, &[("uploads", "")]));
        call.headers.push(("content-type", "application/octet-stream".to_owned()));
        call.headers.push((TOKEN_HEADER, options.token.to_string()));
        let started = client.send(attempts, call, |answer| started(&answer, key)).await;
        let id = started.map_err(|fault| client.failed("start an upload of", key, fault))?;
        Ok(MultipartUpload { client: client.clone(), key: key.to_owned(), id })
    }
}

#[async_trait]
impl Upload for MultipartUpload {
    fn id(&self) -> &str {
        &self.id
    }

    fn remedy(&self) -> &'static str {
        REMEDY
    }

    async fn put_part(&self, number: u32, payload: Payload) -> Result<PartReceipt> {
        let client = &self.client;
        let query = [("partNumber", number.to_string()), ("uploadId", self.id.clone())];
        let query = query.each_ref().map(|(name, value)| (*name, value.as_str()));
        let mut call = client.http.call(Method::PUT, client.xml_url(&self.key, &query));
        call.headers.push(("x-goog-hash", hash_header(payload.checksum())));
        call.body = Outgoing::Bytes(payload.byte_count(), payload.stream().boxed());
        // What a part may have left goes with its upload.
        let tag = client.send(&Attempts::default(), call, tag).await;
        let tag = tag.map_err(|fault| client.failed(format!("upload part {number} of"), &self.key, fault))?;
        Ok(PartReceipt::new(number, tag, payload.checksum()))
    }

    async fn complete(&self, parts: &[PartReceipt], _whole: Checksum, attempts: &Attempts) -> Result<Committed> {
        let client = &self.client;
        let mut call = client.http.call(Method::POST, client.xml_url(&self.key, &[("uploadId", &self.id)]));
        call.body = Outgoing::Xml(parts_list(parts.iter().map(|part| (part.number, part.tag.as_str()))));
        call.standstill = call.standstill.max(COMPLETING);
        let completed = client.send(attempts, call, |answer| completed(&answer, &self.key)).await;
        completed.map_err(|fault| client.failed("complete the upload of", &self.key, fault))
    }

    async fn abort(&self) -> Result<()> {
        abort(&self.client, &self.key, &self.id).await
    }
}

/// The id of the upload of `key` that was started.
fn started(answer: &Answer, key: &str) -> Result<String, Fault> {
    match answer.document()? {
        Document::InitiateMultipartUploadResult(started) if started.key != key => {
            Err(Fault::Unexpected("it is about another object".to_owned()))
        }
        Document::InitiateMultipartUploadResult(started) if started.upload_id.is_empty() => {
            Err(Fault::Unexpected("an upload without an id".to_owned()))
        }
        Document::InitiateMultipartUploadResult(started) => Ok(started.upload_id),
        other => Err(Fault::unasked(other.what())),
    }
}

/// The tag of a part that was stored.
fn tag(answer: Answer) -> Result<String, Fault> {
    let tag = answer.header("etag").filter(|tag| !tag.is_empty()).map(str::to_owned);
    answer.empty()?;
    tag.ok_or_else(|| Fault::Unexpected("a part without an ETag".to_owned()))
}

/// What the service says of the object `key` that it made. Its ETag is not taken: what names an object here is its generation.
/// Where the answer does not tell that, or no checksum, the object is looked at by who commits.
fn completed(answer: &Answer, key: &str) -> Result<Committed, Fault> {
    match answer.document()? {
        Document::CompleteMultipartUploadResult(completed) if completed.key == key => {}
        Document::CompleteMultipartUploadResult(_) => {
            return Err(Fault::Unexpected("it is about another object".to_owned()));
        }
        other => return Err(Fault::unasked(other.what())),
    }
    let generation = answer.header("x-goog-generation").filter(|generation| matches!(generation.parse(), Ok(1u64..)));
    let mut committed = Committed::new(generation.map(str::to_owned));
    committed.version = committed.etag.clone();
    committed.checksum = answer.headers.get_all("x-goog-hash").iter().find_map(|hash| checksum_of(hash.to_str().ok()?));
    committed.at = answer.date();
    Ok(committed)
}

/// The uploads that attempts to start one, the first of them `since` ago, may have left beside the one that is `known`. They
/// are named and left alone, since each may be another writer's.
pub(crate) async fn lost_starts(
    client: &Client,
    key: &str,
    since: Duration,
    effect: Effect,
    known: Option<&str>,
) -> Vec<LeftBehind> {
    let lost = effect.unanswered + effect.unclear;
    if lost == 0 {
        return Vec::new();
    }
    let unknown = || LeftBehind::unknown_upload(client.location(key)).with_remedy(REMEDY);
    let Ok(Ok(ids)) = timeout(LOOKS_LIMIT, started_since(client, key, since, lost, known)).await else {
        return vec![unknown().because("its start told no id, and the list of uploads cannot be looked at")];
    };
    let named = ids.into_iter().map(|id| {
        let upload = LeftBehind::upload(client.location(key), id).with_remedy(REMEDY);
        upload.perhaps().because("its start told no id")
    });
    let mut left: Vec<_> = named.collect();
    // What was seen may be another writer's, and what was not answered may still be started.
    if effect.unanswered > 0 {
        left.push(unknown().because("its start was not answered"));
    }
    left
}

/// The open uploads of `key` but for `known` that were started no longer than `since` ago. The list may lag, so it is looked at
/// until it shows as many as are `lost`.
async fn started_since(
    client: &Client,
    key: &str,
    since: Duration,
    lost: usize,
    known: Option<&str>,
) -> Result<BTreeSet<String>, Fault> {
    let mut ids = BTreeSet::new();
    for pause in LOOKS {
        sleep(Duration::from_millis(pause)).await;
        // Those of this key come before those of longer ones.
        let listed = open(client, key, None).await?;
        let cut_off = listed.next.is_some() && listed.uploads.last().is_some_and(|last| last.key == key);
        if cut_off {
            return Err(Fault::Unexpected("it has more open uploads than one page lists".to_owned()));
        }
        let earliest = listed.now.checked_sub(since + LOOKS_LIMIT + SKEW);
        let ours = listed.uploads.into_iter().filter(|upload| {
            upload.key == key
                && Some(upload.upload_id.as_str()) != known
                && upload.initiated().is_none_or(|initiated| Some(initiated) >= earliest)
        });
        ids.extend(ours.map(|upload| upload.upload_id));
        if ids.len() >= lost {
            break;
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_token_is_where_it_is_looked_for() {
        assert_eq!(super::TOKEN_HEADER, format!("x-goog-meta-{}", sealift::TOKEN_METADATA));
    }
}
