//! The SDK's errors as Sealift's: which kind, in which words, and what to try next. Never a header or a request, which
//! could hold a secret.

use crate::answers::Unreadable;
use crate::renewal::Renewal;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ConnectorError, ProvideErrorMetadata, SdkError};
use sealift::{Error, ErrorKind, Passing};
use std::borrow::Cow;
use std::error::Error as StdError;

/// Whether there was no connection to send the request on: refused, not answered in time, no such host, TLS.
pub(crate) fn never_connected(failure: &ConnectorError) -> bool {
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

/// The error of `operation` at `location`, of the service at `endpoint`, with what became of the credentials.
pub(crate) fn failed<E>(
    operation: impl Into<Cow<'static, str>>,
    location: &str,
    endpoint: &str,
    renewal: Option<&Renewal>,
    error: SdkError<E, HttpResponse>,
) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let described = |kind, reason: String| match renewal {
        Some(Renewal::None { words, .. }) => Error::new(kind, operation, location, format!("{reason}; {words}")),
        _ => Error::new(kind, operation, location, reason),
    };
    let error = told(described, endpoint, &error);
    match renewal {
        Some(Renewal::None { hint, .. }) => error.with_hint(*hint),
        _ => error,
    }
}

fn told<E>(
    described: impl FnOnce(ErrorKind, String) -> Error,
    endpoint: &str,
    error: &SdkError<E, HttpResponse>,
) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    match error {
        SdkError::ServiceError(answer) if answer.raw().status().is_success() && answer.err().code().is_none() => {
            unreadable(described, endpoint, root_cause(answer.err()))
        }
        SdkError::ServiceError(answer) => refused(described, answer.err(), answer.raw()),
        _ if without_credentials(error) => described(
            ErrorKind::Denied,
            format!("no usable credentials: {}", root_cause(error)),
        )
        .with_hint(
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or use --anonymous for a public bucket; \
                 `aws sts get-caller-identity` shows what the AWS tools find",
        ),
        SdkError::ConstructionFailure(_) => {
            described(ErrorKind::InvalidConfig, format!("the request cannot be made: {}", root_cause(error)))
        }
        SdkError::DispatchFailure(failure)
            if failure.as_connector_error().is_some_and(|error| error.is_timeout() && !never_connected(error)) =>
        {
            described(ErrorKind::TimedOut, format!("{endpoint} stopped taking what was sent"))
                .with_hint("check the network; a slow line is fine, one that stands still for a minute is not")
        }
        SdkError::TimeoutError(_) => described(ErrorKind::TimedOut, format!("no answer in time from {endpoint}")),
        SdkError::DispatchFailure(_) => {
            described(ErrorKind::Unreachable, format!("cannot talk to {endpoint}: {}", root_cause(error)))
                .with_hint("check the endpoint, the network, proxies and certificates")
        }
        _ => match cause::<Unreadable>(error) {
            Some(flaw) => unreadable(described, endpoint, flaw.to_string()),
            None => described(
                ErrorKind::Unreachable,
                format!("the answer from {endpoint} broke off: {}", root_cause(error)),
            ),
        },
    }
}

/// The error of an answer that reports success and cannot be read.
pub(crate) fn unreadable(described: impl FnOnce(ErrorKind, String) -> Error, endpoint: &str, why: String) -> Error {
    described(ErrorKind::Service, format!("{endpoint} answered with success, and the answer cannot be used: {why}"))
        .with_hint("check that the endpoint is that of the S3 service, and what stands between here and it")
        .with_passing(Passing::Unlikely)
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
        (401 | 403, _) | (_, "AccessDenied" | "ExpiredToken" | "InvalidToken" | "InvalidAccessKeyId") => {
            described(ErrorKind::Denied, reason).with_hint(
                "check which credentials are in use (`aws sts get-caller-identity`), that they have not expired, \
                 and what they may do in this bucket",
            )
        }
        (_, "NoSuchUpload") => described(ErrorKind::Service, reason).with_hint(
            "the upload was completed or aborted by somebody else: look for a lifecycle rule that aborts incomplete \
             uploads early, and for sweeps with too short an age",
        ),
        (404, "") => described(ErrorKind::Service, format!("{reason}, not in the words of an S3 service"))
            .with_hint("check that the endpoint is that of the S3 service, and what stands between here and it")
            .with_passing(Passing::Unlikely),
        (404, _) => described(ErrorKind::NotFound, reason),
        (412, _) | (409, "ConditionalRequestConflict") => {
            described(ErrorKind::AlreadyExists, reason).with_hint("choose another name, or let it be replaced")
        }
        (_, "EntityTooLarge") => described(ErrorKind::TooLarge, reason),
        (_, "BadDigest" | "XAmzContentChecksumMismatch" | "InvalidDigest") => described(ErrorKind::Corrupt, reason),
        (400 | 501, _) if reason.contains("hecksum") => described(ErrorKind::Service, reason)
            .with_hint("for a service that does not know these checksums: --checksums none"),
        (408, _) | (_, "RequestTimeout") => described(ErrorKind::TimedOut, reason),
        // The answer to HEAD has no body, and so no code and no words.
        (400, "") => described(ErrorKind::Denied, format!("{reason}, without a reason")).with_hint(
            "a service answers so to credentials that have expired, or are not of its kind \
             (`aws sts get-caller-identity` tells), and to a request for another region (--region)",
        ),
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
pub(crate) fn without_credentials(error: &(dyn StdError + 'static)) -> bool {
    chain(error).any(|cause| cause.is::<CredentialsError>())
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn StdError + 'static)| StdError::source(*error))
}

/// The cause of type `T` among the causes of an error.
pub(crate) fn cause<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    chain(error).find_map(|cause| cause.downcast_ref::<T>())
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
        failed("complete the upload of", "s3://b/k", "http://h", None, error)
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
            (400, "", ErrorKind::Denied),
            (400, "MalformedXML", ErrorKind::Service),
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
    fn an_answer_in_other_words_than_the_services_tells_nothing() {
        let page = |status: u16| {
            let response = HttpResponse::new(status.try_into().expect("a status"), SdkBody::from("<html>"));
            SdkError::service_error(CompleteMultipartUploadError::unhandled("not XML"), response)
        };
        assert_eq!(told(page(404)).kind(), ErrorKind::Service);
        assert_eq!(told(page(200)).kind(), ErrorKind::Service);
        assert_eq!(told(page(403)).kind(), ErrorKind::Denied);
        assert_eq!(told(CompleteError::timeout_error("late")).kind(), ErrorKind::TimedOut);
    }
}
