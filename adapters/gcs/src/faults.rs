//! What can go wrong with one request, whether it may pass, and the same as Sealift's error: which kind, in which words, and
//! what to try next. Never a header or a URL, which could hold a secret.

use crate::refusal::{Refusal, shortened};
use crate::renewal::Renewal;
use sealift::{Attempt, Error, ErrorKind, Passing, handshake_hint};
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

impl Fault {
    /// A document of the XML API where another was asked for.
    pub(crate) fn unasked(root: &str) -> Self {
        Fault::Unexpected(format!("its XML is {root}, which was not asked for"))
    }

    /// The status of the answer, if there was one.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Fault::Refused(refusal) => Some(refusal.status),
            _ => None,
        }
    }

    /// Whether there is no such object (but a bucket).
    pub(crate) fn no_such_object(&self) -> bool {
        matches!(self, Fault::Refused(refusal) if refusal.no_such_object())
    }

    /// Whether there is no such bucket.
    pub(crate) fn no_such_bucket(&self) -> bool {
        matches!(self, Fault::Refused(refusal) if refusal.no_such_bucket())
    }

    /// Whether there is no such upload in parts.
    pub(crate) fn no_such_upload(&self) -> bool {
        matches!(self, Fault::Refused(refusal) if refusal.no_such_upload())
    }

    /// Says to `attempt` what this says of it.
    pub(crate) fn account(&self, attempt: &Attempt) {
        match self {
            Fault::Credentials { .. } | Fault::NoConnection(_) => attempt.refused(),
            // From what stands between: the service may be at it.
            Fault::Refused(Refusal { status: 408 | 502 | 504, .. }) | Fault::Broken(_) | Fault::Stalled(_) => {}
            Fault::Refused(Refusal { status: 400..=499 | 501, .. }) | Fault::SessionGone(_) => attempt.refused(),
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

fn refused(described: impl FnOnce(ErrorKind, String) -> Error, endpoint: &str, refusal: &Refusal) -> Error {
    let text = refusal.text();
    match (refusal.status, refusal.reason.as_str()) {
        _ if refusal.no_such_bucket() => described(ErrorKind::NoSuchBucket, text)
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
        _ if refusal.no_such_object() => {
            described(ErrorKind::NotFound, text).with_hint("`sealift ls` shows what there is")
        }
        _ if refusal.no_such_upload() => described(ErrorKind::Service, text)
            .with_hint("it was completed or aborted, or a rule of the bucket has removed it: upload again"),
        (404, _) => described(ErrorKind::Service, text)
            .with_hint(format!("it is not Google's word for a missing object: check what answers at {endpoint}")),
        (412, _) => described(ErrorKind::AlreadyExists, text).with_hint("choose another name, or let it be replaced"),
        (413, _) => described(ErrorKind::TooLarge, text),
        _ if refusal.is_damage() => described(ErrorKind::Corrupt, text),
        (408, _) => described(ErrorKind::TimedOut, text),
        (501, _) => described(ErrorKind::Service, text)
            .with_hint(format!("what answers at {endpoint} does not have this: check the endpoint and the options")),
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

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

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
            (501, "notImplemented", "no such thing here", ErrorKind::Service),
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
    fn what_the_service_repeats_is_hidden() {
        let fault = refusal(400, "invalid", "no upload s3cret here").without("s3cret");
        assert!(!format!("{fault:?}").contains("s3cret"));
        assert!(!fault.into_error("commit", "gs://b/k", "https://h").to_string().contains("s3cret"));
    }
}
