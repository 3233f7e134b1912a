//! A whole object in one request.

use crate::attempt::{answered, attempt};
use crate::body::body;
use crate::client::{Client, full_checksum};
use crate::clock::ServiceClock;
use crate::limits::UNLIMITED;
use crate::provider::Checksums;
use sealift::{Attempts, CHECKSUM_METADATA, CommitOptions, Committed, IfExists, Key, Payload, Result, TOKEN_METADATA};

/// Stores `payload` as `key`.
pub(crate) async fn put(
    client: &Client,
    key: &Key,
    payload: Payload,
    options: &CommitOptions,
    attempts: &Attempts,
) -> Result<Committed> {
    let checksum = payload.checksum();
    let clock = ServiceClock::default();
    let stored = attempt(attempts, |sent| {
        let mut request = client
            .sdk
            .put_object()
            .bucket(&client.bucket)
            .key(key.as_ref())
            .content_length(payload.byte_count() as i64)
            .metadata(TOKEN_METADATA, options.token.as_ref())
            .set_checksum_crc64_nvme(client.checksum_header(&checksum))
            .body(body(&payload, &sent));
        if client.checksums == Checksums::None {
            request = request.metadata(CHECKSUM_METADATA, checksum.to_string());
        }
        if options.if_exists == IfExists::Fail {
            request = request.if_none_match("*");
        }
        let request = request.customize().config_override(client.within(UNLIMITED)).interceptor(clock.clone());
        let request = request.disable_payload_signing();
        async move { answered(&sent, request.send()).await }
    });
    let stored = stored.await.map_err(|error| client.failed("put", key, error))?;
    let mut committed = Committed::new(stored.e_tag);
    committed.version = stored.version_id;
    committed.checksum = full_checksum(stored.checksum_crc64_nvme, stored.checksum_type);
    committed.at = clock.answered_at();
    Ok(committed)
}
