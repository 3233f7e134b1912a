//! What can go wrong with one request, whether it may pass, and the same as Sealift's error: which kind, in which words, and
//! what to try next. Never a header or a URL, which could hold a secret.

use crate::renewal::{Generation, Renewal};
use http::HeaderMap;
use sealift::{Attempt, Error, ErrorKind, Passing, handshake_hint};
use serde::Deserialize;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::time::Duration;

/// Why a request failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The service answered with an error.
    Refused(Refusal),
    /// There is no token to send.
    Credentials { reason: String, passing: Option<Passing> },
    /// There was no connection to send the request on.
    NoConnection(String),
    /// The connection ended before the answer did.
    Broken(String),
    /// Nothing moved for so long.
    Stalled(Duration),
    /// The upload session is not there (any more): 404, 410, or 499 where it was cancelled.
    SessionGone(u16),
    /// What goes on in steps was answered with success, and is where it was before.
    NoHeadway(&'static str),
    /// The service took the cancellation of a session, and the session is still there.
    NotCancelled,
    /// The answer is not what it should be.
    Unexpected(String),
    /// What the service holds is not what was sent.
    Differs(String),
}

/// An answer that is an error.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// The service's word for it (`notFound`), where it gives one.
    pub(crate) reason: String,
    pub(crate) message: String,
    /// Why it may be sent again, if it may.
    pub(crate) passing: Option<Passing>,
    /// Whether it came as a web page, which the service does not send.
    pub(crate) page: bool,
    /// The token that was refused with it, if one was sent.
    pub(crate) used: Option<Generation>,
    /// What became of that token.
    pub(crate) renewal: Renewal,
}

#[derive(Deserialize)]
struct Body {
    error: BodyError,
}

#[derive(Deserialize)]
struct BodyError {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<BodyReason>,
}

#[derive(Deserialize)]
struct BodyReason {
    #[serde(default)]
    reason: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let (reason, message) = match serde_json::from_slice::<Body>(body) {
            Ok(Body { error }) => {
                (error.errors.into_iter().next().map(|first| first.reason).unwrap_or_default(), error.message)
            }
            // The upload server speaks plain text; proxies speak HTML, which helps nobody.
            Err(_) => match std::str::from_utf8(body) {
                Ok(text) if !is_page(body) => (String::new(), text.to_owned()),
                _ => (String::new(), String::new()),
            },
        };
        Refusal { reason, page: is_page(body), ..Refusal::told(status, headers, &message) }
    }

    /// An answer that says `message`, and no more.
    pub(crate) fn told(status: u16, headers: &HeaderMap, message: &str) -> Self {
        let passing = match status {
            429 | 503 => Some(Passing::Busy { asked: retry_after(headers) }),
            408 | 500..=599 => Some(Passing::Outage),
            // Another writer was in the way.
            409 => Some(Passing::Unlikely),
            400 if is_damage(message) => Some(Passing::Unlikely),
            _ => None,
        };
        let (reason, message) = (String::new(), shortened(message));
        Refusal { status, reason, message, passing, page: false, used: None, renewal: Renewal::None }
    }

    /// The same of a request that was sent with a token.
    pub(crate) fn sent_with(self, token: Generation) -> Self {
        Refusal { used: Some(token), ..self }
    }

    fn text(&self) -> String {
        let text = format!("{} {}", self.status, self.reason);
        match self.message.is_empty() {
            true => text.trim_end().to_owned(),
            false => format!("{}: {}", text.trim_end(), self.message),
        }
    }
}

