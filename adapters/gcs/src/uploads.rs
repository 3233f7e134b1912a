//! What the service lists of uploads in parts: those that are open, and the parts of one (Google, "List multipart uploads" and
//! "List parts" of the XML API).

use crate::client::Client;
use crate::faults::Fault;
use crate::transport::Answer;
use crate::xml::{Document, PartsPage, Upload};
use http::Method;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

/// How long nothing may move in a look that cleans up.
pub(crate) const LOOKING: Duration = Duration::from_secs(5);

/// Where a page of uploads begins: after this key, and after this upload of it.
type Marker = (String, String);

/// The uploads that are open.
pub(crate) struct Open {
    pub(crate) uploads: Vec<Upload>,
    /// When they were listed, by the service's clock.
    pub(crate) now: SystemTime,
}

/// What an upload holds.
pub(crate) struct Activity {
    pub(crate) bytes: u64,
    pub(crate) last_part: Option<SystemTime>,
    /// When it was looked at, by the service's clock.
    pub(crate) now: SystemTime,
}

/// All uploads that are open below `prefix`.
pub(crate) async fn open(client: &Client, prefix: &str) -> Result<Open, Fault> {
    let mut open = Open { uploads: Vec::new(), now: SystemTime::UNIX_EPOCH };
    // Every place where a page began: a listing that comes back to one would not end.
    let mut begun = BTreeSet::new();
    let mut marker: Option<Marker> = None;
    loop {
        let mut query = vec![("uploads", ""), ("prefix", prefix)];
        if let Some((key, id)) = &marker {
            query.extend([("key-marker", key.as_str()), ("upload-id-marker", id.as_str())]);
        }
        let url = client.url_of(&[&client.bucket], &query);
        let (page, now) = client.ask(Method::GET, url, uploads_of).await?;
        open.uploads.extend(page.uploads);
        open.now = now;
        let next = page.next_key_marker.filter(|key| !key.is_empty());
        let next = next.map(|key| (key, page.next_upload_id_marker.unwrap_or_default()));
        marker = match (page.is_truncated, next) {
            (false, _) => return Ok(open),
            (true, Some(next)) if begun.insert(next.clone()) => Some(next),
            (true, _) => return Err(endless()),
        };
    }
}

/// What the upload `id` of `key` holds; `None` where the service says that there is none.
pub(crate) async fn activity(client: &Client, key: &str, id: &str) -> Result<Option<Activity>, Fault> {
    let mut activity = Activity { bytes: 0, last_part: None, now: SystemTime::UNIX_EPOCH };
    let mut after: Option<u32> = None;
    loop {
        let marker = after.map(|number| number.to_string());
        let mut query = vec![("uploadId", id)];
        query.extend(marker.as_deref().map(|marker| ("part-number-marker", marker)));
        let mut call = client.http.call(Method::GET, client.xml_url(key, &query));
        call.standstill = call.standstill.min(LOOKING);
        let (page, now) = match client.send(&Default::default(), call, parts_of).await {
            Err(fault) if fault.no_such_upload() => return Ok(None),
            page => page?,
        };
        for part in &page.parts {
            activity.bytes = activity.bytes.saturating_add(part.size);
            activity.last_part = activity.last_part.max(part.stored());
        }
        activity.now = now;
        let next = page.next_part_number_marker.and_then(|number| number.parse().ok());
        after = match (page.is_truncated, next) {
            (false, _) => return Ok(Some(activity)),
            // The numbers grow, or the listing would not end.
            (true, next) if next > after => next,
            (true, _) => return Err(endless()),
        };
    }
}

fn uploads_of(answer: Answer) -> Result<(crate::xml::UploadsPage, SystemTime), Fault> {
    match answer.document()? {
        Document::ListMultipartUploadsResult(page) => Ok((page, now(&answer))),
        other => Err(Fault::unasked(other.what())),
    }
}

fn parts_of(answer: Answer) -> Result<(PartsPage, SystemTime), Fault> {
    match answer.document()? {
        Document::ListPartsResult(page) => Ok((page, now(&answer))),
        other => Err(Fault::unasked(other.what())),
    }
}

/// The time at the service; of this machine where it does not tell.
fn now(answer: &Answer) -> SystemTime {
    answer.date().unwrap_or_else(SystemTime::now)
}

fn endless() -> Fault {
    Fault::Unexpected("a listing that says that more follows, and not where".to_owned())
}
