//! Whole objects in one request, by Google's SDK.

use crate::client::Client;
use crate::faults::Fault;
use crate::sdk::fault_of;
use crate::transport::Standstill;
use bytes::Bytes;
use futures::TryStreamExt;
use google_cloud_storage::model::Object;
use google_cloud_storage::streaming_source::{Seek, SizeHint, StreamingSource};
use sealift::{
    Attempt, Attempts, Checksum, CommitOptions, Committed, IfExists, Payload, PayloadStream, Result, TOKEN_METADATA,
};
use std::io;
use std::time::SystemTime;
use tokio::sync::watch;
use tokio::time::Instant;

/// Stores a whole object.
pub(crate) async fn put(
    client: &Client,
    key: &str,
    payload: &Payload,
    options: &CommitOptions,
    attempts: &Attempts,
) -> Result<Committed> {
    let attempt = attempts.begin();
    let stored = send(client, key, payload, options, &attempt).await;
    match &stored {
        Ok(_) => attempt.applied(),
        Err(fault) => fault.account(&attempt),
    }
    stored.map_err(|fault| client.failed("store", key, fault))
}

async fn send(
    client: &Client,
    key: &str,
    payload: &Payload,
    options: &CommitOptions,
    attempt: &Attempt,
) -> Result<Committed, Fault> {
    let whole = payload.checksum();
    // The token is there once the SDK asks for it, so that the time until it asks for the body is the time to connect.
    let (_, used) = client.http.credentials.for_request().await?;
    let moved = watch::Sender::new(None);
    let mut stands =
        Standstill { moved: moved.subscribe(), connect: client.connect_timeout, standstill: client.http.standstill };
    let source = Source {
        stream: payload.stream(),
        left: payload.byte_count(),
        payload: payload.clone(),
        moved,
        attempt: attempt.clone(),
    };
    let mut write = client
        .sdk
        .write_object(client.bucket_resource(), key, source)
        .set_metadata([(TOKEN_METADATA, options.token.as_ref())])
        .set_content_type("application/octet-stream");
    if let Some(crc) = whole.to_be_bytes().first_chunk::<4>() {
        write = write.with_known_crc32c(u32::from_be_bytes(*crc));
    }
    if options.if_exists == IfExists::Fail {
        write = write.set_if_generation_match(0);
    }
    // Unbuffered: the payload is asked for its bytes as they go out.
    let object = tokio::select! {
        biased;
        object = write.send_unbuffered() => object.map_err(|error| fault_of(error, used))?,
        fault = stands.still() => return Err(fault),
    };
    committed(key, object, whole)
}

/// What the service says it made of `whole`. The SDK takes any JSON for an object, so what each has is looked for.
fn committed(key: &str, object: Object, whole: Checksum) -> Result<Committed, Fault> {
    if object.name != key || object.generation <= 0 {
        return Err(Fault::Unexpected("its JSON is not the object that was put".to_owned()));
    }
    if u64::try_from(object.size) != Ok(whole.byte_count()) {
        let what = format!("{} bytes were sent and the service holds {}", whole.byte_count(), object.size);
        return Err(Fault::Differs(what));
    }
    let generation = object.generation.to_string();
    let mut committed = Committed::new(Some(generation.clone()));
    committed.version = Some(generation);
    committed.checksum = object.checksums.and_then(|sums| sums.crc32c).map(|crc| crc.to_be_bytes().to_vec());
    committed.at = object.create_time.and_then(|time| SystemTime::try_from(time).ok());
    Ok(committed)
}

/// A payload as the SDK wants it.
struct Source {
    payload: Payload,
    stream: PayloadStream,
    /// The bytes that are not taken yet.
    left: u64,
    moved: watch::Sender<Option<Instant>>,
    attempt: Attempt,
}

impl StreamingSource for Source {
    type Error = io::Error;

    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        let bytes = self.stream.try_next().await.transpose();
        self.moved.send_replace(Some(Instant::now()));
        if let Some(Ok(bytes)) = &bytes {
            self.left = self.left.saturating_sub(bytes.len() as u64);
        }
        if self.left == 0 {
            self.attempt.sent();
        }
        bytes
    }

    async fn size_hint(&self) -> io::Result<SizeHint> {
        Ok(SizeHint::with_exact(self.payload.byte_count()))
    }
}

impl Seek for Source {
    type Error = io::Error;

    /// The SDK seeks to the start only, when all goes in one request.
    async fn seek(&mut self, offset: u64) -> io::Result<()> {
        self.stream = self.payload.stream();
        self.left = self.payload.byte_count();
        match offset {
            0 => Ok(()),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}
