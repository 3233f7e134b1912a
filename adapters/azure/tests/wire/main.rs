//! What goes over the wire, and what comes of answers that no emulator gives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod aborts;
mod answers;
mod commits;
mod copies;
mod credentials;
mod faults;
mod server;

use sealift::{
    Attempts, Bucket, Budget, Checksum, ChecksumAlgorithm, Codec, CommitOptions, Compressor, Effect, ErrorKind,
    IfExists, Key, LeftBehind, ObjectInfo, ObjectStore, Passing, Payload, Removal, RetryPolicy, RetryingStore, Upload,
    Work,
};
use sealift_azure::{AzureOptions, AzureStore, Checksums, Credentials, Secret};
use server::{Reply, Request, Server};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ETAG: &str = "etag: \"0x1\"\r\n";
const CREATED: u16 = 201;

fn options(endpoint: &str) -> AzureOptions {
    let mut options = AzureOptions::new("account", "container");
    options.endpoint = Some(endpoint.to_owned());
    options.credentials = Credentials::Sas(Secret::new("sv=1&sig=s3cret"));
    options.checksums = Some(Checksums::Crc64);
    options
}

async fn store(endpoint: &str) -> AzureStore {
    AzureStore::connect(options(endpoint)).await.expect("options are fine")
}

/// The same store, where what fails in passing is tried again for so many seconds.
fn patient(store: AzureStore, seconds: u64) -> RetryingStore {
    RetryingStore::new(store, RetryPolicy::new(Duration::from_secs(seconds)))
}

async fn bucket(server: &Server) -> Bucket {
    let compressor = Arc::new(Compressor::new(Codec::Plain, None).expect("threads"));
    Bucket::new(store(&server.endpoint).await, compressor, Budget::new(Budget::DEFAULT).expect("enough"))
}

fn key() -> Key {
    "a key".parse().expect("valid")
}

fn commit(if_exists: IfExists) -> CommitOptions {
    CommitOptions::new(if_exists)
}

/// The check value of CRC-64/NVME, ae8b14860a799888, least significant byte first, in base64.
const DIGITS_CRC: &str = "iJh5CoYUi64=";

fn digits() -> Payload {
    let checksum = Checksum::of(ChecksumAlgorithm::Crc64Nvme, b"123456789");
    Payload::from_segments(vec!["1234".into(), "56789".into()], checksum)
}

/// What a look told of an object with this tag.
fn info(etag: &str) -> ObjectInfo {
    let mut info = ObjectInfo::new("a key".to_owned(), 9);
    info.etag = Some(etag.to_owned());
    info
}

fn answer(status: u16, headers: &str) -> Reply {
    Reply::Answer(status, headers.into(), Vec::new())
}

fn error(status: u16, code: &str) -> Reply {
    let body = format!("<Error><Code>{code}</Code><Message>told to</Message></Error>");
    Reply::Answer(status, format!("x-ms-error-code: {code}\r\n"), body.into())
}

/// What a request is: its method, and what it is about.
fn operation(request: &Request) -> String {
    format!("{} {}", request.method, request.parameter("comp").as_deref().unwrap_or("blob"))
}

fn operations(server: &Server) -> Vec<String> {
    server.requests().iter().map(operation).collect()
}

fn block_list(ids: &[String]) -> Reply {
    let blocks: String = ids.iter().map(|id| format!("<Block><Name>{id}</Name><Size>9</Size></Block>")).collect();
    Reply::xml(
        200,
        &format!("<BlockList><CommittedBlocks/><UncommittedBlocks>{blocks}</UncommittedBlocks></BlockList>"),
    )
}

/// The id in a Put Block.
fn block_id(request: &Request) -> String {
    request.parameter("blockid").expect("a block id")
}

/// An upload, of which nothing is sent yet.
async fn upload(server: &Server) -> Box<dyn Upload> {
    started(&store(&server.endpoint).await).await
}

/// The same, where what fails in passing is tried again for so many seconds.
async fn patient_upload(server: &Server, seconds: u64) -> Box<dyn Upload> {
    started(&patient(store(&server.endpoint).await, seconds)).await
}

async fn started(store: &dyn ObjectStore) -> Box<dyn Upload> {
    store.start(&key(), &commit(IfExists::Replace), &Attempts::default()).await.expect("started")
}
