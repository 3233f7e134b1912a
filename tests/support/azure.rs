//! Azurite, through a client of the tests' own: what is really in a container; and how Azure's requests and errors look.

use crate::asking::asked;
use crate::cloud::{Cloud, Errand, Field, PART, Problem, Spoiled, Step, answer, between, piped};
use crate::protocol::Event;
use crate::proxy::{Head, Reply, Rewrite};
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sealift_azure::{AzureOptions, AzureStore, Credentials, Secret};
use std::collections::BTreeSet;
use std::path::PathBuf;
use tokio::process::Command;

/// Azurite's account and key, the same everywhere (Microsoft, "Use the Azurite emulator for local Azure Storage
/// development").
pub const ACCOUNT: &str = "devstoreaccount1";
/// See [`ACCOUNT`].
pub const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// A shared access signature for everything in that account until 2099, made with that key (Microsoft, "Create an account
/// SAS").
pub const SAS: &str = "sv=2021-06-08&ss=b&srt=sco&sp=rwdlac&se=2099-01-01T00:00:00Z&spr=https,http\
                       &sig=1agykGYzV%2Fh%2FVK4tD3c5Jp7MvLMzQ54AcPCwmCFIqTk%3D";

/// azure-storage-blob on a container.
const VENDOR: &str = r#"
import os, sys
from azure.storage.blob import ContainerClient
container = ContainerClient.from_connection_string(os.environ["AZURE_STORAGE_CONNECTION_STRING"], sys.argv[1])
if sys.argv[2] == "read":
    container.download_blob(sys.argv[3]).readinto(sys.stdout.buffer)
elif sys.argv[2] == "write":
    container.upload_blob(sys.argv[3], sys.stdin.buffer)
else:
    for blob in container.list_blobs():
        print(blob.name, blob.size)
"#;

/// An error as Azure answers it.
pub fn error(status: u16, code: &str, message: &str) -> Reply {
    let body = format!("<Error><Code>{code}</Code><Message>{message}\nRequestId:R\nTime:T</Message></Error>");
    Reply::xml(status, &body).with("x-ms-error-code", code)
}

/// What is escaped in a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'$');

/// A container of one test.
#[derive(Debug)]
pub struct TestContainer {
    name: String,
    client: Client<HttpConnector, Full<Bytes>>,
    endpoint: String,
}

impl TestContainer {
    /// One request about `path` (of the container, or of a blob in it): the status and the body of its answer.
    async fn call(&self, method: Method, path: &str, query: &str, body: Bytes) -> (StatusCode, Bytes) {
        let query = if query.is_empty() { SAS.to_owned() } else { format!("{query}&{SAS}") };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/{}{}?{query}", self.endpoint, self.name, utf8_percent_encode(path, PATH)))
            .header("x-ms-version", "2021-06-08")
            .header("x-ms-blob-type", "BlockBlob")
            .header("content-length", body.len())
            .body(Full::new(body))
            .expect("a request");
        asked(&self.client, request).await
    }

    /// The texts of all elements `tag` in what the service lists. The names of the tests need no unescaping.
    async fn listed(&self, path: &str, query: &str, tag: &str) -> Vec<String> {
        let (status, body) = self.call(Method::GET, path, query, Bytes::new()).await;
        // What has uncommitted blocks in one moment may be gone in the next.
        if status == StatusCode::NOT_FOUND && !path.is_empty() {
            return Vec::new();
        }
        assert_eq!(status, StatusCode::OK, "{body:?}");
        let body = String::from_utf8(body.to_vec()).expect("UTF-8");
        assert!(!body.contains("</NextMarker>"), "one page");
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        body.split(&open).skip(1).filter_map(|rest| Some(rest.split_once(&close)?.0.to_owned())).collect()
    }

    /// The ids of a name's uncommitted blocks.
    async fn uncommitted(&self, key: &str) -> Vec<Vec<u8>> {
        let listed = self.listed(&format!("/{key}"), "comp=blocklist&blocklisttype=uncommitted", "Name").await;
        listed.iter().map(|id| STANDARD.decode(id).expect("base64")).collect()
    }
}

/// The upload that a block of Sealift's belongs to, and its number, as they are in its id.
fn upload_and_number(id: &[u8]) -> Option<(String, u32)> {
    let rest = id.strip_prefix(b"SL").filter(|_| id.len() == 24)?;
    let upload = rest[..14].iter().map(|byte| format!("{byte:02x}")).collect();
    Some((upload, u32::from_be_bytes(rest[18..].try_into().ok()?)))
}

