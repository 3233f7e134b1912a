//! A copy within the bucket: the service rewrites the object, with its metadata.

use crate::faults::Fault;
use crate::resource::{Resource, Rewrite, not_an_object};
use crate::store::GcsStore;
use http::Method;
use sealift::{Committed, Error, ErrorKind, Result};

/// Copies the generation of `from` to `to`.
pub(crate) async fn copy(store: &GcsStore, from: &str, generation: &str, to: &str) -> Result<Committed> {
    let operation = "copy";
    let made = rewrite(store, from, to, generation).await.and_then(Resource::info);
    let made = made.map_err(|fault| match fault.status() {
        Some(412) => Error::new(ErrorKind::Changed, operation, store.location(from), "it was replaced meanwhile"),
        _ => store.failed(operation, from, fault),
    })?;
    Ok(Committed {
        etag: made.etag,
        version: made.version,
        checksum: made.checksum,
        at: made.modified,
        left_behind: Vec::new(),
    })
}

/// Asks until it is done: each answer says where to go on. The target appears with the last.
async fn rewrite(store: &GcsStore, from: &str, to: &str, generation: &str) -> Result<Resource, Fault> {
    let (bucket, mut token) = (store.bucket.as_str(), None::<String>);
    loop {
        let mut url = store.url_of(&["storage", "v1", "b", bucket, "o", from, "rewriteTo", "b", bucket, "o", to]);
        url.query_pairs_mut().append_pair("ifSourceGenerationMatch", generation);
        if let Some(token) = &token {
            url.query_pairs_mut().append_pair("rewriteToken", token);
        }
        let answer = store.request(Method::POST, url).await?;
        match serde_json::from_slice::<Rewrite>(&answer.body).map_err(not_an_object)? {
            Rewrite { done: true, resource: Some(made), .. } => return Ok(made),
            Rewrite { done: true, .. } => return Err(Fault::Unexpected("a rewrite that made nothing".to_owned())),
            Rewrite { rewrite_token: Some(next), .. } => token = Some(next),
            Rewrite { rewrite_token: None, .. } => {
                return Err(Fault::Unexpected("a rewrite that is neither done nor to be gone on with".to_owned()));
            }
        }
    }
}
