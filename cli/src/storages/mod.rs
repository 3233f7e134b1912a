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
mod pair;
#[cfg(feature = "s3")]
mod s3;

use crate::activity;
use crate::args::{CodecArg, LevelArg, StorageArgs};
use crate::failure::Failure;
use jiff::SignedDuration;
#[cfg(not(feature = "azure"))]
use left_out::azure;
#[cfg(not(feature = "gcs"))]
use left_out::gcs;
#[cfg(not(feature = "s3"))]
use left_out::s3;
use named::{Cloud, Storage, is_url, named, objects_by_url, parse_url, url_of, url_prefix};
pub(crate) use named::{check, may_be_shown};
pub(crate) use pair::{Pair, Sides, is_command_adapter, open_pair, open_side};
use sealift::{
    Archive, Bucket, Budget, Codec, Compressor, Error, ErrorKind, Key, Level, ObjectStore, RetryPolicy, ZstdLevel,
};
use sealift_local_fs::EmptiedFolders;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// An opened storage, and where in it the command works.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) bucket: Bucket,
    prefix: String,
    /// What the command's NAMEs came to be, below the prefix.
    names: Vec<String>,
    spelled: Spelled,
    /// Where all of it is, on this machine.
    folder: Option<PathBuf>,
}

/// How the command line names what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelled {
    /// Below the storage that --storage names.
    ByName,
    /// As a whole URL.
    ByUrl,
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
        let bucket = Bucket::new(store, self.compressor, self.budget).with_retry_policy(self.retry_policy);
        activity::count(&bucket);
        bucket
    }
}

impl Opened {
    /// Opens the storage for a command about the object `name`, which may be a whole URL.
    pub(crate) async fn object(args: &StorageArgs, name: &str) -> Result<Self, Failure> {
        Opened::objects(args, &[name]).await
    }

    /// Opens the storage for a command about the objects `names`, at least one. They may be whole URLs, all of one storage.
    pub(crate) async fn objects(args: &StorageArgs, names: &[&str]) -> Result<Self, Failure> {
        if names.iter().all(|name| !is_url(name)) {
            return Opened::named(args, names).await;
        }
        whole_url_alone(args)?;
        let (storage, names) = objects_by_url(names)?;
        Opened::open(args, budget(args)?, storage, "", names, Spelled::ByUrl).await
    }

    /// Opens the storage for a command about everything below `name`, which may be a whole URL.
    pub(crate) async fn below(args: &StorageArgs, name: &str) -> Result<Self, Failure> {
        Opened::below_with(args, name, budget(args)?).await
    }

    /// As [`below`](Self::below), where files have `budget`.
    pub(crate) async fn below_with(args: &StorageArgs, name: &str, budget: Budget) -> Result<Self, Failure> {
        if !is_url(name) {
            let names = vec![name.to_owned()];
            return Opened::open(args, budget, named(args)?, &prefix(args)?, names, Spelled::ByName).await;
        }
        whole_url_alone(args)?;
        Opened::elsewhere(args, name, budget).await
    }

    /// Opens the storage that a whole URL leads to, whatever else the command is about.
    pub(crate) async fn elsewhere(args: &StorageArgs, name: &str, budget: Budget) -> Result<Self, Failure> {
        let (storage, name) = match parse_url(name)? {
            (Storage::Folder { root }, path) => {
                let path = root.join(path);
                match (path.parent(), path.file_name().and_then(|name| name.to_str())) {
                    // One file is what a bucket's object is.
                    (Some(folder), Some(name)) if is_file(&path).await => {
                        (Storage::Folder { root: folder.to_owned() }, name.to_owned())
                    }
                    _ => (Storage::Folder { root: path }, String::new()),
                }
            }
            bucket => bucket,
        };
        Opened::open(args, budget, storage, "", vec![name], Spelled::ByUrl).await
    }

