//! Stores every file of a folder, many at once, through Sealift's library: as a program would that has many files.

use anyhow::{Context, anyhow};
use clap::Parser;
use futures::stream::{self, StreamExt, TryStreamExt};
use sealift::{Bucket, Budget, Codec, Compressor, IfExists, Key, Level};
use sealift_s3::{S3Options, S3Store};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::fs::File;

/// Store the files of FOLDER, compressed as by default. Credentials and region come from the environment.
#[derive(Debug, Parser)]
struct Options {
    /// The service's URL.
    #[arg(long)]
    endpoint_url: String,
    /// The bucket.
    #[arg(long)]
    bucket: String,
    /// How many files are open at once.
    #[arg(long, default_value_t = 16)]
    at_once: usize,
    /// What is stored.
    folder: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut reached = S3Options::new(options.bucket);
    reached.endpoint_url = Some(options.endpoint_url);
    let store = S3Store::connect(reached).await?;
    let compressor = Arc::new(Compressor::new(Codec::Gzip(Level::default()), None)?);
    let bucket = Bucket::new(store, compressor, Budget::new(Budget::DEFAULT)?);
    let files = std::fs::read_dir(&options.folder).with_context(|| format!("open {}", options.folder.display()))?;
    let files: Vec<PathBuf> = files.map(|file| file.map(|file| file.path())).collect::<Result<_, _>>()?;
    let stored = stream::iter(files).map(|file| put(bucket.clone(), file)).buffer_unordered(options.at_once);
    let stored = stored.try_fold((0, 0), |(count, bytes), more| async move { Ok((count + 1, bytes + more)) });
    let (count, bytes): (u64, u64) = stored.await?;
    bucket.close().await.map_err(|errors| anyhow!("{errors:?}"))?;
    println!("{count} files, {bytes} bytes");
    Ok(())
}

/// Stores one file; returns how many bytes it had.
async fn put(bucket: Bucket, file: PathBuf) -> anyhow::Result<u64> {
    let name = file.file_name().and_then(|name| name.to_str()).context("a file's name is not text")?;
    let key: Key = Path::new("many").join(name).to_string_lossy().parse()?;
    let mut sink = bucket.create(&key, IfExists::Replace)?;
    let count = sink.pour(File::open(&file).await?.into_std().await).await?;
    sink.seal().await?;
    Ok(count)
}
