//! Which storage is meant: `--storage`, or a whole URL.

use crate::args::StorageArgs;
use crate::failure::Failure;
use percent_encoding::percent_decode_str;
use std::path::PathBuf;

/// A storage, by its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Storage {
    /// A bucket of a cloud.
    Bucket(Cloud, String),
    Folder {
        root: PathBuf,
    },
}

/// The clouds that there are adapters for, whether they are in this build or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cloud {
    S3,
    Gcs,
    Azure,
}

/// What a cloud is called on the command line.
struct Words {
    /// As `--storage`.
    kind: &'static str,
    scheme: &'static str,
    /// Its word for a bucket, which is an option too.
    bucket: &'static str,
}

impl Cloud {
    const ALL: [Cloud; 3] = [Cloud::S3, Cloud::Gcs, Cloud::Azure];

    const fn words(self) -> Words {
        match self {
            Cloud::S3 => Words { kind: "s3-native", scheme: "s3", bucket: "bucket" },
            Cloud::Gcs => Words { kind: "gcs-native", scheme: "gs", bucket: "bucket" },
            // The account is not in the URL: az://CONTAINER/PATH is how others write it (fsspec, DuckDB, Polars, delta-rs),
            // and an account in its place would be taken for a container, and a container for an account. It is said
            // by --account-name or the environment, as the endpoint of an S3 service is.
            Cloud::Azure => Words { kind: "azure-native", scheme: "az", bucket: "container" },
        }
    }

    /// How its URLs look.
    fn example(self) -> String {
        let Words { scheme, bucket, .. } = self.words();
        format!("{scheme}://{}/PREFIX", bucket.to_uppercase())
    }

    /// Whether this could be a bucket's name, as far as what comes before the first slash of a URL could be a secret.
    fn takes(self, bucket: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'$');
        match self {
            Cloud::S3 => !bucket.contains('@'),
            Cloud::Gcs => bucket.bytes().all(|byte| plain(byte) || matches!(byte, b'_' | b'.')),
            Cloud::Azure => bucket.bytes().all(plain),
        }
    }
}

/// The URLs there are, for messages.
fn urls() -> String {
    let clouds = Cloud::ALL.map(Cloud::example).join(", ");
    format!("{clouds} or file:///FOLDER")
}

/// The storage that --storage names, without its prefix.
pub(super) fn named(args: &StorageArgs) -> Result<Storage, Failure> {
    let missing = |what: String| Err(Failure::usage(format!("--storage {what}")));
    let storage = args.storage.as_deref();
    if let Some(cloud) = Cloud::ALL.into_iter().find(|cloud| storage == Some(cloud.words().kind)) {
        let Words { kind, bucket, .. } = cloud.words();
        return match &args.bucket {
            Some(bucket) => Ok(Storage::Bucket(cloud, bucket.clone())),
            None => missing(format!("{kind} needs --{bucket} NAME; or say --storage {}", cloud.example())),
        };
    }
    match storage {
        Some("local-fs") => match &args.local_fs_dir {
            Some(root) => Ok(Storage::Folder { root: root.clone() }),
            None => missing("local-fs needs --local-fs-dir FOLDER; or say --storage file:///FOLDER".into()),
        },
        Some(url) if url.contains("://") => match parse_url(url)? {
            (Storage::Folder { root }, path) => Ok(Storage::Folder { root: root.join(path) }),
            (storage, _) => Ok(storage),
        },
        Some(other) => {
            // What is no word may be a connection string, and hold a key.
            let word = other.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            let shown = if word { other } else { "(not shown)" };
            let kinds = Cloud::ALL.map(|cloud| cloud.words().kind).join(", ");
            missing(format!("{shown}: unknown; use {kinds}, local-fs, command-adapter, {}", urls()))
        }
        None => Err(Failure::usage(format!(
            "no storage was named; use --storage {}, set SEALIFT_STORAGE, or give the object's whole URL",
            urls()
        ))),
    }
}

/// Refuses options that name no storage, or with a secret in them, for a command that only writes them down.
pub(crate) fn check(args: &StorageArgs) -> Result<(), Failure> {
    match args.endpoint_url.as_deref().is_some_and(holds_secret) {
        true => Err(secret("--endpoint-url")),
        false => named(args).map(drop),
    }
}

/// The prefix in the URL of --storage. A file's URL has none: all of its path is the folder.
pub(super) fn url_prefix(args: &StorageArgs) -> Result<String, Failure> {
    match args.storage.as_deref() {
        Some(url) if url.contains("://") => match parse_url(url)? {
            (Storage::Folder { .. }, _) => Ok(String::new()),
            (Storage::Bucket(..), path) => Ok(path),
        },
        _ => Ok(String::new()),
    }
}

