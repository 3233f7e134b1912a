//! What crashes left: uploads in parts. Sessions are listed nowhere, and end by themselves.

use crate::abort::abort;
use crate::client::Client;
use crate::faults::Fault;
use crate::look;
use crate::uploads::{Marker, activity, open};
use crate::xml::Upload;
use futures::stream::{self, StreamExt};
use sealift::{Error, ErrorKind, Leftover, Leftovers, Origin, Result, Unread};
use std::pin::pin;
use std::time::{Duration, SystemTime};

/// How exactly two looks at the same upload agree on its idleness: the service's clock is told in whole seconds.
const TOLERANCE: Duration = Duration::from_secs(2);
/// How many uploads are asked for their parts at once: a question is a small request, and there can be thousands.
const AT_ONCE: usize = 64;

/// A page of the uploads in parts below `prefix`. Where they must not be listed, or the service has no such list, it is said,
/// and none is found.
pub(crate) async fn leftovers(client: &Client, prefix: &str, page: Option<&str>) -> Result<Leftovers> {
    let listed = match open(client, prefix, page.and_then(Marker::of).as_ref()).await {
        Ok(listed) => listed,
        Err(fault) if is_unlisted(&fault) => {
            let unknown = fault.status() == Some(401);
            let error = client.failed("list the uploads in parts of", prefix, fault);
            // Credentials that are renewed may list them.
            if unknown && error.passing().is_some() {
                return Err(error);
            }
            // Of a bucket that is not there nothing can be said.
            if let Err(error) = look::list(client, prefix, None).await
                && error.kind() == ErrorKind::NoSuchBucket
            {
                return Err(error);
            }
            tracing::warn!("{error}; what --parallel-stream may have left there is not seen");
            return Ok(Leftovers::default());
        }
        Err(fault) => return Err(client.failed("list the uploads in parts of", prefix, fault)),
    };
    let mut leftovers = Leftovers::default();
    leftovers.next = listed.next.map(|next| next.to_string());
    let asked = listed.uploads.into_iter().map(|upload| leftover(client, upload));
    let mut asked = pin!(stream::iter(asked).buffered(AT_ONCE));
    while let Some(looked) = asked.next().await {
        match looked {
            Ok(leftover) => leftovers.found.extend(leftover),
            Err(unread) => leftovers.unread.push(unread),
        }
    }
    Ok(leftovers)
}

/// Aborts what `leftover` describes, unless a part has arrived since.
pub(crate) async fn remove(client: &Client, leftover: &Leftover) -> Result<()> {
    let Leftover { key, id, .. } = leftover;
    let now = activity(client, key, id).await.map_err(|fault| client.failed("list the parts of", key, fault))?;
    let Some(now) = now else { return Ok(()) };
    let seen = now.now.checked_sub(leftover.idle).unwrap_or(SystemTime::UNIX_EPOCH);
    if now.bytes != leftover.bytes || now.last_part.is_some_and(|last| last > seen + TOLERANCE) {
        let reason = format!("upload {id} has gone on since it was listed: it is alive");
        return Err(Error::new(ErrorKind::Changed, "remove the upload of", client.location(key), reason)
            .with_hint("it was left alone; list again later if you still want it gone"));
    }
    abort(client, key, id).await
}

async fn leftover(client: &Client, upload: Upload) -> Result<Option<Leftover>, Unread> {
    let (key, id) = (&upload.key, &upload.upload_id);
    let looked = activity(client, key, id).await;
    let looked = looked.map_err(|fault| Unread::new(key.clone(), client.failed("list the parts of", key, fault)))?;
    let Some(activity) = looked else { return Ok(None) };
    // Where the service tells no time at all, nothing says that it is idle.
    let latest = activity.last_part.max(upload.initiated()).unwrap_or(activity.now);
    // Nothing that is listed tells whose it is.
    let mut leftover = Leftover::new(key.clone(), id.clone(), Origin::Unknown);
    leftover.idle = activity.now.duration_since(latest).unwrap_or_default();
    leftover.bytes = activity.bytes;
    Ok(Some(leftover))
}

/// Whether uploads in parts must not be listed here, or what answers has no XML API.
fn is_unlisted(fault: &Fault) -> bool {
    matches!(fault.status(), Some(401 | 403 | 404 | 405 | 501)) && !fault.no_such_bucket()
}