/// The number of the part that a request stages.
fn part(request: &Head<'_>) -> Option<u32> {
    let id = percent_decode_str(request.parameter("blockid")?).decode_utf8().ok()?;
    upload_and_number(&STANDARD.decode(id.as_ref()).ok()?).map(|(_, number)| number)
}

#[async_trait]
impl Cloud for TestContainer {
    type Store = AzureStore;

    async fn new(prefix: &str) -> Self {
        let endpoint = std::env::var("SEALIFT_TEST_AZURE_ENDPOINT");
        let container = TestContainer {
            name: format!("{prefix}-{:016x}", rand::random::<u64>()),
            // A connection each: the server ends idle ones when it likes.
            client: Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http(),
            endpoint: endpoint.unwrap_or_else(|_| format!("http://127.0.0.1:10000/{ACCOUNT}")),
        };
        let (status, body) = container.call(Method::PUT, "", "restype=container", Bytes::new()).await;
        assert_eq!(status, StatusCode::CREATED, "{body:?}");
        container
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn url(&self) -> String {
        format!("az://{}", self.name)
    }

    fn endpoint(&self) -> &str {
        &self.endpoint
    }

    fn variables(endpoint: &str) -> Vec<(&'static str, String)> {
        let connection = format!("AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={endpoint}");
        vec![("AZURE_STORAGE_CONNECTION_STRING", connection)]
    }

    async fn connect(name: &str, endpoint: &str) -> AzureStore {
        let mut options = AzureOptions::new(ACCOUNT, name);
        options.endpoint = Some(endpoint.to_owned());
        options.credentials = Credentials::SharedKey(Secret::new(KEY));
        options.part_size = Some(PART as u64);
        AzureStore::connect(options).await.expect("options are fine")
    }

    fn is(step: Step, request: &Head<'_>) -> bool {
        // The account is in the path.
        let blob = request.segments() > 2;
        let about = request.parameter("comp");
        let copy = request.header("x-ms-copy-source").is_some();
        let uncommitted = request.parameter("include").is_some_and(|include| include.contains("uncommittedblobs"));
        // An abort commits too: an empty blob that is marked, or the blob that is there, on the condition that it is
        // that one.
        let anew = request.header("if-match").is_some() || request.header("x-ms-meta-sealift_discarding").is_some();
        match (step, request.method(), about) {
            (Step::Put, &Method::PUT, None) => blob && !copy && request.header("x-ms-blob-type").is_some(),
            (Step::Copy, &Method::PUT, None) => blob && copy,
            (Step::AnyPart, &Method::PUT, Some("block")) => part(request).is_some_and(|number| number > 0),
            (Step::Part(number), &Method::PUT, Some("block")) => part(request) == Some(number),
            (Step::Complete, &Method::PUT, Some("blocklist")) => !anew,
            (Step::Abort, &Method::PUT, Some("blocklist")) => anew,
            (Step::Read, &Method::GET, None) | (Step::Look, &Method::HEAD, None) => blob,
            (Step::Delete, &Method::DELETE, None) => blob,
            (Step::ListParts, &Method::GET, Some("blocklist")) => true,
            (Step::ListUploads, &Method::GET, Some("list")) => uncommitted,
            (Step::List, &Method::GET, Some("list")) => !uncommitted,
            _ => false,
        }
    }

    fn refusal(problem: Problem) -> Reply {
        match problem {
            Problem::Failed => error(500, "InternalError", "The server encountered an internal error."),
            Problem::Busy { retry_after } => answer(error(503, "ServerBusy", "The server is busy."), retry_after),
            Problem::Denied => error(403, "AuthorizationPermissionMismatch", "This request is not authorized."),
            // What an expired shared access signature gets.
            Problem::Expired => error(403, "AuthenticationFailed", "Server failed to authenticate the request."),
            Problem::TooMany => error(429, "TooManyRequests", "Too many requests."),
            Problem::Missing => error(404, "BlobNotFound", "The specified blob does not exist."),
            Problem::Inside => error(200, "InternalError", "The server encountered an internal error."),
        }
    }

    fn success(step: Step) -> u16 {
        match step {
            Step::Put | Step::AnyPart | Step::Part(_) | Step::Complete | Step::Abort => 201,
            Step::Copy | Step::Delete => 202,
            Step::Read => 206,
            _ => 200,
        }
    }

    fn spoiled(step: Step, field: Field, how: Spoiled) -> Option<Rewrite> {
        let header = |name: &'static str, wrong: &str| match how {
            Spoiled::Wrong => Rewrite::with(name, wrong),
            Spoiled::Missing => Rewrite::without(name),
        };
        let element = |tag: &'static str, wrong: &'static str| {
            let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
            let with = (how == Spoiled::Wrong).then_some(wrong);
            Rewrite::text(tag, move |text| between(text, &open, &close, with))
        };
        match (field, step) {
            (Field::Checksum, Step::Put | Step::AnyPart | Step::Part(_)) => {
                let crc = header("x-ms-content-crc64", "AAAAAAAAAAA=");
                Some(crc.and(header("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")))
            }
            (Field::Etag, Step::List) => Some(element("Etag", "0x000000000000000")),
            (Field::Etag, Step::Put | Step::Complete | Step::Look | Step::Read | Step::Copy) => {
                Some(header("etag", "\"0x000000000000000\""))
            }
            (Field::Length, Step::List) => Some(element("Content-Length", "7")),
            (Field::Length, Step::Look | Step::Read) => Some(header("content-length", "7")),
            _ => None,
        }
    }

