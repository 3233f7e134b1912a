//! Google Cloud Storage, with streams in parallel parts: uploads by the XML API, everything else as in [`gcs`]. What
//! answers is our own double of that API (localstack/services/gcs_multipart.py).

use crate::cloud::{Cloud, Errand, Field, PART, Problem, Spoiled, Step, answer, between};
use crate::gcs;
use crate::protocol::Event;
use crate::proxy::{Head, Reply, Rewrite};
use async_trait::async_trait;
use bytes::Bytes;
use hyper::{Method, StatusCode};
use sealift_gcs::{Credentials, GcsOptions, GcsStore, Streams};
use tokio::process::Command;

/// A bucket of one test.
#[derive(Debug)]
pub struct TestBucket(gcs::TestBucket);

/// An error as the XML API answers it.
fn error(status: u16, code: &str, message: &str) -> Reply {
    let body =
        format!("<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>");
    Reply::new(status, "application/xml; charset=UTF-8", body)
}

/// Whether a request is this step of an upload in parts.
fn is_of_parts(step: Step, request: &Head<'_>) -> bool {
    // BUCKET/KEY, where a slash in the key is encoded.
    let upload = request.segments() == 2 && request.parameter("uploadId").is_some();
    let number = request.parameter("partNumber");
    match (step, request.method()) {
        (Step::Start, &Method::POST) => request.segments() == 2 && request.parameter("uploads").is_some(),
        (Step::AnyPart, &Method::PUT) => upload && number.is_some(),
        (Step::Part(wanted), &Method::PUT) => upload && number == Some(wanted.to_string().as_str()),
        (Step::Complete, &Method::POST) | (Step::Abort, &Method::DELETE) | (Step::ListParts, &Method::GET) => upload,
        (Step::ListUploads, &Method::GET) => request.segments() == 1 && request.parameter("uploads").is_some(),
        _ => false,
    }
}

/// Whether an answer to this step is the XML API's.
fn is_xml(step: Step) -> bool {
    matches!(
        step,
        Step::Start
            | Step::AnyPart
            | Step::Part(_)
            | Step::Complete
            | Step::Abort
            | Step::ListUploads
            | Step::ListParts
    )
}

#[async_trait]
impl Cloud for TestBucket {
    type Store = GcsStore;

