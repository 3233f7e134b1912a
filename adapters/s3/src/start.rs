//! The start of a multipart upload. An attempt whose answer was lost or tells nothing may have left an upload whose id
//! nobody knows, so the list of uploads is looked at for it.

use crate::attempt::attempt;
use crate::client::Client;
use crate::clock::{ServiceClock, time};
use crate::limits::ANSWER;
use crate::provider::Checksums;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::create_multipart_upload::CreateMultipartUploadOutput;
use aws_sdk_s3::operation::create_multipart_upload::builders::CreateMultipartUploadFluentBuilder;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, MultipartUpload};
use sealift::{Attempts, Effect, Key, LeftBehind, Result};
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};
use tokio::time::{sleep, timeout};

/// The pauses before the looks into the list of uploads, which may lag, in milliseconds.
const LOOKS: [u64; 4] = [0, 300, 700, 1_000];
/// The time for all of these looks.
const LOOKS_LIMIT: Duration = Duration::from_secs(20);
/// How far the times that a service gives to an upload and to its answers may be apart.
const SKEW: Duration = Duration::from_secs(5);

/// Sends the start of an upload of `key` that `template` describes, and returns its id.
pub(crate) async fn start(
    client: &Client,
    key: &Key,
    template: CreateMultipartUploadFluentBuilder,
    attempts: &Attempts,
) -> Result<String> {
    let mut template = template.bucket(&client.bucket).key(key.as_ref());
    if client.checksums == Checksums::FullObject {
        template = template.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).checksum_type(ChecksumType::FullObject);
    }
    let started = attempt(attempts, |sent| {
        sent.all();
        let request = template.customize().config_override(client.within(ANSWER)).send();
        async {
            let answer = request.await;
            match answer.as_ref().err().and_then(told_otherwise) {
                Some(started) => Ok(started),
                None => answer,
            }
        }
    });
    let started = started.await.map_err(|error| client.failed("start the upload of", key, error))?;
    // An answer without an id is none.
    Ok(started.upload_id.unwrap_or_default())
}

/// What a success tells whose document has another name than S3 gives it (rclone's): the id is what counts, and without it
/// the upload would be left.
fn told_otherwise<E>(error: &SdkError<E, HttpResponse>) -> Option<CreateMultipartUploadOutput> {
    let answer = error.raw_response().filter(|answer| answer.status().is_success())?;
    let id = upload_id(std::str::from_utf8(answer.body().bytes()?).ok()?)?;
    Some(CreateMultipartUploadOutput::builder().upload_id(id).build())
}

fn upload_id(document: &str) -> Option<&str> {
    let (root, rest) = document.split_once("<InitiateMultipartUpload")?;
    let (_, rest) = rest.split_once("<UploadId>")?;
    let (id, _) = rest.split_once("</UploadId>")?;
    let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'&'));
    let begins = root.trim().is_empty() || (root.trim_start().starts_with("<?xml") && root.trim_end().ends_with("?>"));
    (plain && begins).then_some(id)
}

/// What the attempts to start an upload, the first of them `since` ago, may have left besides the one that is `known`.
pub(crate) async fn lost_starts(
    client: &Client,
    key: &Key,
    since: Duration,
    effect: Effect,
    known: Option<&str>,
) -> Vec<LeftBehind> {
    Orphans { client, key, effect, since, known }.find().await
}

/// What the attempts to start an upload may have left. They are named and left alone, since each may be another writer's.
struct Orphans<'a> {
    client: &'a Client,
    key: &'a Key,
    effect: Effect,
    /// How long ago the first attempt was made.
    since: Duration,
    /// The upload that is known.
    known: Option<&'a str>,
}

/// What the looks into the list of uploads showed.
#[derive(Default)]
struct Seen {
    ids: BTreeSet<String>,
    /// Why the last look showed nothing.
    unseen: Option<String>,
}

impl Orphans<'_> {
    async fn find(&self) -> Vec<LeftBehind> {
        let Orphans { effect, client, .. } = *self;
        let expected = effect.unanswered + effect.unclear;
        if expected == 0 {
            return Vec::new();
        }
        let mut seen = Seen::default();
        if timeout(LOOKS_LIMIT, self.look(&mut seen, expected)).await.is_err() {
            seen.unseen = Some("the list of uploads was not answered in time".to_owned());
        }
        let location = self.client.location(self.key);
        let name = |id: &String| {
            LeftBehind::upload(&location, id).with_remedy(client.remedy()).perhaps().because("its start told no id")
        };
        let mut left: Vec<_> = seen.ids.iter().map(name).collect();
        let unknown = LeftBehind::unknown_upload(&location).with_remedy(client.remedy());
        match seen.unseen {
            // What was seen may be another writer's, and what was not answered may still be started.
            None if effect.unanswered > 0 => left.push(unknown.because("its start was not answered")),
            _ if left.len() >= expected => {}
            Some(why) => left.push(unknown.because(format!("its start told no id, and {why}"))),
            None => {}
        }
        left
    }

    /// Looks until as many are seen as there may be.
    async fn look(&self, seen: &mut Seen, expected: usize) {
        for pause in LOOKS {
            sleep(Duration::from_millis(pause)).await;
            match self.look_once().await {
                Ok(ids) => {
                    seen.ids.extend(ids);
                    seen.unseen = None;
                }
                Err(why) => seen.unseen = Some(why),
            }
            if seen.ids.len() >= expected {
                return;
            }
        }
    }

    /// The uploads of exactly this key that were started since the first attempt.
    async fn look_once(&self) -> Result<Vec<String>, String> {
        let clock = ServiceClock::default();
        // The uploads of the key itself come first among those whose key begins with it, so one page is enough.
        let request = self.client.sdk.list_multipart_uploads().bucket(&self.client.bucket).prefix(self.key.as_ref());
        let request = request.customize().config_override(self.client.within(ANSWER)).interceptor(clock.clone());
        let listed = request.send().await.map_err(|error| {
            let error = self.client.failed("list the uploads of", self.key, error);
            format!("the list of uploads cannot be looked at: {}", error.reason())
        })?;
        let since = clock.now().checked_sub(self.since + LOOKS_LIMIT + SKEW);
        let ours = listed.uploads().iter().filter(|upload| self.may_be_ours(upload, since));
        Ok(ours.filter_map(|upload| upload.upload_id()).map(str::to_owned).collect())
    }

    fn may_be_ours(&self, upload: &MultipartUpload, since: Option<SystemTime>) -> bool {
        let initiated = upload.initiated().copied().and_then(time);
        upload.key() == Some(self.key.as_ref())
            && upload.upload_id() != self.known
            && initiated.is_none_or(|initiated| Some(initiated) >= since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_from_a_document_of_another_name_and_from_nothing_else() {
        let other =
            "<?xml version=\"1.0\"?>\n<InitiateMultipartUpload><UploadId>id-1</UploadId></InitiateMultipartUpload>";
        assert_eq!(upload_id(other), Some("id-1"));
        assert_eq!(upload_id("<InitiateMultipartUpload xmlns=\"x\"><UploadId>i</UploadId>"), Some("i"));
        for none in [
            "<html><InitiateMultipartUpload><UploadId>i</UploadId>",
            "<UploadId>i</UploadId>",
            "<InitiateMultipartUpload><UploadId></UploadId>",
            "<InitiateMultipartUpload><UploadId>a&lt;b</UploadId>",
            "<InitiateMultipartUpload><UploadId>i",
        ] {
            assert_eq!(upload_id(none), None, "{none}");
        }
    }
}
