//! Stores standard input through object_store's `BufWriter`, as that is by default: parts of 10 MiB, 8 at once.

use clap::Parser;
use object_store::aws::AmazonS3Builder;
use object_store::buffered::BufWriter;
use std::sync::Arc;
use tokio::io::{AsyncWriteExt, BufReader, copy_buf, stdin};

/// How much is read at a time: as `sealift put` does.
const READ: usize = 256 * 1024;

/// Store standard input. Credentials come from the environment.
#[derive(Debug, Parser)]
struct Options {
    /// The service's URL.
    #[arg(long)]
    endpoint_url: String,
    /// The bucket.
    #[arg(long)]
    bucket: String,
    /// The object.
    key: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let store = AmazonS3Builder::from_env()
        .with_endpoint(options.endpoint_url)
        .with_allow_http(true)
        .with_bucket_name(options.bucket)
        .build()?;
    let mut writer = BufWriter::new(Arc::new(store), options.key.into());
    copy_buf(&mut BufReader::with_capacity(READ, stdin()), &mut writer).await?;
    writer.shutdown().await?;
    Ok(())
}
