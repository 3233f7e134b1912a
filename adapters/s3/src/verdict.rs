//! What a failed attempt may have done, and whether another may be answered differently.

use crate::answers::Unreadable;
use crate::errors::{cause, code, never_connected, status, without_credentials};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ConnectorError, ProvideErrorMetadata, SdkError};
use sealift::Passing;
use std::error::Error as StdError;
use std::time::Duration;

/// What an attempt may have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing, now and later.
    Refused,
    /// Nobody knows; it is over.
    Unclear,
    /// Nobody knows, and it may do so later.
    Unanswered,
}

/// Judges an attempt by its failure. Without [`Passing`] it would be answered the same.
pub(crate) fn judge<E>(error: &SdkError<E, HttpResponse>) -> (Verdict, Option<Passing>)
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    match error {
        _ if without_credentials(error) => (Verdict::Refused, credentials_passing(error)),
        SdkError::ConstructionFailure(_) => (Verdict::Refused, None),
        SdkError::DispatchFailure(failure) if failure.as_connector_error().is_some_and(never_connected) => {
            (Verdict::Refused, Some(Passing::Outage))
        }
        SdkError::TimeoutError(_) => (Verdict::Unanswered, Some(Passing::Outage)),
        _ => match status(error) {
            Some(200..300) => (Verdict::Unclear, after_success(error)),
            Some(status) => by_status(status, code(error), asked(error)),
            None => (Verdict::Unanswered, Some(Passing::Outage)),
        },
    }
}

/// A success that is none: with an error inside, unreadable, or broken off.
fn after_success<E>(error: &SdkError<E, HttpResponse>) -> Option<Passing>
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    match (error, code(error)) {
        (_, Some("SlowDown" | "ServiceUnavailable")) => Some(Passing::Busy { asked: asked(error) }),
        (_, Some("InternalError")) => Some(Passing::Outage),
        (_, Some(_)) => None,
        (SdkError::ResponseError(_), None) if cause::<Unreadable>(error).is_none() => Some(Passing::Outage),
        (_, None) => Some(Passing::Unlikely),
    }
}

fn by_status(status: u16, code: Option<&str>, asked: Option<Duration>) -> (Verdict, Option<Passing>) {
    match (status, code) {
        (400, Some("RequestTimeout")) => (Verdict::Refused, Some(Passing::Outage)),
        (400, Some(code)) if arrived_damaged(code) => (Verdict::Refused, Some(Passing::Unlikely)),
        // Of something between here and the service, which may have passed the request on.
        (408 | 502 | 504, _) => (Verdict::Unanswered, Some(Passing::Outage)),
        // Another commit of the same key was in the way (AWS, "How to prevent object overwrites with conditional writes").
        (409, _) => (Verdict::Refused, Some(Passing::Unlikely)),
        (429, _) => (Verdict::Refused, Some(Passing::Busy { asked })),
        (500, _) => (Verdict::Unclear, Some(Passing::Outage)),
        (501, _) => (Verdict::Refused, None),
        (503, _) => (Verdict::Unclear, Some(Passing::Busy { asked })),
        (505.., _) => (Verdict::Unanswered, None),
        _ => (Verdict::Refused, None),
    }
}

/// Whether the service says that what it got is not what was sent (AWS, "Error responses", List of error codes).
fn arrived_damaged(code: &str) -> bool {
    matches!(
        code,
        "BadDigest" | "InvalidDigest" | "IncompleteBody" | "XAmzContentChecksumMismatch" | "XAmzContentSHA256Mismatch"
    )
}

/// How long the answer asks to wait, in seconds: services do not send it as a date.
fn asked<E>(error: &SdkError<E, HttpResponse>) -> Option<Duration> {
    let seconds = error.raw_response()?.headers().get("retry-after")?;
    seconds.parse().ok().map(Duration::from_secs)
}

/// Credentials that could not be had in time, or whose source was not reached, may be there later; those that are not
/// configured will not.
fn credentials_passing(error: &(dyn StdError + 'static)) -> Option<Passing> {
    match cause::<CredentialsError>(error) {
        Some(CredentialsError::ProviderTimedOut(_)) => Some(Passing::Outage),
        // What is above it in the chain is the request that was not sent for want of credentials.
        Some(own @ CredentialsError::ProviderError(_)) if cause::<ConnectorError>(own).is_some() => {
            Some(Passing::Outage)
        }
        Some(CredentialsError::ProviderError(_)) => Some(Passing::Unlikely),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::error::ErrorMetadata;
    use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadError;
    use aws_sdk_s3::primitives::SdkBody;

    const OUTAGE: Option<Passing> = Some(Passing::Outage);
    const UNLIKELY: Option<Passing> = Some(Passing::Unlikely);
    const BUSY: Option<Passing> = Some(Passing::Busy { asked: None });

    type CompleteError = SdkError<CompleteMultipartUploadError, HttpResponse>;

    fn answer(status: u16, code: Option<&str>) -> CompleteError {
        let response = HttpResponse::new(status.try_into().expect("a status"), SdkBody::empty());
        let mut error = ErrorMetadata::builder();
        if let Some(code) = code {
            error = error.code(code);
        }
        SdkError::service_error(CompleteMultipartUploadError::generic(error.build()), response)
    }

    #[test]
    fn what_may_have_been_done_and_whether_to_try_again() {
        for (status, code, expected) in [
            (200, None, (Verdict::Unclear, UNLIKELY)),
            (200, Some("InternalError"), (Verdict::Unclear, OUTAGE)),
            (200, Some("SlowDown"), (Verdict::Unclear, BUSY)),
            (200, Some("InvalidPart"), (Verdict::Unclear, None)),
            (400, Some("X"), (Verdict::Refused, None)),
            (400, Some("BadDigest"), (Verdict::Refused, UNLIKELY)),
            (400, Some("RequestTimeout"), (Verdict::Refused, OUTAGE)),
            (403, Some("ExpiredToken"), (Verdict::Refused, None)),
            (408, None, (Verdict::Unanswered, OUTAGE)),
            (409, Some("ConditionalRequestConflict"), (Verdict::Refused, UNLIKELY)),
            (412, Some("PreconditionFailed"), (Verdict::Refused, None)),
            (429, Some("TooManyRequests"), (Verdict::Refused, BUSY)),
            (500, Some("InternalError"), (Verdict::Unclear, OUTAGE)),
            (501, Some("NotImplemented"), (Verdict::Refused, None)),
            (502, None, (Verdict::Unanswered, OUTAGE)),
            (503, Some("SlowDown"), (Verdict::Unclear, BUSY)),
            (504, None, (Verdict::Unanswered, OUTAGE)),
        ] {
            assert_eq!(judge(&answer(status, code)), expected, "{status} {code:?}");
        }
        assert_eq!(judge(&CompleteError::timeout_error("late")), (Verdict::Unanswered, OUTAGE));
    }
}
