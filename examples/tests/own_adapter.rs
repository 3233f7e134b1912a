//! What everybody who writes an adapter has as tests for nothing.

use async_trait::async_trait;
use sealift::ObjectStore;
use sealift_conformance::{NewStore, ThroughItself};
use sealift_examples::shelf::Shelf;
use std::sync::Arc;

struct Shelves(Shelf);

#[async_trait]
impl NewStore for Shelves {
    async fn new() -> Self {
        Shelves(Shelf::default())
    }

    fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::new(self.0.clone())
    }
}

sealift_conformance::suite!(shelf: ThroughItself<Shelves>, 20 sequences);
