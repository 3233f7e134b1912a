//! Authorisation by the account's key, which the SDK does not have. As a policy of its pipeline, so that the SDK and its
//! errors never see the key.

use azure_core::Error;
use azure_core::credentials::Secret;
use azure_core::error::ErrorKind;
use azure_core::hmac::hmac_sha256;
use azure_core::http::headers::HeaderName;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::request::Request;
use azure_core::http::{Context, Url};
use azure_core::time::{OffsetDateTime, to_rfc7231};
use std::sync::Arc;

/// The headers that are signed, in order, after the method (Microsoft, "Authorize with Shared Key").
const SIGNED: [&str; 11] = [
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
];

/// Signs each attempt with the account's key.
#[derive(Debug)]
pub(crate) struct SharedKey {
    pub(crate) account: String,
    pub(crate) key: Secret,
}

#[async_trait::async_trait]
impl Policy for SharedKey {
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        request.insert_header("x-ms-date", to_rfc7231(&OffsetDateTime::now_utc()));
        let text = string_to_sign(&self.account, request);
        // The reason could show parts of the key.
        let signature = hmac_sha256(&text, &self.key)
            .map_err(|_| Error::with_message(ErrorKind::Credential, "the account key is not base64"))?;
        request.insert_header("authorization", format!("SharedKey {}:{signature}", self.account));
        next[0].send(ctx, request, &next[1..]).await
    }
}

fn string_to_sign(account: &str, request: &Request) -> String {
    let headers = request.headers();
    let mut text = request.method().as_str().to_owned();
    for name in SIGNED {
        let value = headers.get_optional_str(&HeaderName::from_static(name)).unwrap_or_default();
        // The transport adds the length where the SDK does not; none is signed as nothing.
        let value = match name {
            "content-length" => request.body().len().filter(|len| *len > 0).map(|len| len.to_string()),
            _ => Some(value.to_owned()),
        };
        text = format!("{text}\n{}", value.unwrap_or_default());
    }
    let mut own: Vec<_> = headers.iter().filter(|(name, _)| name.as_str().starts_with("x-ms-")).collect();
    own.sort_by_key(|(name, _)| name.as_str());
    for (name, value) in own {
        text = format!("{text}\n{}:{}", name.as_str(), value.as_str().trim());
    }
    format!("{text}\n{}", canonical_resource(account, request.url()))
}

fn canonical_resource(account: &str, url: &Url) -> String {
    let mut parameters: Vec<_> =
        url.query_pairs().map(|(name, value)| (name.to_lowercase(), value.into_owned())).collect();
    parameters.sort();
    let mut text = format!("/{account}{}", url.path());
    let mut last = None;
    for (name, value) in parameters {
        text = match last.as_ref() == Some(&name) {
            true => format!("{text},{value}"),
            false => format!("{text}\n{name}:{value}"),
        };
        last = Some(name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::http::Method;

    fn request(url: &str, method: Method, headers: &[(&'static str, &'static str)]) -> Request {
        let mut request = Request::new(Url::parse(url).expect("a URL"), method);
        for (name, value) in headers {
            request.insert_header(*name, *value);
        }
        request
    }

    /// The example of "Authorize with Shared Key", "Blob, Queue, and File Services (Shared Key authorization)".
    #[test]
    fn the_documented_get() {
        let request = request(
            "https://myaccount.blob.core.windows.net/mycontainer?restype=container&comp=metadata&timeout=20",
            Method::Get,
            &[("x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT"), ("x-ms-version", "2015-02-21")],
        );
        assert_eq!(
            string_to_sign("myaccount", &request),
            "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n\
             /myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20"
        );
    }

    /// Of the same page: a length of zero is signed as nothing, and values of one parameter are joined in order.
    #[test]
    fn the_documented_resources_and_lengths() {
        for (url, expected) in [
            (
                "https://myaccount.blob.core.windows.net/mycontainer?restype=container&comp=list&include=snapshots\
                 &include=metadata&include=uncommittedblobs",
                "/myaccount/mycontainer\ncomp:list\ninclude:metadata,snapshots,uncommittedblobs\nrestype:container",
            ),
            (
                "http://127.0.0.1:10000/devstoreaccount1/c/a%2Fb%20c?blockid=AA%3D%3D&comp=block",
                "/devstoreaccount1/devstoreaccount1/c/a%2Fb%20c\nblockid:AA==\ncomp:block",
            ),
        ] {
            let account = if url.contains("myaccount") { "myaccount" } else { "devstoreaccount1" };
            assert_eq!(canonical_resource(account, &Url::parse(url).expect("a URL")), expected);
        }
        let url = "https://myaccount.blob.core.windows.net/c/b";
        let mut put = request(url, Method::Put, &[("content-length", "0"), ("content-type", "text/plain")]);
        assert!(string_to_sign("myaccount", &put).starts_with("PUT\n\n\n\n\ntext/plain\n"));
        put.set_body("123");
        assert!(string_to_sign("myaccount", &put).starts_with("PUT\n\n\n3\n\ntext/plain\n"));
    }
}
