//! Which storage is meant: `--storage`, or a whole URL.

use crate::args::StorageArgs;
use crate::failure::Failure;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
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
            // Which of two buckets is meant, nobody can tell.
            _ if args.bucket.is_some() || args.local_fs_dir.is_some() => {
                missing("names the bucket or the folder: leave out --bucket, --container and --local-fs-dir".into())
            }
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
        let (bucket, path) = match cloud {
            Cloud::S3 => split_arn(rest),
            Cloud::Gcs | Cloud::Azure => None,
        }
        .unwrap_or_else(|| rest.split_once('/').unwrap_or((rest, "")));
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

/// The ARN of an access point and the path behind it. An ARN may hold slashes: `arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME`,
/// `arn:aws:s3-outposts:REGION:ACCOUNT:outpost/ID/accesspoint/NAME` (AWS, "Resource types defined by Amazon S3").
fn split_arn(rest: &str) -> Option<(&str, &str)> {
    const KIND: &str = "accesspoint";
    let kind = rest.strip_prefix("arn:").and_then(|_| rest.find(KIND))? + KIND.len();
    let name = rest[kind..].strip_prefix(['/', ':'])?;
    let end = rest.len() - name.len() + name.find('/').unwrap_or(name.len());
    Some((&rest[..end], rest[end..].strip_prefix('/').unwrap_or_default()))
}

/// Whether a NAME is a whole URL.
pub(super) fn is_url(name: &str) -> bool {
    name.contains("://")
}

/// The storage that all these URLs lead to, and the names of their objects in it. At least one of them is a URL.
pub(super) fn objects_by_url(urls: &[&str]) -> Result<(Storage, Vec<String>), Failure> {
    let mut storages: Vec<Storage> = Vec::new();
    let mut paths = Vec::new();
    for url in urls {
        if !is_url(url) {
            return Err(Failure::usage(format!("{url}: beside a whole URL all names are whole URLs")));
        }
        let (storage, path) = parse_url(url)?;
        if storages.first().is_some_and(|first| *first != storage) {
            return Err(Failure::usage(
                "the URLs lead to two storages, and a command works in one: `sealift get` of the one and `sealift put` \
                 to the other copies",
            ));
        }
        storages.push(storage);
        paths.push(path);
    }
    match storages.pop() {
        // A file's URL has no root of its own: the folder that holds all of them is one.
        Some(Storage::Folder { root }) => {
            let folder = common_folder(&paths);
            let names = paths.iter().map(|path| path[folder.len()..].trim_start_matches('/').to_owned()).collect();
            Ok((Storage::Folder { root: root.join(&folder) }, names))
        }
        Some(bucket) => Ok((bucket, paths)),
        None => Err(Failure::usage("nothing is named")),
    }
}

/// The folder that holds all of these files.
fn common_folder(paths: &[String]) -> String {
    let folder_of = |path: &String| path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
    let mut common = paths.first().map(folder_of).unwrap_or_default();
    while !common.is_empty()
        && !paths.iter().all(|path| path.strip_prefix(&common).is_some_and(|it| it.starts_with('/')))
    {
        common = folder_of(&common);
    }
    common
}

/// The whole URL of the object `key`, as a command line takes it. `storage` is the URL of its storage.
pub(super) fn url_of(storage: &str, key: &str) -> String {
    /// What a path in a URL has as it is: RFC 3986, "pchar", and the slash.
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~')
        .remove(b'/')
        .remove(b'!')
        .remove(b'$')
        .remove(b'&')
        .remove(b'\'')
        .remove(b'(')
        .remove(b')')
        .remove(b'*')
        .remove(b'+')
        .remove(b',')
        .remove(b';')
        .remove(b'=')
        .remove(b':')
        .remove(b'@');
    match storage.strip_prefix("file://") {
        Some(root) => format!("file://{}/{}", root.trim_end_matches('/'), utf8_percent_encode(key, KEPT)),
        None => format!("{storage}/{key}"),
    }
}

fn secret(what: &str) -> Failure {
    Failure::usage(format!(
        "{what} (not shown) holds a signature or a password, and everybody on this machine can read a command line: \
         give it by the environment or a file instead (a shared access signature by AZURE_STORAGE_SAS_TOKEN or --sas-file)"
    ))
}

/// Whether a value can be shown: one that may hold a secret, as a signed URL or a connection string do, cannot.
pub(crate) fn may_be_shown(value: &str) -> bool {
    let lower = value.to_lowercase();
    !(holds_secret(value) && value.contains("://")
        || ["key=", "signature=", "sig="].iter().any(|part| lower.contains(part)))
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
        for arn in [
            "arn:aws:s3:us-west-2:123456789012:accesspoint/my-ap",
            "arn:aws:s3:us-west-2:123456789012:accesspoint:my-ap",
            "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-01/accesspoint/my-ap",
            "arn:aws:s3-object-lambda:us-west-2:123456789012:accesspoint/my-ap",
        ] {
            assert_eq!(parsed(&format!("s3://{arn}/p/q")), (s3(arn), "p/q".into()));
            assert_eq!(parsed(&format!("s3://{arn}")), (s3(arn), String::new()));
        }
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
    fn several_urls_are_of_one_storage() {
        let objects = |urls: &[&str]| objects_by_url(urls).map_err(|error| error.to_string());
        let s3 = Storage::Bucket(Cloud::S3, "b".into());
        assert_eq!(objects(&["s3://b/x", "s3://b//y/"]), Ok((s3, vec!["x".into(), "/y/".into()])));
        for (urls, root, names) in [
            (&["file:///a/b/x"][..], "/a/b", &["x"][..]),
            (&["file:///a/b/x", "file:///a/b/c/y"], "/a/b", &["x", "c/y"]),
            (&["file:///a/b/x", "file:///a/bc/y"], "/a", &["b/x", "bc/y"]),
            (&["file:///a/x", "file:///b/y"], "/", &["a/x", "b/y"]),
            (&["file:///x"], "/", &["x"]),
        ] {
            let names = names.iter().map(|&name| name.to_owned()).collect();
            assert_eq!(objects(urls), Ok((Storage::Folder { root: root.into() }, names)), "{urls:?}");
        }
        for urls in [["s3://b/x", "s3://c/x"], ["s3://b/x", "gs://b/x"], ["s3://b/x", "y"], ["y", "s3://b/x"]] {
            assert!(objects(&urls).is_err(), "{urls:?}");
        }
        assert_eq!(url_of("s3://b", "/a b%"), "s3://b//a b%");
        assert_eq!(url_of("file:///", "a b/%"), "file:///a%20b/%25");
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
