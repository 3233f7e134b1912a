//! What every verb needs: where the bucket is, the two clients, one way to send, and how errors are told.

use crate::faults::Fault;
use crate::refusal::Refusal;
use crate::renewal::Renewal;
use crate::transport::{Answer, Call, Http};
use google_cloud_storage::client::Storage;
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;
use sealift::{Attempts, Error, ErrorKind, ObjectInfo, Passing, Result};
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// What stays as it is in a path: the unreserved characters of RFC 3986.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The way to one bucket. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) bucket: String,
    /// An origin: its path is `/`.
    pub(crate) endpoint: Url,
    pub(crate) http: Http,
    pub(crate) sdk: Storage,
    pub(crate) connect_timeout: Duration,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

impl Client {
    pub(crate) fn url(&self) -> String {
        format!("gs://{}", self.bucket)
    }

    pub(crate) fn location(&self, key: &str) -> String {
        format!("gs://{}/{key}", self.bucket)
    }

    /// The bucket as the SDK names it.
    pub(crate) fn bucket_resource(&self) -> String {
        format!("projects/_/buckets/{}", self.bucket)
    }

    /// `fault` as the last word on a request: what it says of the service is taken note of here.
    pub(crate) fn failed(&self, operation: impl Into<Cow<'static, str>>, key: &str, mut fault: Fault) -> Error {
        if let Fault::Refused(Refusal { status, passing, used, renewal, .. }) = &mut fault {
            self.http.slow_downs.see(*status);
            if let (401, Some(used)) = (*status, *used) {
                *renewal = self.http.credentials.refused(used);
                *passing = (*renewal == Renewal::Sought).then_some(Passing::Unlikely);
            }
        }
        fault.into_error(operation, self.location(key), self.endpoint.as_str().trim_end_matches('/'))
    }

    /// The generation of the content that `info` describes.
    pub(crate) fn generation<'a>(&self, operation: &'static str, info: &'a ObjectInfo) -> Result<&'a str> {
        info.version.as_deref().or(info.etag.as_deref()).ok_or_else(|| {
            Error::new(ErrorKind::InvalidConfig, operation, self.location(&info.key), "its generation is not known")
        })
    }

    /// The URL with these segments, each encoded by itself, and a query.
    pub(crate) fn url_of(&self, segments: &[&str], query: &[(&str, &str)]) -> Url {
        let mut path = String::new();
        for segment in segments {
            path.push('/');
            path.extend(utf8_percent_encode(segment, IN_PATH));
        }
        let mut url = self.endpoint.clone();
        url.set_path(&path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// The URL of an object's resource, with a query.
    pub(crate) fn object_url(&self, key: &str, query: &[(&str, &str)]) -> Url {
        self.url_of(&["storage", "v1", "b", &self.bucket, "o", key], query)
    }

    /// The URL of an object in the XML API, with a query. A slash of the key is encoded too: otherwise `..` between two would
    /// lead elsewhere.
    pub(crate) fn xml_url(&self, key: &str, query: &[(&str, &str)]) -> Url {
        self.url_of(&[&self.bucket, key], query)
    }

    /// Sends `call`, and reads the answer with `read`. The attempt is accounted for in `attempts`.
    pub(crate) async fn send<T>(
        &self,
        attempts: &Attempts,
        call: Call,
        read: impl FnOnce(Answer) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let attempt = attempts.begin();
        let call = Call { attempt: Some(attempt.clone()), ..call };
        let told = self.http.send(call).await.and_then(Answer::success).and_then(read);
        match &told {
            Ok(_) => attempt.applied(),
            Err(fault) => fault.account(&attempt),
        }
        told
    }

    /// [`send`](Self::send) of a request that has no body and can leave nothing.
    pub(crate) async fn ask<T>(
        &self,
        method: Method,
        url: Url,
        read: impl FnOnce(Answer) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.send(&Attempts::default(), self.http.call(method, url), read).await
    }
}
