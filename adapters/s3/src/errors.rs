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
            429 | 500.. => Applied::NotButAgain,
            _ => Applied::Not,
        },
        _ => Applied::Unknown,
    }
}

/// The only time limit inside the connector is the one on connecting.
fn never_connected(failure: &ConnectorError) -> bool {
    let connect = |error: &(dyn StdError + 'static)| {
        error.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|error| error.is_connect())
    };
    failure.is_timeout() || chain(failure).any(connect)
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
    let region = response.headers().get("x-amz-bucket-region");
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
        (404, _) => described(ErrorKind::NotFound, reason),
        (412, _) | (409, "ConditionalRequestConflict") => {
            described(ErrorKind::AlreadyExists, reason).with_hint("choose another name, or let it be replaced")
        }
        (_, "EntityTooLarge") => described(ErrorKind::TooLarge, reason),
        (_, "BadDigest" | "XAmzContentChecksumMismatch" | "InvalidDigest") => described(ErrorKind::Corrupt, reason),
        (408, _) | (_, "RequestTimeout") => described(ErrorKind::TimedOut, reason),
        _ => described(ErrorKind::Service, reason),
    }
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
