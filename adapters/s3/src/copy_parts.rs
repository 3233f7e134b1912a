//! The copy of an object that is too large for one request: an upload whose parts the service copies.

use crate::abort::abort;
use crate::attempt::attempt;
use crate::client::{Client, full_checksum};
use crate::clock::ServiceClock;
use crate::copy_source::Source;
use crate::limits::COMPLETE;
use crate::provider::Checksums;
use crate::start::{lost_starts, start};
use crate::stop::{Answer, answer, stopped, unless_stopped};
use aws_sdk_s3::operation::create_multipart_upload::builders::CreateMultipartUploadFluentBuilder;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::{ChecksumType, CompletedMultipartUpload, CompletedPart};
use sealift::{Attempts, Committed, Effect, Error, Key, LeftBehind, Result, Work};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// What one UploadPartCopy takes ("Amazon S3 multipart upload limits": 5 GiB).
const LARGEST_PART: u64 = 5_000_000_000;
/// The time to remove a copy that is given up: within the 30 s in which a copy has to stop.
const ABORT_LIMIT: Duration = Duration::from_secs(20);

/// Copies `source` to `to`, part by part. An upload that is given up is aborted.
pub(crate) async fn copy_in_parts(source: &Source<'_>, to: &Key, work: &Work) -> Result<Committed> {
    let client = source.target;
    let template = unless_stopped(work, work.retry(|| template(source))).await?;
    let (id, beside) = start_copy(source, to, template, work).await?;
    let upload = client.left_upload(to, &id);
    work.may_leave(beside.iter().cloned().chain([upload]));
    let copy = Copy { source, to, id: &id, beside: &beside };
    let attempts = Attempts::default();
    let error = match copy.run(work, &attempts).await {
        Ok(mut committed) => {
            committed.left_behind = beside;
            return Ok(committed);
        }
        Err(error) => error,
    };
    let mut left = beside.clone();
    left.extend(left_of_copy(&client.location(to), attempts.effect()));
    match timeout(ABORT_LIMIT, work.retry_cleaning(|| abort(client, to.as_ref(), &id))).await {
        Ok(Ok(())) => {}
        Ok(Err(failed)) => left.extend_from_slice(failed.left_behind()),
        Err(_) => left.push(client.left_upload(to, &id).because("its abort took too long")),
    }
    Err(error.with_left_behind(left))
}

/// What a copy may have left at `target` that is not wanted any more, or was not answered.
pub(crate) fn left_of_copy(target: &str, effect: Effect) -> Option<LeftBehind> {
    let object = LeftBehind::object(target);
    match effect {
        Effect { applied: 1.., .. } => Some(object.because("a complete copy, beside the original")),
        effect if effect.is_possible() => {
            Some(object.perhaps().because("its copy was sent, and the answer does not tell whether it was made"))
        }
        _ => None,
    }
}

/// Everything that belongs to the object.
async fn template(source: &Source<'_>) -> Result<CreateMultipartUploadFluentBuilder> {
    let head = &source.head;
    let expires = head.expires_string().and_then(|date| DateTime::from_str(date, DateTimeFormat::HttpDate).ok());
    let template = source
        .target
        .sdk
        .create_multipart_upload()
        .set_metadata(head.metadata.clone())
        .set_content_type(head.content_type.clone())
        .set_content_encoding(head.content_encoding.clone())
        .set_content_disposition(head.content_disposition.clone())
        .set_content_language(head.content_language.clone())
        .set_cache_control(head.cache_control.clone())
        .set_expires(expires)
        .set_storage_class(head.storage_class.clone())
        .set_server_side_encryption(head.server_side_encryption.clone())
        .set_ssekms_key_id(head.ssekms_key_id.clone())
        .set_bucket_key_enabled(head.bucket_key_enabled)
        .set_website_redirect_location(head.website_redirect_location.clone())
        .set_object_lock_mode(head.object_lock_mode.clone())
        .set_object_lock_retain_until_date(head.object_lock_retain_until_date)
        .set_object_lock_legal_hold_status(head.object_lock_legal_hold_status.clone());
    Ok(template.set_tagging(source.tags().await?))
}

