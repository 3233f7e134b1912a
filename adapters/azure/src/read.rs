//! Ranged reads: all the bytes that were asked for, of the content that was asked for, or an error.

use crate::answers::odd;
use crate::client::Client;
use crate::errors::{condition_not_met, no_such_blob, status};
use crate::head;
use azure_core::error::ErrorKind as SdkKind;
use azure_core::http::Etag;
use azure_core::http::headers::{HeaderName, Headers};
use azure_storage_blob::models::{BlobClientDownloadOptions, HttpRange};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use sealift::{Error, ErrorKind, ObjectInfo, Result};
use std::cmp::Ordering;
use std::num::NonZero;
use std::ops::Range;

const CONTENT_RANGE: HeaderName = HeaderName::from_static("content-range");

/// The bytes of `range`, of `version` or of what is there now.
pub(crate) async fn read(
    client: &Client,
    key: &str,
    version: Option<&str>,
    range: Range<u64>,
    etag: Option<&str>,
) -> Result<Bytes> {
    match download(client, key, version, range, etag.map(Etag::from)).await {
        Ok(bytes) => Ok(bytes),
        Err(error) => {
            let gone = condition_not_met(&error) || no_such_blob(&error) || status(&error) == Some(416);
            if gone && etag.is_some() {
                return Err(Error::changed_while_read(client.location(key)));
            }
            Err(client.failed("read", key, error))
        }
    }
}

/// The blob and its properties, as long as it is `size` bytes.
pub(crate) async fn with_properties(client: &Client, key: &str, size: u64) -> Result<(ObjectInfo, Bytes)> {
    let failed = |error| client.failed("read", key, error);
    let (headers, bytes) = answered(client, key, None, 0..size, None).await.map_err(failed)?;
    let told = headers.get_optional_str(&CONTENT_RANGE).and_then(|told| told.rsplit('/').next());
    if told != Some(size.to_string().as_str()) {
        let reason = format!("{size} bytes were listed, and the service answers with a part of others");
        return Err(Error::new(ErrorKind::Changed, "read", client.location(key), reason));
    }
    Ok((head::answered(client, key, headers)?, bytes))
}

/// All bytes of the blob that `etag` names.
pub(crate) async fn whole(client: &Client, key: &str, size: u64, etag: &Etag) -> azure_core::Result<Bytes> {
    match size {
        0 => Ok(Bytes::new()),
        _ => download(client, key, None, 0..size, Some(etag.clone())).await,
    }
}

async fn download(
    client: &Client,
    key: &str,
    version: Option<&str>,
    range: Range<u64>,
    etag: Option<Etag>,
) -> azure_core::Result<Bytes> {
    answered(client, key, version, range, etag).await.map(|(_, bytes)| bytes)
}

async fn answered(
    client: &Client,
    key: &str,
    version: Option<&str>,
    range: Range<u64>,
    etag: Option<Etag>,
) -> azure_core::Result<(Headers, Bytes)> {
    let wanted = (range.end - range.start) as usize;
    let options = BlobClientDownloadOptions {
        range: Some(HttpRange::from(range.clone())),
        // A version does not change, and conditions are of what is there now.
        if_match: etag.clone().filter(|_| version.is_none()),
        version_id: version.map(str::to_owned),
        // In one request; the caller has several under way.
        parallel: NonZero::new(1),
        partition_size: NonZero::new(wanted),
        ..Default::default()
    };
    let mut answer = client.blob(key).download(Some(options)).await?;
    if !holds(&answer.headers, &range) {
        let reason = format!("bytes {range:?} were asked for, and the service answered with others");
        return Err(odd(reason));
    }
    if !is_of(&answer.headers, etag.as_ref()) {
        return Err(odd("the service answered with the bytes of other content than was asked for"));
    }
    let mut bytes = BytesMut::with_capacity(wanted);
    while let Some(more) = answer.body.try_next().await? {
        bytes.extend_from_slice(&more);
        if bytes.len() > wanted {
            break;
        }
    }
    match bytes.len().cmp(&wanted) {
        Ordering::Equal => Ok((answer.headers, bytes.freeze())),
        Ordering::Greater => Err(odd(format!("{wanted} bytes were asked for, and more came"))),
        Ordering::Less => {
            let reason = format!("{wanted} bytes were asked for, and {} came", bytes.len());
            Err(azure_core::Error::with_message(SdkKind::Io, reason))
        }
    }
}

/// Whether an answer is about exactly this range.
fn holds(headers: &Headers, range: &Range<u64>) -> bool {
    let told = headers.get_optional_str(&CONTENT_RANGE);
    let told = told.and_then(|told| told.strip_prefix("bytes ")).and_then(|told| told.split('/').next());
    told == Some(&format!("{}-{}", range.start, range.end - 1))
}

/// Whether an answer is about the content that was asked for.
fn is_of(headers: &Headers, etag: Option<&Etag>) -> bool {
    let told = headers.get_optional_str(&HeaderName::from_static("etag"));
    etag.is_none_or(|etag| told == Some(etag.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_must_be_about_the_range() {
        let answer = |range: Option<&'static str>| {
            let mut headers = Headers::new();
            if let Some(range) = range {
                headers.insert("content-range", range);
            }
            headers
        };
        assert!(holds(&answer(Some("bytes 5-9/100")), &(5..10)));
        assert!(!holds(&answer(Some("bytes 5-8/9")), &(5..10)), "it ends before");
        assert!(!holds(&answer(None), &(0..10)), "Range was ignored");
    }
}
