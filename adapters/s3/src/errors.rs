//! The SDK's errors as Sealift's: which kind, in which words, and what to try next. Never a header or a request, which
//! could hold a secret.

use crate::answers::Unreadable;
use crate::given::Unusable;
use crate::provider::Provider;
use crate::renewal::Renewal;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ConnectorError, ProvideErrorMetadata, SdkError};
use sealift::{Error, ErrorKind, Passing, handshake_hint};
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

/// The service that messages are about, since what helps is not the same at each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service<'a> {
    pub(crate) endpoint: &'a str,
    pub(crate) provider: Provider,
}

impl Service<'_> {
    /// How to see which credentials are in use.
    fn who_am_i(self) -> &'static str {
        match self.provider {
            Provider::Aws => "(`aws sts get-caller-identity` tells)",
            _ => "(AWS_ACCESS_KEY_ID, or the profile that AWS_PROFILE names)",
        }
    }
}

/// The error of `operation` at `location`, of `service`, with what became of the credentials.
pub(crate) fn failed<E>(
    operation: impl Into<Cow<'static, str>>,
    location: &str,
    service: Service<'_>,
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
    let error = told(described, service, &error);
    match renewal {
        Some(Renewal::None { hint, .. }) => error.with_hint(*hint),
        _ => error,
    }
}

fn told<E>(
    described: impl FnOnce(ErrorKind, String) -> Error,
    service: Service<'_>,
    error: &SdkError<E, HttpResponse>,
) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let endpoint = service.endpoint;
    match error {
        SdkError::ServiceError(answer) if answer.raw().status().is_success() && answer.err().code().is_none() => {
            // The SDK takes for its own fault what it cannot read.
            let why = root_cause(answer.err()).replace(" This is likely a bug in the SDK.", "");
            let why = format!("{why}{}", beginning(answer.raw()));
            unreadable(described, endpoint, why)
        }
        SdkError::ServiceError(answer) => refused(described, service, answer.err(), answer.raw()),
        _ if cause::<Unusable>(error).is_some() => {
            described(ErrorKind::InvalidConfig, root_cause(error)).with_hint("correct it where it comes from")
        }
        _ if without_credentials(error) => described(
            ErrorKind::Denied,
            format!("no usable credentials: {}", last_causes(error)),
        )
        .with_hint(
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or use --anonymous for a public bucket",
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
            let cause = root_cause(error);
            let hint = handshake_hint(&cause).unwrap_or("check the endpoint, the network, proxies and certificates");
            described(ErrorKind::Unreachable, format!("cannot talk to {endpoint}: {cause}")).with_hint(hint)
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
    service: Service<'_>,
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
    if code.is_empty() {
        let beginning = beginning(response);
        if !beginning.is_empty() {
            reason = format!("{reason}, and the answer cannot be understood{beginning}");
        }
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
        (_, "InvalidObjectState") => described(ErrorKind::Service, reason).with_hint(
            "it is archived (GLACIER, DEEP_ARCHIVE): have it restored first, which takes hours (`aws s3api restore-object`)",
        ),
        (401 | 403, _) | (_, "AccessDenied" | "ExpiredToken" | "InvalidToken" | "InvalidAccessKeyId") => {
            described(ErrorKind::Denied, reason).with_hint(format!(
                "check which credentials are in use {}, that they have not expired, and what they may do in this bucket",
                service.who_am_i()
            ))
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
        (_, "BadDigest" | "XAmzContentChecksumMismatch" | "InvalidDigest") => {
            let error = described(ErrorKind::Corrupt, reason);
            match service.provider {
                // It may compute another checksum than is sent, and take each object for damaged.
                Provider::Generic => error
                    .with_hint("if it says so of every object, it does not know these checksums: --checksums none"),
                _ => error,
            }
        }
        (400 | 501, _) if reason.contains("hecksum") => described(ErrorKind::Service, reason)
            .with_hint("for a service that does not know these checksums: --checksums none"),
        (408, _) | (_, "RequestTimeout") => described(ErrorKind::TimedOut, reason),
        // The answer to HEAD has no body, and so no code and no words.
        (400, "") => described(ErrorKind::Denied, format!("{reason}, without a reason")).with_hint(
            format!(
                "a service answers so to credentials that have expired, or are not of its kind {}, to a request for \
                 another region (--region){}",
                service.who_am_i(),
                match service.endpoint.starts_with("http://") {
                    true => ", and where it speaks TLS (https://)",
                    false => "",
                }
            ),
        ),
        _ => described(ErrorKind::Service, reason),
    }
}

/// How an answer begins that is not what was expected, in words that continue a sentence; nothing of an empty one.
fn beginning(response: &HttpResponse) -> String {
    const SHOWN: usize = 60;
    let body = response.body().bytes().unwrap_or_default().trim_ascii();
    match body.is_empty() {
        true => String::new(),
        false => format!("; it begins with {:?}", String::from_utf8_lossy(&body[..body.len().min(SHOWN)])),
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

/// The last two causes: the last may be as bare as "no such file".
fn last_causes(error: &(dyn StdError + 'static)) -> String {
    let mut causes: Vec<String> = chain(error).map(ToString::to_string).collect();
    causes.dedup();
    causes[causes.len().saturating_sub(2)..].join(": ")
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
        let service = Service { endpoint: "http://h", provider: Provider::Generic };
        failed("complete the upload of", "s3://b/k", service, None, error)
    }

    #[test]
    fn answers_have_their_kinds() {
        for (status, code, kind) in [
            (404, "NoSuchBucket", ErrorKind::NoSuchBucket),
            (404, "NoSuchKey", ErrorKind::NotFound),
            (404, "NoSuchUpload", ErrorKind::Service),
            (403, "AccessDenied", ErrorKind::Denied),
            (403, "SignatureDoesNotMatch", ErrorKind::Denied),
            (403, "InvalidObjectState", ErrorKind::Service),
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
    fn hints_are_true_of_the_service_at_hand() {
        let hint = |provider, status, code: &str| {
            let service = Service { endpoint: "http://h", provider };
            let error = failed("put", "s3://b/k", service, None, answer(status, code, &[], ""));
            error.hint().unwrap_or_default().to_owned()
        };
        for (status, code) in [(403, "AccessDenied"), (400, "")] {
            assert!(hint(Provider::Aws, status, code).contains("aws sts"));
            assert!(!hint(Provider::Generic, status, code).contains("aws sts"));
        }
        assert!(hint(Provider::Generic, 400, "BadDigest").contains("--checksums none"));
        assert!(!hint(Provider::Aws, 400, "BadDigest").contains("--checksums none"));
        assert!(hint(Provider::Aws, 403, "InvalidObjectState").contains("restore"));
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
        for status in [200, 400, 404, 500] {
            let said = told(page(status)).to_string();
            assert!(said.contains("cannot be u") && said.contains("it begins with \"<html>\""), "{said}");
        }
        assert_eq!(told(page(404)).kind(), ErrorKind::Service);
        assert_eq!(told(page(200)).kind(), ErrorKind::Service);
        assert_eq!(told(page(403)).kind(), ErrorKind::Denied);
        assert_eq!(told(CompleteError::timeout_error("late")).kind(), ErrorKind::TimedOut);
    }
}
