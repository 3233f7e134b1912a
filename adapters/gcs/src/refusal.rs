//! An answer that is an error, in the words of either API: what it says, and whether it may pass.

use crate::renewal::{Generation, Renewal};
use crate::xml::Told;
use http::HeaderMap;
use sealift::Passing;
use serde::Deserialize;
use std::time::Duration;

/// An answer that is an error.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// The service's word for it (`notFound`), where it gives one.
    pub(crate) reason: String,
    pub(crate) message: String,
    /// Why it may be sent again, if it may.
    pub(crate) passing: Option<Passing>,
    /// Whether it came as a web page, which the service does not send.
    pub(crate) page: bool,
    /// The token that was refused with it, if one was sent.
    pub(crate) used: Option<Generation>,
    /// What became of that token.
    pub(crate) renewal: Renewal,
}

#[derive(Deserialize)]
struct Body {
    error: BodyError,
}

#[derive(Deserialize)]
struct BodyError {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<BodyReason>,
}

#[derive(Deserialize)]
struct BodyReason {
    #[serde(default)]
    reason: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        if let Ok(Body { error }) = serde_json::from_slice(body) {
            let reason = error.errors.into_iter().next().map(|first| first.reason).unwrap_or_default();
            return Refusal::of(status, headers, reason, &error.message);
        }
        if let Some(Told { code, message }) = Told::of(body) {
            return Refusal::of(status, headers, code, &message);
        }
        // The upload server speaks plain text; proxies speak HTML, which helps nobody.
        match std::str::from_utf8(body) {
            Ok(text) if !is_page(body) => Refusal::told(status, headers, text),
            _ => Refusal { page: is_page(body), ..Refusal::told(status, headers, "") },
        }
    }

    /// An answer that says `message`, and no more.
    pub(crate) fn told(status: u16, headers: &HeaderMap, message: &str) -> Self {
        Refusal::of(status, headers, String::new(), message)
    }

    /// An error inside an answer that says that it is a success.
    pub(crate) fn inside(status: u16, headers: &HeaderMap, told: Told) -> Self {
        let passing = match told.code.as_str() {
            "SlowDown" | "ServiceUnavailable" => Some(Passing::Busy { asked: retry_after(headers) }),
            "InternalError" => Some(Passing::Outage),
            _ => None,
        };
        Refusal { passing, ..Refusal::of(status, headers, told.code, &told.message) }
    }

    fn of(status: u16, headers: &HeaderMap, reason: String, message: &str) -> Self {
        let passing = match status {
            429 | 503 => Some(Passing::Busy { asked: retry_after(headers) }),
            // It does not have this, and will not soon.
            501 => None,
            408 | 500..=599 => Some(Passing::Outage),
            // Another writer was in the way.
            409 => Some(Passing::Unlikely),
            400 if is_damage(&reason, message) => Some(Passing::Unlikely),
            _ => None,
        };
        let message = shortened(message);
        Refusal { status, reason, message, passing, page: false, used: None, renewal: Renewal::None }
    }

    /// Whether it says that what arrived is not what was sent.
    pub(crate) fn is_damage(&self) -> bool {
        self.status == 400 && is_damage(&self.reason, &self.message)
    }

    /// Whether there is no such object (but a bucket). Only in the service's own words: other 404s are of something that
    /// stands between.
    pub(crate) fn no_such_object(&self) -> bool {
        let told = self.reason == "notFound" || self.message.contains("No such object");
        self.status == 404 && told && !self.no_such_bucket()
    }

    pub(crate) fn no_such_bucket(&self) -> bool {
        self.status == 404 && self.message.contains("bucket does not exist")
    }

    /// Whether there is no such upload in parts, in the service's own word.
    pub(crate) fn no_such_upload(&self) -> bool {
        self.status == 404 && self.reason == "NoSuchUpload"
    }

    /// The same of a request that was sent with a token.
    pub(crate) fn sent_with(self, token: Generation) -> Self {
        Refusal { used: Some(token), ..self }
    }

    pub(crate) fn text(&self) -> String {
        let text = format!("{} {}", self.status, self.reason);
        match self.message.is_empty() {
            true => text.trim_end().to_owned(),
            false => format!("{}: {}", text.trim_end(), self.message),
        }
    }
}

/// Only in seconds: the service does not send it as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Whether a 400 says that what arrived is not what was sent (Google, "HTTP status and error codes for XML"; the JSON API has
/// no word for it).
fn is_damage(reason: &str, message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    matches!(reason, "BadDigest" | "CrcMismatch" | "IncompleteBody")
        || ["crc32c", "checksum", "md5"].iter().any(|word| message.contains(word))
}

/// Whether this is a web page.
pub(crate) fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

/// One line, not too long.
pub(crate) fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_a_busy_service_asks_for_is_told() {
        for (value, asked) in [("3", Some(3)), ("86400", Some(86_400)), ("Fri, 27 Nov 2026 12:00:00 GMT", None)] {
            let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, value.parse().expect("a header"))]);
            let refusal = Refusal::new(503, &headers, b"");
            assert_eq!(refusal.passing, Some(Passing::Busy { asked: asked.map(Duration::from_secs) }), "{value}");
        }
    }

    #[test]
    fn a_page_of_a_proxy_is_not_shown() {
        let Refusal { message, .. } = Refusal::new(502, &HeaderMap::new(), b"<html>gone</html>");
        assert_eq!(message, "");
    }

    #[test]
    fn an_error_of_the_xml_api_is_read() {
        let refusal = |status, code: &str| {
            let body = format!(
                "<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>no</Message></Error>"
            );
            Refusal::new(status, &HeaderMap::new(), body.as_bytes())
        };
        let gone = refusal(404, "NoSuchUpload");
        assert!(gone.no_such_upload() && !gone.no_such_object() && !gone.page);
        assert_eq!((gone.text().as_str(), gone.passing), ("404 NoSuchUpload: no", None));
        assert!(refusal(400, "CrcMismatch").is_damage() && refusal(400, "BadDigest").is_damage());
        assert_eq!(refusal(400, "CrcMismatch").passing, Some(Passing::Unlikely));
        assert_eq!(refusal(400, "InvalidPart").passing, None);
        assert_eq!(refusal(501, "NotImplemented").passing, None);
    }
}
