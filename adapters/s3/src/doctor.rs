//! What S3 tells of a bucket when it is examined: names of permissions, versions, object lock, lifecycle, the clock, and the
//! conditions that only it has.

use crate::clock::ServiceClock;
use crate::errors::{code, status};
use crate::limits::ANSWER;
use crate::proof::Proof;
use crate::provider::{Checksums, Conditions};
use crate::store::S3Store;
use crate::{lifecycle, put, versions};
use async_trait::async_trait;
use aws_sdk_s3::types::{BucketVersioningStatus, DefaultRetention};
use sealift::doctor::{Capability, Examined, Finding, Kept, Sent, Settings, Verdict};
use sealift::{Attempts, CommitOptions, Committed, IfExists, Key, LeftBehind, Payload, Result};
use std::time::SystemTime;

/// An ETag that no object has.
const NOBODYS: &str = "\"00000000000000000000000000000000\"";

const MIB: usize = 1 << 20;

#[async_trait]
impl Examined for S3Store {
    fn endpoint(&self) -> Option<String> {
        // Without an endpoint it is called by its name, and the SDK reaches it by TLS.
        let region = self.client.sdk.config().region().map_or("us-east-1", |region| region.as_ref());
        match self.client.endpoint.contains("://") {
            true => Some(self.client.endpoint.clone()),
            false => Some(format!("https://s3.{region}.amazonaws.com")),
        }
    }

    fn uses_proxies(&self) -> bool {
        true
    }

    /// AWS, "Actions, resources, and condition keys for Amazon S3".
    fn permission(&self, capability: Capability) -> &'static str {
        match capability {
            Capability::List | Capability::ListedAtOnce => "s3:ListBucket",
            Capability::Look
            | Capability::Metadata
            | Capability::Read
            | Capability::ReadRange
            | Capability::KeptChecksum => "s3:GetObject",
            Capability::Delete | Capability::ConditionalDelete => "s3:DeleteObject",
            Capability::DeleteVersion => "s3:DeleteObjectVersion, s3:ListBucketVersions",
            Capability::ListUploads => "s3:ListBucketMultipartUploads",
            Capability::ListParts => "s3:ListMultipartUploadParts",
            Capability::Abort => "s3:AbortMultipartUpload",
            Capability::Copy => "s3:GetObject, s3:PutObject",
            Capability::Versioning => "s3:GetBucketVersioning",
            Capability::Retention => "s3:GetBucketObjectLockConfiguration",
            Capability::IncompleteUploads => "s3:GetLifecycleConfiguration",
            _ => "s3:PutObject",
        }
    }

    /// The smallest parts that S3 takes, but for the last (AWS, "Amazon S3 multipart upload limits").
    fn trial_parts(&self) -> [usize; 3] {
        [5 * MIB, 5 * MIB + 64 * 1024, 1024]
    }

    fn sent_with(&self, _capability: Capability) -> Sent {
        match self.client.checksums {
            Checksums::FullObject => Sent::Checksum("CRC64NVME"),
            Checksums::None => Sent::Nothing("none is sent to this service (--checksums none)"),
        }
    }

    async fn put_damaged(&self, key: &Key, payload: Payload, attempts: &Attempts) -> Result<Committed> {
        let options = CommitOptions::new(IfExists::Replace);
        put::put(&self.client, key, payload, &options, attempts).await
    }

    fn is_version(&self, committed: &Committed) -> bool {
        committed.version.as_deref().is_some_and(|version| !version.is_empty() && version != "null")
    }

    /// From the answer to HeadBucket, also where that is a refusal.
    async fn clock(&self) -> Result<Option<SystemTime>> {
        let clock = ServiceClock::default();
        let request = self.client.sdk.head_bucket().bucket(&self.client.bucket);
        let _ = request.customize().config_override(self.client.within(ANSWER)).interceptor(clock.clone()).send().await;
        Ok(clock.answered_at())
    }

    async fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        self.versioning(&mut settings).await;
        self.retention(&mut settings).await;
        settings.findings.push(lifecycle::finding(&self.client, self.permission(Capability::IncompleteUploads)).await);
        settings
    }

    async fn prove_conditions(&self, key: &Key) -> Result<Option<Kept>> {
        let known = match self.conditions.known() {
            Conditions::Honoured => "",
            Conditions::Unknown => {
                "; it is not known to say that it keeps conditions, so --if-absent needs --conditional-writes honoured"
            }
            Conditions::ToBeProven if self.conditions.remembers() => {
                "; remembered, so that other commands need not prove it"
            }
            Conditions::ToBeProven => {
                "; not remembered, since there is no folder for it (XDG_CACHE_HOME, HOME): each command proves it anew"
            }
        };
        let how = "of two puts that ended at once one won, and a put and an upload in parts after it were refused";
        Ok(Some(match self.conditions.prove_anew(&self.client, key).await? {
            Proof::Kept => Kept::Yes(format!("{how}{known}"), Vec::new()),
            Proof::KeptAndLeft { left, .. } => Kept::Yes(format!("{how}{known}"), left),
            Proof::NotKept { reason, left } => Kept::No(reason, left),
        }))
    }

    async fn remove_unmet(&self, key: &Key) -> Result<Option<Kept>> {
        let request = self.client.sdk.delete_object().bucket(&self.client.bucket).key(key.as_ref()).if_match(NOBODYS);
        let error = match request.customize().config_override(self.client.within(ANSWER)).send().await {
            Ok(_) => {
                let how = "an object was removed on the condition that it is another; before Sealift removes what it has \
                           seen, it looks once more";
                return Ok(Some(Kept::No(how.to_owned(), Vec::new())));
            }
            Err(error) => error,
        };
        match status(&error) {
            Some(412) => {
                Ok(Some(Kept::Yes("a removal on a condition that is not met was refused".to_owned(), Vec::new())))
            }
            _ => Err(self.client.failed("remove on a condition", key, error)),
        }
    }

    async fn remove_versions(&self, prefix: &str) -> Result<Option<Vec<LeftBehind>>> {
        versions::remove(&self.client, prefix).await.map(Some)
    }

    async fn end_incomplete_uploads(&self) -> Result<Option<String>> {
        lifecycle::end_incomplete_uploads(&self.client).await
    }
}

