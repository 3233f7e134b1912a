//! What Google's SDK does: whole objects in one request, and ranged reads.
//!
//! Its own retries are switched off: they know neither a time to connect nor a standstill, and would wait apart from the
//! rest of this crate (`tries`). So each call here is one attempt, with a limit on how long nothing may move.

use crate::credentials::{Renewable, unusable};
use crate::faults::{Fault, Refusal, chain, root_cause, shortened};
use crate::store::GcsStore;
use crate::transport::Standstill;
use crate::tries::Tries;
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use google_cloud_auth::errors::CredentialsError;
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_storage::Error as SdkError;
use google_cloud_storage::client::Storage;
use google_cloud_storage::error::WriteError;
use google_cloud_storage::model_ext::ReadRange;
use google_cloud_storage::read_resume_policy::NeverResume;
use google_cloud_storage::streaming_source::{Seek, SizeHint, StreamingSource};
use reqwest::Url;
use sealift::{
    Attempts, CommitOptions, Committed, Error, ErrorKind, IfExists, Payload, PayloadStream, Result, TOKEN_METADATA,
};
use std::io;
use std::ops::Range;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// The SDK's client. It takes no certificates of ours; like the other, it trusts the system's, or those of `SSL_CERT_FILE`.
pub(crate) async fn client(endpoint: &Url, credentials: Renewable) -> Result<Storage, String> {
    Storage::builder()
        .with_endpoint(endpoint.as_str().trim_end_matches('/'))
        .with_credentials(credentials)
        .with_retry_policy(NeverRetry)
        .with_read_resume_policy(NeverResume)
        // In one request, whatever the size: sessions are `session`'s.
        .with_resumable_upload_threshold(usize::MAX)
        // For gRPC, which is not used here.
        .with_grpc_subchannel_count(1)
        .build()
        .await
        .map_err(|error| format!("Google's SDK refuses: {}", root_cause(&error)))
}

fn bucket(store: &GcsStore) -> String {
    format!("projects/_/buckets/{}", store.bucket)
}

/// Stores a whole object.
pub(crate) async fn put(
    store: &GcsStore,
    key: &str,
    payload: &Payload,
    options: &CommitOptions,
    attempts: &Attempts,
) -> Result<Committed, Fault> {
    let mut tries = Tries::default();
    loop {
        let attempt = attempts.begin();
        attempt.sent();
        match put_once(store, key, payload, options).await {
            Ok(committed) => {
                attempt.applied();
                return Ok(committed);
            }
            Err(fault) => tries.pause(&store.http, fault).await?,
        }
    }
}

async fn put_once(store: &GcsStore, key: &str, payload: &Payload, options: &CommitOptions) -> Result<Committed, Fault> {
    let whole = payload.checksum();
    // The token is there once the SDK asks for it, so that the time until it asks for the body is the time to connect.
    store.http.credentials.for_request().await?;
    let moved = watch::Sender::new(None);
    let mut stands =
        Standstill { moved: moved.subscribe(), connect: store.connect_timeout, standstill: store.http.standstill };
    let source = Source { stream: payload.stream(), payload: payload.clone(), moved };
    let mut write = store
        .sdk
        .write_object(bucket(store), key, source)
        .set_metadata([(TOKEN_METADATA, options.token.as_ref())])
        .set_content_type("application/octet-stream");
    if let Some(crc) = whole.to_be_bytes().first_chunk::<4>() {
        write = write.with_known_crc32c(u32::from_be_bytes(*crc));
    }
    if options.if_exists == IfExists::Fail {
        write = write.set_if_generation_match(0);
    }
    // Unbuffered: the payload is asked for its bytes as they go out, and begins anew with each attempt.
    let object = tokio::select! {
        biased;
        object = write.send_unbuffered() => object.map_err(fault_of)?,
        fault = stands.still() => return Err(fault),
    };
    if u64::try_from(object.size) != Ok(whole.byte_count()) {
        return Err(Fault::Differs(format!(
            "{} bytes were sent and the service holds {}",
            whole.byte_count(),
            object.size
        )));
    }
    let checksum = object.checksums.and_then(|sums| sums.crc32c).map(|crc| crc.to_be_bytes().to_vec());
    let generation = object.generation.to_string();
    Ok(Committed { etag: Some(generation.clone()), version: Some(generation), checksum, ..Committed::default() })
}

