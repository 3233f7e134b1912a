//! Connection strings: `Name=value` pairs between semicolons (Microsoft, "Configure Azure Storage connection strings").

use crate::credentials::Credentials;
use azure_core::credentials::Secret;
use sealift::{Error, ErrorKind, Result};

/// Azurite's account, the same on every machine (Microsoft, "Use the Azurite emulator for local Azure Storage
/// development", "Well-known storage account and key").
const DEVELOPMENT_ACCOUNT: &str = "devstoreaccount1";
const DEVELOPMENT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const DEVELOPMENT_ENDPOINT: &str = "http://127.0.0.1:10000/devstoreaccount1";

/// What a connection string describes.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) account: String,
    pub(crate) endpoint: String,
    pub(crate) credentials: Credentials,
}

/// Reads a connection string. Its errors name settings and never show their values.
pub(crate) fn read(text: &str) -> Result<Described> {
    let mut settings = Vec::new();
    for setting in text.split(';').map(str::trim).filter(|setting| !setting.is_empty()) {
        // Keys and signatures hold equals signs.
        let (name, value) = setting.split_once('=').ok_or_else(|| invalid("a setting has no equals sign"))?;
        if value.trim().chars().any(char::is_control) {
            return Err(invalid("a setting has a line break or another control character in it"));
        }
        settings.push((name.trim(), value.trim()));
    }
    let get = |wanted: &str| {
        let found = settings.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| *value).filter(|value| !value.is_empty())
    };
    if get("UseDevelopmentStorage").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(Described {
            account: DEVELOPMENT_ACCOUNT.to_owned(),
            endpoint: DEVELOPMENT_ENDPOINT.to_owned(),
            credentials: Credentials::SharedKey(Secret::new(DEVELOPMENT_KEY)),
        });
    }
    let endpoint = get("BlobEndpoint").map(|endpoint| endpoint.trim_end_matches('/').to_owned());
    let account = match (get("AccountName"), &endpoint) {
        (Some(account), _) => account.to_owned(),
        (None, Some(endpoint)) => {
            account_of(endpoint).ok_or_else(|| invalid("it has no AccountName, and BlobEndpoint does not tell it"))?
        }
        (None, None) => return Err(invalid("it has neither AccountName nor BlobEndpoint")),
    };
    let endpoint = endpoint.unwrap_or_else(|| {
        let scheme = get("DefaultEndpointsProtocol").unwrap_or("https");
        let suffix = get("EndpointSuffix").unwrap_or("core.windows.net").trim_end_matches('/');
        format!("{scheme}://{account}.blob.{suffix}")
    });
    if !leads_somewhere(&endpoint) {
        return Err(invalid("BlobEndpoint, or DefaultEndpointsProtocol, makes no http:// or https:// URL with a host"));
    }
    let credentials = match (get("AccountKey"), get("SharedAccessSignature")) {
        (Some(key), _) => Credentials::SharedKey(Secret::new(key.to_owned())),
        (None, Some(sas)) => Credentials::Sas(Secret::new(sas.to_owned())),
        (None, None) => return Err(invalid("it has neither AccountKey nor SharedAccessSignature")),
    };
    Ok(Described { account, endpoint, credentials })
}

/// Whether this begins as a URL does: all else is looked at when it is connected to.
fn leads_somewhere(endpoint: &str) -> bool {
    let host = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && !host.starts_with('/'))
}

/// The account in an endpoint: the host's first label, or the path where the host is an address.
fn account_of(endpoint: &str) -> Option<String> {
    let (_, rest) = endpoint.split_once("://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (first, _) = host.split_once(".blob.").unwrap_or((path, ""));
    (!first.is_empty()).then(|| first.to_owned())
}

fn invalid(reason: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, "read", "the connection string", reason)
        .with_hint("copy it anew from the storage account's access keys in the portal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_connection_strings_describe() {
        for (text, account, endpoint, key) in [
            (
                "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=a2V5==;EndpointSuffix=core.windows.net",
                "acct",
                "https://acct.blob.core.windows.net",
                true,
            ),
            ("UseDevelopmentStorage=true", "devstoreaccount1", DEVELOPMENT_ENDPOINT, true),
            (
                "accountname=a1;accountkey=a2V5;blobendpoint=http://127.0.0.1:10017/a1/; ",
                "a1",
                "http://127.0.0.1:10017/a1",
                true,
            ),
            (
                "BlobEndpoint=https://acct.blob.core.windows.net/;SharedAccessSignature=sv=1&sig=s%3D",
                "acct",
                "https://acct.blob.core.windows.net",
                false,
            ),
        ] {
            let read = read(text).expect(text);
            assert_eq!((read.account.as_str(), read.endpoint.as_str()), (account, endpoint));
            assert_eq!(matches!(read.credentials, Credentials::SharedKey(_)), key);
            assert!(!format!("{read:?}").contains("a2V5"), "{read:?}");
        }
    }

    #[test]
    fn an_endpoint_that_leads_nowhere_is_refused() {
        for endpoint in
            ["BlobEndpoint=//", "BlobEndpoint=https://", "BlobEndpoint=acct", "DefaultEndpointsProtocol=ftp"]
        {
            let error = read(&format!("{endpoint};AccountName=a;AccountKey=a2V5")).expect_err(endpoint);
            assert!(error.to_string().contains("http://"), "{error}");
        }
    }

    #[test]
    fn what_a_copy_brought_along_is_refused_or_passed_over() {
        let suffix = read("AccountName=a;AccountKey=a2V5;EndpointSuffix=core.example/").expect("a slash too many");
        assert_eq!(suffix.endpoint, "https://a.blob.core.example");
        let error = read("AccountName=a\nb;AccountKey=a2V5").expect_err("a line break");
        assert!(error.to_string().contains("line break"), "{error}");
    }

    #[test]
    fn errors_never_show_values() {
        for text in ["AccountKey=c2VjcmV0", "AccountName=a", "c2VjcmV0", "BlobEndpoint=http://h;AccountKey=c2VjcmV0"] {
            let error = read(text).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            assert!(!format!("{error:?}").contains("c2VjcmV0"), "{error:?}");
        }
    }
}
