//! The SDK's errors as Sealift's: which kind, in which words, and what to try next. Never a header or a request, which
//! could hold a secret.

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ConnectorError, ProvideErrorMetadata, SdkError};
use sealift::{Error, ErrorKind};
use std::borrow::Cow;
use std::error::Error as StdError;

/// Whether a request whose answer was an error may have been applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It was not, and trying again may help.
    NotButAgain,
    /// It was not.
    Not,
    /// Nobody knows: the answer was lost.
    Unknown,
}

/// What a failed request says about its having been applied.
pub(crate) fn applied<E: StdError + 'static>(error: &SdkError<E, HttpResponse>) -> Applied {
    match error {
        _ if without_credentials(error) => Applied::Not,
        SdkError::ConstructionFailure(_) => Applied::Not,
        SdkError::DispatchFailure(failure) if failure.as_connector_error().is_some_and(never_connected) => {
            Applied::NotButAgain
        }
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Applied::Unknown,
        SdkError::ServiceError(answer) => match answer.raw().status().as_u16() {
            429 | 500 | 503 => Applied::NotButAgain,
            // Of something between here and the service, which may have passed the request on.
            502 | 504.. => Applied::Unknown,
            _ => Applied::Not,
        },
        _ => Applied::Unknown,
    }
}

/// Whether there was no connection to send the request on: refused, not answered in time, no such host, TLS.
fn never_connected(failure: &ConnectorError) -> bool {
    let connect = |error: &(dyn StdError + 'static)| {
        error.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|error| error.is_connect())
    };
    chain(failure).any(connect)
}

/// The service's code for an error, if the service answered with one.
pub(crate) fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    match error {
        SdkError::ServiceError(answer) => answer.err().code(),
        _ => None,
    }
}

/// The status of the answer, if there was one.
pub(crate) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// The error of `operation` at `location`, of the service at `endpoint`.
pub(crate) fn failed<E>(
    operation: impl Into<Cow<'static, str>>,
    location: &str,
    endpoint: &str,
    error: SdkError<E, HttpResponse>,
) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let described = |kind, reason: String| Error::new(kind, operation, location, reason);
    match &error {
        SdkError::ServiceError(answer) => refused(described, answer.err(), answer.raw()),
        _ if without_credentials(&error) => described(
            ErrorKind::Denied,
            format!("no usable credentials: {}", root_cause(&error)),
        )
        .with_hint(
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or use --anonymous for a public bucket; \
                 `aws sts get-caller-identity` shows what the AWS tools find",
        ),
        SdkError::ConstructionFailure(_) => {
            described(ErrorKind::InvalidConfig, format!("the request cannot be made: {}", root_cause(&error)))
        }
        SdkError::DispatchFailure(failure)
            if failure.as_connector_error().is_some_and(|error| error.is_timeout() && !never_connected(error)) =>
        {
            described(ErrorKind::TimedOut, format!("{endpoint} stopped taking what was sent"))
                .with_hint("check the network; a slow line is fine, one that stands still for a minute is not")
        }
        SdkError::TimeoutError(_) => described(ErrorKind::TimedOut, format!("no answer in time from {endpoint}")),
        SdkError::DispatchFailure(_) => {
            described(ErrorKind::Unreachable, format!("cannot talk to {endpoint}: {}", root_cause(&error)))
                .with_hint("check the endpoint, the network, proxies and certificates")
        }
        _ => described(ErrorKind::Unreachable, format!("the answer from {endpoint} broke off: {}", root_cause(&error))),
    }
}

fn refused<E: ProvideErrorMetadata>(
    described: impl FnOnce(ErrorKind, String) -> Error,
    error: &E,
    response: &HttpResponse,
) -> Error {
    let status = response.status().as_u16();
    let code = error.code().unwrap_or_default();
    let region = response.headers().get("x-amz-bucket-region").or_else(|| region_in(response.body().bytes()?));
    let mut reason = format!("{status} {code}").trim_end().to_owned();
    if let Some(message) = error.message().filter(|message| !message.is_empty()) {
        reason = format!("{reason}: {message}");
    }
    if let Some(id) = response.headers().get("x-amz-request-id") {
        reason = format!("{reason} (request id {id})");
    }
    match (status, code) {
        (_, "NoSuchBucket") => described(ErrorKind::NoSuchBucket, reason)
            .with_hint("check the bucket's name, and that it is in this account and region"),
        (301 | 307, _)
        | (_, "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => {
            let hint = match region {
                Some(region) => format!("the bucket is in {region}: use --region {region}"),
                None => "set the bucket's own region with --region".to_owned(),
            };
            described(ErrorKind::WrongRegion, reason).with_hint(hint)
        }
        (401 | 403, _) | (_, "ExpiredToken" | "InvalidToken" | "InvalidAccessKeyId") => {
            described(ErrorKind::Denied, reason).with_hint(
                "check which credentials are in use (`aws sts get-caller-identity`), that they have not expired, \
                 and what they may do in this bucket",
            )
        }
        (_, "NoSuchUpload") => described(ErrorKind::Service, reason).with_hint(
            "the upload was completed or aborted by somebody else: look for a lifecycle rule that aborts incomplete \
             uploads early, and for sweeps with too short an age",
        ),
        (404, _) => described(ErrorKind::NotFound, reason),
        (412, _) | (409, "ConditionalRequestConflict") => {
            described(ErrorKind::AlreadyExists, reason).with_hint("choose another name, or let it be replaced")
        }
        (_, "EntityTooLarge") => described(ErrorKind::TooLarge, reason),
        (_, "BadDigest" | "XAmzContentChecksumMismatch" | "InvalidDigest") => described(ErrorKind::Corrupt, reason),
        (400 | 501, _) if reason.contains("hecksum") => described(ErrorKind::Service, reason)
            .with_hint("for a service that does not know these checksums: --checksums none"),
        (408, _) | (_, "RequestTimeout") => described(ErrorKind::TimedOut, reason),
        _ => described(ErrorKind::Service, reason),
    }
}

