//! Whether the service keeps the condition that an object is stored only if none exists.

use crate::client::Client;
use crate::provider::Conditions;
use sealift::{CommitOptions, Error, ErrorKind, IfExists, Key, Result};
use std::path::PathBuf;

/// What is known of the conditions of a store's service.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    stated: Conditions,
    cache: Option<PathBuf>,
}

impl Gate {
    pub(crate) fn new(stated: Conditions) -> Self {
        Gate { stated, cache: None }
    }

    /// The same, with what the user says.
    pub(crate) fn stated(self, stated: Conditions) -> Self {
        Gate { stated, ..self }
    }

    /// The same, with the file that remembers proofs.
    pub(crate) fn cached_in(self, cache: PathBuf) -> Self {
        Gate { cache: Some(cache), ..self }
    }

    /// Refuses, before anything is sent, a condition that the service would not keep.
    pub(crate) async fn check(&self, client: &Client, key: &Key, options: &CommitOptions) -> Result<()> {
        match (options.if_exists, self.stated) {
            (IfExists::Replace, _) | (_, Conditions::Honoured | Conditions::ToBeProven) => Ok(()),
            (IfExists::Fail, Conditions::Unknown) => {
                let reason =
                    format!("{} cannot be relied on not to replace an object that exists", client.provider.name());
                Err(Error::new(ErrorKind::InvalidConfig, "store", client.location(key), reason)
                    .with_hint("let it be replaced, under a name that nothing else uses"))
            }
        }
    }
}
