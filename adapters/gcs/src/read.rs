//! Ranged reads, by Google's SDK.

use crate::client::Client;
use crate::faults::Fault;
use crate::sdk::fault_of;
use bytes::{Bytes, BytesMut};
use google_cloud_storage::model_ext::ReadRange;
use sealift::{Error, Result};
use std::ops::Range;
use tokio::time::timeout;

/// The bytes of `range`, of the generation that `etag` names.
pub(crate) async fn get(client: &Client, key: &str, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
    let changed = || Error::changed_while_read(client.location(key));
    let generation = match etag.map(str::parse::<i64>) {
        None => None,
        Some(Ok(generation)) if generation > 0 => Some(generation),
        // No generation has such a name.
        Some(_) => return Err(changed()),
    };
    fetch(client, key, range, generation).await.map_err(|fault| {
        let is_another = fault.no_such_object() || matches!(fault.status(), Some(412 | 416));
        match generation {
            Some(_) if is_another => changed(),
            _ => client.failed("read", key, fault),
        }
    })
}

async fn fetch(client: &Client, key: &str, range: Range<u64>, generation: Option<i64>) -> Result<Bytes, Fault> {
    let (wanted, limit) = (range.end - range.start, client.http.standstill);
    let (_, used) = client.http.credentials.for_request().await?;
    let mut read =
        client.sdk.read_object(client.bucket_resource(), key).set_read_range(ReadRange::segment(range.start, wanted));
    if let Some(generation) = generation {
        read = read.set_generation(generation);
    }
    let stalled = |_| Fault::Stalled(limit);
    let mut answer = timeout(limit, read.send()).await.map_err(stalled)?.map_err(|error| fault_of(error, used))?;
    let mut bytes = BytesMut::with_capacity(wanted as usize);
    while let Some(more) = timeout(limit, answer.next()).await.map_err(stalled)? {
        bytes.extend_from_slice(&more.map_err(|error| fault_of(error, used))?);
        if bytes.len() as u64 > wanted {
            break;
        }
    }
    // Of which bytes an answer is, the SDK does not tell; that they are others than asked for shows in their checksum.
    match bytes.len() as u64 == wanted {
        true => Ok(bytes.freeze()),
        false => Err(Fault::Unexpected(format!("{wanted} bytes were asked for, and others came"))),
    }
}