    async fn new(prefix: &str) -> Self {
        TestBucket(gcs::TestBucket::new(prefix).await)
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn url(&self) -> String {
        self.0.url()
    }

    fn endpoint(&self) -> &str {
        self.0.endpoint()
    }

    fn variables(endpoint: &str) -> Vec<(&'static str, String)> {
        gcs::TestBucket::variables(endpoint)
    }

    async fn connect(name: &str, endpoint: &str) -> GcsStore {
        let mut options = GcsOptions::new(name);
        options.endpoint = Some(endpoint.to_owned());
        options.credentials = Credentials::Anonymous;
        options.part_size = Some(PART as u64);
        options.streams = Streams::Multipart;
        GcsStore::connect(options).await.expect("options are fine")
    }

    /// What must not replace anything goes by a session all the same.
    fn is(step: Step, request: &Head<'_>) -> bool {
        is_of_parts(step, request) || gcs::TestBucket::is(step, request)
    }

    fn refusal(problem: Problem) -> Reply {
        match problem {
            Problem::Failed => error(500, "InternalError", "We encountered an internal error."),
            Problem::Busy { retry_after } => answer(error(503, "ServiceUnavailable", "Come again."), retry_after),
            Problem::Denied => error(403, "AccessDenied", "Access denied."),
            Problem::Expired => error(401, "AuthenticationRequired", "Authentication required."),
            Problem::TooMany => error(429, "TooManyRequests", "The rate limit was exceeded."),
            Problem::Missing => error(404, "NoSuchUpload", "The requested upload was not found."),
            Problem::Inside => error(200, "InternalError", "We encountered an internal error."),
        }
    }

    fn success(step: Step) -> u16 {
        match step {
            Step::Abort => 204,
            step if is_xml(step) => 200,
            step => gcs::TestBucket::success(step),
        }
    }

    fn spoiled(step: Step, field: Field, how: Spoiled) -> Option<Rewrite> {
        let header = |name: &'static str, wrong: &'static str| match how {
            Spoiled::Wrong => Rewrite::with(name, wrong),
            Spoiled::Missing => Rewrite::without(name),
        };
        match (step, field) {
            (Step::Complete, Field::Checksum) => Some(header("x-goog-hash", "crc32c=AAAAAA==")),
            (Step::Complete, Field::Etag) => {
                let with = (how == Spoiled::Wrong).then_some("\"0\"");
                let tag = Rewrite::text("ETag", move |text| between(text, "<ETag>", "</ETag>", with));
                Some(header("x-goog-generation", "7").and(tag))
            }
            (Step::AnyPart | Step::Part(_), Field::Etag) => Some(header("etag", "\"0\"")),
            (step, _) if is_xml(step) => None,
            (step, field) => gcs::TestBucket::spoiled(step, field, how),
        }
    }

    fn has_body(step: Step) -> bool {
        match step {
            Step::Start | Step::Complete | Step::ListUploads | Step::ListParts => true,
            step => !is_xml(step) && gcs::TestBucket::has_body(step),
        }
    }

    fn event(request: &Head<'_>, body: &Bytes) -> Option<Event> {
        let upload = || request.parameter("uploadId").unwrap_or_default().to_owned();
        if is_of_parts(Step::AnyPart, request) {
            let part = request.parameter("partNumber").unwrap_or_default().to_owned();
            return Some(Event::Part { upload: upload(), part });
        }
        if is_of_parts(Step::Abort, request) {
            return Some(Event::Abort { upload: upload() });
        }
        if is_of_parts(Step::Complete, request) {
            let list = std::str::from_utf8(body).unwrap_or_default();
            let numbers = list.split("<PartNumber>").skip(1);
            let parts = numbers.filter_map(|rest| Some(rest.split_once('<')?.0.to_owned())).collect();
            return Some(Event::Complete { upload: upload(), parts });
        }
        gcs::TestBucket::event(request, body)
    }

    async fn objects(&self) -> Vec<String> {
        self.0.objects().await
    }

    /// Sessions too, as only the emulator tells of them.
    async fn unfinished(&self) -> Vec<(String, String)> {
        let path = format!("/{}?uploads=", self.name());
        let (status, body) = self.0.call(Method::GET, &path, Bytes::new()).await;
        assert_eq!(status, StatusCode::OK, "{body:?}");
        let listed = String::from_utf8(body.to_vec()).expect("text");
        let element = |upload: &str, name: &str| {
            let (_, rest) = upload.split_once(&format!("<{name}>")).expect("there");
            rest.split_once('<').expect("closed").0.to_owned()
        };
        let open = listed.split("<Upload>").skip(1).map(|upload| (element(upload, "Key"), element(upload, "UploadId")));
        open.chain(self.0.unfinished().await).collect()
    }

    async fn get(&self, key: &str) -> Option<Bytes> {
        self.0.get(key).await
    }

    async fn put(&self, key: &str, bytes: Bytes) {
        self.0.put(key, bytes).await;
    }

    async fn leave_unfinished(&self, key: &str) {
        let path = format!("/{}/{}?uploads=", self.name(), gcs::encoded(key));
        let (status, body) = self.0.call(Method::POST, &path, Bytes::new()).await;
        assert_eq!(status, StatusCode::OK, "{body:?}");
    }

    async fn clear(&self) {
        self.0.clear().await;
        for (key, id) in self.unfinished().await {
            let path = format!("/{}/{}?uploadId={id}", self.name(), gcs::encoded(&key));
            self.0.call(Method::DELETE, &path, Bytes::new()).await;
        }
    }

    fn vendor(&self, errand: Errand<'_>) -> Command {
        self.0.vendor(errand)
    }
}
