//! What goes over the wire, and what comes of answers that no emulator gives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod answers;
mod attempts;
mod copies;
mod credentials;
mod multipart;
mod multipart_left;
mod objects;
mod passing;
mod server;
mod sessions;
mod uploads;

use bytes::Bytes;
use sealift::{Checksum, ChecksumAlgorithm, CommitOptions, IfExists, Key, Payload, RetryPolicy, RetryingStore};
use sealift_gcs::{Credentials, GcsOptions, GcsStore};
use server::{Reply, Request};
use std::time::Duration;

const QUANTUM: usize = 256 << 10;
/// The secret part of a session's address.
const UPLOAD_ID: &str = "ABg5-s3cret-upload-id";

fn options(endpoint: &str) -> GcsOptions {
    let mut options = GcsOptions::new("bucket");
    options.endpoint = Some(endpoint.to_owned());
    options.credentials = Credentials::Anonymous;
    options
}

async fn store(endpoint: &str) -> GcsStore {
    GcsStore::connect(options(endpoint)).await.expect("options are fine")
}

/// The store with its requests tried again, for long enough that one fault passes.
async fn retrying(endpoint: &str) -> RetryingStore {
    patient(store(endpoint).await, 5)
}

/// `store` with its requests tried again for so many seconds.
fn patient(store: GcsStore, seconds: u64) -> RetryingStore {
    RetryingStore::new(store, RetryPolicy::new(Duration::from_secs(seconds)))
}

fn key() -> Key {
    "a/key +%".parse().expect("valid")
}

fn commit(if_exists: IfExists) -> CommitOptions {
    CommitOptions::new(if_exists)
}

fn data(len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn payload(bytes: &[u8]) -> Payload {
    let checksum = Checksum::of(ChecksumAlgorithm::Crc32c, bytes);
    Payload::from_segments(bytes.chunks(100_000).map(Bytes::copy_from_slice).collect(), checksum)
}

/// The check value of CRC-32C, e3069283, in base64.
const DIGITS_CRC: &str = "4waSgw==";

fn digits() -> Payload {
    let checksum = Checksum::of(ChecksumAlgorithm::Crc32c, b"123456789");
    Payload::from_segments(vec!["1234".into(), "56789".into()], checksum)
}

/// An object of these bytes, as the service describes it.
fn resource(bytes: &[u8], token: &str) -> Reply {
    let crc = Checksum::of(ChecksumAlgorithm::Crc32c, bytes).to_be_bytes();
    let crc = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, crc);
    let size = bytes.len();
    Reply::json(
        200,
        &format!(
            r#"{{"name":"a/key +%","bucket":"bucket","size":"{size}","generation":"17","crc32c":"{crc}",
                "timeCreated":"2026-01-02T03:04:05.678Z","metadata":{{"sealift-token":"{token}"}}}}"#
        ),
    )
}

/// A page of somebody else's.
fn page() -> Reply {
    Reply::Answer(200, "content-type: text/html\r\n".into(), b"<html>Welcome to the hotel</html>".to_vec())
}

/// The answer to a start.
fn started(origin: &str) -> Reply {
    let path = format!("/upload/storage/v1/b/bucket/o?uploadType=resumable&upload_id={UPLOAD_ID}");
    Reply::empty(200, &format!("location: {origin}{path}\r\n"))
}

/// The answer of a session that holds so many bytes.
fn holds(bytes: usize) -> Reply {
    match bytes {
        0 => Reply::empty(308, ""),
        _ => Reply::empty(308, &format!("range: bytes=0-{}\r\n", bytes - 1)),
    }
}

/// The first byte that a piece says it holds.
fn first_of(request: &Request) -> usize {
    let range = request.header("content-range").expect("a range");
    range.strip_prefix("bytes ").and_then(|range| range.split('-').next()?.parse().ok()).expect("a first byte")
}
