//! The address of a node's backup service: what is taken, and what is refused with the reason.

use reqwest::Url;
use sealift::{Error, ErrorKind, Result};
use std::fmt;
use std::str::FromStr;

/// Where a node's backup service listens: `http://host:port`, and a path if a proxy stands before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// Where a node serves backups unless it is configured otherwise: aptos-core, `storage.backup_service_address`.
    pub const DEFAULT: &str = "http://localhost:6186";

    /// The URL of `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.0)
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = |reason: &str| Err(refuse(text, reason));
        let Ok(url) = Url::parse(text) else { return refused("it is not a URL") };
        match url.scheme() {
            "http" => {}
            "https" => return refused("a node's backup service speaks plain http"),
            _ => return refused("it does not begin with http://"),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("(an address with a password in it)", "the service takes no user or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refused("it has a `?` or `#` in it");
        }
        Ok(Address(url.as_str().trim_end_matches('/').to_owned()))
    }
}

fn refuse(text: &str, reason: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, "use the backup service address", text, reason)
        .with_hint("give it as http://HOST:PORT, such as http://localhost:6186")
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_plain_http() {
        for (text, url) in [
            ("http://localhost:6186", "http://localhost:6186/db_state"),
            ("http://10.0.0.1:80/", "http://10.0.0.1/db_state"),
            ("http://[::1]:6186/node/1/", "http://[::1]:6186/node/1/db_state"),
        ] {
            assert_eq!(text.parse::<Address>().expect("good").url("db_state"), url);
        }
        assert!(Address::DEFAULT.parse::<Address>().is_ok());
    }

    #[test]
    fn what_is_refused_is_told_why() {
        for (text, why) in [
            ("localhost:6186", "does not begin with http://"),
            ("node", "not a URL"),
            ("http://", "not a URL"),
            ("https://node:6186", "plain http"),
            ("http://user:secret@node", "no user or password"),
            ("http://node/?a=b", "`?`"),
        ] {
            let error = text.parse::<Address>().expect_err(text).to_string();
            assert!(error.contains(why) && error.contains("http://HOST:PORT") && !error.contains("secret"), "{error}");
        }
    }
}
