//! Whether what failed may pass, so that the request may be sent again: each is sent once here, and when it is sent again is
//! decided by Sealift's [`RetryPolicy`](sealift::RetryPolicy).

use crate::answers::Unreadable;
use crate::errors::{arrived_damaged, chain, code, status};
use crate::renewal::{Renewal, noted};
use azure_core::error::ErrorKind as SdkKind;
use azure_core::http::headers::{HeaderName, Headers};
use sealift::Passing;
use std::time::Duration;

/// Why the request that failed by `error` may be sent again; `None` for what is final.
pub(crate) fn passing(error: &azure_core::Error) -> Option<Passing> {
    match error.kind() {
        SdkKind::HttpResponse { raw_response, .. } => {
            let asked = raw_response.as_ref().and_then(|raw| asked_pause(raw.headers()));
            of_answer(error, asked)
        }
        SdkKind::Connection | SdkKind::Io => Some(Passing::Outage),
        // An answer without what must be in it.
        SdkKind::DataConversion => Some(Passing::Unlikely),
        // Where a token comes from can fail like the service itself.
        SdkKind::Credential => {
            let causes = chain(error).skip(1).filter_map(|cause| cause.downcast_ref::<azure_core::Error>());
            causes.filter(|cause| !matches!(cause.kind(), SdkKind::Credential)).find_map(passing)
        }
        _ => chain(error).any(|cause| cause.is::<Unreadable>()).then_some(Passing::Unlikely),
    }
}

fn of_answer(error: &azure_core::Error, asked: Option<Duration>) -> Option<Passing> {
    match (status(error)?, code(error).unwrap_or_default()) {
        (429 | 503, _) => Some(Passing::Busy { asked }),
        (501, _) => None,
        (408 | 500..=599, _) => Some(Passing::Outage),
        _ if arrived_damaged(error) => Some(Passing::Unlikely),
        _ if matches!(noted(error), Some(Renewal::Sought | Renewal::Failed(_))) => Some(Passing::Unlikely),
        (409, "PendingCopyOperation" | "SystemInUse") => Some(Passing::Unlikely),
        // Another program's.
        (300..=399 | 404, "") => Some(Passing::Unlikely),
        _ => None,
    }
}

/// The pause that the service asks for: in milliseconds, or in seconds.
fn asked_pause(headers: &Headers) -> Option<Duration> {
    let number = |name: &'static str| headers.get_optional_str(&HeaderName::from_static(name))?.trim().parse().ok();
    let exact = number("x-ms-retry-after-ms").or_else(|| number("retry-after-ms")).map(Duration::from_millis);
    exact.or_else(|| number("retry-after").map(Duration::from_secs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::Error;
    use azure_core::http::{RawResponse, StatusCode};

    fn answer(status: u16, code: &'static str, headers: &[(&'static str, &'static str)]) -> Error {
        let mut all = Headers::new();
        if !code.is_empty() {
            all.insert("x-ms-error-code", code);
        }
        for (name, value) in headers {
            all.insert(*name, *value);
        }
        let status = StatusCode::from(status);
        let raw = RawResponse::from_bytes(status, all, "");
        Error::with_message(
            SdkKind::HttpResponse { status, error_code: None, raw_response: Some(Box::new(raw)) },
            "refused",
        )
    }

    #[test]
    fn answers_are_final_unless_they_are_known_to_pass() {
        let busy = Some(Passing::Busy { asked: None });
        for (status, code, expected) in [
            (400, "InvalidBlockList", None),
            (400, "Crc64Mismatch", Some(Passing::Unlikely)),
            (401, "InvalidAuthenticationInfo", None),
            (401, "NoAuthenticationInformation", None),
            (403, "AuthenticationFailed", None),
            (404, "BlobNotFound", None),
            (404, "", Some(Passing::Unlikely)),
            (307, "", Some(Passing::Unlikely)),
            (408, "", Some(Passing::Outage)),
            (409, "BlobAlreadyExists", None),
            (409, "PendingCopyOperation", Some(Passing::Unlikely)),
            (412, "ConditionNotMet", None),
            (429, "", busy),
            (500, "InternalError", Some(Passing::Outage)),
            (500, "OperationTimedOut", Some(Passing::Outage)),
            (501, "", None),
            (502, "", Some(Passing::Outage)),
            (503, "ServerBusy", busy),
            (504, "", Some(Passing::Outage)),
        ] {
            assert_eq!(passing(&answer(status, code, &[])), expected, "{status} {code}");
        }
    }

    #[test]
    fn a_pause_is_asked_for_in_seconds_or_exactly() {
        for (headers, asked) in [
            (vec![("retry-after", "7")], Some(Duration::from_secs(7))),
            (vec![("retry-after", "7"), ("x-ms-retry-after-ms", "250")], Some(Duration::from_millis(250))),
            (vec![("retry-after", "Fri, 26 Jun 2015 23:39:12 GMT")], None),
            (vec![("retry-after", "-7")], None),
        ] {
            assert_eq!(passing(&answer(503, "ServerBusy", &headers)), Some(Passing::Busy { asked }), "{headers:?}");
        }
    }

    #[test]
    fn a_token_that_did_not_come_for_an_outage_may_come() {
        let token = |cause| Error::with_error(SdkKind::Credential, cause, "no token");
        let refused = token(Error::with_message(SdkKind::Credential, "invalid client secret"));
        let unreachable = token(Error::with_message(SdkKind::Connection, "no route"));
        let busy = token(answer(429, "", &[]));
        let found = [refused, unreachable, busy].map(|error| passing(&error));
        assert_eq!(found, [None, Some(Passing::Outage), Some(Passing::Busy { asked: None })]);
    }
}
