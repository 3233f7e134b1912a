//! The end of a multipart upload that is not wanted: aborted until nothing of it is left.

use crate::client::Client;
use crate::errors::{code, status};
use crate::limits::ANSWER;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use sealift::{Error, ErrorKind, LeftBehind, Result};
use std::time::Duration;
use tokio::time::sleep;

/// The pauses between an abort and the next look for parts, in milliseconds: 16 s in all.
const PAUSES: [u64; 7] = [100, 200, 500, 1_000, 2_000, 4_000, 8_000];
/// How often an upload is aborted whose parts cannot be listed.
const BLIND_ABORTS: usize = 3;

/// What a look for the parts of an upload shows.
enum Parts {
    Gone,
    Some,
    /// They must not be listed, or the service has no such list.
    Unseen,
}

/// What an abort was answered with.
enum Aborted {
    /// The service took it, or says in words of its own that there is no such upload.
    Taken,
    Refused(Error),
}

/// Aborts an upload and looks until none of its parts is left: a part that was under way may arrive after the abort
/// (AWS, "AbortMultipartUpload": "it might be necessary to abort a given multipart upload multiple times").
pub(crate) async fn abort(client: &Client, key: &str, id: &str) -> Result<()> {
    let left = |why: &'static str| [client.left_upload(key, id).because(why)];
    let mut blind = 0;
    for pause in PAUSES {
        match abort_once(client, key, id).await {
            Aborted::Taken => {}
            // s3s-fs refuses to abort what is gone. Who was allowed to a moment ago is not forbidden to now.
            Aborted::Refused(error) if blind > 0 && error.kind() == ErrorKind::Denied => return Ok(()),
            Aborted::Refused(error) if blind > 0 => return Err(error.with_left_behind([left_open(client, key, id)])),
            Aborted::Refused(error) => return Err(error.with_left_behind(left("it could not be aborted"))),
        }
        let parts = look(client, key, id).await;
        match parts.map_err(|error| error.with_left_behind([left_open(client, key, id)]))? {
            Parts::Gone => return Ok(()),
            Parts::Some => {}
            // Aborted again, for what may have arrived meanwhile.
            Parts::Unseen => blind += 1,
        }
        if blind == BLIND_ABORTS {
            return Ok(());
        }
        sleep(Duration::from_millis(pause)).await;
    }
    let reason = "parts are still listed after the abort";
    let error = Error::new(ErrorKind::Service, "abort the upload of", client.location(key), reason);
    Err(error.with_left_behind(left("it was aborted, and parts of it are still there")))
}

/// An upload that was aborted, and of which nobody knows whether a part has arrived since.
fn left_open(client: &Client, key: &str, id: &str) -> LeftBehind {
    client.left_upload(key, id).perhaps().because("it was aborted, and its parts could not be looked for")
}

async fn abort_once(client: &Client, key: &str, id: &str) -> Aborted {
    let request = client.sdk.abort_multipart_upload().bucket(&client.bucket).key(key).upload_id(id);
    match request.customize().config_override(client.within(ANSWER)).send().await {
        Ok(_) => Aborted::Taken,
        Err(error) if is_gone(&error) => Aborted::Taken,
        Err(error) => Aborted::Refused(client.failed("abort the upload of", key, error)),
    }
}

async fn look(client: &Client, key: &str, id: &str) -> Result<Parts> {
    let request = client.sdk.list_parts().bucket(&client.bucket).key(key).upload_id(id);
    match request.customize().config_override(client.within(ANSWER)).send().await {
        Ok(listed) if listed.parts().is_empty() && listed.is_truncated() != Some(true) => Ok(Parts::Gone),
        Ok(_) => Ok(Parts::Some),
        Err(error) if is_gone(&error) => Ok(Parts::Gone),
        Err(error) if matches!(status(&error), Some(403 | 405 | 501)) => Ok(Parts::Unseen),
        Err(error) => Err(client.failed("look for parts of", key, error)),
    }
}

/// Whether the service says, in words of its own, that there is no such upload.
fn is_gone<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    status(error) == Some(404) && code(error).is_some()
}
