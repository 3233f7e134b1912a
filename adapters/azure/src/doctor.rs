//! What Azure tells of a container when it is examined: names of permissions, immutability, the clock.

use crate::checksums::{Checksums, Transactional};
use crate::put;
use crate::store::AzureStore;
use async_trait::async_trait;
use azure_core::http::headers::HeaderName;
use sealift::doctor::{Capability, Examined, Finding, Sent, Settings, Verdict};
use sealift::{Attempts, CommitOptions, Committed, IfExists, Key, Payload, Result};
use std::time::SystemTime;

/// The MD5 of nothing that is ever sent.
const WRONG_MD5: [u8; 16] = [0; 16];

#[async_trait]
impl Examined for AzureStore {
    fn endpoint(&self) -> Option<String> {
        Some(self.client.endpoint.clone())
    }

    fn uses_proxies(&self) -> bool {
        true
    }

    /// Microsoft, "Permissions for calling data operations" and, in brackets, the letter of a shared access signature
    /// ("Create a service SAS").
    fn permission(&self, capability: Capability) -> &'static str {
        match capability {
            Capability::List | Capability::ListedAtOnce | Capability::ListUploads => {
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read (a shared access signature: sp=l)"
            }
            Capability::Look
            | Capability::Metadata
            | Capability::Read
            | Capability::ReadRange
            | Capability::ListParts
            | Capability::KeptChecksum => {
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read (a shared access signature: sp=r)"
            }
            Capability::Delete | Capability::ConditionalDelete => {
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete (a shared access signature: sp=d)"
            }
            Capability::DeleteVersion => {
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/deleteBlobVersion/action (a shared access \
                 signature: sp=x)"
            }
            Capability::Abort => {
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read, …/write and …/delete (a shared access \
                 signature: sp=rwd)"
            }
            Capability::Copy => {
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read and …/write (a shared access \
                 signature: sp=rw)"
            }
            Capability::Retention | Capability::Versioning => {
                "Microsoft.Storage/storageAccounts/blobServices/containers/read (an account's shared access signature: \
                 srt=c, sp=r)"
            }
            _ => {
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write (a shared access signature: sp=w)"
            }
        }
    }

    /// Blocks may have any size.
    fn trial_parts(&self) -> [usize; 3] {
        [64 << 10, 128 << 10, 1000]
    }

    fn sent_with(&self, capability: Capability) -> Sent {
        match (capability, self.client.checksums) {
            (Capability::WholeChecksum, _) => {
                Sent::Nothing("the service compares none of a whole blob, but of each block")
            }
            (_, Checksums::None) => Sent::Nothing("none is sent to this service (--checksums none)"),
            (_, Checksums::Crc64) => Sent::Checksum("CRC-64"),
            (Capability::PartChecksum, Checksums::Md5) => {
                Sent::Untried("the MD5 of a block is computed from what is sent, so that it cannot be wrong")
            }
            (_, Checksums::Md5) => Sent::Checksum("MD5"),
        }
    }

    async fn put_damaged(&self, key: &Key, payload: Payload, attempts: &Attempts) -> Result<Committed> {
        let options = CommitOptions::new(IfExists::Replace);
        let checksum = match self.client.checksums {
            Checksums::Md5 => Transactional { crc64: None, md5: Some(WRONG_MD5.to_vec()) },
            _ => self.client.checksum(key.as_ref(), &payload).await?,
        };
        let stored = put::put_blob(&self.client, key.as_ref(), &payload, &checksum, &options, attempts).await;
        stored.map_err(|error| self.client.failed("store", key.as_ref(), error))
    }

    /// Only versioned accounts answer with a version.
    fn is_version(&self, committed: &Committed) -> bool {
        committed.version.is_some()
    }

    async fn clock(&self) -> Result<Option<SystemTime>> {
        Ok(self.client.clock.told())
    }

    async fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        match self.client.container.get_properties(None).await {
            Ok(told) => {
                let says = |name: &'static str| {
                    told.headers().get_optional_str(&HeaderName::from_static(name)).is_some_and(|told| told == "true")
                };
                let immutable = match (says("x-ms-has-immutability-policy"), says("x-ms-has-legal-hold")) {
                    (true, _) => {
                        Some("the container has an immutability policy: blobs cannot be removed before it ends")
                    }
                    (false, true) => Some("the container has a legal hold: blobs cannot be removed"),
                    (false, false) => None,
                };
                settings.keeps_everything = immutable.map(str::to_owned);
                let evidence = immutable.unwrap_or("the container has neither an immutability policy nor a legal hold");
                settings.findings.push(Finding::noted(Capability::Retention, evidence));
            }
            Err(error) => {
                let error = self.client.failed("look at the settings of", "", error);
                let finding = Finding::failed(Capability::Retention, self.permission(Capability::Retention), &error);
                settings.findings.push(match finding.verdict {
                    Verdict::Missing(_) => finding,
                    _ => Finding { verdict: Verdict::Unknown, ..finding },
                });
            }
        }
        settings.findings.push(Finding::noted(
            Capability::IncompleteUploads,
            "the service drops blocks that are not committed a week after the last by itself: no rule is needed",
        ));
        settings
    }
}
