//! What an answer of the blob service must be, in the one place that sees all of them. A success that is not what was asked
//! for (another program's page, a listing that is none, a commit without an ETag) is an error, and never taken for "nothing
//! is there"; and what each answer says of an attempt to store something.

use azure_core::error::ErrorKind as SdkKind;
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::request::Request;
use azure_core::http::{Method, Url};
use sealift::Attempt;
use std::error::Error as StdError;
use std::fmt;

/// The most that is read of an error's body. What is beyond it is not looked at.
pub(crate) const ERROR_BODY: usize = 1 << 20;
/// The most that is read of any other answer but an object's bytes. A list of 50,000 blocks takes 6 MiB.
pub(crate) const ANSWER_BODY: usize = 64 << 20;

/// An answer that says success and is not what was asked for.
#[derive(Debug)]
pub(crate) struct Unreadable(pub(crate) String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Unreadable {}

/// The error of such an answer, for this reason.
pub(crate) fn odd(reason: impl Into<String>) -> azure_core::Error {
    azure_core::Error::new(SdkKind::Other, Unreadable(reason.into()))
}

/// What a request asks for, as far as that tells what a success must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A blob is put, committed or begun to be copied: the answer names it by its ETag.
    Commit(u16),
    /// Something is done of which the answer is a status alone.
    Done(u16),
    /// A look at a blob.
    Look,
    /// An XML document with this root.
    Document(&'static str),
    /// A blob's bytes. Whether they are the right ones is seen where they are put together.
    Bytes,
    /// Not of the blob service: a token.
    Other,
}

impl Asked {
    pub(crate) fn by(request: &Request) -> Self {
        let headers = request.headers();
        let has = |name: &'static str| headers.get_optional_str(&HeaderName::from_static(name)).is_some();
        if !has("x-ms-version") {
            return Asked::Other;
        }
        match (request.method(), about(request.url()).as_deref()) {
            (Method::Put, None) if has("x-ms-copy-source") => Asked::Commit(202),
            (Method::Put, None | Some("blocklist")) => Asked::Commit(201),
            (Method::Put, Some("block")) => Asked::Done(201),
            (Method::Put, Some("copy")) => Asked::Done(204),
            (Method::Delete, _) => Asked::Done(202),
            (Method::Head, _) => Asked::Look,
            (Method::Get, Some("list")) => Asked::Document("EnumerationResults"),
            (Method::Get, Some("blocklist")) => Asked::Document("BlockList"),
            (Method::Get, Some("tags")) => Asked::Document("Tags"),
            (Method::Get, None) => Asked::Bytes,
            _ => Asked::Other,
        }
    }

    /// Whether the answer of this status has bytes that are not kept here.
    pub(crate) fn streams(self, status: u16) -> bool {
        self == Asked::Bytes && (200..300).contains(&status)
    }

    /// Whether a success with this status, these headers and this body is one.
    pub(crate) fn check(self, status: u16, headers: &Headers, body: &[u8]) -> Result<(), Unreadable> {
        match self {
            Asked::Commit(expected) => {
                is_status(status, expected)?;
                is_tagged(headers)?;
                is_empty(body)
            }
            Asked::Done(expected) => {
                is_status(status, expected)?;
                is_of_the_service(headers)?;
                is_empty(body)
            }
            Asked::Look => {
                is_status(status, 200)?;
                is_tagged(headers)?;
                let length = text(headers, "content-length").and_then(|length| length.parse::<u64>().ok());
                length.map(drop).ok_or_else(|| Unreadable("it does not tell the size of the blob".to_owned()))
            }
            Asked::Document(root) => {
                is_status(status, 200)?;
                match root_of(body) {
                    Some(found) if found == root => Ok(()),
                    _ => Err(Unreadable(format!("it is no {root} document"))),
                }
            }
            Asked::Bytes | Asked::Other => Ok(()),
        }
    }
}

fn about(url: &Url) -> Option<String> {
    url.query_pairs().find(|(name, _)| name == "comp").map(|(_, value)| value.into_owned())
}

fn text<'a>(headers: &'a Headers, name: &'static str) -> Option<&'a str> {
    headers.get_optional_str(&HeaderName::from_static(name))
}

fn is_status(status: u16, expected: u16) -> Result<(), Unreadable> {
    match status == expected {
        true => Ok(()),
        false => Err(Unreadable(format!("its status is {status} instead of {expected}"))),
    }
}

fn is_tagged(headers: &Headers) -> Result<(), Unreadable> {
    match text(headers, "etag").is_some_and(|etag| !etag.trim().is_empty()) {
        true => Ok(()),
        false => Err(Unreadable("it has no ETag".to_owned())),
    }
}

/// Every answer of the service has these, also one that says no more than its status: "Common REST API response headers",
/// <https://learn.microsoft.com/rest/api/storageservices/put-block#response>. A proxy that answers by itself has not.
fn is_of_the_service(headers: &Headers) -> Result<(), Unreadable> {
    match ["x-ms-request-id", "x-ms-version"].iter().any(|name| text(headers, name).is_some()) {
        true => Ok(()),
        false => Err(Unreadable("it has no header of the blob service".to_owned())),
    }
}

fn is_empty(body: &[u8]) -> Result<(), Unreadable> {
    match body.iter().all(u8::is_ascii_whitespace) {
        true => Ok(()),
        false => Err(Unreadable("it has a body where the service sends none".to_owned())),
    }
}

/// The name of the root element of a whole XML document.
fn root_of(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    let mut rest = text.trim_start_matches('\u{feff}').trim();
    if let Some(declared) = rest.strip_prefix("<?xml") {
        rest = declared.split_once("?>")?.1.trim_start();
    }
    let name = rest.strip_prefix('<')?;
    let name = &name[..name.find(|end: char| end.is_whitespace() || matches!(end, '>' | '/'))?];
    let empty = rest.ends_with("/>") && !rest[1..].contains('<');
    (empty || rest.ends_with(&format!("</{name}>"))).then_some(name)
}

/// Says in `attempt` what its answer tells: `status`, the service's `code`, and whether a success could be read.
///
/// Nothing is said for what may come from something between here and the service, or what the service says when it does not
/// know itself (Microsoft, "Common REST API error codes": after `OperationTimedOut` the operation may or may not have
/// succeeded): such an attempt may still take effect.
pub(crate) fn settle(attempt: &Attempt, status: u16, code: Option<&str>, readable: bool) {
    match status {
        408 | 502 | 504 => {}
        500 if code == Some("OperationTimedOut") => {}
        200..300 if readable => attempt.applied(),
        400..500 => attempt.refused(),
        _ => attempt.unclear(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealift::{Attempts, Effect};

    #[test]
    fn a_document_is_known_by_its_root_and_its_end() {
        for (body, root) in [
            ("<BlockList/>", Some("BlockList")),
            ("<BlockList></BlockList>\n", Some("BlockList")),
            ("\u{feff}<?xml version=\"1.0\"?>\n<Tags a=\"b\"><Tag/></Tags>", Some("Tags")),
            ("<BlockList><CommittedBlocks/>", None),
            ("<html><body>hello</body></html>", Some("html")),
            ("<!doctype html><BlockList/>", None),
            ("", None),
            ("{}", None),
        ] {
            assert_eq!(root_of(body.as_bytes()), root, "{body}");
        }
    }

    #[test]
    fn what_an_answer_says_of_an_attempt() {
        let pending = Effect { unanswered: 1, ..Effect::default() };
        let unclear = Effect { unclear: 1, ..Effect::default() };
        let applied = Effect { applied: 1, ..Effect::default() };
        for (status, code, readable, effect) in [
            (201, None, true, applied),
            (201, None, false, unclear),
            (307, None, false, unclear),
            (403, Some("AuthenticationFailed"), false, Effect::default()),
            (408, None, false, pending),
            (412, Some("ConditionNotMet"), false, Effect::default()),
            (429, None, false, Effect::default()),
            (500, Some("InternalError"), false, unclear),
            (500, Some("OperationTimedOut"), false, pending),
            (502, None, false, pending),
            (503, Some("ServerBusy"), false, unclear),
            (504, None, false, pending),
        ] {
            let attempts = Attempts::default();
            let attempt = attempts.begin();
            attempt.sent();
            settle(&attempt, status, code, readable);
            assert_eq!(attempts.effect(), effect, "{status} {code:?}");
        }
    }
}
