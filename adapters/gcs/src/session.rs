//! The requests of one resumable session: start, pieces, status, cancellation (Google, "Perform resumable uploads").
//!
//! A piece whose fate is not known is asked for, and what is missing is sent again, from the byte that the service names.
//! What it has already it passes over, so no byte can come twice.

use crate::faults::{Fault, Refusal};
use crate::pieces::Piece;
use crate::resource::{Resource, hash_header};
use crate::store::GcsStore;
use crate::transport::{Answer, Call, Outgoing};
use crate::tries::Tries;
use http::Method;
use reqwest::Url;
use sealift::{Checksum, CommitOptions, IfExists, TOKEN_METADATA};
use serde_json::json;
use std::fmt;
use std::time::Duration;

/// How long nothing may move in the requests of an abort, which has 30 s for all of them.
const ABORTING: Duration = Duration::from_secs(7);
/// What objects are said to be. The service would say the same.
const CONTENT_TYPE: &str = "application/octet-stream";

/// A session. Its address is a secret.
pub(crate) struct Session {
    url: Url,
    /// The secret part of it.
    id: String,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// Whether more pieces follow.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending {
    /// They do.
    More,
    /// The piece is the last, and this the checksum of the whole.
    Whole(Checksum),
}

/// What a session was found to be.
#[derive(Debug)]
pub(crate) enum Standing {
    /// So many bytes are stored.
    Stored(u64),
    /// It is finished, and made this object.
    Finished(Box<Resource>),
}

enum Step {
    Send,
    Ask,
}

impl Session {
    /// Starts one for `key`. A start whose answer is lost leaves a session that nobody knows and that shows nothing.
    pub(crate) async fn start(store: &GcsStore, key: &str, options: &CommitOptions) -> Result<Session, Fault> {
        let mut tries = Tries::default();
        let metadata = json!({
            "name": key,
            "contentType": CONTENT_TYPE,
            "metadata": { TOKEN_METADATA: options.token.as_ref() },
        });
        loop {
            let mut url = store.url_of(&["upload", "storage", "v1", "b", &store.bucket, "o"]);
            url.query_pairs_mut().append_pair("uploadType", "resumable").append_pair("name", key);
            if options.if_exists == IfExists::Fail {
                url.query_pairs_mut().append_pair("ifGenerationMatch", "0");
            }
            let mut call = store.http.call(Method::POST, url);
            call.headers.push(("x-upload-content-type", CONTENT_TYPE.to_owned()));
            call.body = Outgoing::Json(metadata.to_string().into_bytes());
            match store.http.send(call).await.and_then(Answer::success) {
                Ok(answer) => return Session::of(store, &answer),
                Err(fault) => tries.pause(&store.http, fault).await?,
            }
        }
    }

    /// The session that the answer to a start names. Requests go to the endpoint whatever origin it has there: private
    /// endpoints stand between, and credentials go nowhere else.
    fn of(store: &GcsStore, answer: &Answer) -> Result<Session, Fault> {
        let location = answer.headers.get("location").and_then(|location| location.to_str().ok());
        let location = location.ok_or_else(|| Fault::Unexpected("a session without a Location".to_owned()))?;
        // Not shown, also where it is not understood.
        let named =
            store.endpoint.join(location).map_err(|_| Fault::Unexpected("a Location that is no URL".to_owned()))?;
        let id = named.query_pairs().find(|(name, _)| name == "upload_id").map(|(_, id)| id.into_owned());
        let id = id.ok_or_else(|| Fault::Unexpected("a Location without an upload_id".to_owned()))?;
        let mut url = store.endpoint.clone();
        url.set_path(named.path());
        url.set_query(named.query());
        Ok(Session { url, id })
    }