    /// Opens a folder of ours as a storage, whatever the command is about. Its files are stored as they are.
    pub(crate) fn folder(args: &StorageArgs, root: &Path, budget: Budget) -> Result<Self, Failure> {
        let compressor = Arc::new(Compressor::new(Codec::Plain, args.compress_threads)?);
        let streams = Streams { budget, compressor, retry_policy: retry_policy(args)? };
        let bucket = local_fs::open(root.to_owned(), EmptiedFolders::Kept, streams)?;
        let (names, folder) = (vec![String::new()], Some(root.to_owned()));
        Ok(Opened { bucket, prefix: String::new(), names, spelled: Spelled::ByUrl, folder })
    }

    /// Opens what --storage names.
    async fn named(args: &StorageArgs, names: &[&str]) -> Result<Self, Failure> {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        Opened::open(args, budget(args)?, named(args)?, &prefix(args)?, names, Spelled::ByName).await
    }

    /// Opens the archive of backups below the prefix, whose files have `budget`. Not of zstd, which the tools that
    /// restore it could not read.
    pub(crate) async fn archive(args: &StorageArgs, budget: Budget) -> Result<Archive, Failure> {
        let storage = named(args)?;
        let opened = Opened::open(args, budget, storage, &prefix(args)?, Vec::new(), Spelled::ByName).await?;
        let in_folder = opened.folder.is_some();
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
        opened.into_archive()
    }

    /// The archive of backups below what the command is about.
    pub(crate) fn into_archive(self) -> Result<Archive, Failure> {
        let prefix = self.within();
        Ok(Archive::new(self.bucket, &prefix)?)
    }

    /// The URL of what the command is about, and all that is below it.
    pub(crate) fn location_within(&self) -> String {
        match self.within().trim_matches('/') {
            "" => self.bucket.url(),
            within => url_of(&self.bucket.url(), within),
        }
    }

    async fn open(
        args: &StorageArgs,
        budget: Budget,
        storage: Storage,
        prefix: &str,
        names: Vec<String>,
        spelled: Spelled,
    ) -> Result<Self, Failure> {
        let default_codec = match &storage {
            Storage::Bucket(..) => CodecArg::Gzip,
            Storage::Folder { .. } => CodecArg::None,
        };
        let compressor = Arc::new(compressor(args, default_codec)?);
        let streams = Streams { budget, compressor, retry_policy: retry_policy(args)? };
        if args.s3.is_given() && !matches!(storage, Storage::Bucket(Cloud::S3, _)) {
            return Err(Failure::usage("--conditional-writes and --addressing are for s3-native only"));
        }
        if args.azure.is_given() && !matches!(storage, Storage::Bucket(Cloud::Azure, _)) {
            return Err(Failure::usage("--account-name and --sas-file are for azure-native only"));
        }
        if args.gcs.is_given() && !matches!(storage, Storage::Bucket(Cloud::Gcs, _)) {
            return Err(Failure::usage("--credentials-file is for gcs-native only"));
        }
        // The folder that holds the files of several URLs is chosen here, and was never said to be a storage.
        let emptied = match spelled {
            Spelled::ByUrl if names.len() > 1 => EmptiedFolders::Kept,
            _ => EmptiedFolders::Removed,
        };
        let folder = match &storage {
            Storage::Folder { root } => Some(root.clone()),
            Storage::Bucket(..) => None,
        };
        let bucket = match storage {
            Storage::Bucket(Cloud::S3, bucket) => s3::open(args, bucket, streams).await?,
            Storage::Bucket(Cloud::Gcs, bucket) => gcs::open(args, bucket, streams).await?,
            Storage::Bucket(Cloud::Azure, container) => azure::open(args, container, streams).await?,
            Storage::Folder { root } => local_fs::open(root, emptied, streams)?,
        };
        Ok(Opened { bucket, prefix: prefix.to_owned(), names, spelled, folder })
    }

    /// The key by which the command is to store.
    pub(crate) fn new_key(&self) -> Result<Key, Failure> {
        self.new_key_of(self.name())
    }

    /// The key below the prefix by which `name` is to be stored.
    pub(crate) fn new_key_of(&self, name: &str) -> Result<Key, Failure> {
        Ok(name.parse::<Key>()?.below(&self.prefix)?)
    }

