//! Removing objects: exactly those that are meant.

use crate::client::Client;
use crate::errors::{code, status};
use crate::head::{head, is_same, version};
use crate::limits::ANSWER;
use crate::verdict::judge;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::delete_object::DeleteObjectError;
use aws_sdk_s3::operation::delete_object::builders::DeleteObjectFluentBuilder;
use sealift::{ErrorKind, Key, ObjectInfo, Removal, Result};
use std::error::Error as StdError;

/// What is under a key, compared with what is to be removed.
enum Look {
    Absent,
    Same,
    Another,
}

/// Removes the object; with `only`, as long as the key holds that content. In a bucket with versions it becomes an earlier
/// version.
pub(crate) async fn delete(client: &Client, key: &Key, only: Option<&ObjectInfo>) -> Result<Removal> {
    match only {
        Some(only) => delete_only(client, key, only).await,
        None => delete_whatever(client, key).await,
    }
}

/// Undoes the commit that made the object that `info` describes.
pub(crate) async fn retract(client: &Client, key: &Key, info: &ObjectInfo) -> Result<Removal> {
    let Some(version) = version(info) else { return delete_only(client, key, info).await };
    match send(client, request(client, key).version_id(version)).await {
        Ok(()) => Ok(Removal::Gone),
        Err(error) if matches!(code(&error), Some("NoSuchKey" | "NoSuchVersion")) => Ok(Removal::Gone),
        Err(error) => Err(client.failed("remove the version of", key, error)),
    }
}

pub(crate) async fn delete_whatever(client: &Client, key: &Key) -> Result<Removal> {
    match send(client, request(client, key)).await {
        Ok(()) => Ok(Removal::Gone),
        Err(error) if code(&error) == Some("NoSuchKey") => Ok(Removal::Gone),
        Err(error) => Err(client.failed("remove", key, error)),
    }
}

async fn delete_only(client: &Client, key: &Key, only: &ObjectInfo) -> Result<Removal> {
    // Not every service honours the condition, so the look comes as close before it as it can.
    match look(client, key, only).await? {
        Look::Absent => return Ok(Removal::Gone),
        Look::Another => return Ok(Removal::Another),
        Look::Same => {}
    }
    let conditional = request(client, key).set_if_match(only.etag.clone());
    match send(client, conditional).await {
        Ok(()) => Ok(Removal::Gone),
        Err(error) if code(&error) == Some("NoSuchKey") => Ok(Removal::Gone),
        // Replaced, or removed: perhaps by an attempt of ours whose answer was lost.
        Err(error) if status(&error) == Some(412) => match look(client, key, only).await? {
            Look::Absent => Ok(Removal::Gone),
            Look::Another => Ok(Removal::Another),
            Look::Same => Err(client.failed("remove", key, error)),
        },
        // The service does not know the condition.
        Err(error) if may_not_know_the_condition(&error) => match look(client, key, only).await? {
            Look::Absent => Ok(Removal::Gone),
            Look::Another => Ok(Removal::Another),
            Look::Same => delete_whatever(client, key).await,
        },
        Err(error) => Err(client.failed("remove", key, error)),
    }
}

/// Whether a refusal may be about the condition, and not about who asks or how it arrived.
fn may_not_know_the_condition(error: &SdkError<DeleteObjectError, HttpResponse>) -> bool {
    matches!(status(error), Some(400 | 501)) && is_about_the_request(error)
}

/// Whether a refusal may be about what was asked, and not about who asks or how it arrived.
pub(crate) fn is_about_the_request<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    let about_else = matches!(code(error), Some("ExpiredToken" | "InvalidToken" | "TokenRefreshRequired"));
    !about_else && judge(error).1.is_none()
}

async fn look(client: &Client, key: &Key, only: &ObjectInfo) -> Result<Look> {
    match head(client, key).await {
        Ok(now) => Ok(match is_same(&now, only) {
            true => Look::Same,
            false => Look::Another,
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Look::Absent),
        Err(error) => Err(error),
    }
}

fn request(client: &Client, key: &Key) -> DeleteObjectFluentBuilder {
    client.sdk.delete_object().bucket(&client.bucket).key(key.as_ref())
}

async fn send(
    client: &Client,
    request: DeleteObjectFluentBuilder,
) -> Result<(), SdkError<DeleteObjectError, HttpResponse>> {
    request.customize().config_override(client.within(ANSWER)).send().await.map(drop)
}
