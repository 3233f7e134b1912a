//! The emulator of Google Cloud Storage, through a client of the tests' own: what is really in a bucket; and how its
//! requests and errors look.

use crate::asking::asked;
use crate::cloud::{Cloud, Errand, Field, PART, Problem, Spoiled, Step, answer, piped};
use crate::protocol::Event;
use crate::proxy::{Head, Reply, Rewrite};
use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sealift::TOKEN_METADATA;
use sealift_gcs::{Credentials, GcsOptions, GcsStore};
use serde_json::{Value, json};
use std::path::PathBuf;
use tokio::process::Command;

/// google-cloud-storage on a bucket. It takes the endpoint from STORAGE_EMULATOR_HOST, and no credentials with it.
const VENDOR: &str = r#"
import sys
from google.cloud.storage import Client
bucket = Client(project="test").bucket(sys.argv[1])
if sys.argv[2] == "read":
    bucket.blob(sys.argv[3]).download_to_file(sys.stdout.buffer, raw_download=True)
elif sys.argv[2] == "write":
    with bucket.blob(sys.argv[3]).open("wb", ignore_flush=True) as blob:
        while data := sys.stdin.buffer.read(1 << 20):
            blob.write(data)
else:
    for blob in bucket.list_blobs():
        print(blob.name, blob.size)
"#;

/// An error as the JSON API answers it.
pub fn error(status: u16, reason: &str, message: &str) -> Reply {
    let errors = [json!({ "domain": "global", "reason": reason, "message": message })];
    let body = json!({ "error": { "code": status, "message": message, "errors": errors } });
    Reply::new(status, "application/json; charset=UTF-8", body.to_string())
}

/// A bucket of one test.
#[derive(Debug)]
pub struct TestBucket {
    name: String,
    client: Client<HttpConnector, Full<Bytes>>,
    endpoint: String,
}

impl TestBucket {
    pub(crate) async fn call(&self, method: Method, path: &str, body: Bytes) -> (StatusCode, Bytes) {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.endpoint))
            .header("content-type", "application/json")
            .header("content-length", body.len())
            .body(Full::new(body))
            .expect("escaped");
        asked(&self.client, request).await
    }

    /// One answer's JSON.
    async fn json(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, Bytes::new()).await;
        assert_eq!(status, StatusCode::OK, "{body:?}");
        serde_json::from_slice(&body).expect("JSON")
    }

    /// Asks for an upload `of` a kind.
    async fn upload(&self, of: &str, key: &str, body: Bytes) {
        let path = format!("/upload/storage/v1/b/{}/o?uploadType={of}&name={}", self.name, encoded(key));
        let (status, body) = self.call(Method::POST, &path, body).await;
        assert_eq!(status, StatusCode::OK, "{body:?}");
    }
}

pub(crate) fn encoded(key: &str) -> String {
    utf8_percent_encode(key, NON_ALPHANUMERIC).to_string()
}

/// What a request of a session says of the bytes it brings.
enum Content {
    /// The bytes from here on, of a whole whose length is not known yet.
    Piece(u64),
    /// The last bytes, which may be none.
    Last,
    /// It brings none, and asks how many there are.
    Question,
}

fn content(request: &Head<'_>) -> Option<Content> {
    let (range, total) = request.header("content-range")?.strip_prefix("bytes ")?.split_once('/')?;
    match (range, total) {
        ("*", "*") => Some(Content::Question),
        (range, "*") => Some(Content::Piece(range.split_once('-')?.0.parse().ok()?)),
        _ => Some(Content::Last),
    }
}

/// Sets the field `name`, wherever it is, to `value`, or removes it.
fn spoil(answer: &mut Value, name: &str, value: Option<&str>) {
    match answer {
        Value::Object(fields) => {
            match value {
                Some(value) if fields.contains_key(name) => drop(fields.insert(name.to_owned(), value.into())),
                Some(_) => {}
                None => drop(fields.remove(name)),
            }
            fields.values_mut().for_each(|field| spoil(field, name, value));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| spoil(item, name, value)),
        _ => {}
    }
}

