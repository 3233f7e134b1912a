//! Stores standard input through opendal's writer. By default that sends one part at a time, of the service's least
//! size; `--concurrent` and `--chunk` are what its guide advises to set.

use anyhow::Context;
use clap::Parser;
use opendal::Operator;
use opendal::services::S3;
use tokio::io::{AsyncReadExt, stdin};

/// How much is read at a time: as `sealift put` does.
const READ: usize = 256 * 1024;

/// Store standard input. Credentials and region come from the environment.
#[derive(Debug, Parser)]
struct Options {
    /// The service's URL.
    #[arg(long)]
    endpoint_url: String,
    /// The bucket.
    #[arg(long)]
    bucket: String,
    /// How many parts are sent at once [default: opendal's].
    #[arg(long)]
    concurrent: Option<usize>,
    /// The size of the parts, in bytes [default: opendal's].
    #[arg(long)]
    chunk: Option<usize>,
    /// The object.
    key: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    // Its default features call this before `main`, together with the registration of every service.
    opendal::install_default();
    let region = std::env::var("AWS_REGION").context("AWS_REGION is not set")?;
    let service = S3::default().bucket(&options.bucket).endpoint(&options.endpoint_url).region(&region);
    let operator = Operator::new(service)?;
    let mut writer = operator.writer_with(&options.key);
    if let Some(concurrent) = options.concurrent {
        writer = writer.concurrent(concurrent);
    }
    if let Some(chunk) = options.chunk {
        writer = writer.chunk(chunk);
    }
    let mut writer = writer.await?;
    let mut input = stdin();
    loop {
        let mut bytes = Vec::with_capacity(READ);
        if input.read_buf(&mut bytes).await? == 0 {
            break;
        }
        writer.write(bytes).await?;
    }
    writer.close().await?;
    Ok(())
}
