//! What Google tells of a bucket when it is examined: names of permissions, versions, retention, soft deletion.

use crate::client::Client;
use crate::faults::Fault;
use crate::options::Streams;
use crate::put;
use crate::store::GcsStore;
use crate::transport::Answer;
use async_trait::async_trait;
use http::Method;
use sealift::doctor::{Capability, Examined, Finding, Sent, Settings, Verdict};
use sealift::{Attempts, CommitOptions, Committed, IfExists, Key, LeftBehind, Payload, Result};
use serde::Deserialize;

/// How many pages of versions are looked at: what is removed so is little.
const PAGES: usize = 10;

/// What of a bucket is looked at (Google, "Buckets", JSON API).
const FIELDS: &str = "name,versioning,retentionPolicy,softDeletePolicy";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bucket {
    name: String,
    versioning: Option<Versioning>,
    retention_policy: Option<Retention>,
    soft_delete_policy: Option<SoftDelete>,
}

#[derive(Debug, Deserialize)]
struct Versioning {
    enabled: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Retention {
    retention_period: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SoftDelete {
    retention_duration_seconds: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Versions {
    #[serde(default)]
    items: Vec<Version>,
    next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Version {
    name: String,
    generation: String,
}

#[async_trait]
impl Examined for GcsStore {
    fn endpoint(&self) -> Option<String> {
        Some(self.client.endpoint.as_str().trim_end_matches('/').to_owned())
    }

    fn uses_proxies(&self) -> bool {
        true
    }

    fn lists_uploads(&self) -> bool {
        self.streams == Streams::Multipart
    }

    /// Google, "IAM permissions for Cloud Storage" and "IAM permissions for XML requests".
    fn permission(&self, capability: Capability) -> &'static str {
        match (capability, self.streams) {
            (Capability::Start | Capability::Part | Capability::Complete, Streams::Multipart) => {
                return "storage.multipartUploads.create, storage.objects.create";
            }
            (Capability::Abort, Streams::Multipart) => return "storage.multipartUploads.abort",
            (Capability::ListUploads, _) => return "storage.multipartUploads.list",
            (Capability::ListParts, _) => return "storage.multipartUploads.listParts",
            _ => {}
        }
        match capability {
            Capability::List | Capability::ListedAtOnce => "storage.objects.list",
            Capability::Look
            | Capability::Metadata
            | Capability::Read
            | Capability::ReadRange
            | Capability::KeptChecksum => "storage.objects.get",
            // To replace an object takes the same.
            Capability::Delete | Capability::ConditionalDelete | Capability::DeleteVersion => "storage.objects.delete",
            Capability::Copy => "storage.objects.get, storage.objects.create",
            Capability::Versioning | Capability::Retention | Capability::IncompleteUploads => "storage.buckets.get",
            _ => "storage.objects.create",
        }
    }

    /// Pieces of a session are multiples of 256 KiB, but for the last; parts are of 5 MiB at least.
    fn trial_parts(&self) -> [usize; 3] {
        match self.streams {
            Streams::Session => [256 << 10, 512 << 10, 1000],
            Streams::Multipart => [5 << 20, (5 << 20) + (64 << 10), 1000],
        }
    }

    fn sent_with(&self, capability: Capability) -> Sent {
        match (capability, self.streams) {
            (Capability::PartChecksum, Streams::Session) => {
                Sent::Nothing("pieces of a session have none; what they become has")
            }
            (Capability::WholeChecksum, Streams::Multipart) => {
                Sent::Nothing("an upload in parts takes none; what it became is held against the service's")
            }
            _ => Sent::Checksum("CRC32C"),
        }
    }

    async fn put_damaged(&self, key: &Key, payload: Payload, attempts: &Attempts) -> Result<Committed> {
        let options = CommitOptions::new(IfExists::Replace);
        put::put(&self.client, key.as_ref(), &payload, &options, attempts).await
    }

    async fn settings(&self) -> Settings {
        let url = self.client.url_of(&["storage", "v1", "b", &self.client.bucket], &[("fields", FIELDS)]);
        let told = self.client.ask(Method::GET, url, |answer| bucket_of(&answer, &self.client.bucket)).await;
        let ended = match self.streams {
            Streams::Session => {
                "nothing of them can be seen, and the service drops them after a week by itself: no rule is needed"
            }
            Streams::Multipart => {
                "what a crash leaves of parallel parts is paid for until `sealift sweep --foreign` removes it, or a lifecycle \
                 rule with AbortIncompleteMultipartUpload"
            }
        };
        let ended = Finding::noted(Capability::IncompleteUploads, ended);
        match told {
            Ok(bucket) => settings_of(&bucket, ended),
            Err(fault) => {
                let error = self.client.failed("look at the settings of", "", fault);
                let not_told = |capability| {
                    let finding = Finding::failed(capability, self.permission(capability), &error);
                    match finding.verdict {
                        Verdict::Missing(_) => finding,
                        _ => Finding { verdict: Verdict::Unknown, ..finding },
                    }
                };
                let findings = vec![not_told(Capability::Versioning), not_told(Capability::Retention), ended];
                Settings { findings, ..Settings::default() }
            }
        }
    }

    async fn remove_versions(&self, prefix: &str) -> Result<Option<Vec<LeftBehind>>> {
        remove_versions(&self.client, prefix).await.map(Some)
    }
}

fn bucket_of(answer: &Answer, name: &str) -> Result<Bucket, Fault> {
    let bucket: Bucket = serde_json::from_slice(&answer.body)
        .map_err(|error| Fault::Unexpected(format!("its JSON is not that of a bucket: {error}")))?;
    match bucket.name == name {
        true => Ok(bucket),
        false => Err(Fault::Unexpected("it is about another bucket".to_owned())),
    }
}

fn settings_of(bucket: &Bucket, ended: Finding) -> Settings {
    let keeps_versions = bucket.versioning.as_ref().is_some_and(|versioning| versioning.enabled);
    let versions = match keeps_versions {
        true => "kept: what is removed or replaced becomes an earlier version",
        false => "the service tells of none",
    };
    let keeps_everything = bucket.retention_policy.as_ref().map(|retention| {
        format!("the bucket's retention policy keeps each object for {} s", retention.retention_period)
    });
    let soft = bucket.soft_delete_policy.as_ref().filter(|soft| soft.retention_duration_seconds != "0");
    let retention = match (&keeps_everything, soft) {
        (Some(kept), _) => kept.clone(),
        (None, Some(soft)) => format!(
            "none; what is removed can be brought back, and is paid for, for {} s (soft deletion)",
            soft.retention_duration_seconds
        ),
        (None, None) => "the service tells of none".to_owned(),
    };
    let findings =
        vec![Finding::noted(Capability::Versioning, versions), Finding::noted(Capability::Retention, retention), ended];
    Settings { findings, keeps_everything, keeps_versions: Some(keeps_versions) }
}

/// Removes all versions of what is below `prefix`. Returns what is left.
async fn remove_versions(client: &Client, prefix: &str) -> Result<Vec<LeftBehind>> {
    let (mut left, mut page) = (Vec::new(), None::<String>);
    for _ in 0..PAGES {
        let mut query =
            vec![("prefix", prefix), ("versions", "true"), ("fields", "items(name,generation),nextPageToken")];
        query.extend(page.as_deref().map(|page| ("pageToken", page)));
        let url = client.url_of(&["storage", "v1", "b", &client.bucket, "o"], &query);
        let read = |answer: Answer| {
            serde_json::from_slice::<Versions>(&answer.body)
                .map_err(|error| Fault::Unexpected(format!("its JSON is no listing of versions: {error}")))
        };
        let listed = client.ask(Method::GET, url, read).await;
        let listed = listed.map_err(|fault| client.failed("list the versions of", prefix, fault))?;
        for Version { name, generation } in listed.items.iter().filter(|version| version.name.starts_with(prefix)) {
            let url = client.object_url(name, &[("generation", generation)]);
            match client.ask(Method::DELETE, url, Answer::empty).await {
                Ok(()) => {}
                Err(fault) if fault.no_such_object() => {}
                Err(fault) => {
                    let error = client.failed("remove the version of", name, fault);
                    let reason = format!("its generation {generation} cannot be removed: {}", error.reason());
                    left.push(LeftBehind::object(client.location(name)).because(reason));
                }
            }
        }
        page = listed.next_page_token.filter(|next| !next.is_empty() && Some(next) != page.as_ref());
        if page.is_none() {
            break;
        }
    }
    Ok(left)
}