#[async_trait]
impl Cloud for TestBucket {
    type Store = GcsStore;

    async fn new(prefix: &str) -> Self {
        let endpoint = std::env::var("SEALIFT_TEST_GCS_ENDPOINT");
        let bucket = TestBucket {
            name: format!("{prefix}-{:016x}", rand::random::<u64>()),
            // A connection each: the server ends idle ones when it likes.
            client: Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http(),
            endpoint: endpoint.unwrap_or_else(|_| "http://127.0.0.1:9023".into()),
        };
        let body = json!({ "name": bucket.name }).to_string().into();
        let (status, body) = bucket.call(Method::POST, "/storage/v1/b?project=test", body).await;
        assert_eq!(status, StatusCode::OK, "{body:?}");
        bucket
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn url(&self) -> String {
        format!("gs://{}", self.name)
    }

    fn endpoint(&self) -> &str {
        &self.endpoint
    }

    fn variables(endpoint: &str) -> Vec<(&'static str, String)> {
        vec![("STORAGE_EMULATOR_HOST", endpoint.to_owned())]
    }

    async fn connect(name: &str, endpoint: &str) -> GcsStore {
        let mut options = GcsOptions::new(name);
        options.endpoint = Some(endpoint.to_owned());
        options.credentials = Credentials::Anonymous;
        options.part_size = Some(PART as u64);
        GcsStore::connect(options).await.expect("options are fine")
    }

    fn is(step: Step, request: &Head<'_>) -> bool {
        // storage/v1/b/BUCKET/o/KEY
        let object = request.segments() == 6 && request.parameter("uploadType").is_none();
        let kind = request.parameter("uploadType");
        let session = request.parameter("upload_id").is_some();
        let media = request.parameter("alt") == Some("media");
        match (step, request.method()) {
            (Step::Put, &Method::POST) => kind == Some("multipart"),
            (Step::Start, &Method::POST) => kind == Some("resumable") && !session,
            (Step::AnyPart, &Method::PUT) => session && matches!(content(request), Some(Content::Piece(_))),
            (Step::Part(number), &Method::PUT) => {
                let at = |from: u64| from / PART as u64 + 1 == u64::from(number);
                session && matches!(content(request), Some(Content::Piece(from)) if at(from))
            }
            (Step::Complete, &Method::PUT) => session && matches!(content(request), Some(Content::Last)),
            (Step::Abort, &Method::DELETE) => session,
            (Step::Read, &Method::GET) => object && media,
            (Step::Look, &Method::GET) => object && !media,
            // storage/v1/b/BUCKET/o
            (Step::List, &Method::GET) => request.segments() == 5 && kind.is_none(),
            (Step::ListParts, &Method::PUT) => session && matches!(content(request), Some(Content::Question)),
            (Step::Copy, &Method::POST) => ["/rewriteTo/", "/copyTo/"].iter().any(|to| request.path().contains(to)),
            (Step::Delete, &Method::DELETE) => object && !session,
            _ => false,
        }
    }

    fn refusal(problem: Problem) -> Reply {
        match problem {
            Problem::Failed => error(500, "backendError", "Internal error."),
            Problem::Busy { retry_after } => answer(error(503, "backendError", "Backend error."), retry_after),
            Problem::Denied => error(403, "forbidden", "The caller does not have storage.objects.create access."),
            // What an expired token gets.
            Problem::Expired => error(401, "authError", "Invalid Credentials"),
            Problem::TooMany => error(429, "rateLimitExceeded", "The rate limit was exceeded."),
            Problem::Missing => error(404, "notFound", "No such object."),
            Problem::Inside => error(200, "backendError", "Internal error."),
        }
    }

    fn success(step: Step) -> u16 {
        match step {
            Step::AnyPart | Step::Part(_) | Step::ListParts => 308,
            Step::Abort => 499,
            Step::Delete => 204,
            Step::Read => 206,
            _ => 200,
        }
    }

    fn spoiled(step: Step, field: Field, how: Spoiled) -> Option<Rewrite> {
        let change = |name: &'static str, wrong: &'static str| {
            Rewrite::text(name, move |text| match serde_json::from_str::<Value>(text) {
                Ok(mut answer) => {
                    spoil(&mut answer, name, (how == Spoiled::Wrong).then_some(wrong));
                    answer.to_string()
                }
                Err(_) => text.to_owned(),
            })
        };
        let an_object = matches!(step, Step::Put | Step::Complete | Step::Look | Step::Copy | Step::List);
        match field {
            Field::Checksum if an_object => Some(change("crc32c", "AAAAAA==").and(change("md5Hash", "AAAA"))),
            Field::Etag if an_object => Some(change("etag", "AAAA=").and(change("generation", "7"))),
            Field::Length if an_object => Some(change("size", "7")),
            Field::Length if step == Step::Read => Some(match how {
                Spoiled::Wrong => Rewrite::with("content-length", "7"),
                Spoiled::Missing => Rewrite::without("content-length"),
            }),
            _ => None,
        }
    }

    fn has_body(step: Step) -> bool {
        matches!(step, Step::Put | Step::Complete | Step::Look | Step::Read | Step::Copy | Step::List)
    }

    fn completes_with_the_last_part() -> bool {
        true
    }

    fn lists_uploads() -> bool {
        false
    }

    fn event(request: &Head<'_>, body: &Bytes) -> Option<Event> {
        let upload = || request.parameter("upload_id").unwrap_or_default().to_owned();
        if Self::is(Step::Put, request) {
            return Some(Event::Put);
        }
        match (request.method(), content(request)) {
            (&Method::PUT, Some(Content::Piece(from))) => {
                let part = format!("of {} bytes from {from}", body.len());
                Some(Event::Part { upload: upload(), part })
            }
            // The last piece is in the same request.
            (&Method::PUT, Some(Content::Last)) => Some(Event::Complete { upload: upload(), parts: Vec::new() }),
            _ => Self::is(Step::Abort, request).then(|| Event::Abort { upload: upload() }),
        }
    }

    async fn objects(&self) -> Vec<String> {
        let listed = self.json(&format!("/storage/v1/b/{}/o", self.name)).await;
        assert!(listed["nextPageToken"].is_null(), "one page");
        let items = listed["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
    }

    /// As only the emulator tells: the service shows no sessions to anybody.
    async fn unfinished(&self) -> Vec<(String, String)> {
        let sessions = self.json(&format!("/sessions/{}", self.name)).await;
        let sessions = sessions["sessions"].as_array().cloned().expect("sessions");
        let named = |session: &Value| {
            let token = session["metadata"][TOKEN_METADATA].as_str().unwrap_or("unknown");
            (session["name"].as_str().expect("a name").to_owned(), token.to_owned())
        };
        sessions.iter().map(named).collect()
    }

    async fn get(&self, key: &str) -> Option<Bytes> {
        let path = format!("/storage/v1/b/{}/o/{}?alt=media", self.name, encoded(key));
        let (status, body) = self.call(Method::GET, &path, Bytes::new()).await;
        (status == StatusCode::OK).then_some(body)
    }

    async fn put(&self, key: &str, bytes: Bytes) {
        self.upload("media", key, bytes).await;
    }

    async fn leave_unfinished(&self, key: &str) {
        self.upload("resumable", key, "{}".into()).await;
    }

    async fn clear(&self) {
        for key in self.objects().await {
            let path = format!("/storage/v1/b/{}/o/{}", self.name, encoded(&key));
            let (status, body) = self.call(Method::DELETE, &path, Bytes::new()).await;
            assert!(status.is_success(), "{body:?}");
        }
    }

    fn vendor(&self, errand: Errand<'_>) -> Command {
        let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../localstack/.state/venv-gcs/bin/python");
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