    /// The key by which `name` is to be stored below what the command is about.
    pub(crate) fn new_key_below(&self, name: &str) -> Result<Key, Failure> {
        match self.name().trim_end_matches('/') {
            "" => self.new_key_of(name),
            folder => self.new_key_of(&format!("{folder}/{name}")),
        }
    }

    /// The key of the command's object, which is there.
    pub(crate) fn key(&self) -> Result<Key, Failure> {
        Ok(Key::existing(&self.within_prefix(self.name()))?)
    }

    /// The keys of all the objects that the command names, which are there.
    pub(crate) fn keys(&self) -> Result<Vec<Key>, Failure> {
        self.names.iter().map(|name| Ok(Key::existing(&self.within_prefix(name))?)).collect()
    }

    /// The name in the storage of what the command is about, and all that is below it.
    pub(crate) fn within(&self) -> String {
        self.within_prefix(self.name())
    }

    /// Says so where all of it is to be in a folder that is not there, as a cloud says so of a bucket. A folder is made when
    /// something is stored, so only who looks for something asks.
    pub(crate) async fn check_folder(&self) -> Result<(), Failure> {
        let Some(folder) = &self.folder else { return Ok(()) };
        match tokio::fs::try_exists(folder).await {
            Ok(false) => {
                let error = Error::new(ErrorKind::NoSuchBucket, "list", self.bucket.url(), "there is no such folder");
                Err(error.with_hint("check the path").into())
            }
            // What else is wrong with it, the listing says.
            Ok(true) | Err(_) => Ok(()),
        }
    }

    /// The command's NAMEs, below the prefix.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    fn name(&self) -> &str {
        self.names.first().map(String::as_str).unwrap_or_default()
    }

    fn within_prefix(&self, name: &str) -> String {
        match self.prefix.as_str() {
            "" => name.to_owned(),
            prefix => format!("{prefix}/{name}"),
        }
    }

    /// How `key` is called on the same command line: behind `get` it is read.
    pub(crate) fn name_of(&self, key: &str) -> String {
        let name = match self.prefix.as_str() {
            "" => Some(key),
            prefix => key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')),
        };
        match name {
            // One that begins with a dash would be an option.
            Some(name) if self.spelled == Spelled::ByName && !is_url(name) && !name.starts_with('-') => name.to_owned(),
            _ => url_of(&self.bucket.url(), key),
        }
    }

    /// The URL of an object.
    pub(crate) fn location(&self, key: &Key) -> String {
        format!("{}/{key}", self.bucket.url())
    }
}

async fn is_file(path: &Path) -> bool {
    tokio::fs::metadata(path).await.is_ok_and(|metadata| metadata.is_file())
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

fn compressor(args: &StorageArgs, default: CodecArg) -> Result<Compressor, Failure> {
    let number = match args.level {
        Some(LevelArg::Number(number)) => Some(number),
        Some(LevelArg::Auto) | None => None,
    };
    let codec = match args.codec.unwrap_or(default) {
        CodecArg::Gzip => Codec::Gzip(number.map_or(Ok(Level::default()), Level::new)?),
        CodecArg::Zstd => Codec::Zstd(number.map_or(Ok(ZstdLevel::default()), ZstdLevel::new)?),
        CodecArg::None if args.level.is_none() => Codec::Plain,
        CodecArg::None => {
            let reason = "--level is for what is compressed: say --codec gzip or --codec zstd with it";
            return Err(Failure::usage(reason));
        }
    };
    let compressor = Compressor::new(codec, args.compress_threads)?;
    Ok(match args.level {
        Some(LevelArg::Auto) => compressor.with_adaptive_level(),
        Some(LevelArg::Number(_)) | None => compressor,
    })
}

fn whole_url_alone(args: &StorageArgs) -> Result<(), Failure> {
    match args.bucket.is_some() || args.local_fs_dir.is_some() || !args.prefix.is_empty() {
        true => Err(Failure::usage("a whole URL leaves no room for --bucket, --container, --local-fs-dir or --prefix")),
        false => Ok(()),
    }
}
