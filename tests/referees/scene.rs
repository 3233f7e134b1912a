//! One server with a bucket on it: the `sealift` command there, and a client of the tests' own that shows what is true.

use crate::outcome::Seen;
use crate::referee::Referee;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
};
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType};
use bytes::Bytes;
use sealift_tests::cli::{self, Ended};
use tokio::process::Command;

/// The size of the parts of large objects.
const PART_SIZE: &str = "--part-size=5MiB";
/// For how long a server is tried again that will not answer otherwise.
const GIVE_UP: &str = "--give-up-after=1s";

pub(crate) struct Scene {
    pub(crate) referee: Referee,
    pub(crate) bucket: String,
    client: Client,
}

impl Scene {
    /// A new bucket.
    pub(crate) async fn open(referee: Referee) -> Self {
        let config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(Credentials::new(referee.key, referee.secret, None, None, "tests"))
            .region(Region::from_static("us-east-1"))
            .endpoint_url(referee.seen_at())
            // The plainest requests, which all of them take, and what they answer as it is.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .force_path_style(true)
            .build();
        let scene = Scene { referee, bucket: String::new(), client: Client::from_conf(config) };
        scene.with_another_bucket().await
    }

    /// The same server with a new bucket.
    pub(crate) async fn with_another_bucket(&self) -> Scene {
        let bucket = format!("referee-{:016x}", rand::random::<u64>());
        let created = self.client.create_bucket().bucket(&bucket).send().await;
        created.unwrap_or_else(|error| panic!("{} runs at {}: {error:?}", self.referee.name, self.referee.seen_at()));
        Scene { referee: self.referee, bucket, client: self.client.clone() }
    }

    /// `sealift` on the bucket.
    pub(crate) fn sealift(&self, arguments: &[&str]) -> Command {
        self.sealift_at(self.referee.endpoint(), arguments)
    }

    /// The same through another endpoint.
    pub(crate) fn sealift_at(&self, endpoint: String, arguments: &[&str]) -> Command {
        let (verb, rest) = arguments.split_first().expect("a verb");
        let mut all = vec![*verb, GIVE_UP, "--codec=none"];
        if matches!(*verb, "put" | "run") {
            all.push(PART_SIZE);
        }
        all.extend(rest);
        let mut command = cli::command(all);
        command
            .env("SEALIFT_STORAGE", format!("s3://{}", self.bucket))
            .envs(self.referee.variables(endpoint, self.referee.secret));
        command
    }

    /// How it ends.
    pub(crate) async fn ends(&self, arguments: &[&str]) -> Ended {
        cli::run(self.sealift(arguments)).await
    }

    /// How `put` of `data` under `key` ends.
    pub(crate) async fn put(&self, key: &str, data: &[u8], options: &[&str]) -> Ended {
        let arguments = [&["put", key], options].concat();
        cli::run_with_input(self.sealift(&arguments), data).await
    }

    /// What the answer to a command comes to that was to store `data` under `key`, where `before` was.
    pub(crate) async fn stored(&self, ended: &Ended, key: &str, data: &[u8], before: Option<&[u8]>) -> Seen {
        let now = self.shown(key).await;
        let unchanged = now.as_deref() == before;
        match ended.code {
            Some(0) if now.as_deref() == Some(data) => Seen::Works,
            Some(0) => self.against(ended, "something else is stored"),
            _ if ended.stderr.contains("nothing was stored") && !unchanged => self.against(ended, "it is stored"),
            _ => self.answer(ended),
        }
    }

    /// An answer as it is compared.
    pub(crate) fn answer(&self, ended: &Ended) -> Seen {
        Seen::Answered { code: ended.code.unwrap_or(-1), words: self.words(ended) }
    }

    /// An answer that is not true.
    pub(crate) fn against(&self, ended: &Ended, shows: &str) -> Seen {
        Seen::Untrue { code: ended.code.unwrap_or(-1), words: self.words(ended), shows: shows.to_owned() }
    }

    /// What a command said: its error, or what it did.
    fn words(&self, ended: &Ended) -> String {
        let said = format!("{}{}", ended.text(), ended.stderr);
        said.trim().trim_start_matches("sealift: ").replace(&self.bucket, "BUCKET")
    }

    /// What the server shows under `key`.
    pub(crate) async fn shown(&self, key: &str) -> Option<Bytes> {
        let object = self.client.get_object().bucket(&self.bucket).key(key).send().await.ok()?;
        Some(object.body.collect().await.expect("read").into_bytes())
    }

    /// Stores an object past Sealift.
    pub(crate) async fn place(&self, key: &str, data: &[u8]) {
        let body = data.to_vec().into();
        self.client.put_object().bucket(&self.bucket).key(key).body(body).send().await.expect("stored");
    }

    /// Stores an object by Sealift, so that it is as Sealift's are; past it where Sealift cannot, which is another row's.
    pub(crate) async fn put_anyhow(&self, key: &str, data: &[u8]) {
        self.put(key, data, &[]).await;
        if self.shown(key).await.is_none() {
            self.place(key, data).await;
        }
    }

    /// Leaves an upload of one part as a crash of Sealift would, with all the marks that it gives it.
    pub(crate) async fn leave_upload(&self, key: &str, part: &[u8]) -> String {
        let start = self.client.create_multipart_upload().bucket(&self.bucket).key(key);
        let start = start.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).checksum_type(ChecksumType::FullObject);
        let id = match start.send().await {
            Ok(started) => started.upload_id.expect("an id"),
            // One that the SDK cannot read names the upload as well.
            Err(error) => {
                let body = error.raw_response().and_then(|answer| answer.body().bytes()).unwrap_or_default();
                let body = String::from_utf8_lossy(body).into_owned();
                let id = body.split_once("<UploadId>").and_then(|(_, rest)| rest.split_once('<'));
                id.unwrap_or_else(|| panic!("an upload: {error:?}")).0.to_owned()
            }
        };
        let stored = self.client.upload_part().bucket(&self.bucket).key(key).upload_id(&id).part_number(1);
        stored.body(part.to_vec().into()).send().await.expect("stored");
        id
    }

    /// The ids of the uploads of `key`; `None` where the server has no list of them.
    pub(crate) async fn uploads(&self, key: &str) -> Option<Vec<String>> {
        let listed = self.client.list_multipart_uploads().bucket(&self.bucket).send().await.ok()?;
        let of_key = listed.uploads().iter().filter(|upload| upload.key() == Some(key));
        Some(of_key.filter_map(|upload| upload.upload_id().map(str::to_owned)).collect())
    }
}
