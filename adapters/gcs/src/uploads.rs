//! What the service lists of uploads in parts: those that are open, and the parts of one (Google, "List multipart uploads" and
//! "List parts" of the XML API).

use crate::client::Client;
use crate::faults::Fault;
use crate::transport::Answer;
use crate::xml::{Document, PartsPage, Upload};
use http::Method;
use std::fmt;
use std::time::{Duration, SystemTime};

/// How long nothing may move in a look that cleans up.
pub(crate) const LOOKING: Duration = Duration::from_secs(5);

/// A page of the uploads that are open.
pub(crate) struct Open {
    pub(crate) uploads: Vec<Upload>,
    /// When they were listed, by the service's clock.
    pub(crate) now: SystemTime,
    /// Where the next page begins, if one follows.
    pub(crate) next: Option<Marker>,
}

/// Where a page of uploads begins: after this key, and after this upload of it.
#[derive(Debug, PartialEq)]
pub(crate) struct Marker {
    key: String,
    id: String,
}

impl Marker {
    /// What [`Display`](fmt::Display) has written.
    pub(crate) fn of(page: &str) -> Option<Marker> {
        let (id, key) = page.split_once('\n')?;
        Some(Marker { key: key.to_owned(), id: id.to_owned() })
    }
}

/// The key last: neither has lines, and this holds if one had.
impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.id, self.key)
    }
}

/// What an upload holds.
pub(crate) struct Activity {
    pub(crate) bytes: u64,
    pub(crate) last_part: Option<SystemTime>,
    /// When it was looked at, by the service's clock.
    pub(crate) now: SystemTime,
}

/// The uploads that are open below `prefix`, a page of them, in the order of their keys.
pub(crate) async fn open(client: &Client, prefix: &str, after: Option<&Marker>) -> Result<Open, Fault> {
    let mut query = vec![("uploads", ""), ("prefix", prefix)];
    if let Some(Marker { key, id }) = after {
        query.extend([("key-marker", key.as_str()), ("upload-id-marker", id.as_str())]);
    }
    let url = client.url_of(&[&client.bucket], &query);
    let (page, now) = client.ask(Method::GET, url, uploads_of).await?;
    let key = page.next_key_marker.filter(|key| !key.is_empty());
    let next = key.map(|key| Marker { key, id: page.next_upload_id_marker.unwrap_or_default() });
    let next = match (page.is_truncated, next) {
        (false, _) => None,
        (true, Some(next)) if after != Some(&next) => Some(next),
        (true, _) => return Err(endless()),
    };
    Ok(Open { uploads: page.uploads, now, next })
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
