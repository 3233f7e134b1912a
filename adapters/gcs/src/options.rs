//! How to reach a bucket.

use std::path::PathBuf;
use std::time::Duration;

/// The time to connect, per attempt, by default.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// How long nothing may move, by default.
pub(crate) const STANDSTILL: Duration = Duration::from_secs(60);

/// How to reach a bucket.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GcsOptions {
    /// The bucket's name.
    pub bucket: String,
    /// The service's URL, without a path; by default `https://storage.googleapis.com`. Over `http`, credentials are sent
    /// to this machine only.
    pub endpoint: Option<String>,
    /// Where the authorisation comes from.
    pub credentials: Credentials,
    /// How a stream that does not fit in one part is sent.
    pub streams: Streams,
    /// The size of all parts but the last, in bytes: a multiple of 256 KiB, by default 8 MiB. What fits in one is put in
    /// one request. With [`Streams::Multipart`] it is the size of the first parts, of 5 MiB at least.
    pub part_size: Option<u64>,
    /// About how many bytes will be stored under one key. Parts need not be larger for it; more than the service takes is
    /// refused at once.
    pub expected_size: Option<u64>,
    /// The time to connect, per attempt. Not for reading, where Google's SDK sets no such limit: there it is
    /// `stall_timeout` too.
    pub connect_timeout: Duration,
    /// How long nothing may move in a request (no byte of the body taken, no byte of the answer come), per attempt. The time
    /// to answer once the body is sent, too.
    pub stall_timeout: Duration,
}

impl GcsOptions {
    /// The bucket `bucket`, with the application default credentials, everything else by default.
    pub fn new(bucket: impl Into<String>) -> Self {
        GcsOptions {
            bucket: bucket.into(),
            endpoint: None,
            credentials: Credentials::ApplicationDefault,
            streams: Streams::default(),
            part_size: None,
            expected_size: None,
            connect_timeout: CONNECT,
            stall_timeout: STANDSTILL,
        }
    }
}

/// How a stream that does not fit in one part is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Streams {
    /// In one resumable session, piece after piece: as fast as one connection. What a crash leaves ends by itself.
    #[default]
    Session,
    /// In parts, several at a time, by the XML API's multipart upload: as fast as all connections together. The service takes
    /// no condition with it, so what is to be stored only if it is absent ([`IfExists::Fail`](sealift::IfExists::Fail)) goes by a
    /// session all the same. What a crash leaves is billed until it is swept, or until a lifecycle rule of the bucket removes it.
    Multipart,
}

/// Where the authorisation comes from. Holds no secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// Where Google's tools look: the file that `GOOGLE_APPLICATION_CREDENTIALS` names (a service account's key, or the
    /// configuration of a workload identity federation), what `gcloud auth application-default login` left, and the
    /// metadata server of a machine at Google.
    ApplicationDefault,
    /// A JSON file of one of these types: `service_account`, `external_account` (workload identity federation),
    /// `authorized_user`, `impersonated_service_account`.
    File(PathBuf),
    /// None: requests carry no authorisation.
    Anonymous,
}