impl S3Store {
    async fn versioning(&self, settings: &mut Settings) {
        let request = self.client.sdk.get_bucket_versioning().bucket(&self.client.bucket);
        let told = request.customize().config_override(self.client.within(ANSWER)).send().await;
        let finding = match told.as_ref().map(|told| told.status()) {
            Ok(Some(BucketVersioningStatus::Enabled)) => {
                settings.keeps_versions = Some(true);
                "kept: what is removed or replaced becomes an earlier version, and is paid for until a lifecycle rule ends it"
            }
            Ok(Some(BucketVersioningStatus::Suspended)) => {
                settings.keeps_versions = Some(true);
                "not kept any more; earlier ones stay"
            }
            Ok(_) => {
                settings.keeps_versions = Some(false);
                "the service tells of none: what is removed or replaced is gone"
            }
            Err(_) => "",
        };
        settings.findings.push(match told {
            Ok(_) => Finding::noted(Capability::Versioning, finding),
            Err(error) => {
                self.not_told(Capability::Versioning, self.client.failed("look at the versioning of", "", error))
            }
        });
    }

    async fn retention(&self, settings: &mut Settings) {
        let request = self.client.sdk.get_object_lock_configuration().bucket(&self.client.bucket);
        let told = request.customize().config_override(self.client.within(ANSWER)).send().await;
        let told = match told {
            Ok(told) => told,
            Err(error) if code(&error) == Some("ObjectLockConfigurationNotFoundError") => {
                settings.findings.push(Finding::noted(Capability::Retention, "there is no object lock"));
                return;
            }
            Err(error) => {
                let error = self.client.failed("look at the object lock of", "", error);
                settings.findings.push(self.not_told(Capability::Retention, error));
                return;
            }
        };
        let rule = told.object_lock_configuration().and_then(|lock| lock.rule());
        let evidence = match rule.and_then(|rule| rule.default_retention()) {
            Some(default) => {
                let evidence = format!("object lock keeps the versions of each object for {}", time_of(default));
                settings.keeps_everything = Some(evidence.clone());
                evidence
            }
            None if told.object_lock_configuration().is_some() => {
                "there is object lock, and no retention by default".to_owned()
            }
            None => "the service tells of no object lock".to_owned(),
        };
        settings.findings.push(Finding::noted(Capability::Retention, evidence));
    }

    /// What is not told of the bucket.
    fn not_told(&self, capability: Capability, error: sealift::Error) -> Finding {
        let finding = Finding::failed(capability, self.permission(capability), &error);
        match finding.verdict {
            Verdict::Missing(_) => finding,
            // It is not told whether there is none, or none that can be asked for.
            _ => Finding { verdict: Verdict::Unknown, ..finding },
        }
    }
}

fn time_of(retention: &DefaultRetention) -> String {
    let mode = retention.mode().map_or_else(String::new, |mode| format!(" ({})", mode.as_str()));
    match (retention.days(), retention.years()) {
        (Some(days), _) => format!("{days} days{mode}"),
        (None, Some(years)) => format!("{years} years{mode}"),
        (None, None) => format!("some time{mode}"),
    }
}
