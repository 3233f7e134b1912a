//! The bucket: objects put, looked at, read, listed, removed.

use crate::faults::Fault;
use crate::resource::{FIELDS, Listing, Resource, not_an_object};
use crate::transport::{Answer, Http};
use crate::tries::Tries;
use crate::upload::GcsUpload;
use crate::{copy, sdk};
use async_trait::async_trait;
use bytes::Bytes;
use google_cloud_storage::client::Storage;
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;
use sealift::{
    Attempts, ChecksumAlgorithm, CommitOptions, Committed, Error, ErrorKind, Key, Leftover, ObjectInfo, ObjectStore,
    Page, PartPolicy, Payload, Removal, Result, Upload, Work,
};
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

/// What stays as it is in a path: the unreserved characters of RFC 3986.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A bucket of Google Cloud Storage. Cheap to clone.
#[derive(Clone)]
pub struct GcsStore {
    pub(crate) bucket: String,
    /// An origin: its path is `/`.
    pub(crate) endpoint: Url,
    pub(crate) http: Http,
    pub(crate) sdk: Storage,
    pub(crate) connect_timeout: Duration,
    pub(crate) policy: PartPolicy,
}

impl fmt::Debug for GcsStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GcsStore").field("location", &self.url()).finish_non_exhaustive()
    }
}

impl GcsStore {
    pub(crate) fn location(&self, key: &str) -> String {
        format!("gs://{}/{key}", self.bucket)
    }

    pub(crate) fn failed(&self, operation: impl Into<Cow<'static, str>>, key: &str, fault: Fault) -> Error {
        fault.into_error(operation, self.location(key), self.endpoint.as_str().trim_end_matches('/'))
    }

    /// The URL with these segments, each encoded by itself.
    pub(crate) fn url_of(&self, segments: &[&str]) -> Url {
        let mut path = String::new();
        for segment in segments {
            path.push('/');
            path.extend(utf8_percent_encode(segment, IN_PATH));
        }
        let mut url = self.endpoint.clone();
        url.set_path(&path);
        url
    }

    /// The URL of an object's resource, with a query.
    pub(crate) fn object_url(&self, key: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.url_of(&["storage", "v1", "b", &self.bucket, "o", key]);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Sends a request without a body, also again: for what may be done twice.
    pub(crate) async fn request(&self, method: Method, url: Url) -> Result<Answer, Fault> {
        let mut tries = Tries::default();
        loop {
            match self.http.send(self.http.call(method.clone(), url.clone())).await.and_then(Answer::success) {
                Ok(answer) => return Ok(answer),
                Err(fault) => tries.pause(&self.http, fault).await?,
            }
        }
    }

    /// What is stored under `key`.
    pub(crate) async fn look(&self, key: &str) -> Result<Resource, Fault> {
        let answer = self.request(Method::GET, self.object_url(key, &[("fields", FIELDS)])).await?;
        Resource::parse(&answer.body)
    }

    fn generation<'a>(&self, operation: &'static str, info: &'a ObjectInfo) -> Result<&'a str> {
        info.version.as_deref().or(info.etag.as_deref()).ok_or_else(|| {
            Error::new(ErrorKind::InvalidConfig, operation, self.location(&info.key), "its generation is not known")
        })
    }

    async fn remove(&self, key: &Key, query: &[(&str, &str)]) -> Result<Removal> {
        match self.request(Method::DELETE, self.object_url(key.as_ref(), query)).await {
            Err(fault) if fault.status() == Some(412) => Ok(Removal::Another),
            Err(fault) if !fault.no_such_object() => Err(self.failed("remove", key.as_ref(), fault)),
            _ => Ok(Removal::Gone),
        }
    }

    async fn listing(&self, prefix: &str, page: Option<&str>) -> Result<Listing, Fault> {
        let mut url = self.url_of(&["storage", "v1", "b", &self.bucket, "o"]);
        url.query_pairs_mut()
            .append_pair("prefix", prefix)
            .append_pair("maxResults", "1000")
            .append_pair("fields", "items(name,size,generation,timeCreated),nextPageToken");
        if let Some(page) = page {
            url.query_pairs_mut().append_pair("pageToken", page);
        }
        let answer = self.request(Method::GET, url).await?;
        serde_json::from_slice(&answer.body).map_err(not_an_object)
    }
}

#[async_trait]
impl ObjectStore for GcsStore {
    fn url(&self) -> String {
        format!("gs://{}", self.bucket)
    }

    fn part_policy(&self) -> PartPolicy {
        self.policy
    }

    fn slow_downs(&self) -> u64 {
        self.http.slow_downs.count()
    }

    fn checksum_algorithm(&self) -> ChecksumAlgorithm {
        ChecksumAlgorithm::Crc32c
    }

    async fn put(
        &self,
        key: &Key,
        payload: Payload,
        options: &CommitOptions,
        attempts: &Attempts,
    ) -> Result<Committed> {
        sdk::put(self, key.as_ref(), &payload, options, attempts)
            .await
            .map_err(|fault| self.failed("store", key.as_ref(), fault))
    }

    async fn start(&self, key: &Key, options: &CommitOptions, _attempts: &Attempts) -> Result<Box<dyn Upload>> {
        Ok(Box::new(GcsUpload::start(self, key, options).await?))
    }

    /// The tag and the version are the generation, which every object has, and every commit another.
    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        let found = self.look(key.as_ref()).await.and_then(Resource::info);
        found.map_err(|fault| self.failed("look at", key.as_ref(), fault))
    }

    async fn get(&self, key: &Key, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
        sdk::get(self, key.as_ref(), range, etag).await
    }

    async fn list(&self, prefix: &str, page: Option<&str>) -> Result<Page> {
        let failed = |fault| self.failed("list", prefix, fault);
        let listed = self.listing(prefix, page).await.map_err(failed)?;
        let objects = listed.items.into_iter().map(|item| {
            // As every other store: only a look tells the version.
            item.info().map(|info| ObjectInfo { version: None, ..info })
        });
        let objects = objects.collect::<std::result::Result<_, _>>().map_err(failed)?;
        Ok(Page { objects, next: listed.next_page_token.filter(|next| !next.is_empty()) })
    }

    async fn delete(&self, key: &Key, only: Option<&ObjectInfo>) -> Result<Removal> {
        let generation = only.map(|only| self.generation("remove", only)).transpose()?;
        let condition = generation.map(|generation| ("ifGenerationMatch", generation));
        self.remove(key, condition.as_slice()).await
    }

    /// By its generation: where the bucket keeps versions, that one is gone for good, also when it was replaced.
    async fn retract(&self, key: &Key, info: &ObjectInfo) -> Result<Removal> {
        self.remove(key, &[("generation", self.generation("take back", info)?)]).await
    }

    async fn copy(&self, from: &Key, info: &ObjectInfo, to: &Key, _work: &Work) -> Result<Committed> {
        copy::copy(self, from.as_ref(), self.generation("copy", info)?, to.as_ref()).await
    }

    /// Nothing: a session that was not finished cannot be listed, shows nothing, and ends by itself after a week.
    async fn leftovers(&self, _prefix: &str) -> Result<Vec<Leftover>> {
        Ok(Vec::new())
    }

    /// There is none to remove; see [`leftovers`](Self::leftovers).
    async fn remove_leftover(&self, _leftover: &Leftover) -> Result<()> {
        Ok(())
    }
}
