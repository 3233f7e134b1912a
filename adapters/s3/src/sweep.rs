//! Incomplete uploads that crashes left.

use crate::clock::ServiceClock;
use crate::errors::{code, failed};
use crate::store::{S3Store, time};
use crate::upload::abort;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, MultipartUpload};
use sealift::{Error, ErrorKind, Leftover, Origin, Result};
use std::time::{Duration, SystemTime};

/// How exactly two looks at the same upload agree on its idleness: the service's times are in whole seconds.
const TOLERANCE: Duration = Duration::from_secs(2);

/// Every incomplete upload below `prefix`.
pub(crate) async fn leftovers(store: &S3Store, prefix: &str) -> Result<Vec<Leftover>> {
    let location = format!("s3://{}/{prefix}", store.bucket);
    let clock = ServiceClock::default();
    let mut leftovers = Vec::new();
    let (mut key_marker, mut id_marker) = (None, None);
    loop {
        let listed = store
            .client
            .list_multipart_uploads()
            .bucket(&store.bucket)
            .prefix(prefix)
            .set_key_marker(key_marker)
            .set_upload_id_marker(id_marker)
            .customize()
            .interceptor(clock.clone())
            .send()
            .await
            .map_err(|error| failed("list the incomplete uploads of", &location, &store.endpoint, error))?;
        for upload in listed.uploads() {
            leftovers.extend(leftover(store, upload, &clock).await?);
        }
        if listed.is_truncated != Some(true) {
            return Ok(leftovers);
        }
        (key_marker, id_marker) = (listed.next_key_marker, listed.next_upload_id_marker);
    }
}

/// Aborts what `leftover` describes, unless a part has arrived since.
pub(crate) async fn remove(store: &S3Store, leftover: &Leftover) -> Result<()> {
    let clock = ServiceClock::default();
    let Some(now) = activity(store, &leftover.key, &leftover.id, &clock).await? else { return Ok(()) };
    let seen = clock.now().checked_sub(leftover.idle).unwrap_or(SystemTime::UNIX_EPOCH);
    if now.bytes != leftover.bytes || now.last_part.is_some_and(|last| last > seen + TOLERANCE) {
        let location = format!("s3://{}/{}", store.bucket, leftover.key);
        let reason = format!("upload {} has gone on since it was listed: it is alive", leftover.id);
        return Err(Error::new(ErrorKind::Changed, "remove the upload of", location, reason)
            .with_hint("it was left alone; list again later if you still want it gone"));
    }
    abort(store, &leftover.key, &leftover.id).await
}

async fn leftover(store: &S3Store, upload: &MultipartUpload, clock: &ServiceClock) -> Result<Option<Leftover>> {
    let (Some(key), Some(id)) = (upload.key(), upload.upload_id()) else { return Ok(None) };
    let Some(activity) = activity(store, key, id, clock).await? else { return Ok(None) };
    let started = upload.initiated().copied().and_then(time);
    // Where the service tells no time at all, nothing says that it is idle.
    let latest = activity.last_part.max(started).unwrap_or_else(|| clock.now());
    let marks = (upload.checksum_algorithm(), upload.checksum_type());
    let origin = match marks {
        (Some(ChecksumAlgorithm::Crc64Nvme), Some(ChecksumType::FullObject)) => Origin::Sealift,
        _ => Origin::Unknown,
    };
    Ok(Some(Leftover {
        key: key.to_owned(),
        id: id.to_owned(),
        // A time that is yet to come: not idle at all.
        idle: clock.now().duration_since(latest).unwrap_or_default(),
        bytes: activity.bytes,
        origin,
    }))
}

struct Activity {
    bytes: u64,
    last_part: Option<SystemTime>,
}

/// What an upload holds; `None` when it is gone.
async fn activity(store: &S3Store, key: &str, id: &str, clock: &ServiceClock) -> Result<Option<Activity>> {
    let mut activity = Activity { bytes: 0, last_part: None };
    let mut marker = None;
    loop {
        let listed = store.client.list_parts().bucket(&store.bucket).key(key).upload_id(id);
        let listed = listed.set_part_number_marker(marker).customize().interceptor(clock.clone());
        let listed = match listed.send().await {
            Ok(listed) => listed,
            Err(error) if code(&error) == Some("NoSuchUpload") => return Ok(None),
            Err(error) => {
                let location = format!("s3://{}/{key}", store.bucket);
                return Err(failed("list the parts of", &location, &store.endpoint, error));
            }
        };
        for part in listed.parts() {
            activity.bytes += part.size().map_or(0, |size| size.max(0) as u64);
            activity.last_part = activity.last_part.max(part.last_modified().copied().and_then(time));
        }
        if listed.is_truncated != Some(true) {
            return Ok(Some(activity));
        }
        marker = listed.next_part_number_marker;
    }
}
