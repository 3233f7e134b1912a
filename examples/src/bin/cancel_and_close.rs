//! What becomes of an upload that is given up, and how a program ends.

use sealift::{IfExists, Key, MemoryStore};
use tokio::io::AsyncWriteExt;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let store = MemoryStore::new();
    let bucket = sealift_examples::bucket(store.clone())?;
    let key: Key = "backups/today".parse()?;

    // Dropped, as in a task that is cancelled or returns early by `?`: nothing is stored.
    let mut sink = bucket.create(&key, IfExists::Fail)?;
    sink.write_all(b"the first half").await?;
    drop(sink);

    // `abort` does the same and waits for it; its error names what could not be removed.
    let mut sink = bucket.create(&key, IfExists::Fail)?;
    sink.write_all(b"the first half").await?;
    sink.abort().await?;
    println!("given up twice: {}", what_is_there(&store));

    // At the end of the program, or on SIGTERM: `stop` asks all that is under way to stop, `close` waits until it has.
    let mut under_way = bucket.create(&key, IfExists::Fail)?;
    under_way.write_all(b"the first half").await?;
    bucket.stop();
    sealift_examples::close(&bucket).await?;
    if let Err(error) = under_way.seal().await {
        println!("its writer is told: {:?}", error.kind());
    }
    println!("closed: {}", what_is_there(&store));
    Ok(())
}

fn what_is_there(store: &MemoryStore) -> &'static str {
    if store.is_empty() { "nothing is there" } else { "something is there" }
}