impl Fault {
    /// The status of the answer, if there was one.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Fault::Refused(refusal) => Some(refusal.status),
            _ => None,
        }
    }

    /// Whether there is no such object (but a bucket).
    pub(crate) fn no_such_object(&self) -> bool {
        matches!(self, Fault::Refused(refusal) if no_such_object(refusal))
    }

    /// Says to `attempt` what this says of it.
    pub(crate) fn account(&self, attempt: &Attempt) {
        match self {
            Fault::Credentials { .. } | Fault::NoConnection(_) => attempt.refused(),
            // From what stands between: the service may be at it.
            Fault::Refused(Refusal { status: 408 | 502 | 504, .. }) | Fault::Broken(_) | Fault::Stalled(_) => {}
            Fault::Refused(Refusal { status: 400..=499, .. }) | Fault::SessionGone(_) => attempt.refused(),
            Fault::Refused(_) | Fault::Unexpected(_) | Fault::NoHeadway(_) | Fault::NotCancelled => attempt.unclear(),
            Fault::Differs(_) => attempt.applied(),
        }
    }

    /// Why the request may be sent again, if it may.
    fn passing(&self) -> Option<Passing> {
        match self {
            Fault::Refused(Refusal { passing, .. }) | Fault::Credentials { passing, .. } => *passing,
            Fault::NoConnection(_) | Fault::Broken(_) | Fault::Stalled(_) => Some(Passing::Outage),
            // A session that stands can still make its object: worth all the time that an abort has.
            Fault::NotCancelled => Some(Passing::Outage),
            Fault::NoHeadway(_) | Fault::Unexpected(_) => Some(Passing::Unlikely),
            Fault::SessionGone(_) => None,
            // The object is there. Who commits looks at it, and removes it if it is damaged.
            Fault::Differs(_) => None,
        }
    }

    /// The same without `secret`, which the service may have repeated in its message.
    pub(crate) fn without(mut self, secret: &str) -> Self {
        if let Fault::Refused(Refusal { message: text, .. }) | Fault::Unexpected(text) | Fault::Broken(text) = &mut self
            && !secret.is_empty()
        {
            *text = text.replace(secret, "…");
        }
        self
    }

    /// This as the error of `operation` at `location`, of the service at `endpoint`.
    pub(crate) fn into_error(
        self,
        operation: impl Into<Cow<'static, str>>,
        location: impl Into<String>,
        endpoint: &str,
    ) -> Error {
        let passing = self.passing();
        let error = self.describe(|kind, reason| Error::new(kind, operation, location, reason), endpoint);
        match passing {
            Some(passing) => error.with_passing(passing),
            None => error,
        }
    }

    fn describe(self, described: impl FnOnce(ErrorKind, String) -> Error, endpoint: &str) -> Error {
        match self {
            Fault::Refused(refusal) => refused(described, endpoint, &refusal),
            Fault::Credentials { reason, .. } => {
                described(ErrorKind::Denied, format!("no usable credentials: {reason}")).with_hint(
                    "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a \
                     credentials file; for a public bucket, use no credentials",
                )
            }
            Fault::NoConnection(cause) => {
                let hint =
                    handshake_hint(&cause).unwrap_or("check the endpoint, the network, proxies and certificates");
                described(ErrorKind::Unreachable, format!("cannot talk to {endpoint}: {cause}")).with_hint(hint)
            }
            Fault::Broken(cause) => {
                described(ErrorKind::Unreachable, format!("the connection to {endpoint} broke off: {cause}"))
            }
            Fault::Stalled(limit) => described(
                ErrorKind::TimedOut,
                format!("{endpoint} did not answer: nothing moved for {} s", limit.as_secs_f32()),
            )
            .with_hint("check the network; a slow line is fine, one that stands still is not"),
            Fault::SessionGone(status) => {
                described(ErrorKind::Service, format!("{status}: the service has no such upload session (any more)"))
                    .with_hint("it was cancelled, or is more than a week old: upload again")
            }
            Fault::NoHeadway(what) => described(ErrorKind::Service, format!("{endpoint} {what}")),
            Fault::NotCancelled => {
                described(ErrorKind::Service, format!("{endpoint} does not cancel the upload session"))
            }
            Fault::Unexpected(what) => {
                described(ErrorKind::Service, format!("unexpected answer from {endpoint}: {what}"))
            }
            Fault::Differs(what) => described(ErrorKind::Corrupt, what),
        }
    }
}

/// Only in seconds: the service does not send it as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Whether a 400 says that what arrived is not what was sent.
fn is_damage(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["crc32c", "checksum", "md5"].iter().any(|word| message.contains(word))
}

/// Only in the service's own words: other 404s are of something that stands between.
fn no_such_object(refusal: &Refusal) -> bool {
    let told = refusal.reason == "notFound" || refusal.message.contains("No such object");
    refusal.status == 404 && told && !no_such_bucket(refusal)
}

fn no_such_bucket(refusal: &Refusal) -> bool {
    refusal.status == 404 && refusal.message.contains("bucket does not exist")
}

fn refused(described: impl FnOnce(ErrorKind, String) -> Error, endpoint: &str, refusal: &Refusal) -> Error {
    let text = refusal.text();
    match (refusal.status, refusal.reason.as_str()) {
        _ if no_such_bucket(refusal) => described(ErrorKind::NoSuchBucket, text)
            .with_hint(format!("check the bucket's name, and that it is at {endpoint}")),
        (401, _) if refusal.renewal == Renewal::Same => described(
            ErrorKind::Denied,
            format!("{text}; the token is not taken, and who gives tokens was asked anew and gave the same"),
        )
        .with_hint("see to it that tokens are renewed where they come from, and try again"),
        (401, _) => described(ErrorKind::Denied, text).with_hint(format!(
            "the credentials have expired or are not valid at {endpoint}: log in again, or give others"
        )),
        (403, "retentionPolicyNotMet" | "objectUnderActiveHold") => described(ErrorKind::Denied, text)
            .with_hint("the object must not be changed or removed yet: choose another name"),
        (403, _) => described(ErrorKind::Denied, text).with_hint(format!(
            "check which credentials are in use at {endpoint}, whether they have expired, and what they may do: the role \
             Storage Object User on the bucket"
        )),
        _ if no_such_object(refusal) => {
            described(ErrorKind::NotFound, text).with_hint("`sealift ls` shows what there is")
        }
        (404, _) => described(ErrorKind::Service, text)
            .with_hint(format!("it is not Google's word for a missing object: check what answers at {endpoint}")),
        (412, _) => described(ErrorKind::AlreadyExists, text).with_hint("choose another name, or let it be replaced"),
        (413, _) => described(ErrorKind::TooLarge, text),
        (400, _) if is_damage(&refusal.message) => described(ErrorKind::Corrupt, text),
        (408, _) => described(ErrorKind::TimedOut, text),
        (429 | 500..=599, _) => {
            described(ErrorKind::Service, text).with_hint("the service is busy or broken: try later")
        }
        _ => described(ErrorKind::Service, text),
    }
}

