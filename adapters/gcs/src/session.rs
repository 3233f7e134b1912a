//! The requests of one resumable session: start, pieces, status, cancellation (Google, "Perform resumable uploads").
//!
//! A piece whose fate is not known is asked for when it is sent again, and only what is missing goes, from the byte that the
//! service names. What it has already it passes over, so no byte can come twice.

use crate::client::Client;
use crate::faults::Fault;
use crate::pieces::Piece;
use crate::refusal::Refusal;
use crate::resource::{Resource, hash_header};
use crate::transport::{Answer, Call, Outgoing};
use http::Method;
use reqwest::Url;
use sealift::{Attempt, Attempts, Checksum, CommitOptions, IfExists, TOKEN_METADATA};
use serde_json::json;
use std::fmt;
use std::time::Duration;

/// How long nothing may move in each of the two requests of an abort. It is tried again for 20 s, and has 30 s in all: the
/// last round must fit.
const ABORTING: Duration = Duration::from_secs(5);
/// What objects are said to be. The service would say the same.
const CONTENT_TYPE: &str = "application/octet-stream";

/// A session. Its address is a secret.
pub(crate) struct Session {
    url: Url,
    /// The secret part of it.
    id: String,
    /// What it is to become.
    key: String,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// Whether more pieces follow.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending<'a> {
    /// They do.
    More,
    /// The piece is the last of an object with this checksum. Each attempt to send it is accounted for.
    Last(Checksum, &'a Attempts),
}

impl Ending<'_> {
    fn attempt(self) -> Option<Attempt> {
        match self {
            Ending::More => None,
            Ending::Last(_, attempts) => Some(attempts.begin()),
        }
    }
}

/// What a session was found to be.
#[derive(Debug)]
pub(crate) enum Standing {
    /// So many bytes are stored.
    Stored(u64),
    /// It is finished, and made this object.
    Finished(Box<Resource>),
}

impl Standing {
    /// What follows for a piece that is sent up to `end`.
    fn next(self, piece: &Piece, end: u64, ending: Ending<'_>) -> Result<Next, Fault> {
        match (self, ending) {
            (Standing::Finished(resource), Ending::Last(..)) => Ok(Next::Done(Some(*resource))),
            (Standing::Finished(_), Ending::More) => {
                Err(Fault::Unexpected("the session is finished before its last piece".to_owned()))
            }
            (Standing::Stored(stored), Ending::More) if stored == end => Ok(Next::Done(None)),
            (Standing::Stored(stored), _) if (piece.start..=end).contains(&stored) => Ok(Next::GoOn(stored)),
            (Standing::Stored(stored), _) => {
                let what = format!("{stored} bytes of the upload are stored, of {} to {end}", piece.start);
                Err(Fault::Unexpected(what))
            }
        }
    }
}

/// What follows from where a session stands.
enum Next {
    /// The piece is stored, and made this if it was the last.
    Done(Option<Resource>),
    /// So many bytes of the object are stored.
    GoOn(u64),
}

/// What one call knows of the session from those before.
#[derive(Debug)]
pub(crate) enum Known {
    /// It stands where the next piece begins.
    Stands,
    /// Something was sent, and no answer told where the session stands since. The attempt, where it was one to end it.
    Unsettled(Option<Attempt>),
}

impl Session {
    /// Starts one for `key`. A start whose answer is lost leaves a session that nobody knows and that shows nothing.
    pub(crate) async fn start(
        client: &Client,
        key: &str,
        options: &CommitOptions,
        attempts: &Attempts,
    ) -> Result<Session, Fault> {
        let mut query = vec![("uploadType", "resumable"), ("name", key)];
        if options.if_exists == IfExists::Fail {
            query.push(("ifGenerationMatch", "0"));
        }
        let url = client.url_of(&["upload", "storage", "v1", "b", &client.bucket, "o"], &query);
        let metadata = json!({
            "name": key,
            "contentType": CONTENT_TYPE,
            "metadata": { TOKEN_METADATA: options.token.as_ref() },
        });
        let mut call = client.http.call(Method::POST, url);
        call.headers.push(("x-upload-content-type", CONTENT_TYPE.to_owned()));
        call.body = Outgoing::Json(metadata.to_string().into_bytes());
        client.send(attempts, call, |answer| Session::of(client, key, &answer)).await
    }

    /// The session that the answer to a start names. Requests go to the endpoint whatever origin it has there: private
    /// endpoints stand between, and credentials go nowhere else.
    fn of(client: &Client, key: &str, answer: &Answer) -> Result<Session, Fault> {
        let location = answer.headers.get("location").and_then(|location| location.to_str().ok());
        let location = location.ok_or_else(|| Fault::Unexpected("a session without a Location".to_owned()))?;
        // Not shown, also where it is not understood.
        let named =
            client.endpoint.join(location).map_err(|_| Fault::Unexpected("a Location that is no URL".to_owned()))?;
        let id = named.query_pairs().find(|(name, _)| name == "upload_id").map(|(_, id)| id.into_owned());
        let id = id.ok_or_else(|| Fault::Unexpected("a Location without an upload_id".to_owned()))?;
        let mut url = client.endpoint.clone();
        url.set_path(named.path());
        url.set_query(named.query());
        Ok(Session { url, id, key: key.to_owned() })
    }

