//! Whole archives: all depths, on every kind of storage.

use crate::scene::{LAST_EPOCH, Storage, back_up, chain, verified};
use sealift_node::Node;

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_verifies_at_every_depth() {
    let node = Node::start(chain(LAST_EPOCH)).await;
    for storage in [Storage::folder(), Storage::s3().await, Storage::commands()] {
        back_up(&storage, &node).await;
        for depth in ["exists", "stored", "content", "chain"] {
            let ended = verified(&storage, &["--depth", depth]).await;
            println!("{}{}", String::from_utf8_lossy(&ended.stdout), ended.stderr);
        }
        if let (Storage::Folder(f), Some(to)) = (&storage, std::env::var_os("KEEP")) {
            std::process::Command::new("cp").arg("-a").arg(f.path()).arg(to).status().unwrap();
        }
    }
    node.shutdown().await;
}
