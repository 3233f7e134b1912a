//! A move within the bucket: the service rewrites the object, with its metadata, and then the original is deleted.

use crate::faults::Fault;
use crate::resource::{Rewrite, not_an_object};
use crate::store::GcsStore;
use http::Method;
use sealift::{Error, ErrorKind, Result};

/// Moves `from` to `to`.
pub(crate) async fn rename(store: &GcsStore, from: &str, to: &str) -> Result<()> {
    let operation = "move";
    let original = store.look(from).await.map_err(|fault| store.failed(operation, from, fault))?;
    if from == to {
        return Ok(());
    }
    rewrite(store, from, to, &original.generation).await.map_err(|fault| match fault.status() {
        Some(412) => Error::new(ErrorKind::Changed, operation, store.location(from), "it was replaced meanwhile"),
        _ => store.failed(operation, from, fault),
    })?;
    let removed = store.remove_generation(from, &original.generation).await;
    removed.map_err(|fault| store.failed("remove the original after the copy of", from, fault))
}

/// Asks until it is done: each answer says where to go on. The target appears with the last.
async fn rewrite(store: &GcsStore, from: &str, to: &str, generation: &str) -> Result<(), Fault> {
    let (bucket, mut token) = (store.bucket.as_str(), None::<String>);
    loop {
        let mut url = store.url_of(&["storage", "v1", "b", bucket, "o", from, "rewriteTo", "b", bucket, "o", to]);
        url.query_pairs_mut().append_pair("ifSourceGenerationMatch", generation);
        if let Some(token) = &token {
            url.query_pairs_mut().append_pair("rewriteToken", token);
        }
        let answer = store.request(Method::POST, url).await?;
        match serde_json::from_slice::<Rewrite>(&answer.body).map_err(not_an_object)? {
            Rewrite { done: true, .. } => return Ok(()),
            Rewrite { rewrite_token: Some(next), .. } => token = Some(next),
            Rewrite { rewrite_token: None, .. } => {
                return Err(Fault::Unexpected("a rewrite that is neither done nor to be gone on with".to_owned()));
            }
        }
    }
}
