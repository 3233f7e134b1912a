//! What somebody gives as endpoint, region or credentials, as far as a request can be made of it. The SDK puts them into
//! headers and hosts as they are, and some of what does not fit there ends the process.

use crate::origin::Origin;
use aws_credential_types::Credentials;
use sealift::{Error, ErrorKind, Result};
use std::error::Error as StdError;
use std::fmt;

/// Whether this can be the URL of a service. What it holds is not shown: it may be a password.
pub(crate) fn check_endpoint(endpoint: &str, bucket: &str, said_by: &str) -> Result<()> {
    let rest = ["http://", "https://"].iter().find_map(|scheme| {
        let begin = endpoint.get(..scheme.len())?;
        begin.eq_ignore_ascii_case(scheme).then(|| &endpoint[scheme.len()..])
    });
    let flaw = match rest {
        _ if endpoint.is_empty() => "it is empty",
        None => "it begins neither with http:// nor with https://",
        Some(rest) if rest.split(['/', '?', '#']).next().is_none_or(|host| host.is_empty() || host.ends_with('@')) => {
            "it names no host"
        }
        Some(rest) if !rest.bytes().all(|byte| byte.is_ascii_graphic()) => "it holds spaces, line breaks or the like",
        Some(_) => return Ok(()),
    };
    Err(Error::new(ErrorKind::InvalidConfig, "reach", format!("s3://{bucket}"), format!("the endpoint: {flaw}"))
        .with_hint(format!("correct or unset what says it: {said_by}")))
}

/// Whether this can be the name of a region.
pub(crate) fn check_region(region: &str, bucket: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    match (1..=64).contains(&region.len()) && region.bytes().all(allowed) {
        true => Ok(()),
        false => {
            let reason = format!("the region {:?} is no name of one", region.chars().take(80).collect::<String>());
            Err(Error::new(ErrorKind::InvalidConfig, "reach", format!("s3://{bucket}"), reason)
                .with_hint("correct what says it: --region, AWS_REGION, AWS_DEFAULT_REGION or the profile"))
        }
    }
}

/// Credentials of which no header can be made.
#[derive(Debug)]
pub(crate) struct Unusable {
    which: &'static str,
    from: &'static str,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unusable { which, from } = self;
        write!(f, "{which}, from {from}, holds a line break, a space or another character that none has")
    }
}

impl StdError for Unusable {}

/// Whether a request can be signed with these.
pub(crate) fn check_credentials(credentials: &Credentials) -> Result<(), Unusable> {
    let origin = Origin::of(credentials);
    let of = |variable: &'static str, otherwise: &'static str| match origin {
        Origin::Environment => variable,
        _ => otherwise,
    };
    for (value, which) in [
        (credentials.access_key_id(), of("AWS_ACCESS_KEY_ID", "the access key's id")),
        (credentials.secret_access_key(), of("AWS_SECRET_ACCESS_KEY", "the secret access key")),
        (credentials.session_token().unwrap_or_default(), of("AWS_SESSION_TOKEN", "the session token")),
    ] {
        if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Unusable { which, from: origin.name() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_urls_with_a_host() {
        let checked = |endpoint: &str| check_endpoint(endpoint, "b", "AWS_ENDPOINT_URL");
        for good in ["http://h", "HTTPS://h:1/x", "http://user:key@h/", "http://[::1]:9000"] {
            assert!(checked(good).is_ok(), "{good}");
        }
        for bad in ["", "h:9000", "ftp://h", "http://", "https:///x", "http://u@", "http://a b", "http://h\n", "é"] {
            let error = checked(bad).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{bad:?}");
            assert!(error.to_string().contains("AWS_ENDPOINT_URL"), "{error}");
        }
    }

    #[test]
    fn regions_are_names() {
        for good in ["us-east-1", "auto", "garage", "fr_par.2"] {
            assert!(check_region(good, "b").is_ok(), "{good}");
        }
        for bad in ["", "us east", "us-east-1\n", "a/b", "é", &"x".repeat(65)] {
            assert!(check_region(bad, "b").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn credentials_that_no_header_can_hold_are_named_and_not_shown() {
        let made = |id: &str, secret: &str, token: Option<&str>| {
            Credentials::new(id, secret, token.map(str::to_owned), None, "tests")
        };
        assert!(check_credentials(&made("AKID", "a/b+c=", Some("tok=="))).is_ok());
        for (credentials, which) in [
            (made("AKID\n", "s3cret", None), "the access key's id"),
            (made("AKID", "s3cret\u{1}", None), "the secret access key"),
            (made("AKID", "s3cret", Some("tok\r\n")), "the session token"),
        ] {
            let said = check_credentials(&credentials).expect_err(which).to_string();
            assert!(said.starts_with(which) && !said.contains("s3cret") && !said.contains("AKID"), "{said}");
        }
    }
}
