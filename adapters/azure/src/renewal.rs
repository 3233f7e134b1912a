//! Authorisation that the service does not take any more: what was done about it, as a note on the answer. A policy of the
//! SDK's pipeline writes the note where it sees the answer, and `passing` and `errors` read it.

use azure_core::error::ErrorKind as SdkKind;
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::{AsyncRawResponse, StatusCode};
use bytes::Bytes;

/// What was done.
const NOTE: HeaderName = HeaderName::from_static("x-sealift-renewal");
/// A sentence of why there is no other authorisation.
const WHY: HeaderName = HeaderName::from_static("x-sealift-renewal-why");

/// What became of an authorisation that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// There is another, or it is asked for with the next request.
    Sought,
    /// It could not be read or asked for: why. That may pass.
    Failed(String),
    /// There is no other: why.
    None(String),
}

/// An answer that refuses the authorisation, with all of its short body.
pub(crate) struct Refused {
    status: StatusCode,
    headers: Headers,
    pub(crate) body: Bytes,
}

impl Refused {
    /// `answer` as a refusal of the authorisation itself, or as it was: what its owner may do is another matter.
    pub(crate) async fn of(answer: AsyncRawResponse) -> azure_core::Result<Result<Refused, AsyncRawResponse>> {
        let code = answer.headers().get_optional_str(&HeaderName::from_static("x-ms-error-code"));
        if !is_unauthenticated(answer.status().into(), code) {
            return Ok(Err(answer));
        }
        let (status, headers, body) = answer.deconstruct();
        Ok(Ok(Refused { status, headers, body: body.collect().await? }))
    }

    /// The answer with a note of what was done.
    pub(crate) fn noted(mut self, renewal: &Renewal) -> AsyncRawResponse {
        let (note, why) = match renewal {
            Renewal::Sought => ("sought", None),
            Renewal::Failed(why) => ("failed", Some(why)),
            Renewal::None(why) => ("none", Some(why)),
        };
        self.headers.insert(NOTE, note);
        if let Some(why) = why {
            self.headers.insert(WHY, why.clone());
        }
        AsyncRawResponse::from_bytes(self.status, self.headers, self.body)
    }
}

/// Whether an answer says that it is not known who asks.
fn is_unauthenticated(status: u16, code: Option<&str>) -> bool {
    match (status, code) {
        (401, code) => code != Some("NoAuthenticationInformation"),
        (403, code) => code.is_none_or(|code| matches!(code, "AuthenticationFailed" | "InvalidAuthenticationInfo")),
        _ => false,
    }
}

/// The note on the answer that `error` is.
pub(crate) fn noted(error: &azure_core::Error) -> Option<Renewal> {
    let SdkKind::HttpResponse { raw_response: Some(raw), .. } = error.kind() else { return None };
    let why = || raw.headers().get_optional_str(&WHY).unwrap_or_default().to_owned();
    match raw.headers().get_optional_str(&NOTE)? {
        "sought" => Some(Renewal::Sought),
        "failed" => Some(Renewal::Failed(why())),
        _ => Some(Renewal::None(why())),
    }
}