/// The region in the answer to a request that was signed for another (`<Region>eu-west-1</Region>`).
fn region_in(body: &[u8]) -> Option<&str> {
    let (_, rest) = std::str::from_utf8(body).ok()?.split_once("<Region>")?;
    let (region, _) = rest.split_once("</Region>")?;
    let named = !region.is_empty() && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    named.then_some(region)
}

/// No credentials were found, so nothing was sent.
fn without_credentials(error: &(dyn StdError + 'static)) -> bool {
    chain(error).any(|cause| cause.is::<CredentialsError>())
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn StdError + 'static)| StdError::source(*error))
}

fn root_cause(error: &(dyn StdError + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadError;
    use aws_sdk_s3::primitives::SdkBody;

    type CompleteError = SdkError<CompleteMultipartUploadError, HttpResponse>;

    fn answer(status: u16, code: &str, headers: &[(&'static str, &'static str)], body: &'static str) -> CompleteError {
        let mut response = HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body));
        for (name, value) in headers {
            response.headers_mut().insert(*name, *value);
        }
        let error = aws_sdk_s3::error::ErrorMetadata::builder().code(code).message("why").build();
        SdkError::service_error(CompleteMultipartUploadError::generic(error), response)
    }

    fn told(error: CompleteError) -> Error {
        failed("complete the upload of", "s3://b/k", "http://h", error)
    }

    #[test]
    fn answers_have_their_kinds() {
        for (status, code, kind) in [
            (404, "NoSuchBucket", ErrorKind::NoSuchBucket),
            (404, "NoSuchKey", ErrorKind::NotFound),
            (404, "NoSuchUpload", ErrorKind::Service),
            (403, "AccessDenied", ErrorKind::Denied),
            (403, "SignatureDoesNotMatch", ErrorKind::Denied),
            (400, "ExpiredToken", ErrorKind::Denied),
            (301, "PermanentRedirect", ErrorKind::WrongRegion),
            (412, "PreconditionFailed", ErrorKind::AlreadyExists),
            (409, "ConditionalRequestConflict", ErrorKind::AlreadyExists),
            (409, "OperationAborted", ErrorKind::Service),
            (400, "BadDigest", ErrorKind::Corrupt),
            (400, "EntityTooLarge", ErrorKind::TooLarge),
            (503, "SlowDown", ErrorKind::Service),
            (500, "InternalError", ErrorKind::Service),
        ] {
            let error = told(answer(status, code, &[("x-amz-request-id", "ID7")], ""));
            assert_eq!(error.kind(), kind, "{status} {code}");
            let text = error.to_string();
            for part in ["complete the upload of", "s3://b/k", &status.to_string(), code, "why", "ID7"] {
                assert!(text.contains(part), "{text}");
            }
        }
    }

    #[test]
    fn another_region_is_named() {
        let header = answer(301, "PermanentRedirect", &[("x-amz-bucket-region", "eu-west-1")], "");
        assert!(told(header).hint().is_some_and(|hint| hint.contains("--region eu-west-1")));
        let body = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-2</Region></Error>";
        let error = told(answer(400, "AuthorizationHeaderMalformed", &[], body));
        assert_eq!(error.kind(), ErrorKind::WrongRegion);
        assert!(error.hint().is_some_and(|hint| hint.contains("--region eu-west-2")), "{error}");
    }

    #[test]
    fn what_may_have_been_applied() {
        for (status, expected) in [
            (400, Applied::Not),
            (403, Applied::Not),
            (429, Applied::NotButAgain),
            (500, Applied::NotButAgain),
            (502, Applied::Unknown),
            (503, Applied::NotButAgain),
            (504, Applied::Unknown),
        ] {
            assert_eq!(applied(&answer(status, "X", &[], "")), expected, "{status}");
        }
        assert_eq!(applied(&CompleteError::timeout_error("late")), Applied::Unknown);
        assert_eq!(told(CompleteError::timeout_error("late")).kind(), ErrorKind::TimedOut);
    }
}
