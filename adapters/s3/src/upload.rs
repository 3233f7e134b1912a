//! A multipart upload, from its start to complete or abort.

use crate::abort::abort;
use crate::attempt::{answered, attempt};
use crate::body::body;
use crate::client::{Client, full_checksum};
use crate::clock::ServiceClock;
use crate::limits::{COMPLETE, UNLIMITED};
use crate::provider::Checksums;
use crate::start::start;
use async_trait::async_trait;
use aws_sdk_s3::types::{ChecksumType, CompletedMultipartUpload, CompletedPart};
use sealift::{
    Attempts, Checksum, CommitOptions, Committed, IfExists, Key, PartReceipt, Payload, Result, TOKEN_METADATA, Upload,
};

/// One multipart upload.
#[derive(Debug)]
pub(crate) struct S3Upload {
    client: Client,
    key: Key,
    if_exists: IfExists,
    id: String,
}

impl S3Upload {
    /// Starts an upload for a new object.
    pub(crate) async fn start(
        client: &Client,
        key: &Key,
        options: &CommitOptions,
        attempts: &Attempts,
    ) -> Result<S3Upload> {
        let template = client.sdk.create_multipart_upload().metadata(TOKEN_METADATA, options.token.as_ref());
        let id = start(client, key, template, attempts).await?;
        Ok(S3Upload { client: client.clone(), key: key.clone(), if_exists: options.if_exists, id })
    }
}

#[async_trait]
impl Upload for S3Upload {
    fn id(&self) -> &str {
        &self.id
    }

    fn remedy(&self) -> &'static str {
        self.client.remedy()
    }

    async fn put_part(&self, number: u32, payload: Payload) -> Result<PartReceipt> {
        let client = &self.client;
        // What a part may have left goes with its upload.
        let attempts = Attempts::default();
        let stored = attempt(&attempts, |sent| {
            let request = client
                .sdk
                .upload_part()
                .bucket(&client.bucket)
                .key(self.key.as_ref())
                .upload_id(&self.id)
                .part_number(number as i32)
                .content_length(payload.byte_count() as i64)
                .set_checksum_crc64_nvme(client.checksum_header(&payload.checksum()))
                .body(body(&payload, &sent))
                .customize()
                .config_override(client.within(UNLIMITED))
                .disable_payload_signing();
            async move { answered(&sent, request.send()).await }
        });
        let stored =
            stored.await.map_err(|error| client.failed(format!("upload part {number} of"), &self.key, error))?;
        // An answer without an ETag is none.
        Ok(PartReceipt::new(number, stored.e_tag.unwrap_or_default(), payload.checksum()))
    }

    async fn complete(&self, parts: &[PartReceipt], whole: Checksum, attempts: &Attempts) -> Result<Committed> {
        let client = &self.client;
        let parts = parts.iter().map(|part| {
            CompletedPart::builder()
                .part_number(part.number as i32)
                .e_tag(&part.tag)
                .set_checksum_crc64_nvme(client.checksum_header(&part.checksum))
                .build()
        });
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let mut request = client
            .sdk
            .complete_multipart_upload()
            .bucket(&client.bucket)
            .key(self.key.as_ref())
            .upload_id(&self.id)
            .multipart_upload(parts)
            .set_checksum_crc64_nvme(client.checksum_header(&whole));
        if client.checksums == Checksums::FullObject {
            request = request.checksum_type(ChecksumType::FullObject).mpu_object_size(whole.byte_count() as i64);
        }
        if self.if_exists == IfExists::Fail {
            request = request.if_none_match("*");
        }
        let clock = ServiceClock::default();
        let completed = attempt(attempts, |sent| {
            let request = request.customize().config_override(client.within(COMPLETE));
            sent.all();
            request.interceptor(clock.clone()).send()
        });
        let completed = completed.await.map_err(|error| client.failed("complete the upload of", &self.key, error))?;
        let mut committed = Committed::new(completed.e_tag);
        committed.version = completed.version_id;
        committed.checksum = full_checksum(completed.checksum_crc64_nvme, completed.checksum_type);
        committed.at = clock.answered_at();
        Ok(committed)
    }

    async fn abort(&self) -> Result<()> {
        abort(&self.client, self.key.as_ref(), &self.id).await
    }
}
