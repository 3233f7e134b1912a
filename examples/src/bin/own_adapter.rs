//! A storage that Sealift does not know, with all that Sealift does above it. The adapter is `src/shelf.rs`.

use futures::TryStreamExt;
use sealift::{IfExists, ObjectStore};
use sealift_examples::shelf::Shelf;
use tokio::io::AsyncReadExt;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // As a program has it that opens its storage by a configuration.
    let store: Box<dyn ObjectStore> = Box::new(Shelf::default());
    let bucket = sealift_examples::bucket(store)?;

    for day in ["monday", "tuesday"] {
        bucket.put(&format!("db/{day}").parse()?, format!("rows of {day}").into(), IfExists::Fail).await?;
    }
    let mut listed = std::pin::pin!(bucket.list("db"));
    while let Some(object) = listed.try_next().await? {
        let mut reader = bucket.open(&object.key.parse()?).await?;
        let mut rows = String::new();
        reader.read_to_string(&mut rows).await?;
        println!("{}: {rows}", object.key);
    }
    sealift_examples::close(&bucket).await
}
