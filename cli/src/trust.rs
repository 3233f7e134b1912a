//! Whose certificates are trusted. Every TLS client in this process, of which there are several, looks for authorities where
//! SSL_CERT_FILE says, and only there. So where the file is named otherwise, the process begins anew with that variable,
//! before anything was read or written. A producer that it starts gets the environment as it was; what the SDKs start to get
//! credentials (`credential_process`) talks to the same services, and gets it as it is.

use crate::args::{Command, StorageArgs};
use crate::failure::Failure;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

const CERTIFICATES: &str = "SSL_CERT_FILE";
/// What that was before this process began anew; empty if it was not set.
const BEFORE: &str = "SEALIFT_SSL_CERT_FILE_BEFORE";

/// The variables by which each cloud's own tools are told.
const ECOSYSTEMS: [(&str, &str, &str); 3] = [
    ("s3", "s3-native", "AWS_CA_BUNDLE"),
    ("az", "azure-native", "REQUESTS_CA_BUNDLE"),
    ("gs", "gcs-native", "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE"),
];

/// A file of certificates, and who named it.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    file: PathBuf,
    by: &'static str,
}

/// Begins anew where a file is named that the TLS clients do not look for. Returns where that is not so.
pub(crate) fn begin_anew_if_named(command: &Command) -> Result<(), Failure> {
    let Some(storage) = command.storage() else { return Ok(()) };
    let before = env::var_os(CERTIFICATES);
    let Some(named) = named(storage, &command.names(), |name| env::var_os(name)) else {
        return match before {
            // Set to nothing is not set, but the clients would trust nobody.
            Some(nothing) if nothing.is_empty() => Err(begin_anew(|anew| anew.env_remove(CERTIFICATES))),
            _ => Ok(()),
        };
    };
    check(&named)?;
    match named.by == CERTIFICATES || before.as_deref() == Some(named.file.as_os_str()) {
        true => Ok(()),
        false => Err(begin_anew(|anew| anew.env(CERTIFICATES, &named.file).env(BEFORE, before.unwrap_or_default()))),
    }
}

/// This process with the same arguments, and with another environment. Returns only what prevents that.
fn begin_anew(with: impl FnOnce(&mut std::process::Command) -> &mut std::process::Command) -> Failure {
    let failed = |error| Failure::from(anyhow::Error::new(error).context("begin anew with other certificates"));
    let program = match env::current_exe() {
        Ok(program) => program,
        Err(error) => return failed(error),
    };
    let mut anew = std::process::Command::new(program);
    anew.args(env::args_os().skip(1));
    if let Some(called) = env::args_os().next() {
        anew.arg0(called);
    }
    failed(with(&mut anew).exec())
}

/// What a process that is started here is to have instead of what it would inherit.
pub(crate) fn environment_before() -> Option<(&'static str, Option<OsString>, &'static str)> {
    let before = env::var_os(BEFORE)?;
    Some((CERTIFICATES, Some(before).filter(|before| !before.is_empty()), BEFORE))
}

fn named(storage: &StorageArgs, names: &[&str], variable: impl Fn(&str) -> Option<OsString>) -> Option<Named> {
    let set = |by: &'static str| {
        let file = variable(by).filter(|value| !value.is_empty())?;
        Some(Named { file: file.into(), by })
    };
    if let Some(file) = &storage.ca_file {
        return Some(Named { file: file.clone(), by: "--ca-file" });
    }
    let is_meant = |(scheme, kind, _): &&(&str, &str, &str)| {
        let words = storage.storage.as_deref().into_iter().chain(names.iter().copied());
        words.into_iter().any(|word| word == *kind || word.split_once("://").is_some_and(|(said, _)| said == *scheme))
    };
    // What is not about a cloud needs none, whatever is set.
    let (_, _, by) = ECOSYSTEMS.iter().find(is_meant)?;
    // Some of those tools take a folder too.
    set(CERTIFICATES).or_else(|| set(by).filter(|named| !named.file.is_dir()))
}

/// Whether there is a certificate in it: a file without one would be found out by nothing but that nobody is trusted.
fn check(named: &Named) -> Result<(), Failure> {
    let Named { file, by } = named;
    let wrong = |why: String| {
        Failure::usage(format!("{by} {}: {why}; name a file of the authority's certificate in PEM", file.display()))
    };
    let found = std::fs::metadata(file).map_err(|error| wrong(error.to_string()))?;
    // It is read more than once.
    if !found.is_file() {
        return Err(wrong("it is no regular file".to_owned()));
    }
    let mut certificates = CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))?;
    match certificates.next() {
        Some(Ok(_)) => Ok(()),
        Some(Err(error)) => Err(wrong(error.to_string())),
        None => Err(wrong("it holds no certificate (-----BEGIN CERTIFICATE-----)".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Cli;
    use clap::Parser;

    #[test]
    fn who_names_the_file() {
        let named_by = |arguments: &[&str], variables: &[(&str, &str)]| {
            let cli = Cli::try_parse_from([&["sealift"], arguments].concat()).expect("arguments");
            let variable = |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| value.into());
            let storage = cli.command.storage().expect("a storage");
            named(storage, &cli.command.names(), variable).map(|named| (named.file.display().to_string(), named.by))
        };
        let of = |file: &str, by| Some((file.to_owned(), by));
        let all =
            [("AWS_CA_BUNDLE", "/aws"), ("REQUESTS_CA_BUNDLE", "/az"), ("CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "/gs")];
        assert_eq!(named_by(&["stat", "s3://b/k"], &all), of("/aws", "AWS_CA_BUNDLE"));
        assert_eq!(named_by(&["stat", "k", "--storage", "s3-native"], &all), of("/aws", "AWS_CA_BUNDLE"));
        assert_eq!(named_by(&["ls", "az://c"], &all), of("/az", "REQUESTS_CA_BUNDLE"));
        assert_eq!(named_by(&["rm", "gs://b/k"], &all), of("/gs", "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE"));
        assert_eq!(named_by(&["stat", "file:///x"], &all), None);
        assert_eq!(named_by(&["stat", "file:///x"], &[("SSL_CERT_FILE", "/gone")]), None);
        assert_eq!(named_by(&["stat", "az://c/k"], &[("REQUESTS_CA_BUNDLE", "/")]), None);
        assert_eq!(named_by(&["stat", "s3://b/k"], &[("AWS_CA_BUNDLE", "")]), None);
        let both = [all[0], ("SSL_CERT_FILE", "/ssl")];
        assert_eq!(named_by(&["stat", "s3://b/k"], &both), of("/ssl", "SSL_CERT_FILE"));
        assert_eq!(named_by(&["stat", "s3://b/k", "--ca-file", "/said"], &both), of("/said", "--ca-file"));
    }

    #[test]
    fn a_file_without_a_certificate_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let said = |file: &str| {
            check(&Named { file: folder.path().join(file), by: "--ca-file" }).expect_err("none").to_string()
        };
        assert!(said("missing").contains("No such file"), "{}", said("missing"));
        std::fs::write(folder.path().join("text"), "text").expect("written");
        assert!(said("text").contains("no certificate"), "{}", said("text"));
    }
}