    fn has_body(step: Step) -> bool {
        matches!(step, Step::Read | Step::List | Step::ListUploads | Step::ListParts)
    }

    fn starts_uploads() -> bool {
        false
    }

    fn keeps_uploads_apart() -> bool {
        false
    }

    fn event(request: &Head<'_>, body: &Bytes) -> Option<Event> {
        if Self::is(Step::Put, request) {
            return Some(Event::Put);
        }
        if Self::is(Step::AnyPart, request) {
            let id = percent_decode_str(request.parameter("blockid")?).decode_utf8().ok()?;
            let (upload, _) = upload_and_number(&STANDARD.decode(id.as_ref()).ok()?)?;
            return Some(Event::Part { upload, part: id.into_owned() });
        }
        if !Self::is(Step::Complete, request) {
            // What discards blocks does not name whose.
            return None;
        }
        let ids: Vec<String> = std::str::from_utf8(body)
            .ok()?
            .split(['<', '>'])
            .filter(|id| STANDARD.decode(id).is_ok_and(|id| upload_and_number(&id).is_some()))
            .map(str::to_owned)
            .collect();
        let (upload, _) = upload_and_number(&STANDARD.decode(ids.first()?).ok()?)?;
        Some(Event::Complete { upload, parts: ids })
    }

    async fn objects(&self) -> Vec<String> {
        let names = self.listed("", "restype=container&comp=list", "Name").await;
        names.into_iter().map(|name| name.replace("&amp;", "&")).collect()
    }

    async fn unfinished(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for key in self.listed("", "restype=container&comp=list&include=uncommittedblobs", "Name").await {
            let upload = |id: &Vec<u8>| upload_and_number(id).map_or("unknown".to_owned(), |(upload, _)| upload);
            let uploads: BTreeSet<String> = self.uncommitted(&key).await.iter().map(upload).collect();
            found.extend(uploads.into_iter().map(|upload| (key.clone(), upload)));
        }
        found
    }

    async fn get(&self, key: &str) -> Option<Bytes> {
        let (status, body) = self.call(Method::GET, &format!("/{key}"), "", Bytes::new()).await;
        (status == StatusCode::OK).then_some(body)
    }

    async fn put(&self, key: &str, bytes: Bytes) {
        let (status, body) = self.call(Method::PUT, &format!("/{key}"), "", bytes).await;
        assert_eq!(status, StatusCode::CREATED, "{body:?}");
    }

    async fn leave_unfinished(&self, key: &str) {
        let query = format!("comp=block&blockid={}", STANDARD.encode("theirs"));
        let (status, body) = self.call(Method::PUT, &format!("/{key}"), &query, vec![7; 1 << 10].into()).await;
        assert_eq!(status, StatusCode::CREATED, "{body:?}");
    }

    async fn clear(&self) {
        let (status, body) = self.call(Method::DELETE, "", "restype=container", Bytes::new()).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body:?}");
    }

    fn vendor(&self, errand: Errand<'_>) -> Command {
        let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../localstack/.state/venv-azure/bin/python");
        assert!(python.exists(), "{} is missing: run ./localstack/up", python.display());
        let mut client = piped(python);
        client.args(["-I", "-c", VENDOR, &self.name]).envs(Self::variables(&self.endpoint));
        match errand {
            Errand::Read(key) => client.args(["read", key]),
            Errand::Write(key) => client.args(["write", key]),
            Errand::List => client.arg("list"),
        };
        client
    }
}
