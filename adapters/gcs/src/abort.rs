//! The end of an upload in parts that is not wanted: aborted until nothing of it is left.

use crate::client::Client;
use crate::faults::Fault;
use crate::multipart::REMEDY;
use crate::transport::Answer;
use crate::uploads::{LOOKING, activity};
use http::Method;
use sealift::{Error, ErrorKind, LeftBehind, Result};
use std::time::Duration;
use tokio::time::sleep;

/// The pauses between an abort and the next look for parts, in milliseconds: 8 s in all. By Google's words one is enough: "any
/// parts in the process of being uploaded fail".
const PAUSES: [u64; 6] = [100, 200, 500, 1_000, 2_000, 4_000];
/// How often an upload is aborted whose parts must not be listed.
const BLIND_ABORTS: usize = 3;

/// Aborts an upload and looks until none of its parts is left.
pub(crate) async fn abort(client: &Client, key: &str, id: &str) -> Result<()> {
    let left = || LeftBehind::upload(client.location(key), id).with_remedy(REMEDY);
    let open = || left().perhaps().because("it was aborted, and its parts could not be looked for");
    let mut blind = 0;
    for pause in PAUSES {
        if let Err(fault) = abort_once(client, key, id).await {
            let error = client.failed("abort the upload of", key, fault);
            return Err(error.with_left_behind([match blind {
                0 => left().because("it could not be aborted"),
                _ => open(),
            }]));
        }
        match activity(client, key, id).await {
            Ok(None) => return Ok(()),
            Ok(Some(activity)) if activity.bytes == 0 => return Ok(()),
            Ok(Some(_)) => {}
            // Aborted again, for what may have arrived meanwhile.
            Err(fault) if matches!(fault.status(), Some(403 | 405 | 501)) => blind += 1,
            Err(fault) => {
                return Err(client.failed("look for parts of", key, fault).with_left_behind([open()]));
            }
        }
        if blind == BLIND_ABORTS {
            return Ok(());
        }
        sleep(Duration::from_millis(pause)).await;
    }
    let reason = "parts are still listed after the abort";
    let error = Error::new(ErrorKind::Service, "abort the upload of", client.location(key), reason);
    Err(error.with_left_behind([left().because("it was aborted, and parts of it are still there")]))
}

async fn abort_once(client: &Client, key: &str, id: &str) -> Result<(), Fault> {
    let mut call = client.http.call(Method::DELETE, client.xml_url(key, &[("uploadId", id)]));
    call.standstill = call.standstill.min(LOOKING);
    match client.send(&Default::default(), call, Answer::empty).await {
        Err(fault) if fault.no_such_upload() => Ok(()),
        aborted => aborted,
    }
}
