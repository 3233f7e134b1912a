//! Whether the service keeps the condition that an object is stored only if none exists: stated by its row or by the user,
//! or proven before it is first relied on.

use crate::client::Client;
use crate::conditions_cache;
use crate::proof::{Proof, prove};
use crate::provider::Conditions;
use sealift::{CommitOptions, Error, ErrorKind, IfExists, Key, Result, RetryPolicy};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::OnceCell;

const OPERATION: &str = "store";
const HINT: &str = "let it be replaced, under a name that nothing else uses; or, if you know that the service keeps \
                    conditions, say so: --conditional-writes honoured";

/// What is known of the conditions of a store's service. Clones share what is proven.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    stated: Conditions,
    cache: Option<PathBuf>,
    retry_policy: RetryPolicy,
    proof: Arc<OnceCell<Proof>>,
}

impl Gate {
    pub(crate) fn new(stated: Conditions) -> Self {
        Gate { stated, cache: None, retry_policy: RetryPolicy::default(), proof: Arc::default() }
    }

    /// The same, with what the user says.
    pub(crate) fn stated(self, stated: Conditions) -> Self {
        Gate { stated, ..self }
    }

    /// The same, with the file that remembers proofs.
    pub(crate) fn cached_in(self, cache: PathBuf) -> Self {
        Gate { cache: Some(cache), ..self }
    }

    /// The same, with how a proof is tried again.
    pub(crate) fn tried_by(self, retry_policy: RetryPolicy) -> Self {
        Gate { retry_policy, ..self }
    }

    /// Refuses a condition that the service would not keep, before anything is sent of the object at `key`.
    pub(crate) async fn check(&self, client: &Client, key: &Key, options: &CommitOptions) -> Result<()> {
        match (options.if_exists, self.stated) {
            (IfExists::Replace, _) | (_, Conditions::Honoured) => Ok(()),
            (IfExists::Fail, Conditions::Unknown) => {
                let reason =
                    format!("{} cannot be relied on not to replace an object that exists", client.provider.name());
                Err(Error::new(ErrorKind::InvalidConfig, OPERATION, client.location(key), reason).with_hint(HINT))
            }
            (IfExists::Fail, Conditions::ToBeProven) => {
                let proof = self.proof.get_or_try_init(|| self.prove(client, key)).await;
                match proof.map_err(|error| unproven(client, key, error))? {
                    Proof::Kept => Ok(()),
                    Proof::KeptAndLeft { reason, left } | Proof::NotKept { reason, left } => {
                        Err(Error::new(ErrorKind::InvalidConfig, OPERATION, client.location(key), reason)
                            .with_hint(HINT)
                            .with_left_behind(left.iter().cloned()))
                    }
                }
            }
        }
    }

    /// Proves it whatever is known, and lets what it shows be known from now on, here and in the file.
    pub(crate) async fn prove_anew(&self, client: &Client, key: &Key) -> Result<Proof> {
        let proof = prove(client, key, self.retry_policy).await?;
        match (&proof, &self.cache) {
            (Proof::Kept | Proof::KeptAndLeft { .. }, cache) => {
                if let (Conditions::ToBeProven, Some(cache)) = (self.stated, cache) {
                    conditions_cache::remember(cache, client).await;
                }
                let _ = self.proof.set(Proof::Kept);
            }
            (Proof::NotKept { .. }, Some(cache)) => conditions_cache::forget(cache, client).await,
            (Proof::NotKept { .. }, None) => {}
        }
        Ok(proof)
    }

    /// What is known without a proof.
    pub(crate) fn known(&self) -> Conditions {
        self.stated
    }

    /// Whether what is proven is remembered for other processes.
    pub(crate) fn remembers(&self) -> bool {
        self.cache.is_some()
    }

    async fn prove(&self, client: &Client, key: &Key) -> Result<Proof> {
        let Some(cache) = &self.cache else { return prove(client, key, self.retry_policy).await };
        if conditions_cache::remembered(cache, client).await {
            return Ok(Proof::Kept);
        }
        let proof = prove(client, key, self.retry_policy).await?;
        if matches!(proof, Proof::Kept) {
            conditions_cache::remember(cache, client).await;
        }
        Ok(proof)
    }
}

/// The error of a proof that did not come to an end.
fn unproven(client: &Client, key: &Key, error: Error) -> Error {
    match error.kind() {
        // Nothing else would have come of the object itself.
        ErrorKind::Unreachable | ErrorKind::TimedOut | ErrorKind::NoSuchBucket | ErrorKind::WrongRegion => error,
        _ => {
            let reason = format!(
                "that {} does not replace an object that exists could not be proven: {} {}: {}",
                client.endpoint,
                error.operation(),
                error.location(),
                error.reason()
            );
            Error::new(ErrorKind::InvalidConfig, OPERATION, client.location(key), reason)
                .with_hint(HINT)
                .with_left_behind(error.left_behind().iter().cloned())
        }
    }
}