    /// Sends the bytes of `piece` up to `end`, going on where the session stands. Returns the object once the last piece is
    /// sent. After a failure that may pass, the same can be sent with the same `known`.
    pub(crate) async fn send(
        &self,
        client: &Client,
        piece: &Piece,
        end: u64,
        ending: Ending<'_>,
        known: &mut Known,
    ) -> Result<Option<Resource>, Fault> {
        let mut at = piece.start;
        if let Known::Unsettled(last) = known {
            let standing = self.ask(client, client.http.standstill).await?;
            if let (Standing::Finished(_), Some(last)) = (&standing, last) {
                // A session makes one object, once: what was sent last has done it.
                last.applied();
            }
            match standing.next(piece, end, ending)? {
                Next::Done(made) => return Ok(made),
                Next::GoOn(stored) => at = stored,
            }
        }
        loop {
            let attempt = ending.attempt();
            *known = Known::Unsettled(attempt.clone());
            let standing = self.send_once(client, piece, at, end, ending, attempt).await?;
            match standing.next(piece, end, ending)? {
                Next::Done(made) => return Ok(made),
                Next::GoOn(stored) if stored > at => at = stored,
                Next::GoOn(_) => return Err(Fault::NoHeadway("takes pieces of the upload and stores nothing of them")),
            }
        }
    }

    async fn send_once(
        &self,
        client: &Client,
        piece: &Piece,
        at: u64,
        end: u64,
        ending: Ending<'_>,
        attempt: Option<Attempt>,
    ) -> Result<Standing, Fault> {
        let mut call = self.put(client);
        call.attempt = attempt.clone();
        let total = match ending {
            Ending::More => "*".to_owned(),
            Ending::Last(whole, _) => {
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
        let standing = self.standing(client.http.send(call).await);
        if let Some(attempt) = attempt {
            match &standing {
                Ok(Standing::Finished(_)) => attempt.applied(),
                // It has bytes of it and made nothing of them.
                Ok(Standing::Stored(_)) => attempt.refused(),
                Err(fault) => fault.account(&attempt),
            }
        }
        standing
    }

    /// Asks how far the session is.
    async fn ask(&self, client: &Client, standstill: Duration) -> Result<Standing, Fault> {
        let mut call = self.put(client);
        call.headers.push(("content-range", "bytes */*".to_owned()));
        call.standstill = standstill;
        self.standing(client.http.send(call).await)
    }

    fn put(&self, client: &Client) -> Call {
        client.http.call(Method::PUT, self.url.clone())
    }

    fn standing(&self, answer: Result<Answer, Fault>) -> Result<Standing, Fault> {
        let read = answer.and_then(|answer| match answer.status {
            308 => stored(&answer).map(Standing::Stored),
            200 | 201 => {
                Resource::parse(&answer.body, &self.key).map(|resource| Standing::Finished(Box::new(resource)))
            }
            // 410 within the week, 404 after it (Google, "Resumable uploads"); 499 where it was cancelled.
            status @ (404 | 410 | 499) if !answer.is_page() => Err(Fault::SessionGone(status)),
            _ => Err(self.refused(&answer)),
        });
        read.map_err(|fault| fault.without(&self.id))
    }

    fn refused(&self, answer: &Answer) -> Fault {
        let mut fault = answer.refused();
        // What the session holds cannot be sent again: bytes that came damaged are its end.
        if let Fault::Refused(Refusal { status: 400, passing, .. }) = &mut fault {
            *passing = None;
        }
        fault
    }

    /// Cancels the session. A success is the service's word that it can make no object any more, or has made one already.
    pub(crate) async fn cancel(&self, client: &Client) -> Result<(), Fault> {
        let mut call = client.http.call(Method::DELETE, self.url.clone());
        call.standstill = ABORTING;
        let answer = client.http.send(call).await?;
        // 499 is how success is said here. Whatever else it is, the status tells.
        if !matches!(answer.status, 200..=299 | 308 | 400 | 404 | 410 | 412 | 499) {
            return Err(answer.refused().without(&self.id));
        }
        match self.ask(client, ABORTING).await {
            Ok(Standing::Finished(_)) | Err(Fault::SessionGone(_)) => Ok(()),
            Err(Fault::Refused(Refusal { status: 400 | 412, page: false, .. })) => Ok(()),
            Ok(Standing::Stored(_)) => Err(Fault::NotCancelled),
            Err(fault) => Err(fault),
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
