//! A move within the container: a copy made by the service, with its metadata, and then the original is deleted.

use crate::errors::condition_not_met;
use crate::store::AzureStore;
use azure_core::http::Etag;
use azure_storage_blob::models::{
    BlobClientGetPropertiesResultHeaders, BlobClientStartCopyFromUrlOptions, BlobClientStartCopyFromUrlResultHeaders,
    CopyStatus,
};
use sealift::{Committed, Error, ErrorKind, LeftBehind, ObjectInfo, Result, Work};
use std::time::Duration;
use tokio::time::sleep;

/// The pauses between two looks at a copy under way double up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Moves `from` to `to`. Tags and a tier that somebody set do not move along.
pub(crate) async fn copy(
    store: &AzureStore,
    from: &str,
    info: &ObjectInfo,
    to: &str,
    work: &Work,
) -> Result<Committed> {
    let operation = "copy";
    let failed = |error| store.failed(operation, from, error);
    let etag = info.etag.as_deref().map(Etag::from).ok_or_else(|| {
        Error::new(ErrorKind::Service, operation, store.location(from), "the service gives it no ETag")
    })?;
    work.may_leave([LeftBehind::object(store.location(to)).perhaps()]);
    let options = BlobClientStartCopyFromUrlOptions { source_if_match: Some(etag.clone()), ..Default::default() };
    let source = store.blob(from).url().to_string();
    let changed = |error: azure_core::Error| match condition_not_met(&error) {
        true => Error::new(ErrorKind::Changed, operation, store.location(from), "it was replaced while it was copied"),
        false => failed(error),
    };
    let started = store.blob(to).start_copy_from_url(source, Some(options)).await.map_err(changed)?;
    let (id, status) = (started.copy_id().map_err(failed)?, started.copy_status().map_err(failed)?);
    if status != Some(CopyStatus::Success) {
        wait(store, from, to, id).await?;
    }
    let copied = store.look(operation, to).await?;
    let etag = copied.etag().map_err(failed)?.map(|etag| etag.to_string());
    let at = copied.last_modified().map_err(failed)?.map(Into::into);
    Ok(Committed { etag, at, ..Committed::default() })
}

/// Waits for a copy that the service makes in the background, as long as it is at it.
async fn wait(store: &AzureStore, from: &str, to: &str, id: Option<String>) -> Result<()> {
    let operation = "move";
    let incomplete = || LeftBehind::object(store.location(to)).perhaps().because("the copy may be incomplete");
    let mut pause = Duration::from_millis(100);
    loop {
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        let target = store.look(operation, to).await.map_err(|error| error.with_left_behind([incomplete()]))?;
        let seen = || Ok::<_, azure_core::Error>((target.copy_id()?, target.copy_status()?));
        let (seen_id, status) =
            seen().map_err(|error| store.failed(operation, from, error).with_left_behind([incomplete()]))?;
        let refused = |reason: String| Err(Error::new(ErrorKind::Service, operation, store.location(from), reason));
        match status {
            _ if seen_id != id => return refused(format!("{} was replaced during the copy", store.location(to))),
            Some(CopyStatus::Success) => return Ok(()),
            Some(CopyStatus::Pending) => {}
            other => return refused(format!("the copy to {} ended as {other:?}", store.location(to))),
        }
    }
}