/// A URL as a storage and the path in it. Only file URLs are percent-decoded: a key may hold any character.
pub(super) fn parse_url(url: &str) -> Result<(Storage, String), Failure> {
    if holds_secret(url) {
        return Err(secret("the URL"));
    }
    // Not all of it is shown: what follows a question mark may be a signature of a kind that is not known here.
    let wrong = |why: String| Failure::usage(format!("{}: {why}", url.split('?').next().unwrap_or_default()));
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    if let Some(cloud) = Cloud::ALL.into_iter().find(|cloud| scheme == cloud.words().scheme) {
        let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
        let Words { bucket: word, .. } = cloud.words();
        return match bucket {
            "" => Err(wrong(format!("it names no {word}; use {}", cloud.example()))),
            bucket if cloud.takes(bucket) => Ok((Storage::Bucket(cloud, bucket.to_owned()), path.to_owned())),
            _ => Err(Failure::usage(format!(
                "the URL (not shown) has something else than the name of a {word} before its path; use {}",
                cloud.example()
            ))),
        };
    }
    if scheme == "file" {
        let path = rest.strip_prefix("localhost").unwrap_or(rest);
        let path = percent_decode_str(path).decode_utf8().map_err(|_| wrong("it is not UTF-8".into()))?;
        return match path.strip_prefix('/') {
            Some(path) => Ok((Storage::Folder { root: PathBuf::from("/") }, path.trim_end_matches('/').to_owned())),
            None => Err(wrong("a file URL has three slashes and an absolute path: file:///FOLDER".into())),
        };
    }
    if let Some((account, (_, path))) = rest.split_once(".blob.").and_then(|(a, rest)| Some((a, rest.split_once('/')?)))
    {
        return Err(wrong(format!("say az://{path} with --account-name {account}")));
    }
    Err(wrong(format!("unknown kind of URL; use {}", urls())))
}

fn secret(what: &str) -> Failure {
    Failure::usage(format!(
        "{what} (not shown) holds a signature or a password, and everybody on this machine can read a command line: \
         give it by the environment or a file instead (a shared access signature by AZURE_STORAGE_SAS_TOKEN or --sas-file)"
    ))
}

/// Whether a URL is signed, or has a user and a password.
fn holds_secret(url: &str) -> bool {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    // Wherever the question mark is: what comes after it may hold the `://`.
    let signed = url.split_once('?').is_some_and(|(_, query)| {
        let query = query.to_lowercase();
        query.contains("sig=") || query.contains("signature=")
    });
    // A password may hold slashes, a bucket's name (an ARN) colons, and a key both and an @.
    let first = rest.split('/').next().unwrap_or_default();
    let password = first.contains(':') && !first.starts_with("arn:") && rest.contains('@');
    signed || password || first.contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_what_they_name() {
        let s3 = |bucket: &str| Storage::Bucket(Cloud::S3, bucket.into());
        let azure = |container: &str| Storage::Bucket(Cloud::Azure, container.into());
        let parsed = |url: &str| parse_url(url).expect("a URL");
        assert_eq!(parsed("s3://b"), (s3("b"), String::new()));
        assert_eq!(parsed("s3://b/p/q"), (s3("b"), "p/q".into()));
        assert_eq!(parsed("s3://b/p@q?r:s"), (s3("b"), "p@q?r:s".into()));
        assert_eq!(parsed("s3://arn:aws:s3:x/p@q").1, "p@q");
        assert_eq!(parsed("gs://b_1.example/p q"), (Storage::Bucket(Cloud::Gcs, "b_1.example".into()), "p q".into()));
        assert_eq!(parsed("az://c"), (azure("c"), String::new()));
        assert_eq!(parsed("az://$root/p%20q"), (azure("$root"), "p%20q".into()));
        assert_eq!(parsed("file:///a%20b/c/"), (Storage::Folder { root: "/".into() }, "a b/c".into()));
        for bad in ["s3://", "gs://", "gs:///p", "gs://Bucket", "az://", "file://a/b", "ftp://x/y"] {
            assert!(parse_url(bad).is_err(), "{bad}");
        }
        let portal = parse_url("https://acct.blob.core.windows.net/c/p").expect_err("another form").to_string();
        assert!(portal.contains("az://c/p with --account-name acct"), "{portal}");
    }

    #[test]
    fn secrets_in_urls_are_refused_and_not_repeated() {
        for url in [
            "az://c/p?sv=1&sig=s3cret",
            "az://c?SIG=s3cret",
            "https://acct.blob.core.windows.net/c/p?sv=1&sig=s3cret%3D",
            "az://acct:s3cret@c/p",
            "az://acct:s3/cret@c/p",
            "az://s3cret==@c/p",
            "az://s3cret==/p",
            "s3://AKIA:s3/cret@b/p",
            "https://u:s3cret@h/p",
            "https://b.example/p?X-Amz-Signature=s3cret",
            "https://b.example/p?token=s3cret",
            "host?://a.blob.b/sig=s3cret",
            "host?a://b&sig=s3cret",
        ] {
            let error = parse_url(url).expect_err(url).to_string();
            assert!(!error.contains("cret"), "{error}");
        }
    }
}
