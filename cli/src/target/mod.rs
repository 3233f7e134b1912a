//! From arguments to an opened storage: the only place that knows all adapters.

use crate::args::{ChecksumsArg, CodecArg, StorageArgs};
use crate::failure::Failure;
use percent_encoding::percent_decode_str;
use sealift::{Bucket, Budget, Codec, Compressor, Key, Level, ObjectStore};
use sealift_local_fs::LocalFs;
use sealift_s3::{Checksums, Credentials, S3Options, S3Store};
use std::path::PathBuf;
use std::sync::Arc;

/// An opened storage, and where in it the command works.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) bucket: Bucket,
    prefix: String,
    /// What the command's NAME came to be, below the prefix.
    name: String,
}

/// Which storage is meant.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    S3 { bucket: String },
    LocalFs { root: PathBuf },
}

impl Target {
    /// Opens the storage for a command about the object `name`, which may be a whole URL.
    pub(crate) async fn open_object(args: &StorageArgs, name: &str) -> Result<Self, Failure> {
        match name.contains("://") {
            false => Target::open(args, place(args)?, &args.prefix, name).await,
            true => {
                let (place, path) = parse_url(name)?;
                let (place, key) = match place {
                    // A file's URL has no root of its own: its folder is one.
                    Place::LocalFs { root } => {
                        let (folder, file) = path.rsplit_once('/').unwrap_or(("", &path));
                        (Place::LocalFs { root: root.join(folder) }, file.to_owned())
                    }
                    place => (place, path),
                };
                whole_url_alone(args)?;
                Target::open(args, place, "", &key).await
            }
        }
    }

    /// Opens the storage for a command about everything below `name`, which may be a whole URL.
    pub(crate) async fn open_prefix(args: &StorageArgs, name: &str) -> Result<Self, Failure> {
        match name.contains("://") {
            false => Target::open(args, place(args)?, &args.prefix, name).await,
            true => {
                let (place, path) = parse_url(name)?;
                whole_url_alone(args)?;
                match place {
                    Place::LocalFs { root } => {
                        Target::open(args, Place::LocalFs { root: root.join(path) }, "", "").await
                    }
                    place => Target::open(args, place, "", &path).await,
                }
            }
        }
    }

    async fn open(args: &StorageArgs, place: Place, prefix: &str, name: &str) -> Result<Self, Failure> {
        let (place_prefix, default_codec) = match &place {
            Place::S3 { .. } => (url_prefix(args)?, CodecArg::Gzip),
            Place::LocalFs { .. } => (String::new(), CodecArg::None),
        };
        let codec = match args.codec.unwrap_or(default_codec) {
            CodecArg::Gzip => Codec::Gzip(Level::new(args.level)?),
            CodecArg::None => Codec::Plain,
        };
        let budget = Budget::new(args.memory.as_u64())?;
        let compressor = Arc::new(Compressor::new(codec, args.compress_threads)?);
        let bucket = match place {
            Place::S3 { bucket } => open_bucket(S3Store::connect(s3_options(args, bucket)).await?, compressor, budget),
            Place::LocalFs { root } => open_bucket(LocalFs::open(root)?, compressor, budget),
        };
        let prefixes = [place_prefix.trim_matches('/'), prefix.trim_matches('/')];
        let prefix = prefixes.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
        Ok(Target { bucket, prefix, name: name.to_owned() })
    }

    /// The key of the command's object.
    pub(crate) fn key(&self) -> Result<Key, Failure> {
        self.key_of(&self.name)
    }

    /// The key of the object `name`.
    pub(crate) fn key_of(&self, name: &str) -> Result<Key, Failure> {
        Ok(name.parse::<Key>()?.below(&self.prefix)?)
    }

    /// What the keys of everything that the command is about begin with.
    pub(crate) fn key_prefix(&self) -> String {
        match self.prefix.as_str() {
            "" => self.name.clone(),
            prefix => format!("{prefix}/{}", self.name),
        }
    }

    /// How `key` is called on the command line.
    pub(crate) fn name_of<'a>(&self, key: &'a str) -> &'a str {
        key.strip_prefix(&self.prefix).map_or(key, |rest| rest.trim_start_matches('/'))
    }

    /// The URL of an object.
    pub(crate) fn location(&self, key: &Key) -> String {
        format!("{}/{key}", self.bucket.url())
    }
}

fn open_bucket(store: impl ObjectStore, compressor: Arc<Compressor>, budget: Budget) -> Bucket {
    Bucket::new(store, compressor, budget)
}

