//! What a failed attempt may have done, and whether it is worth another.

use crate::answers::Unreadable;
use crate::errors::{cause, code, never_connected, status, without_credentials};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use std::error::Error as StdError;

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

/// Whether the same request is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// It would be answered the same.
    Never,
    /// It failed in passing.
    Soon,
    /// Another commit of the same key was in its way.
    WithoutConflict,
    /// The service was too busy.
    WhenNotBusy,
    /// Something is wrong that may pass, and is not likely to.
    Once,
}

/// Judges an attempt by its failure.
pub(crate) fn judge<E>(error: &SdkError<E, HttpResponse>) -> (Verdict, Again)
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    match error {
        _ if without_credentials(error) => (Verdict::Refused, Again::Never),
        SdkError::ConstructionFailure(_) => (Verdict::Refused, Again::Never),
        SdkError::DispatchFailure(failure) if failure.as_connector_error().is_some_and(never_connected) => {
            (Verdict::Refused, Again::Soon)
        }
        SdkError::TimeoutError(_) => (Verdict::Unanswered, Again::Once),
        _ => match status(error) {
            Some(200..300) => (Verdict::Unclear, after_success(error)),
            Some(status) => by_status(status, code(error)),
            None => (Verdict::Unanswered, Again::Soon),
        },
    }
}

/// A success that is none: with an error inside, unreadable, or broken off.
fn after_success<E>(error: &SdkError<E, HttpResponse>) -> Again
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    match (error, code(error)) {
        (_, Some("SlowDown" | "ServiceUnavailable")) => Again::WhenNotBusy,
        (_, Some("InternalError")) => Again::Soon,
        (_, Some(_)) => Again::Never,
        (SdkError::ResponseError(_), None) if cause::<Unreadable>(error).is_none() => Again::Soon,
        (_, None) => Again::Once,
    }
}

fn by_status(status: u16, code: Option<&str>) -> (Verdict, Again) {
    match status {
        400 if code == Some("RequestTimeout") => (Verdict::Refused, Again::Soon),
        // Of something between here and the service, which may have passed the request on.
        408 | 502 | 504 => (Verdict::Unanswered, Again::Soon),
        409 => (Verdict::Refused, Again::WithoutConflict),
        429 => (Verdict::Refused, Again::WhenNotBusy),
        500 => (Verdict::Unclear, Again::Soon),
        501 => (Verdict::Refused, Again::Never),
        503 => (Verdict::Unclear, Again::WhenNotBusy),
        505.. => (Verdict::Unanswered, Again::Never),
        _ => (Verdict::Refused, Again::Never),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::error::ErrorMetadata;
    use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadError;
    use aws_sdk_s3::primitives::SdkBody;

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
            (200, None, (Verdict::Unclear, Again::Once)),
            (200, Some("InternalError"), (Verdict::Unclear, Again::Soon)),
            (200, Some("SlowDown"), (Verdict::Unclear, Again::WhenNotBusy)),
            (200, Some("InvalidPart"), (Verdict::Unclear, Again::Never)),
            (400, Some("X"), (Verdict::Refused, Again::Never)),
            (400, Some("RequestTimeout"), (Verdict::Refused, Again::Soon)),
            (403, Some("ExpiredToken"), (Verdict::Refused, Again::Never)),
            (408, None, (Verdict::Unanswered, Again::Soon)),
            (409, Some("ConditionalRequestConflict"), (Verdict::Refused, Again::WithoutConflict)),
            (412, Some("PreconditionFailed"), (Verdict::Refused, Again::Never)),
            (429, Some("TooManyRequests"), (Verdict::Refused, Again::WhenNotBusy)),
            (500, Some("InternalError"), (Verdict::Unclear, Again::Soon)),
            (501, Some("NotImplemented"), (Verdict::Refused, Again::Never)),
            (502, None, (Verdict::Unanswered, Again::Soon)),
            (503, Some("SlowDown"), (Verdict::Unclear, Again::WhenNotBusy)),
            (504, None, (Verdict::Unanswered, Again::Soon)),
        ] {
            assert_eq!(judge(&answer(status, code)), expected, "{status} {code:?}");
        }
        assert_eq!(judge(&CompleteError::timeout_error("late")), (Verdict::Unanswered, Again::Once));
    }
}
