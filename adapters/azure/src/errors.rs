//! The SDK's errors as Sealift's: which kind, in which words, and what to try next. Never a header, a request or the
//! details of a refused signature, which could hold a secret.

use crate::passing::passing;
use crate::renewal::{Renewal, noted};
use azure_core::error::ErrorKind as SdkKind;
use azure_core::http::headers::HeaderName;
use sealift::{Error, ErrorKind, handshake_hint};
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// Nothing moved for so long.
#[derive(Debug)]
pub(crate) struct Stalled(pub(crate) Duration);

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing moved for {} s", self.0.as_secs())
    }
}

impl StdError for Stalled {}

/// The status of the answer, if there was one.
pub(crate) fn status(error: &azure_core::Error) -> Option<u16> {
    error.http_status().map(u16::from)
}

/// The service's code for an error, if it was the service that answered. The SDK takes the status for one where none is.
pub(crate) fn code(error: &azure_core::Error) -> Option<&str> {
    let SdkKind::HttpResponse { error_code, raw_response, .. } = error.kind() else { return None };
    let raw = raw_response.as_ref();
    let header = raw.and_then(|raw| raw.headers().get_optional_str(&HeaderName::from_static("x-ms-error-code")));
    let body = || raw.and_then(|raw| element("Code", raw.body().as_ref()));
    let told = || error_code.as_deref().filter(|code| !code.starts_with(|first: char| first.is_ascii_digit()));
    header.or_else(body).or_else(told)
}

/// Whether a condition on the blob (If-Match, If-None-Match) was not met.
pub(crate) fn condition_not_met(error: &azure_core::Error) -> bool {
    match (status(error), code(error)) {
        (Some(412), code) => !code.is_some_and(|code| code.starts_with("Lease")),
        (Some(409), Some("BlobAlreadyExists")) => true,
        _ => false,
    }
}

/// Whether the service says that there is no such blob (but a container). Others say 404 too.
pub(crate) fn no_such_blob(error: &azure_core::Error) -> bool {
    status(error) == Some(404) && code(error).is_some_and(|code| !code.starts_with("Container"))
}

/// Whether the service says that there is no such container.
pub(crate) fn no_such_container(error: &azure_core::Error) -> bool {
    status(error) == Some(404) && code(error).is_some_and(|code| code.starts_with("Container"))
}

/// Whether the service says that these credentials may not do this, and not that it does not know who asks.
pub(crate) fn not_permitted(error: &azure_core::Error) -> bool {
    status(error) == Some(403) && !matches!(code(error), Some("AuthenticationFailed" | "InvalidAuthenticationInfo"))
}

/// Whether the service says that the bytes which arrived are not those that were sent.
pub(crate) fn arrived_damaged(error: &azure_core::Error) -> bool {
    match (status(error), code(error)) {
        (_, Some("Md5Mismatch" | "Crc64Mismatch" | "InvalidMd5")) => true,
        // As Azurite says it.
        (Some(400), Some("InvalidOperation")) => {
            told(error).is_some_and(|told| told.contains("contentMD5 doesn't match"))
        }
        _ => false,
    }
}

/// The error of `operation` at `location`, of the service at `endpoint`.
pub(crate) fn failed(
    operation: impl Into<Cow<'static, str>>,
    location: &str,
    endpoint: &str,
    error: azure_core::Error,
) -> Error {
    let told = described(operation, location, endpoint, &error);
    match passing(&error) {
        Some(passing) => told.with_passing(passing),
        None => told,
    }
}

