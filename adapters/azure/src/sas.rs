//! Shared access signatures, as a policy of the SDK's pipeline: the SDK and its errors never see them. One in a file is read
//! again when the service does not take it any more.

use crate::renewal::{Refused, Renewal};
use azure_core::credentials::Secret;
use azure_core::http::headers::HeaderName;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::request::Request;
use azure_core::http::{Context, Url};
use azure_core::time::{OffsetDateTime, parse_rfc3339};
use sealift::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

/// The time to read a file with a signature: it may be on a file system that hangs.
const READ_WITHIN: Duration = Duration::from_secs(10);
/// What is read of such a file: signatures have a few hundred bytes.
const LONGEST: u64 = 64 << 10;

/// Adds a shared access signature to each request's URL, and to the URL it copies from.
#[derive(Debug)]
pub(crate) struct Sas {
    file: Option<PathBuf>,
    current: RwLock<Secret>,
}

impl Sas {
    /// One that stays as it is.
    pub(crate) fn fixed(sas: &Secret) -> Self {
        let sas = Secret::new(sas.secret().trim().trim_start_matches('?').to_owned());
        Sas { file: None, current: RwLock::new(sas) }
    }

    /// The one in a file.
    pub(crate) async fn in_file(file: &Path) -> Result<Self> {
        let read = read(file).await;
        let current = read.map_err(|why| {
            let place = file.display().to_string();
            Error::new(ErrorKind::InvalidConfig, "read the signature in", place, why)
        })?;
        Ok(Sas { file: Some(file.to_owned()), current: RwLock::new(current) })
    }

    fn current(&self) -> Secret {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// After `used` was refused by an answer with this body: looks for another.
    async fn renew(&self, used: &Secret, body: &[u8]) -> Renewal {
        if self.current().secret() != used.secret() {
            return Renewal::Sought;
        }
        let (end, expired) = (end(used), is_expired(used, body));
        let fact = |what: String| match (&end, expired) {
            (Some(end), true) => format!("{what} expired at {end}"),
            (None, true) => format!("{what} has expired"),
            (Some(end), false) => format!("{what}, which ends at {end}, is not taken"),
            (None, false) => format!("{what} is not taken"),
        };
        let Some(file) = &self.file else {
            let fact = fact("the shared access signature".to_owned());
            return Renewal::None(format!(
                "{fact}, and is not renewed: one in a file (--sas-file) would be read again"
            ));
        };
        let fact = fact(format!("the signature in {}", file.display()));
        match read(file).await {
            Ok(now) if now.secret() == used.secret() => {
                Renewal::None(format!("{fact}, and the file holds no other yet"))
            }
            Ok(now) => {
                tracing::debug!("a new signature is in {}", file.display());
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = now;
                Renewal::Sought
            }
            // It may be half written.
            Err(why) => Renewal::Failed(format!("{fact}, and another cannot be read: {why}")),
        }
    }
}

#[async_trait::async_trait]
impl Policy for Sas {
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        const SOURCE: HeaderName = HeaderName::from_static("x-ms-copy-source");
        let used = self.current();
        if let Some(source) = request.headers().get_optional_str(&SOURCE).and_then(|source| Url::parse(source).ok()) {
            request.insert_header(SOURCE, signed(&source, &used).to_string());
        }
        *request.url_mut() = signed(request.url(), &used);
        let answer = next[0].send(ctx, request, &next[1..]).await?;
        match Refused::of(answer).await? {
            Ok(refused) => {
                let renewal = self.renew(&used, &refused.body).await;
                Ok(refused.noted(&renewal))
            }
            Err(answer) => Ok(answer),
        }
    }
}

/// `url` with the signature.
fn signed(url: &Url, sas: &Secret) -> Url {
    let mut signed = url.clone();
    signed.set_query(Some(&match url.query() {
        Some(query) if !query.is_empty() => format!("{query}&{}", sas.secret()),
        _ => sas.secret().to_owned(),
    }));
    signed
}

