//! The adapter against Azurite (`./localstack/up`), or another one at SEALIFT_TEST_AZURE_ENDPOINT.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod access;
mod objects;
mod uploads;

use azure_core::hmac::hmac_sha256;
use azure_core::http::Url;
use azure_storage_blob::BlobContainerClient;
use azure_storage_blob::models::{
    BlobClientGetPropertiesResultHeaders, BlockBlobClientCommitBlockListOptions, BlockBlobClientUploadOptions,
    BlockListType, BlockLookupList,
};
use bytes::Bytes;
use futures::future::try_join_all;
use sealift::{
    Attempts, Bucket, Budget, Certainty, Checksum, ChecksumAlgorithm, Codec, CommitOptions, Compressor, Confirmed,
    ErrorKind, IfExists, Key, ObjectStore, Origin, Payload, Remnant, Removal, Token, Work,
};
use sealift_azure::{AzureOptions, AzureStore, Credentials, Secret};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const MIB: usize = 1 << 20;
/// Azurite's, the same everywhere.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

fn endpoint() -> String {
    std::env::var("SEALIFT_TEST_AZURE_ENDPOINT").unwrap_or_else(|_| format!("http://127.0.0.1:10000/{ACCOUNT}"))
}

/// A signature for everything in the account.
fn sas() -> String {
    sas_for("rwdlacuptf")
}

/// A signature for these permissions, on everything in the account (Microsoft, "Create an account SAS").
fn sas_for(permissions: &str) -> String {
    let (expiry, version) = ("2099-01-01T00:00:00Z", "2021-06-08");
    let text = format!("{ACCOUNT}\n{permissions}\nb\nsco\n\n{expiry}\n\nhttps,http\n{version}\n\n");
    let signature = hmac_sha256(&text, &Secret::new(KEY)).expect("a key");
    let signature = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("sv={version}&ss=b&srt=sco&sp={permissions}&se={expiry}&spr=https,http&sig={signature}")
}

async fn store_with(container: &str, credentials: Credentials) -> AzureStore {
    let mut options = AzureOptions::new(ACCOUNT, container);
    options.endpoint = Some(endpoint());
    options.credentials = credentials;
    AzureStore::connect(options).await.expect("options are fine")
}

async fn store_on(container: &str) -> AzureStore {
    store_with(container, Credentials::SharedKey(Secret::new(KEY))).await
}

/// The container, without the adapter.
fn raw(container: &str) -> BlobContainerClient {
    let url = Url::parse(&format!("{}/{container}?{}", endpoint(), sas())).expect("a URL");
    BlobContainerClient::new(url, None, None).expect("a client")
}

fn container_of(store: &AzureStore) -> BlobContainerClient {
    raw(store.url().rsplit('/').next().expect("a container"))
}

/// A store on a new container.
async fn new_store() -> AzureStore {
    let container = format!("sealift-{}", Token::random());
    if let Err(error) = raw(&container).create(None).await {
        panic!("no Azurite at {}: run ./localstack/up first ({error})", endpoint());
    }
    store_on(&container).await
}

fn key(key: &str) -> Key {
    key.parse().expect("valid")
}

fn commit(if_exists: IfExists) -> CommitOptions {
    CommitOptions::new(if_exists)
}

fn payload(bytes: &[u8]) -> Payload {
    let checksum = Checksum::of(ChecksumAlgorithm::Crc64Nvme, bytes);
    Payload::from_segments(bytes.chunks(MIB).map(Bytes::copy_from_slice).collect(), checksum)
}

fn data(len: usize, seed: u32) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 13) as u8).collect()
}

async fn keys_of(store: &AzureStore, prefix: &str) -> Vec<String> {
    let (mut keys, mut page) = (Vec::new(), None);
    loop {
        let listed = store.list(prefix, page.as_deref()).await.expect("listed");
        keys.extend(listed.objects.into_iter().map(|object| object.key));
        match listed.next {
            Some(next) => page = Some(next),
            None => return keys,
        }
    }
}

/// The number of uncommitted blocks of a name; `None` when the service knows no such name.
async fn uncommitted(store: &AzureStore, key: &str) -> Option<usize> {
    let blocks = container_of(store).blob_client(key).block_blob_client();
    match blocks.get_block_list(BlockListType::Uncommitted, None).await {
        Ok(listed) => Some(listed.into_model().expect("a list").uncommitted_blocks.unwrap_or_default().len()),
        Err(error) if error.http_status().map(u16::from) == Some(404) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Of an abort: nothing is left but blocks that may still arrive, by its word.
fn assert_only_late_blocks(error: &sealift::Error) {
    assert!(!error.left_behind().is_empty(), "{error}");
    for left in error.left_behind() {
        let late = left.reason().is_some_and(|reason| reason.contains("may still arrive"));
        assert!(late && left.certainty() == Certainty::Perhaps, "{error}");
    }
}