fn s3_options(args: &StorageArgs, bucket: String) -> S3Options {
    let mut options = S3Options::new(bucket);
    options.endpoint_url = args.endpoint_url.clone();
    options.region = args.region.clone();
    options.part_size = args.part_size.map(|size| size.as_u64());
    options.expected_size = args.expected_size.map(|size| size.as_u64());
    options.checksums = args.checksums.map(|checksums| match checksums {
        ChecksumsArg::FullObject => Checksums::FullObject,
        ChecksumsArg::None => Checksums::None,
    });
    if args.anonymous {
        options.credentials = Credentials::Anonymous;
    }
    options
}

/// Refuses options that name no storage, without opening it.
pub(crate) fn check(args: &StorageArgs) -> Result<(), Failure> {
    place(args).map(|_| ())
}

/// The storage that --storage names, without its prefix.
fn place(args: &StorageArgs) -> Result<Place, Failure> {
    let missing = |what: &str| Failure::Usage(format!("--storage {what}"));
    match args.storage.as_deref() {
        Some("s3-native") => match &args.bucket {
            Some(bucket) => Ok(Place::S3 { bucket: bucket.clone() }),
            None => Err(missing("s3-native needs --bucket NAME; or say --storage s3://BUCKET/PREFIX")),
        },
        Some("local-fs") => match &args.local_fs_dir {
            Some(root) => Ok(Place::LocalFs { root: root.clone() }),
            None => Err(missing("local-fs needs --local-fs-dir FOLDER; or say --storage file:///FOLDER")),
        },
        Some(url) if url.contains("://") => match parse_url(url)? {
            (Place::LocalFs { root }, path) => Ok(Place::LocalFs { root: root.join(path) }),
            (place, _) => Ok(place),
        },
        Some(other) => Err(Failure::Usage(format!(
            "--storage {other}: unknown; use s3-native, local-fs, command-adapter, s3://BUCKET/PREFIX or file:///FOLDER"
        ))),
        None => Err(Failure::Usage(
            "no storage was named; use --storage s3://BUCKET/PREFIX or --storage file:///FOLDER, \
             set SEALIFT_STORAGE, or give the object's whole URL"
                .into(),
        )),
    }
}

/// The prefix in the URL of --storage.
fn url_prefix(args: &StorageArgs) -> Result<String, Failure> {
    match args.storage.as_deref() {
        Some(url) if url.contains("://") => parse_url(url).map(|(_, path)| path),
        _ => Ok(String::new()),
    }
}

fn whole_url_alone(args: &StorageArgs) -> Result<(), Failure> {
    match args.bucket.is_some() || args.local_fs_dir.is_some() || !args.prefix.is_empty() {
        true => Err(Failure::Usage("a whole URL leaves no room for --bucket, --local-fs-dir or --prefix".into())),
        false => Ok(()),
    }
}

/// A URL as a storage and the path in it. Only file URLs are percent-decoded: an S3 key may hold any character.
fn parse_url(url: &str) -> Result<(Place, String), Failure> {
    // Not all of it is shown: what follows a question mark may be a signature.
    let wrong = |why: &str| Failure::Usage(format!("{}: {why}", url.split('?').next().unwrap_or_default()));
    if let Some(rest) = url.strip_prefix("s3://") {
        let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
        return match bucket {
            "" => Err(wrong("it names no bucket; use s3://BUCKET/PREFIX")),
            bucket => Ok((Place::S3 { bucket: bucket.to_owned() }, path.to_owned())),
        };
    }
    if let Some(rest) = url.strip_prefix("file://") {
        let path = rest.strip_prefix("localhost").unwrap_or(rest);
        let path = percent_decode_str(path).decode_utf8().map_err(|_| wrong("it is not UTF-8"))?;
        return match path.strip_prefix('/') {
            Some(path) => Ok((Place::LocalFs { root: PathBuf::from("/") }, path.trim_end_matches('/').to_owned())),
            None => Err(wrong("a file URL has three slashes and an absolute path: file:///FOLDER")),
        };
    }
    Err(wrong("unknown kind of URL; use s3://BUCKET/PREFIX or file:///FOLDER"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let s3 = |bucket: &str| Place::S3 { bucket: bucket.into() };
        let parsed = |url: &str| parse_url(url).expect("a URL");
        assert_eq!(parsed("s3://b"), (s3("b"), String::new()));
        assert_eq!(parsed("s3://b/p/q"), (s3("b"), "p/q".into()));
        assert_eq!(parsed("file:///a%20b/c/"), (Place::LocalFs { root: "/".into() }, "a b/c".into()));
        for bad in ["s3://", "file://a/b", "ftp://x/y"] {
            assert!(parse_url(bad).is_err(), "{bad}");
        }
    }
}
