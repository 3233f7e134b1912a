//! The store in memory.

use async_trait::async_trait;
use sealift::{MemoryStore, ObjectStore};
use sealift_conformance::NewStore;
use std::sync::Arc;

pub(crate) struct Memory(MemoryStore);

#[async_trait]
impl NewStore for Memory {
    async fn new() -> Self {
        Memory(MemoryStore::new())
    }

    fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::new(self.0.clone())
    }
}