fn described(
    operation: impl Into<Cow<'static, str>>,
    location: &str,
    endpoint: &str,
    error: &azure_core::Error,
) -> Error {
    let described = |kind, reason: String| Error::new(kind, operation, location, reason);
    match error.kind() {
        SdkKind::HttpResponse { .. } => refused(described, endpoint, error),
        SdkKind::Credential => described(ErrorKind::Denied, format!("no usable credentials: {}", root_cause(error)))
            .with_hint(
                "log in with `az login`, give the machine an identity, set AZURE_STORAGE_CONNECTION_STRING, or give a \
                 shared access signature",
            ),
        _ if chain(error).any(|cause| cause.is::<Stalled>()) => {
            described(ErrorKind::TimedOut, format!("{endpoint} did not answer: {}", root_cause(error)))
                .with_hint("check the network; a slow line is fine, one that stands still for a minute is not")
        }
        SdkKind::Connection => {
            let cause = root_cause(error);
            let hint = handshake_hint(&cause)
                .unwrap_or("check the account's name, the endpoint, the network, proxies and certificates");
            described(ErrorKind::Unreachable, format!("cannot talk to {endpoint}: {cause}")).with_hint(hint)
        }
        SdkKind::Io => {
            described(ErrorKind::Unreachable, format!("the connection to {endpoint} broke off: {}", root_cause(error)))
        }
        _ => described(ErrorKind::Service, format!("unexpected answer from {endpoint}: {}", root_cause(error))),
    }
}

fn refused(described: impl FnOnce(ErrorKind, String) -> Error, endpoint: &str, error: &azure_core::Error) -> Error {
    let (status, code) = (status(error).unwrap_or_default(), code(error).unwrap_or_default());
    let mut reason = format!("{status} {code}").trim_end().to_owned();
    if let Some(told) = told(error) {
        reason = format!("{reason}: {told}");
    }
    if let SdkKind::HttpResponse { raw_response: Some(raw), .. } = error.kind()
        && let Some(id) = raw.headers().get_optional_str(&HeaderName::from_static("x-ms-request-id"))
    {
        reason = format!("{reason} (request id {id})");
    }
    if let Some(Renewal::None(why) | Renewal::Failed(why)) = noted(error) {
        return described(ErrorKind::Denied, format!("{reason}; {why}")).with_hint(
            "renew it where it comes from, and try again; a signature in a file that is renewed is read again",
        );
    }
    match (status, code) {
        (_, "ContainerNotFound" | "ContainerBeingDeleted") => described(ErrorKind::NoSuchBucket, reason)
            .with_hint(format!("check the container's name, and that it is in the account at {endpoint}")),
        (_, code) if code.starts_with("Lease") => described(ErrorKind::Service, reason)
            .with_hint("somebody holds a lease on the blob: choose another name, or break the lease"),
        (_, "BlobArchived" | "BlobBeingRehydrated") => described(ErrorKind::Service, reason).with_hint(
            "it is archived: move it to an online tier first, which takes hours (`az storage blob set-tier`)",
        ),
        (_, "BlobImmutableDueToPolicy" | "BlobImmutableDueToLegalHold") => described(ErrorKind::Denied, reason)
            .with_hint("the blob must not be changed or removed yet: choose another name"),
        (401 | 403, _) | (_, "PublicAccessNotPermitted" | "NoAuthenticationInformation") => {
            described(ErrorKind::Denied, reason).with_hint(format!(
                "check which credentials are in use at {endpoint}, that they have not expired, and what they may do: \
                 with Entra, the role Storage Blob Data Contributor on the container"
            ))
        }
        (404, "") => described(ErrorKind::Service, format!("{reason}, which is not the blob service's"))
            .with_hint(format!("check that {endpoint} is the blob service, and what is in between")),
        (404, _) => described(ErrorKind::NotFound, reason).with_hint("`sealift ls` shows what there is"),
        (412, _) | (_, "BlobAlreadyExists") => {
            described(ErrorKind::AlreadyExists, reason).with_hint("choose another name, or let it be replaced")
        }
        _ if arrived_damaged(error) => described(ErrorKind::Corrupt, reason),
        (413, _) | (_, "RequestBodyTooLarge") => described(ErrorKind::TooLarge, reason),
        (_, "InvalidBlockList") => described(ErrorKind::Service, reason).with_hint(
            "the blocks were discarded, by another upload to the same key that was committed or aborted, or by a sweep \
             with too short an age",
        ),
        (_, "InvalidBlobOrBlock" | "BlockCountExceedsLimit") => described(ErrorKind::Service, reason)
            .with_hint("the key holds uncommitted blocks of another program: `sealift sweep` removes them"),
        (408, _) | (_, "OperationTimedOut") => described(ErrorKind::TimedOut, reason),
        _ => described(ErrorKind::Service, reason),
    }
}

