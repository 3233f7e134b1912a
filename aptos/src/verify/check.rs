//! A piece of an archive at the depth of the chain.

use super::records::Pool;
use super::settings::Settings;
use super::signed::Signed;
use super::{epochs, kind, snapshot, transactions};
use async_trait::async_trait;
use sealift::verify::{Check, Depth, Files, Objects, Outcome, Piece, Record};
use std::sync::Arc;

/// Verifies the pieces of an archive down to hashes, proofs and signatures.
#[derive(Debug)]
pub struct ChainCheck {
    signed: Arc<Signed>,
    pool: Pool,
    /// For what cannot be put together, and is read all the same.
    objects: Objects,
}

impl ChainCheck {
    /// By these settings, with `memory` bytes for what is read of files and not verified yet.
    pub fn new(settings: &Settings, memory: u64) -> Self {
        ChainCheck {
            signed: Arc::new(Signed::new(settings)),
            pool: Pool::new(memory),
            objects: Objects::new(Depth::Content, None, Arc::new(Record::default())),
        }
    }
}

#[async_trait]
impl Check for ChainCheck {
    async fn check(&self, piece: &Piece, files: &Files) -> Outcome {
        match piece.kind.as_ref() {
            kind::EPOCHS => epochs::check(&self.signed, &self.pool, files, &piece.name).await,
            kind::STATE => snapshot::check(&self.signed, &self.pool, files, &self.objects, &piece.name).await,
            kind::TRANSACTIONS => transactions::check(&self.signed, &self.pool, files, &piece.name).await,
            _ => sealift::verify::check_files(&self.objects, piece, files).await,
        }
    }
}
