//! From arguments to an opened storage: the only place that knows all adapters. Which storage is meant is in `named`, and
//! what an adapter takes of the arguments in its own file.

#[cfg(feature = "azure")]
mod azure;
#[cfg(feature = "gcs")]
mod gcs;
#[cfg(not(all(feature = "s3", feature = "gcs", feature = "azure")))]
mod left_out;
mod local_fs;
mod named;
#[cfg(feature = "s3")]
mod s3;

use crate::args::{CodecArg, StorageArgs};
use crate::failure::Failure;
use jiff::SignedDuration;
#[cfg(not(feature = "azure"))]
use left_out::azure;
#[cfg(not(feature = "gcs"))]
use left_out::gcs;
#[cfg(not(feature = "s3"))]
use left_out::s3;
pub(crate) use named::check;
use named::{Cloud, Storage, named, parse_url, url_prefix};
use sealift::{Archive, Bucket, Budget, Codec, Compressor, Key, Level, ObjectStore, RetryPolicy, ZstdLevel};
use std::sync::Arc;
use std::time::Duration;

/// An opened storage, and where in it the command works.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) bucket: Bucket,
    prefix: String,
    /// What the command's NAME came to be, below the prefix.
    name: String,
}

/// What the streams of every storage go through.
struct Streams {
    compressor: Arc<Compressor>,
    budget: Budget,
    retry_policy: RetryPolicy,
}

impl Streams {
    /// Streams of `store`.
    fn of(self, store: impl ObjectStore) -> Bucket {
        Bucket::new(store, self.compressor, self.budget).with_retry_policy(self.retry_policy)
    }
}

impl Opened {
    /// Opens the storage for a command about the object `name`, which may be a whole URL.
    pub(crate) async fn object(args: &StorageArgs, name: &str) -> Result<Self, Failure> {
        match name.contains("://") {
            false => Opened::open(args, budget(args)?, named(args)?, &prefix(args)?, name).await,
            true => {
                let (storage, path) = parse_url(name)?;
                let (storage, key) = match storage {
                    // A file's URL has no root of its own: its folder is one.
                    Storage::Folder { root } => {
                        let (folder, file) = path.rsplit_once('/').unwrap_or(("", &path));
                        (Storage::Folder { root: root.join(folder) }, file.to_owned())
                    }
                    storage => (storage, path),
                };
                whole_url_alone(args)?;
                Opened::open(args, budget(args)?, storage, "", &key).await
            }
        }
    }

    /// Opens the storage for a command about everything below `name`, which may be a whole URL.
    pub(crate) async fn below(args: &StorageArgs, name: &str) -> Result<Self, Failure> {
        match name.contains("://") {
            false => Opened::open(args, budget(args)?, named(args)?, &prefix(args)?, name).await,
            true => {
                let (storage, path) = parse_url(name)?;
                whole_url_alone(args)?;
                match storage {
                    Storage::Folder { root } => {
                        Opened::open(args, budget(args)?, Storage::Folder { root: root.join(path) }, "", "").await
                    }
                    storage => Opened::open(args, budget(args)?, storage, "", &path).await,
                }
            }
        }
    }

    /// Opens the archive of backups below the prefix, whose files have `budget`. Not of zstd, which the tools that
    /// restore it could not read.
    pub(crate) async fn archive(args: &StorageArgs, budget: Budget) -> Result<Archive, Failure> {
        let storage = named(args)?;
        let in_folder = matches!(storage, Storage::Folder { .. });
        let opened = Opened::open(args, budget, storage, &prefix(args)?, "").await?;
        match opened.bucket.codec() {
            Codec::Zstd(_) => {
                return Err(Failure::usage(
                    "--codec zstd: the Aptos tools could not restore such a backup; use gzip, or none on local-fs",
                ));
            }
            Codec::Gzip(_) if in_folder => tracing::warn!(
                "--codec gzip on local-fs: aptos-db-tool cannot restore this with --local-fs-dir, which takes files as \
                 they are, but with a command adapter that decompresses, such as local_folder.sample.yaml; leave --codec \
                 out for the first"
            ),
            Codec::Plain if !in_folder => tracing::warn!(
                "--codec none: the command adapters with which the Aptos tools restore from a bucket decompress each \
                 file, and fail on these; leave --codec out for them"
            ),
            Codec::Gzip(_) | Codec::Plain => {}
        }
        Ok(Archive::new(opened.bucket, &opened.prefix)?)
    }

