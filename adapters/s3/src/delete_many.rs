//! Removing many objects by one request (DeleteObjects).

use crate::answers::Unreadable;
use crate::client::Client;
use crate::delete::{delete_whatever, is_about_the_request};
use crate::errors::{status, unreadable};
use crate::limits::ANSWER;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::delete_objects::{DeleteObjectsError, DeleteObjectsOutput};
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use futures::stream::{self, StreamExt};
use sealift::{Error, ErrorKind, Key, Passing, Removal, Result};
use std::collections::HashMap;

/// The most keys of a request (S3's API reference, "DeleteObjects").
pub(crate) const AT_ONCE: usize = 1000;
/// How many requests are under way where each object needs its own.
const SINGLE_AT_ONCE: usize = 64;

/// Removes each of `keys`, at most [`AT_ONCE`], whatever is there.
pub(crate) async fn delete_many(client: &Client, keys: &[Key]) -> Result<Vec<Result<()>>> {
    // One is no more work by itself, and a document cannot hold every key.
    if keys.len() < 2 || keys.iter().any(|key| key.as_ref().contains(char::is_control)) {
        return Ok(one_by_one(client, keys).await);
    }
    match send(client, keys).await {
        Ok(answer) => Ok(of_each(client, keys, answer)),
        Err(error) if may_not_be_known(&error) => Ok(one_by_one(client, keys).await),
        Err(error) => Err(client.failed("remove objects from", "", error)),
    }
}

async fn one_by_one(client: &Client, keys: &[Key]) -> Vec<Result<()>> {
    let removals: Vec<_> = keys.iter().map(|key| delete_whatever(client, key)).collect();
    stream::iter(removals).buffered(SINGLE_AT_ONCE).map(|removed| removed.map(|_: Removal| ())).collect().await
}

async fn send(
    client: &Client,
    keys: &[Key],
) -> Result<DeleteObjectsOutput, SdkError<DeleteObjectsError, HttpResponse>> {
    let objects = keys.iter().map(|key| ObjectIdentifier::builder().key(key.as_ref()).build());
    let objects = objects.collect::<Result<_, _>>().map_err(SdkError::construction_failure)?;
    let delete = Delete::builder().set_objects(Some(objects)).build().map_err(SdkError::construction_failure)?;
    let request = client.sdk.delete_objects().bucket(&client.bucket).delete(delete);
    request.customize().config_override(client.within(ANSWER)).send().await
}

/// Whether a refusal may mean that the service has no such request, or wants another checksum of it.
fn may_not_be_known(error: &SdkError<DeleteObjectsError, HttpResponse>) -> bool {
    matches!(status(error), Some(400 | 404 | 405 | 411 | 501)) && is_about_the_request(error)
}

/// What the answer says of each, in the order of `keys`.
fn of_each(client: &Client, keys: &[Key], answer: DeleteObjectsOutput) -> Vec<Result<()>> {
    let mut told: HashMap<String, Result<()>> = HashMap::with_capacity(keys.len());
    for deleted in answer.deleted.unwrap_or_default() {
        told.extend(deleted.key.map(|key| (key, Ok(()))));
    }
    for error in answer.errors.unwrap_or_default() {
        let Some(key) = error.key else { continue };
        let result = match error.code.as_deref() {
            Some("NoSuchKey") => Ok(()),
            code => Err(refused(client.location(&key), code.unwrap_or_default(), error.message)),
        };
        told.insert(key, result);
    }
    let missing = |key: &Key| {
        let described = |kind, reason: String| Error::new(kind, "remove", client.location(key), reason);
        let flaw = Unreadable::new("what became of it is not told");
        Err(unreadable(described, &client.endpoint, flaw.to_string()).with_passing(Passing::Unlikely))
    };
    keys.iter().map(|key| told.remove(key.as_ref()).unwrap_or_else(|| missing(key))).collect()
}

/// The error of one of many. What is not a plain refusal is worth a try by itself, whose answer tells more.
fn refused(location: String, code: &str, message: Option<String>) -> Error {
    let reason = match message {
        Some(message) => format!("{code}: {message}"),
        None => code.to_owned(),
    };
    match code {
        "AccessDenied" => Error::new(ErrorKind::Denied, "remove", location, reason),
        _ => Error::new(ErrorKind::Service, "remove", location, reason).with_passing(Passing::Outage),
    }
}