/// The service's message: the first line of it. The lines after it hold the request id and the time.
fn told(error: &azure_core::Error) -> Option<&str> {
    let SdkKind::HttpResponse { raw_response: Some(raw), .. } = error.kind() else { return None };
    let first = element("Message", raw.body().as_ref())?.lines().next()?.trim();
    (!first.is_empty()).then_some(first)
}

/// The text of the first element of this name in an error's body.
fn element<'a>(name: &str, body: &'a [u8]) -> Option<&'a str> {
    let (_, rest) = std::str::from_utf8(body).ok()?.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

pub(crate) fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn StdError + 'static)| StdError::source(*error))
}

fn root_cause(error: &(dyn StdError + 'static)) -> String {
    shortened(&chain(error).last().map(ToString::to_string).unwrap_or_default())
}

fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::http::headers::Headers;
    use azure_core::http::{RawResponse, StatusCode};

    fn answer(status: u16, code: &'static str) -> azure_core::Error {
        let mut headers = Headers::new();
        headers.insert("x-ms-error-code", code);
        headers.insert("x-ms-request-id", "ID7");
        let body =
            format!("<Error><Code>{code}</Code><Message>why\nRequestId:ID7</Message><D>signed s3cret</D></Error>");
        let status = StatusCode::from(status);
        let raw = RawResponse::from_bytes(status, headers, body);
        let kind =
            SdkKind::HttpResponse { status, error_code: Some(code.to_owned()), raw_response: Some(Box::new(raw)) };
        azure_core::Error::with_message(kind, "signed s3cret")
    }

    #[test]
    fn answers_have_their_kinds() {
        for (status, code, kind) in [
            (404, "ContainerNotFound", ErrorKind::NoSuchBucket),
            (404, "BlobNotFound", ErrorKind::NotFound),
            (403, "AuthenticationFailed", ErrorKind::Denied),
            (401, "InvalidAuthenticationInfo", ErrorKind::Denied),
            (409, "PublicAccessNotPermitted", ErrorKind::Denied),
            (409, "BlobImmutableDueToPolicy", ErrorKind::Denied),
            (409, "BlobAlreadyExists", ErrorKind::AlreadyExists),
            (412, "ConditionNotMet", ErrorKind::AlreadyExists),
            (412, "LeaseIdMissing", ErrorKind::Service),
            (400, "Md5Mismatch", ErrorKind::Corrupt),
            (400, "Crc64Mismatch", ErrorKind::Corrupt),
            (400, "InvalidBlockList", ErrorKind::Service),
            (413, "RequestBodyTooLarge", ErrorKind::TooLarge),
            (500, "OperationTimedOut", ErrorKind::TimedOut),
            (503, "ServerBusy", ErrorKind::Service),
        ] {
            let error = failed("commit", "az://c/k", "https://h", answer(status, code));
            assert_eq!(error.kind(), kind, "{status} {code}");
            let text = error.to_string();
            for part in ["commit", "az://c/k", &status.to_string(), code, "why", "ID7"] {
                assert!(text.contains(part), "{text}");
            }
            assert!(!text.contains("s3cret"), "{text}");
        }
    }

    #[test]
    fn conditions_are_told_from_leases() {
        assert!(condition_not_met(&answer(412, "ConditionNotMet")));
        assert!(condition_not_met(&answer(409, "BlobAlreadyExists")));
        assert!(!condition_not_met(&answer(412, "LeaseIdMissing")));
        assert!(!condition_not_met(&answer(409, "LeaseAlreadyPresent")));
        assert!(no_such_blob(&answer(404, "BlobNotFound")) && !no_such_blob(&answer(404, "ContainerNotFound")));
    }

    #[test]
    fn a_standstill_is_a_timeout() {
        let stalled = azure_core::Error::new(SdkKind::Io, Stalled(Duration::from_secs(75)));
        let error = failed("read", "az://c/k", "https://h", stalled.with_context("retried"));
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().contains("nothing moved for 75 s"), "{error}");
    }
}
