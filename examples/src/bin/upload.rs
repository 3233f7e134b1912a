//! Standard input into an object of S3, and back: `upload BUCKET KEY`.
//! Region, credentials and endpoint are where the AWS SDK looks for them.

use anyhow::Context;
use sealift::{IfExists, Key};
use sealift_s3::{S3Options, S3Store};
use std::env;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = env::args().skip(1);
    let name = arguments.next().context("a bucket")?;
    let key: Key = arguments.next().context("a key")?.parse()?;
    let bucket = sealift_examples::bucket(S3Store::connect(S3Options::new(name)).await?)?;

    let mut sink = bucket.create(&key, IfExists::Replace)?;
    // An error of the source comes back from here, and the sink is dropped: nothing is stored.
    tokio::io::copy(&mut tokio::io::stdin(), &mut sink).await?;
    let sealed = sink.seal().await?;
    println!("sealed {}: {} bytes in, {}", sealed.location, sealed.bytes_in, sealed.confirmed);

    let mut reader = bucket.open(&key).await?;
    let read = tokio::io::copy(&mut reader, &mut tokio::io::sink()).await?;
    let verified = reader.verified().context("it was read to its end")?;
    println!("read {read} bytes, {verified}");
    sealift_examples::close(&bucket).await
}