/// The error and its causes.
pub(crate) fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn StdError + 'static)| StdError::source(*error))
}

/// The words of the innermost cause.
pub(crate) fn root_cause(error: &(dyn StdError + 'static)) -> String {
    shortened(&chain(error).last().map(ToString::to_string).unwrap_or_default())
}

/// Whether this is a web page.
pub(crate) fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

/// One line, not too long.
pub(crate) fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, reason: &str, message: &str) -> Fault {
        let body =
            format!(r#"{{"error":{{"code":{status},"message":"{message}","errors":[{{"reason":"{reason}"}}]}}}}"#);
        Fault::Refused(Refusal::new(status, &HeaderMap::new(), body.as_bytes()))
    }

    #[test]
    fn answers_have_their_kinds() {
        for (status, reason, message, kind) in [
            (404, "notFound", "The specified bucket does not exist.", ErrorKind::NoSuchBucket),
            (404, "notFound", "No such object: b/k", ErrorKind::NotFound),
            (401, "required", "Anonymous caller does not have access", ErrorKind::Denied),
            (403, "forbidden", "x does not have access", ErrorKind::Denied),
            (403, "retentionPolicyNotMet", "Object is subject to retention", ErrorKind::Denied),
            (412, "conditionNotMet", "At least one", ErrorKind::AlreadyExists),
            (400, "invalid", "Provided CRC32C is wrong", ErrorKind::Corrupt),
            (400, "invalid", "Bad request", ErrorKind::Service),
            (413, "uploadTooLarge", "too large", ErrorKind::TooLarge),
            (503, "backendError", "busy", ErrorKind::Service),
        ] {
            let error = refusal(status, reason, message).into_error("commit", "gs://b/k", "https://h");
            assert_eq!(error.kind(), kind, "{status} {reason}");
            let text = error.to_string();
            for part in ["commit", "gs://b/k", &status.to_string(), reason, message] {
                assert!(text.contains(part), "{text}");
            }
        }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let passing = |fault: Fault| fault.into_error("commit", "gs://b/k", "https://h").passing();
        for status in [408, 500, 502, 504] {
            assert_eq!(passing(refusal(status, "", "")), Some(Passing::Outage), "{status}");
        }
        for status in [429, 503] {
            assert_eq!(passing(refusal(status, "", "")), Some(Passing::Busy { asked: None }), "{status}");
        }
        for status in [400, 401, 403, 404, 412, 416] {
            assert_eq!(passing(refusal(status, "", "")), None, "{status}");
        }
        for unlikely in [
            refusal(400, "invalid", "Provided CRC32C is wrong"),
            refusal(409, "conflict", "another"),
            Fault::Unexpected("a page".into()),
            Fault::NoHeadway("stores nothing"),
        ] {
            assert_eq!(passing(unlikely), Some(Passing::Unlikely));
        }
        for outage in [
            Fault::NoConnection("refused".into()),
            Fault::Broken("reset".into()),
            Fault::Stalled(Duration::from_secs(60)),
            Fault::NotCancelled,
        ] {
            assert_eq!(passing(outage), Some(Passing::Outage));
        }
        assert_eq!(passing(Fault::SessionGone(410)), None);
        assert_eq!(passing(Fault::Differs("other bytes".into())), None);
    }

    #[test]
    fn the_time_that_a_busy_service_asks_for_is_told() {
        for (value, asked) in [("3", Some(3)), ("86400", Some(86_400)), ("Fri, 27 Nov 2026 12:00:00 GMT", None)] {
            let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, value.parse().expect("a header"))]);
            let refusal = Refusal::new(503, &headers, b"");
            assert_eq!(refusal.passing, Some(Passing::Busy { asked: asked.map(Duration::from_secs) }), "{value}");
        }
    }

    #[test]
    fn what_the_service_repeats_is_hidden() {
        let fault = refusal(400, "invalid", "no upload s3cret here").without("s3cret");
        assert!(!format!("{fault:?}").contains("s3cret"));
        assert!(!fault.into_error("commit", "gs://b/k", "https://h").to_string().contains("s3cret"));
    }

    #[test]
    fn a_page_of_a_proxy_is_not_shown() {
        let Refusal { message, .. } = Refusal::new(502, &HeaderMap::new(), b"<html>gone</html>");
        assert_eq!(message, "");
    }
}
