//! A move within a store that has no such step: a copy, the proof that it is the same, and only then the end of the
//! original, as long as that is still what was copied.

use crate::error::{Error, ErrorKind, Result};
use crate::existence::Confirmed;
use crate::left_behind::LeftBehind;
use crate::name::Key;
use crate::object::{Committed, ObjectInfo, Removal};
use crate::object_store::ObjectStore;
use crate::work::Work;
use std::time::Duration;
use tokio::time::sleep;

const OPERATION: &str = "move";
/// The pause before a second look at a copy that the first did not prove.
const SECOND_LOOK: Duration = Duration::from_millis(250);

pub(crate) async fn rename(store: &dyn ObjectStore, from: &Key, to: &Key, work: &Work) -> Result<()> {
    if from == to {
        return store.head(from).await.map(drop);
    }
    if store.rename(from, to).await? {
        return Ok(());
    }
    let original = store.head(from).await?;
    if work.is_stopped() {
        return Err(Error::new(
            ErrorKind::Cancelled,
            OPERATION,
            work.location(),
            "it was asked to stop before it began",
        ));
    }
    let copied = copy(store, from, &original, to, work).await?;
    let (source, target) = (format!("{}/{from}", store.url()), format!("{}/{to}", store.url()));
    let copy = || LeftBehind::object(&target).because("a complete copy, beside the original");
    work.may_leave([copy()]);
    if let Err(Unproven { reason, .. }) = prove(store, to, &original, &copied).await {
        let left = LeftBehind::object(&target).perhaps().because("a copy that is not proven to be the same");
        return Err(Error::new(ErrorKind::Service, OPERATION, source, format!("{reason}; the original is kept"))
            .with_left_behind([left]));
    }
    match store.delete(from, Some(&original)).await {
        Ok(Removal::Gone) => Ok(()),
        Ok(Removal::Another) => {
            let reason = "another writer has replaced it since it was copied, and that is kept";
            Err(Error::new(ErrorKind::Changed, OPERATION, source, reason).with_left_behind([copy()]))
        }
        Err(error) => Err(error.within("remove the original after the copy of", source).with_left_behind([copy()])),
    }
}

/// Has the service of `store` copy from another of its buckets, and proves the copy. What was answered to it, and by what it is
/// known to be the same.
pub(crate) async fn copy_from(
    store: &dyn ObjectStore,
    bucket: &str,
    from: &Key,
    original: &ObjectInfo,
    to: &Key,
    work: &Work,
) -> Result<(Committed, Confirmed)> {
    let copied = store.copy_from(bucket, from, original, to, work).await;
    let copied = or_lost(store, original, to, copied).await?;
    if copied.checksum.is_some() && copied.checksum == original.checksum {
        return Ok((copied, Confirmed::Checksum));
    }
    let confirmed = match prove(store, to, original, &copied).await {
        Ok(confirmed) => confirmed,
        // A success that could be read needs no permission to look.
        Err(Unproven { denied: true, reason }) if copied.etag.is_some() => Confirmed::Answer { unseen: reason },
        Err(Unproven { reason, .. }) => {
            let target = format!("{}/{to}", store.url());
            let left = LeftBehind::object(&target).perhaps().because("a copy that is not proven to be the same");
            return Err(Error::new(ErrorKind::Service, "copy to", target, reason).with_left_behind([left]));
        }
    };
    Ok((copied, confirmed))
}

/// The copy, also where its answer was lost and a look shows it.
async fn copy(store: &dyn ObjectStore, from: &Key, original: &ObjectInfo, to: &Key, work: &Work) -> Result<Committed> {
    let copied = store.copy(from, original, to, work).await;
    or_lost(store, original, to, copied).await
}

/// What was answered to a copy; nothing, where the answer was lost and a look shows the copy.
async fn or_lost(
    store: &dyn ObjectStore,
    original: &ObjectInfo,
    to: &Key,
    copied: Result<Committed>,
) -> Result<Committed> {
    let error = match copied {
        Ok(copied) => return Ok(copied),
        Err(error) => error,
    };
    // It names what may be there.
    let possible = !error.left_behind().is_empty() && error.kind() != ErrorKind::Cancelled;
    match possible && prove(store, to, original, &Committed::default()).await.is_ok() {
        true => Ok(Committed::default()),
        false => Err(error),
    }
}

/// Proves that what is at `to` is what was copied, or says why not.
async fn prove(
    store: &dyn ObjectStore,
    to: &Key,
    original: &ObjectInfo,
    copied: &Committed,
) -> Result<Confirmed, Unproven> {
    let first = match look(store, to, original, copied).await {
        Ok(confirmed) => return Ok(confirmed),
        Err(first) => first,
    };
    tracing::debug!("looking at the copy once more: {}", first.reason);
    sleep(SECOND_LOOK).await;
    look(store, to, original, copied).await
}

/// Why a copy is not proven.
struct Unproven {
    reason: String,
    /// Nobody was let look.
    denied: bool,
}

async fn look(
    store: &dyn ObjectStore,
    to: &Key,
    original: &ObjectInfo,
    copied: &Committed,
) -> Result<Confirmed, Unproven> {
    let unlike = |reason: String| Unproven { reason, denied: false };
    let target = store.head(to).await.map_err(|error| Unproven {
        denied: error.kind() == ErrorKind::Denied,
        reason: format!("its copy cannot be looked at: {error}"),
    })?;
    if target.size != original.size {
        return Err(unlike(format!("it has {} bytes and its copy {}", original.size, target.size)));
    }
    match (&target.checksum, &original.checksum) {
        (Some(copy), Some(original)) if copy == original => return Ok(Confirmed::Checksum),
        (Some(_), Some(_)) => return Err(unlike("its copy has another checksum".to_owned())),
        _ => {}
    }
    let same_token = original.token.is_some() && target.token == original.token;
    let as_answered = copied.etag.is_some() && target.etag == copied.etag;
    match (same_token, as_answered) {
        (true, _) => Ok(Confirmed::TokenAndSize),
        (false, true) => Ok(Confirmed::EtagAndSize),
        (false, false) => Err(unlike("its copy is not told from other content of the same size".to_owned())),
    }
}
