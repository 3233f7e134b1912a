//! Incomplete uploads that crashes left.

use crate::abort::abort;
use crate::answers::{Unreadable, next_page};
use crate::client::Client;
use crate::clock::{ServiceClock, time};
use crate::errors::{code, unreadable};
use crate::limits::ANSWER;
use crate::names::decoded;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, EncodingType, MultipartUpload};
use futures::stream::{self, StreamExt};
use sealift::{Error, ErrorKind, Leftover, Leftovers, Origin, Result, Unread};
use std::fmt;
use std::pin::pin;
use std::time::{Duration, SystemTime};

/// How exactly two looks at the same upload agree on its idleness: the service's times are in whole seconds.
const TOLERANCE: Duration = Duration::from_secs(2);

/// How many uploads are asked for their parts at once: a question is a small request, and there can be thousands.
const AT_ONCE: usize = 64;

const LIST_UPLOADS: &str = "list the incomplete uploads of";
const LIST_PARTS: &str = "list the parts of";

/// A page of the incomplete uploads below `prefix`.
pub(crate) async fn leftovers(client: &Client, prefix: &str, page: Option<&str>) -> Result<Leftovers> {
    let clock = ServiceClock::default();
    let unusable = |flaw| no_listing(client, LIST_UPLOADS, prefix, flaw);
    let marker = page.and_then(Marker::of);
    let request = client.sdk.list_multipart_uploads().bucket(&client.bucket).prefix(prefix);
    let request = request
        .encoding_type(EncodingType::Url)
        .set_key_marker(marker.as_ref().map(|marker| marker.key.clone()))
        .set_upload_id_marker(marker.and_then(|marker| marker.id));
    let listed = request.customize().config_override(client.within(ANSWER)).interceptor(clock.clone()).send().await;
    let listed = listed.map_err(|error| client.failed(LIST_UPLOADS, prefix, error))?;
    let encoding = listed.encoding_type.as_ref();
    let mut named = Vec::new();
    for upload in listed.uploads.unwrap_or_default() {
        let Some(key) = upload.key() else { continue };
        named.push((decoded(encoding, key.to_owned()).map_err(unusable)?, upload));
    }
    let id = listed.next_upload_id_marker.filter(|id| !id.is_empty());
    let next = listed.next_key_marker.filter(|key| !key.is_empty());
    let next = next.map(|key| decoded(encoding, key)).transpose().map_err(unusable)?;
    let next = next.map(|key| Marker { key, id }.to_string());
    let mut leftovers = Leftovers::default();
    leftovers.next = next_page(listed.is_truncated, next, page.map(str::to_owned).as_ref()).map_err(unusable)?;
    let asked = named.into_iter().map(|(key, upload)| looked(client, key, upload, &clock));
    let mut asked = pin!(stream::iter(asked).buffered(AT_ONCE));
    while let Some(looked) = asked.next().await {
        match looked {
            Ok(leftover) => leftovers.found.extend(leftover),
            Err(unread) => leftovers.unread.push(unread),
        }
    }
    Ok(leftovers)
}

/// Where a page of uploads begins: after this key, and after this upload of it.
struct Marker {
    key: String,
    id: Option<String>,
}

impl Marker {
    /// What [`Display`](fmt::Display) has written.
    fn of(page: &str) -> Option<Marker> {
        let (id, key) = page.split_once('\n')?;
        Some(Marker { key: key.to_owned(), id: Some(id.to_owned()).filter(|id| !id.is_empty()) })
    }
}

/// In one line each: keys may have lines, ids have none.
impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.id.as_deref().unwrap_or_default(), self.key)
    }
}

/// Aborts what `leftover` describes, unless a part has arrived since.
pub(crate) async fn remove(client: &Client, leftover: &Leftover) -> Result<()> {
    let clock = ServiceClock::default();
    let Some(now) = activity(client, &leftover.key, &leftover.id, &clock).await? else { return Ok(()) };
    let seen = clock.now().checked_sub(leftover.idle).unwrap_or(SystemTime::UNIX_EPOCH);
    if now.bytes != leftover.bytes || now.last_part.is_some_and(|last| last > seen + TOLERANCE) {
        let location = client.location(&leftover.key);
        let reason = format!("upload {} has gone on since it was listed: it is alive", leftover.id);
        return Err(Error::new(ErrorKind::Changed, "remove the upload of", location, reason)
            .with_hint("it was left alone; list again later if you still want it gone"));
    }
    abort(client, &leftover.key, &leftover.id).await
}

async fn looked(
    client: &Client,
    key: String,
    upload: MultipartUpload,
    clock: &ServiceClock,
) -> Result<Option<Leftover>, Unread> {
    let Some(id) = upload.upload_id() else { return Ok(None) };
    leftover(client, &key, id, &upload, clock).await.map_err(|error| Unread::new(key, error))
}

async fn leftover(
    client: &Client,
    key: &str,
    id: &str,
    upload: &MultipartUpload,
    clock: &ServiceClock,
) -> Result<Option<Leftover>> {
    let Some(activity) = activity(client, key, id, clock).await? else { return Ok(None) };
    let started = upload.initiated().copied().and_then(time);
    // Where the service tells no time at all, nothing says that it is idle.
    let latest = activity.last_part.max(started).unwrap_or_else(|| clock.now());
    let marks = (upload.checksum_algorithm(), upload.checksum_type());
    let origin = match marks {
        (Some(ChecksumAlgorithm::Crc64Nvme), Some(ChecksumType::FullObject)) => Origin::Sealift,
        _ => Origin::Unknown,
    };
    let mut leftover = Leftover::new(key.to_owned(), id.to_owned(), origin);
    // A time that is yet to come: not idle at all.
    leftover.idle = clock.now().duration_since(latest).unwrap_or_default();
    leftover.bytes = activity.bytes;
    Ok(Some(leftover))
}

struct Activity {
    bytes: u64,
    last_part: Option<SystemTime>,
}

/// What an upload holds; `None` when it is gone.
async fn activity(client: &Client, key: &str, id: &str, clock: &ServiceClock) -> Result<Option<Activity>> {
    let mut activity = Activity { bytes: 0, last_part: None };
    let mut marker: Option<u32> = None;
    loop {
        let request = client.sdk.list_parts().bucket(&client.bucket).key(key).upload_id(id);
        let request = request.set_part_number_marker(marker.map(|number| number.to_string()));
        let listed = request.customize().config_override(client.within(ANSWER)).interceptor(clock.clone()).send().await;
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) if code(&error) == Some("NoSuchUpload") => return Ok(None),
            Err(error) => return Err(client.failed(LIST_PARTS, key, error)),
        };
        for part in listed.parts() {
            activity.bytes += part.size().map_or(0, |size| size.max(0) as u64);
            activity.last_part = activity.last_part.max(part.last_modified().copied().and_then(time));
        }
        // The numbers grow, or the listing would not end.
        let next = listed.next_part_number_marker.and_then(|number| number.parse::<u32>().ok());
        let repeated = next.filter(|next| Some(*next) <= marker);
        marker = next_page(listed.is_truncated, next, repeated.as_ref())
            .map_err(|flaw| no_listing(client, LIST_PARTS, key, flaw))?;
        if marker.is_none() {
            return Ok(Some(activity));
        }
    }
}

fn no_listing(client: &Client, operation: &'static str, location: &str, flaw: Unreadable) -> Error {
    let described = |kind, reason: String| Error::new(kind, operation, client.location(location), reason);
    unreadable(described, &client.endpoint, flaw.to_string())
}