    /// Sends the bytes of `piece` up to `end`, however often it takes. Returns the object once the last piece is sent.
    pub(crate) async fn send(
        &self,
        store: &GcsStore,
        piece: &Piece,
        end: u64,
        ending: Ending,
    ) -> Result<Option<Resource>, Fault> {
        let (mut at, mut step, mut tries) = (piece.start, Step::Send, Tries::default());
        loop {
            let standing = match step {
                Step::Send => self.send_once(store, piece, at, end, ending).await,
                Step::Ask => self.ask(store, store.http.standstill).await,
            };
            let fault = match (standing, ending) {
                (Ok(Standing::Finished(resource)), Ending::Whole(_)) => return Ok(Some(*resource)),
                (Ok(Standing::Finished(_)), Ending::More) => {
                    return Err(Fault::Unexpected("the session is finished before its last piece".to_owned()));
                }
                (Ok(Standing::Stored(stored)), Ending::More) if stored == end => return Ok(None),
                (Ok(Standing::Stored(stored)), _) if stored < piece.start || stored > end => {
                    let what = format!("{stored} bytes of the upload are stored, of {} to {end}", piece.start);
                    return Err(Fault::Unexpected(what));
                }
                (Ok(Standing::Stored(stored)), _) => {
                    let (before, asked) = (at, matches!(step, Step::Ask));
                    (at, step) = (stored, Step::Send);
                    if stored > before {
                        tries.headway();
                        continue;
                    }
                    if asked {
                        continue; // counted as the failure that was asked about
                    }
                    Fault::NoHeadway("takes pieces of the upload and stores nothing of them")
                }
                (Err(fault), _) => {
                    step = Step::Ask;
                    fault
                }
            };
            tries.pause(&store.http, fault).await?;
        }
    }

    async fn send_once(
        &self,
        store: &GcsStore,
        piece: &Piece,
        at: u64,
        end: u64,
        ending: Ending,
    ) -> Result<Standing, Fault> {
        let mut call = self.put(store);
        let total = match ending {
            Ending::More => "*".to_owned(),
            Ending::Whole(whole) => {
                call.headers.push(("x-goog-hash", hash_header(whole)));
                end.to_string()
            }
        };
        let range = match at == end {
            // Nothing is left to send, and the service is to finish: as Google's client for Python does it.
            true => format!("bytes */{total}"),
            false => format!("bytes {at}-{}/{total}", end - 1),
        };
        call.headers.push(("content-range", range));
        if at < end {
            call.body = Outgoing::Bytes(end - at, piece.bytes(at, end));
        }
        self.standing(store.http.send(call).await)
    }

    /// Asks how far the session is.
    async fn ask(&self, store: &GcsStore, standstill: Duration) -> Result<Standing, Fault> {
        let mut call = self.put(store);
        call.headers.push(("content-range", "bytes */*".to_owned()));
        call.standstill = standstill;
        self.standing(store.http.send(call).await)
    }

    fn put(&self, store: &GcsStore) -> Call {
        store.http.call(Method::PUT, self.url.clone())
    }

    fn standing(&self, answer: Result<Answer, Fault>) -> Result<Standing, Fault> {
        let read = answer.and_then(|answer| match answer.status {
            308 => stored(&answer).map(Standing::Stored),
            200 | 201 => Resource::parse(&answer.body).map(|resource| Standing::Finished(Box::new(resource))),
            // 410 within the week, 404 after it (Google, "Resumable uploads"); 499 where it was cancelled.
            status @ (404 | 410 | 499) => Err(Fault::SessionGone(status)),
            _ => Err(answer.refused()),
        });
        read.map_err(|fault| fault.without(&self.id))
    }

    /// Cancels the session, and returns when the service confirms that it can make no object any more, or that it has
    /// made one already.
    pub(crate) async fn cancel(&self, store: &GcsStore) -> Result<(), Fault> {
        let mut tries = Tries::default();
        loop {
            let mut call = store.http.call(Method::DELETE, self.url.clone());
            call.standstill = ABORTING;
            let standing = match store.http.send(call).await {
                // 499 is how success is said here. Whatever else it is, the status tells.
                Ok(Answer { status: 200..=299 | 308 | 400 | 404 | 410 | 412 | 499, .. }) => {
                    self.ask(store, ABORTING).await
                }
                Ok(answer) => Err(answer.refused().without(&self.id)),
                Err(fault) => Err(fault),
            };
            let fault = match standing {
                Ok(Standing::Finished(_)) | Err(Fault::SessionGone(_)) => return Ok(()),
                Err(Fault::Refused(Refusal { status: 400 | 412, .. })) => return Ok(()),
                Ok(Standing::Stored(_)) => Fault::NoHeadway("does not cancel the upload session"),
                Err(fault) => fault,
            };
            tries.pause(&store.http, fault).await?;
        }
    }
}

/// How many bytes a session holds, of an answer that says it is not complete. Without the header, none.
fn stored(answer: &Answer) -> Result<u64, Fault> {
    let Some(range) = answer.headers.get("range") else { return Ok(0) };
    let last = range.to_str().ok().and_then(|range| range.strip_prefix("bytes=0-")?.parse::<u64>().ok());
    match last {
        // No quantum ends there: said by some for none.
        Some(0) => Ok(0),
        Some(last) => Ok(last.saturating_add(1)),
        None => Err(Fault::Unexpected("a Range that does not say what is stored".to_owned())),
    }
}