/// A payload as the SDK wants it.
struct Source {
    payload: Payload,
    stream: PayloadStream,
    moved: watch::Sender<Option<Instant>>,
}

impl StreamingSource for Source {
    type Error = io::Error;

    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        let bytes = self.stream.try_next().await.transpose();
        self.moved.send_replace(Some(Instant::now()));
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
        match offset {
            0 => Ok(()),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// The bytes of `range`, of the generation that `etag` names.
pub(crate) async fn get(store: &GcsStore, key: &str, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
    let changed = || {
        let reason = "it was replaced or removed while it was being read";
        Error::new(ErrorKind::Changed, "read", store.location(key), reason)
            .with_hint("what was read so far must not be used; read again")
    };
    let generation = match etag.map(str::parse::<i64>) {
        None => None,
        Some(Ok(generation)) if generation > 0 => Some(generation),
        // No generation has such a name.
        Some(_) => return Err(changed()),
    };
    let mut tries = Tries::default();
    loop {
        let fault = match get_once(store, key, &range, generation).await {
            Ok(bytes) => return Ok(bytes),
            Err(fault) => fault,
        };
        if generation.is_some() && (fault.no_such_object() || matches!(fault.status(), Some(412 | 416))) {
            return Err(changed());
        }
        let paused = tries.pause(&store.http, fault).await;
        paused.map_err(|fault| store.failed("read", key, fault))?;
    }
}

async fn get_once(store: &GcsStore, key: &str, range: &Range<u64>, generation: Option<i64>) -> Result<Bytes, Fault> {
    let (wanted, limit) = (range.end - range.start, store.http.standstill);
    store.http.credentials.for_request().await?;
    let mut read = store.sdk.read_object(bucket(store), key).set_read_range(ReadRange::segment(range.start, wanted));
    if let Some(generation) = generation {
        read = read.set_generation(generation);
    }
    let stalled = |_| Fault::Stalled(limit);
    let mut answer = timeout(limit, read.send()).await.map_err(stalled)?.map_err(fault_of)?;
    let mut bytes = BytesMut::with_capacity(wanted as usize);
    while let Some(more) = timeout(limit, answer.next()).await.map_err(stalled)? {
        bytes.extend_from_slice(&more.map_err(fault_of)?);
        if bytes.len() as u64 > wanted {
            break;
        }
    }
    // Of which bytes an answer is, the SDK does not tell; that they are others than asked for shows in their checksum.
    match bytes.len() as u64 == wanted {
        true => Ok(bytes.freeze()),
        false => Err(Fault::Unexpected(format!("{wanted} bytes were asked for, and others came"))),
    }
}

/// The SDK's error, of one attempt.
fn fault_of(error: SdkError) -> Fault {
    if let Some(cause) = chain(&error).find_map(|cause| cause.downcast_ref::<CredentialsError>()) {
        return unusable(cause);
    }
    if let Some(status) = error.http_status_code() {
        let (headers, body) = (error.http_headers().cloned().unwrap_or_default(), error.http_payload());
        let mut refusal = Refusal::new(status, &headers, body.map_or(&[][..], |body| body));
        if let Some(told) = error.status() {
            refusal.message = shortened(&told.message);
        }
        return Fault::Refused(refusal);
    }
    if chain(&error).any(|cause| cause.is::<WriteError>()) {
        return Fault::Differs(root_cause(&error));
    }
    // Not the text of the error itself, which may show a URL.
    let cause = root_cause(&error);
    match () {
        () if error.is_connect() => Fault::NoConnection(cause),
        () if error.is_io() || error.is_timeout() || error.is_transport() => Fault::Broken(cause),
        () => Fault::Unexpected(cause),
    }
}
