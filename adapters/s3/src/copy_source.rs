//! The object that is copied: what belongs to it, and that it is still the same.

use crate::client::Client;
use crate::errors::{code, status};
use crate::head::{all_of, info, is_same, size, version};
use crate::limits::ANSWER;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sealift::{Error, ErrorKind, Key, ObjectInfo, Result};
use std::borrow::Cow;
use std::error::Error as StdError;

/// All but what a URL never has to escape (RFC 3986, 2.3, "Unreserved Characters").
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The same, but for slashes.
const PATH: &AsciiSet = &VALUE.remove(b'/');

/// What is copied.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    pub(crate) client: &'a Client,
    /// Where it is copied to: the same bucket, or another of the same service.
    pub(crate) target: &'a Client,
    pub(crate) key: &'a Key,
    /// Everything that the service tells of it.
    pub(crate) head: HeadObjectOutput,
    version: Option<String>,
}

impl<'a> Source<'a> {
    /// The object at `key`, as long as it is what `then` describes.
    pub(crate) async fn look(client: &'a Client, target: &'a Client, key: &'a Key, then: &ObjectInfo) -> Result<Self> {
        let head = all_of(client, key).await?;
        let now = info(key, &head);
        match is_same(&now, then) {
            true => Ok(Source { client, target, key, head, version: version(&now).map(str::to_owned) }),
            false => Err(changed("copy", client.location(key))),
        }
    }

    pub(crate) fn size(&self) -> u64 {
        size(&self.head)
    }

    pub(crate) fn etag(&self) -> Option<String> {
        self.head.e_tag.clone()
    }

    /// The value of `x-amz-copy-source`.
    pub(crate) fn path(&self) -> String {
        let path = format!("{}/{}", self.client.bucket, self.key);
        let path = utf8_percent_encode(&path, PATH);
        match &self.version {
            Some(version) => format!("{path}?versionId={}", utf8_percent_encode(version, VALUE)),
            None => path.to_string(),
        }
    }

    /// Its tags, as the value of `x-amz-tagging`, if it has any.
    pub(crate) async fn tags(&self) -> Result<Option<String>> {
        if self.head.tag_count.is_none_or(|count| count == 0) {
            return Ok(None);
        }
        let request = self.client.sdk.get_object_tagging().bucket(&self.client.bucket).key(self.key.as_ref());
        let request = request.set_version_id(self.version.clone());
        let told = request.customize().config_override(self.client.within(ANSWER)).send().await;
        let told = told.map_err(|error| self.client.failed("read the tags of", self.key, error))?;
        let pair = |tag: &aws_sdk_s3::types::Tag| {
            format!("{}={}", utf8_percent_encode(tag.key(), VALUE), utf8_percent_encode(tag.value(), VALUE))
        };
        Ok(Some(told.tag_set().iter().map(pair).collect::<Vec<_>>().join("&")))
    }

    /// The error of a copy on the condition that this is still the same.
    pub(crate) fn not_copied<E>(
        &self,
        operation: impl Into<Cow<'static, str>>,
        error: SdkError<E, HttpResponse>,
    ) -> Error
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let location = self.client.location(self.key);
        match (status(&error), code(&error)) {
            (Some(412), _) | (_, Some("NoSuchKey" | "NoSuchVersion")) => changed(operation, location),
            _ => self.client.failed(operation, self.key, error),
        }
    }
}

fn changed(operation: impl Into<Cow<'static, str>>, location: String) -> Error {
    Error::new(ErrorKind::Changed, operation, location, "it was replaced or removed before it was copied")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copy_sources_are_percent_encoded() {
        assert_eq!(utf8_percent_encode("b/a-_.~/ü+ %?", PATH).to_string(), "b/a-_.~/%C3%BC%2B%20%25%3F");
        assert_eq!(utf8_percent_encode("a/b=c&d", VALUE).to_string(), "a%2Fb%3Dc%26d");
    }
}