/// The signature in `text`, which may be a whole URL, as the portal gives it too.
pub(crate) fn in_text(text: &str) -> Option<Secret> {
    let query = text.trim().rsplit('?').next().unwrap_or_default();
    let is_one = query.contains("sig=") && !query.contains(|byte: char| byte.is_whitespace() || byte.is_control());
    is_one.then(|| Secret::new(query.to_owned()))
}

/// The signature in a file, or why there is none, without showing what is there.
async fn read(file: &Path) -> std::result::Result<Secret, String> {
    let reading = async {
        let mut text = String::new();
        File::open(file).await?.take(LONGEST).read_to_string(&mut text).await?;
        std::io::Result::Ok(text)
    };
    match timeout(READ_WITHIN, reading).await {
        Ok(Ok(text)) => in_text(&text).ok_or_else(|| "it holds no shared access signature (sv=…&sig=…)".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("it was not read within {} s", READ_WITHIN.as_secs())),
    }
}

/// When a signature ends, as it says itself: no secret.
fn end(sas: &Secret) -> Option<String> {
    let url = Url::parse(&format!("sas:?{}", sas.secret())).ok()?;
    let (_, end) = url.query_pairs().find(|(name, _)| name == "se")?;
    let time = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'T' | b'Z' | b'.' | b'+');
    (!end.is_empty() && end.len() <= 40 && end.bytes().all(time)).then(|| end.into_owned())
}

/// Whether it is the time that a signature is refused for. The answer to a HEAD has no body that would say so.
fn is_expired(sas: &Secret, body: &[u8]) -> bool {
    const SAYS_SO: &[u8] = b"not valid in the specified time frame";
    let over = end(sas).and_then(|end| parse_rfc3339(&end).ok()).is_some_and(|end| end <= OffsetDateTime::now_utc());
    over || body.windows(SAYS_SO.len()).any(|words| words == SAYS_SO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_added_to_what_is_asked_for_and_never_shown() {
        let sas = Sas::fixed(&Secret::new("?sv=2026&sig=s3cret%3D"));
        let url = Url::parse("https://h/c?comp=list").expect("a URL");
        assert_eq!(signed(&url, &sas.current()).as_str(), "https://h/c?comp=list&sv=2026&sig=s3cret%3D");
        assert!(!format!("{sas:?}").contains("s3cret"));
    }

    #[test]
    fn the_end_of_a_signature_is_read_and_nothing_else_of_it() {
        for (sas, expected) in [
            ("sv=1&se=2026-01-02T03%3A04%3A05Z&sig=s3cret", Some("2026-01-02T03:04:05Z")),
            ("sv=1&se=2026-01-02&sig=s3cret", Some("2026-01-02")),
            ("sv=1&si=policy&sig=s3cret", None),
            ("sv=1&se=s3cret&sig=s3cret", None),
        ] {
            assert_eq!(end(&Secret::new(sas)).as_deref(), expected, "{sas}");
        }
        let of = |sas: &'static str, body: &[u8]| is_expired(&Secret::new(sas), body);
        assert!(of("se=2020-01-02T03:04:05Z&sig=s", b""));
        assert!(!of("se=9020-01-02T03:04:05Z&sig=s", b"Signature did not match."));
        assert!(of("sig=s", b"<D>Signature not valid in the specified time frame: Start [..]</D>"));
    }

    #[tokio::test]
    async fn a_file_without_a_signature_is_named_and_what_is_in_it_is_not() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        for content in ["", "s3cret", "sv=1&sig=s3cret and more", "sv=1&sig=s3cret\u{7f}x"] {
            std::fs::write(file.path(), content).expect("written");
            let error = Sas::in_file(file.path()).await.expect_err(content);
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            let text = format!("{error} {error:?}");
            assert!(text.contains(file.path().to_str().expect("UTF-8")) && !text.contains("s3cret"), "{text}");
        }
        std::fs::write(file.path(), "https://acct.blob.core.windows.net/c?sv=1&sig=s\n").expect("written");
        assert_eq!(Sas::in_file(file.path()).await.expect("one").current().secret(), "sv=1&sig=s");
        let missing = Sas::in_file(Path::new("/no/such/file")).await.expect_err("missing");
        assert!(missing.to_string().contains("/no/such/file"), "{missing}");
    }
}
