//! Removing objects, as long as they are what they were seen to be.

use crate::client::Client;
use crate::transport::Answer;
use http::Method;
use sealift::{ObjectInfo, Removal, Result};

/// Removes the object, with `only` on the condition that it is still that generation. Where the bucket keeps versions, it
/// becomes an earlier one.
pub(crate) async fn delete(client: &Client, key: &str, only: Option<&ObjectInfo>) -> Result<Removal> {
    let generation = only.map(|only| client.generation("remove", only)).transpose()?;
    let condition = generation.map(|generation| ("ifGenerationMatch", generation));
    remove(client, "remove", key, condition.as_slice()).await
}

/// Removes this generation and no other. Where the bucket keeps versions, it is gone for good, also when it was replaced.
pub(crate) async fn retract(client: &Client, key: &str, info: &ObjectInfo) -> Result<Removal> {
    let operation = "take back";
    let generation = client.generation(operation, info)?;
    remove(client, operation, key, &[("generation", generation)]).await
}

async fn remove(client: &Client, operation: &'static str, key: &str, query: &[(&str, &str)]) -> Result<Removal> {
    match client.ask(Method::DELETE, client.object_url(key, query), Answer::empty).await {
        Ok(()) => Ok(Removal::Gone),
        Err(fault) if fault.no_such_object() => Ok(Removal::Gone),
        Err(fault) if fault.status() == Some(412) => Ok(Removal::Another),
        Err(fault) => Err(client.failed(operation, key, fault)),
    }
}