async fn start_copy(
    source: &Source<'_>,
    to: &Key,
    template: CreateMultipartUploadFluentBuilder,
    work: &Work,
) -> Result<(String, Vec<LeftBehind>)> {
    let client = source.target;
    let unknown = LeftBehind::unknown_upload(client.location(to)).because("its start was not answered");
    work.may_leave([unknown]);
    let (attempts, began) = (Attempts::default(), Instant::now());
    let started = match answer(work, work.retry(|| start(client, to, template.clone(), &attempts))).await {
        Answer::InTime(started) | Answer::AfterStop(started) => started,
        Answer::Never => Err(stop(source)),
    };
    let known = started.as_deref().ok();
    let beside = lost_starts(client, to, began.elapsed(), attempts.effect(), known).await;
    match started {
        Ok(id) => Ok((id, beside)),
        Err(error) => Err(error.with_left_behind(beside)),
    }
}

fn stop(source: &Source<'_>) -> Error {
    stopped(&source.client.location(source.key))
}

/// An upload that becomes the copy.
struct Copy<'a> {
    source: &'a Source<'a>,
    to: &'a Key,
    id: &'a str,
    beside: &'a [LeftBehind],
}

impl Copy<'_> {
    async fn run(&self, work: &Work, attempts: &Attempts) -> Result<Committed> {
        let parts = unless_stopped(work, self.copy_parts(work)).await?;
        let upload = self.target().left_upload(self.to, self.id).perhaps();
        work.may_leave(self.beside.iter().cloned().chain([self.object(), upload]));
        match answer(work, work.retry(|| self.complete(parts.clone(), attempts))).await {
            Answer::InTime(completed) => completed,
            Answer::AfterStop(_) | Answer::Never => Err(stop(self.source)),
        }
    }

    async fn copy_parts(&self, work: &Work) -> Result<Vec<CompletedPart>> {
        let size = self.source.size();
        let mut parts = Vec::new();
        for (number, begin) in (1..).zip((0..size).step_by(LARGEST_PART as usize)) {
            let last = size.min(begin + LARGEST_PART) - 1;
            parts.push(work.retry(|| self.copy_part(number, begin, last)).await?);
        }
        Ok(parts)
    }

    async fn copy_part(&self, number: i32, first: u64, last: u64) -> Result<CompletedPart> {
        let request = self
            .target()
            .sdk
            .upload_part_copy()
            .bucket(&self.target().bucket)
            .key(self.to.as_ref())
            .upload_id(self.id)
            .part_number(number)
            .copy_source(self.source.path())
            .copy_source_range(format!("bytes={first}-{last}"))
            .set_copy_source_if_match(self.source.etag());
        let attempts = Attempts::default();
        let copied = attempt(&attempts, |sent| {
            sent.all();
            request.customize().config_override(self.target().within(COMPLETE)).send()
        });
        let copied = copied.await.map_err(|error| self.source.not_copied(format!("copy part {number} of"), error))?;
        let part = copied.copy_part_result.as_ref();
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(part.and_then(|part| part.e_tag.clone()))
            .set_checksum_crc64_nvme(part.and_then(|part| part.checksum_crc64_nvme.clone()))
            .build())
    }

    async fn complete(&self, parts: Vec<CompletedPart>, attempts: &Attempts) -> Result<Committed> {
        let (client, head) = (self.target(), &self.source.head);
        let mut request = client
            .sdk
            .complete_multipart_upload()
            .bucket(&client.bucket)
            .key(self.to.as_ref())
            .upload_id(self.id)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build());
        if client.checksums == Checksums::FullObject {
            request = request.checksum_type(ChecksumType::FullObject).mpu_object_size(self.source.size() as i64);
            if head.checksum_type == Some(ChecksumType::FullObject) {
                // The service compares it with what it copied.
                request = request.set_checksum_crc64_nvme(head.checksum_crc64_nvme.clone());
            }
        }
        let clock = ServiceClock::default();
        let completed = attempt(attempts, |sent| {
            let request = request.customize().config_override(client.within(COMPLETE));
            sent.all();
            request.interceptor(clock.clone()).send()
        });
        let completed = completed.await.map_err(|error| self.source.not_copied("complete the copy of", error))?;
        let mut committed = Committed::new(completed.e_tag);
        committed.version = completed.version_id;
        committed.checksum = full_checksum(completed.checksum_crc64_nvme, completed.checksum_type);
        committed.at = clock.answered_at();
        Ok(committed)
    }

    /// The copy, if its completion has taken effect.
    fn object(&self) -> LeftBehind {
        let object = LeftBehind::object(self.target().location(self.to));
        object.perhaps().because("its completion was sent, and the answer is open")
    }

    fn target(&self) -> &Client {
        self.source.target
    }
}
