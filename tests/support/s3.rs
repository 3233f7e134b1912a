//! The S3 emulator, through a client of the tests' own: what is really in a bucket; and how S3's requests and errors
//! look.

use crate::cloud::{Cloud, Errand, Field, PART, Problem, Spoiled, Step, answer, between, piped};
use crate::protocol::Event;
use crate::proxy::{Head, Reply, Rewrite};
use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
use bytes::Bytes;
use hyper::Method;
use sealift_s3::aws_credential_types::provider::SharedCredentialsProvider;
use sealift_s3::{Conditions, S3Options, S3Store};
use std::path::PathBuf;
use std::time::Duration;
use tokio::process::Command;

/// The AWS command line that comes with the emulator.
pub fn aws() -> PathBuf {
    let aws = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../localstack/.state/venv/bin/aws");
    assert!(aws.exists(), "{} is missing: run ./localstack/up", aws.display());
    aws
}

/// An error as S3 answers it.
pub fn error(status: u16, code: &str, message: &str) -> Reply {
    Reply::xml(status, &format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"))
}

/// The headers and the elements that hold checksums.
const CHECKSUMS: [(&str, &str); 3] = [
    ("x-amz-checksum-crc64nvme", "ChecksumCRC64NVME"),
    ("x-amz-checksum-crc32", "ChecksumCRC32"),
    ("x-amz-checksum-crc32c", "ChecksumCRC32C"),
];

fn keys() -> Credentials {
    Credentials::new("test", "test", None, None, "tests")
}

/// A bucket of one test.
#[derive(Debug)]
pub struct TestBucket {
    /// Its name.
    pub name: String,
    client: Client,
    endpoint: String,
}

#[async_trait]
impl Cloud for TestBucket {
    type Store = S3Store;

    async fn new(prefix: &str) -> Self {
        let endpoint = std::env::var("SEALIFT_TEST_S3_ENDPOINT").unwrap_or_else(|_| "http://127.0.0.1:4566".into());
        let config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(keys())
            .region(Region::from_static("us-east-1"))
            .endpoint_url(&endpoint)
            .force_path_style(true)
            .build();
        let client = Client::from_conf(config);
        let name = format!("{prefix}-{:016x}", rand::random::<u64>());
        if let Err(error) = client.create_bucket().bucket(&name).send().await {
            panic!("no S3 emulator at {endpoint}: run ./localstack/up first ({error:?})");
        }
        TestBucket { name, client, endpoint }
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn url(&self) -> String {
        format!("s3://{}", self.name)
    }

    fn endpoint(&self) -> &str {
        &self.endpoint
    }

    fn variables(endpoint: &str) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", endpoint.to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".into()),
            ("AWS_SECRET_ACCESS_KEY", crate::cli::SECRET.into()),
            ("AWS_REGION", "us-east-1".into()),
        ]
    }

    async fn connect(name: &str, endpoint: &str) -> S3Store {
        let mut options = S3Options::new(name);
        options.endpoint_url = Some(endpoint.to_owned());
        options.region = Some("us-east-1".into());
        options.part_size = Some(PART as u64);
        // The emulator keeps them; a proof would be requests that no test expects.
        options.conditional_writes = Some(Conditions::Honoured);
        options.credentials = sealift_s3::Credentials::Provider(SharedCredentialsProvider::new(keys()));
        S3Store::connect(options).await.expect("options are fine")
    }

    fn is(step: Step, request: &Head<'_>) -> bool {
        let upload = request.parameter("uploadId").is_some();
        let object = request.segments() > 1;
        let copy = request.header("x-amz-copy-source").is_some();
        match (step, request.method()) {
            (Step::Put, &Method::PUT) => object && !upload && !copy,
            (Step::Copy, &Method::PUT) => copy,
            (Step::Start, &Method::POST) => request.parameter("uploads").is_some(),
            (Step::AnyPart, &Method::PUT) => upload && !copy,
            (Step::Part(number), &Method::PUT) => {
                upload && !copy && request.parameter("partNumber") == Some(number.to_string().as_str())
            }
            (Step::Complete, &Method::POST) | (Step::Abort, &Method::DELETE) => upload,
            (Step::Read, &Method::GET) => object && !upload,
            (Step::Look, &Method::HEAD) => object,
            (Step::List, &Method::GET) => request.parameter("list-type").is_some(),
            (Step::ListUploads, &Method::GET) => request.parameter("uploads").is_some(),
            (Step::ListParts, &Method::GET) => upload,
            (Step::Delete, &Method::DELETE) => object && !upload,
            (Step::Delete, &Method::POST) => request.parameter("delete").is_some(),
            _ => false,
        }
    }

    fn refusal(problem: Problem) -> Reply {
        match problem {
            Problem::Failed => error(500, "InternalError", "We encountered an internal error. Please try again."),
            Problem::Busy { retry_after } => answer(error(503, "SlowDown", "Reduce your request rate."), retry_after),
            Problem::Denied => error(403, "AccessDenied", "Access Denied"),
            // 400, as documented.
            Problem::Expired => error(400, "ExpiredToken", "The provided token has expired."),
            Problem::TooMany => error(429, "TooManyRequests", "Please reduce your request rate."),
            Problem::Missing => error(404, "NoSuchKey", "The specified key does not exist."),
            Problem::Inside => error(200, "InternalError", "We encountered an internal error. Please try again."),
        }
    }

    fn success(step: Step) -> u16 {
        match step {
            Step::Abort | Step::Delete => 204,
            _ => 200,
        }
    }

    fn spoiled(step: Step, field: Field, how: Spoiled) -> Option<Rewrite> {
        let in_xml = matches!(step, Step::Complete | Step::Copy | Step::List);
        let with = match how {
            Spoiled::Wrong => Some(match field {
                Field::Checksum => "AAAAAAAAAAA=",
                Field::Etag => "\"00000000000000000000000000000000\"",
                Field::Length => "7",
            }),
            Spoiled::Missing => None,
        };
        let element = move |tag: &'static str| {
            let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
            Rewrite::text(tag, move |text| between(text, &open, &close, with))
        };
        let header = move |name: &'static str| match with {
            Some(with) => Rewrite::with(name, with),
            None => Rewrite::without(name),
        };
        match (field, step) {
            (Field::Checksum, Step::Put | Step::AnyPart | Step::Part(_) | Step::Look | Step::Complete | Step::Copy) => {
                let all = CHECKSUMS.map(|(name, tag)| if in_xml { element(tag) } else { header(name) });
                all.into_iter().reduce(Rewrite::and)
            }
            (Field::Etag, Step::Complete | Step::Copy | Step::List) => Some(element("ETag")),
            (Field::Etag, Step::Put | Step::AnyPart | Step::Part(_) | Step::Look | Step::Read) => Some(header("etag")),
            (Field::Length, Step::List) => Some(element("Size")),
            (Field::Length, Step::Look | Step::Read) => Some(header("content-length")),
            _ => None,
        }
    }

    fn has_body(step: Step) -> bool {
        !matches!(step, Step::Put | Step::AnyPart | Step::Part(_) | Step::Abort | Step::Delete | Step::Look)
    }

    fn event(request: &Head<'_>, body: &Bytes) -> Option<Event> {
        let upload = || request.parameter("uploadId").unwrap_or_default().to_owned();
        if Self::is(Step::Put, request) {
            return Some(Event::Put);
        }
        if Self::is(Step::AnyPart, request) {
            let part = request.parameter("partNumber").unwrap_or_default().to_owned();
            return Some(Event::Part { upload: upload(), part });
        }
        if Self::is(Step::Abort, request) {
            return Some(Event::Abort { upload: upload() });
        }
        let named = |text: &str| {
            let numbers = text.split("<PartNumber>").skip(1);
            numbers.filter_map(|rest| Some(rest.split_once('<')?.0.to_owned())).collect()
        };
        let parts = named(std::str::from_utf8(body).unwrap_or_default());
        Self::is(Step::Complete, request).then(|| Event::Complete { upload: upload(), parts })
    }

    async fn objects(&self) -> Vec<String> {
        let listed = self.client.list_objects_v2().bucket(&self.name).send().await.expect("listed");
        listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
    }

    async fn unfinished(&self) -> Vec<(String, String)> {
        let listed = self.client.list_multipart_uploads().bucket(&self.name).send().await.expect("listed");
        let name = |upload: &aws_sdk_s3::types::MultipartUpload| {
            Some((upload.key()?.to_owned(), upload.upload_id()?.to_owned()))
        };
        listed.uploads().iter().filter_map(name).collect()
    }

    async fn get(&self, key: &str) -> Option<Bytes> {
        // The emulator cuts an answer off while another request replaces the object. It does not say when that is done.
        for _ in 0..5 {
            let object = self.client.get_object().bucket(&self.name).key(key).send().await.ok()?;
            if let Ok(read) = object.body.collect().await {
                return Some(read.into_bytes());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        panic!("{key} breaks off each time it is read");
    }

    async fn put(&self, key: &str, bytes: Bytes) {
        self.client.put_object().bucket(&self.name).key(key).body(bytes.into()).send().await.expect("stored");
    }

    async fn leave_unfinished(&self, key: &str) {
        let started = self.client.create_multipart_upload().bucket(&self.name).key(key).send().await;
        let id = started.expect("started").upload_id.expect("an id");
        let part = self.client.upload_part().bucket(&self.name).key(key).upload_id(&id).part_number(1);
        part.body(vec![7; 1 << 10].into()).send().await.expect("stored");
    }

    async fn clear(&self) {
        for key in self.objects().await {
            self.client.delete_object().bucket(&self.name).key(key).send().await.expect("removed");
        }
        for (key, id) in self.unfinished().await {
            let aborted = self.client.abort_multipart_upload().bucket(&self.name).key(key).upload_id(id);
            aborted.send().await.expect("aborted");
        }
        self.client.delete_bucket().bucket(&self.name).send().await.expect("removed");
    }

    fn vendor(&self, errand: Errand<'_>) -> Command {
        let url = |key: &str| format!("s3://{}/{key}", self.name);
        let mut aws = piped(aws());
        match errand {
            Errand::Read(key) => aws.args(["s3", "cp", &url(key), "-"]),
            Errand::Write(key) => aws.args(["s3", "cp", "-", &url(key)]),
            Errand::List => aws.args(["s3api", "list-objects-v2", "--bucket", &self.name]).args([
                "--output",
                "text",
                "--query",
                "Contents[].[Key, Size]",
            ]),
        };
        aws.env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        aws
    }
}