    async fn open(
        args: &StorageArgs,
        budget: Budget,
        storage: Storage,
        prefix: &str,
        name: &str,
    ) -> Result<Self, Failure> {
        let default_codec = match &storage {
            Storage::Bucket(..) => CodecArg::Gzip,
            Storage::Folder { .. } => CodecArg::None,
        };
        let codec = codec(args.codec.unwrap_or(default_codec), args.level)?;
        let compressor = Arc::new(Compressor::new(codec, args.compress_threads)?);
        let streams = Streams { budget, compressor, retry_policy: retry_policy(args)? };
        if args.s3.is_given() && !matches!(storage, Storage::Bucket(Cloud::S3, _)) {
            return Err(Failure::usage("--conditional-writes is for s3-native only"));
        }
        if args.azure.is_given() && !matches!(storage, Storage::Bucket(Cloud::Azure, _)) {
            return Err(Failure::usage("--account-name and --sas-file are for azure-native only"));
        }
        if args.gcs.is_given() && !matches!(storage, Storage::Bucket(Cloud::Gcs, _)) {
            return Err(Failure::usage("--credentials-file is for gcs-native only"));
        }
        let bucket = match storage {
            Storage::Bucket(Cloud::S3, bucket) => s3::open(args, bucket, streams).await?,
            Storage::Bucket(Cloud::Gcs, bucket) => gcs::open(args, bucket, streams).await?,
            Storage::Bucket(Cloud::Azure, container) => azure::open(args, container, streams).await?,
            Storage::Folder { root } => local_fs::open(root, streams)?,
        };
        Ok(Opened { bucket, prefix: prefix.to_owned(), name: name.to_owned() })
    }

    /// The key of the command's object.
    pub(crate) fn key(&self) -> Result<Key, Failure> {
        self.key_of(&self.name)
    }

    /// The key of the object `name`.
    pub(crate) fn key_of(&self, name: &str) -> Result<Key, Failure> {
        Ok(name.parse::<Key>()?.below(&self.prefix)?)
    }

    /// The key of the object `name` below what the command is about.
    pub(crate) fn key_below(&self, name: &str) -> Result<Key, Failure> {
        match self.name.trim_end_matches('/') {
            "" => self.key_of(name),
            folder => self.key_of(&format!("{folder}/{name}")),
        }
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

/// What every key begins with in the storage that --storage names.
fn prefix(args: &StorageArgs) -> Result<String, Failure> {
    let of_url = url_prefix(args)?;
    let prefixes = [of_url.trim_matches('/'), args.prefix.trim_matches('/')];
    Ok(prefixes.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/"))
}

fn budget(args: &StorageArgs) -> Result<Budget, Failure> {
    Ok(Budget::new(args.memory.as_u64())?)
}

fn retry_policy(args: &StorageArgs) -> Result<RetryPolicy, Failure> {
    let time = args.give_up_after.map(|time| time_from_now("--give-up-after", time)).transpose()?;
    Ok(time.map_or_else(RetryPolicy::default, RetryPolicy::new))
}

/// The time that `option` says.
pub(crate) fn time_from_now(option: &str, time: SignedDuration) -> Result<Duration, Failure> {
    Duration::try_from(time).map_err(|_| Failure::usage(format!("{option} is a time from now on: 30s, 5m, 1h")))
}

fn codec(codec: CodecArg, level: Option<u8>) -> Result<Codec, Failure> {
    match (codec, level) {
        (CodecArg::Gzip, level) => Ok(Codec::Gzip(level.map_or(Ok(Level::default()), Level::new)?)),
        (CodecArg::Zstd, level) => Ok(Codec::Zstd(level.map_or(Ok(ZstdLevel::default()), ZstdLevel::new)?)),
        (CodecArg::None, None) => Ok(Codec::Plain),
        (CodecArg::None, Some(_)) => {
            Err(Failure::usage("--level is for what is compressed: say --codec gzip or --codec zstd with it"))
        }
    }
}

fn whole_url_alone(args: &StorageArgs) -> Result<(), Failure> {
    match args.bucket.is_some() || args.local_fs_dir.is_some() || !args.prefix.is_empty() {
        true => Err(Failure::usage("a whole URL leaves no room for --bucket, --container, --local-fs-dir or --prefix")),
        false => Ok(()),
    }
}
