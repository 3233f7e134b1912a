//! A move within a store that has no such step: a copy, the proof that it is the same, and only then the end of the
//! original, as long as that is still what was copied.

use crate::error::{Error, ErrorKind, Result};
use crate::left_behind::LeftBehind;
use crate::name::Key;
use crate::object::{Committed, ObjectInfo, ObjectStore, Removal};
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
    if let Err(reason) = prove(store, to, &original, &copied).await {
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

/// The copy, also where its answer was lost and a look shows it.
async fn copy(store: &dyn ObjectStore, from: &Key, original: &ObjectInfo, to: &Key, work: &Work) -> Result<Committed> {
    let error = match store.copy(from, original, to, work).await {
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
async fn prove(store: &dyn ObjectStore, to: &Key, original: &ObjectInfo, copied: &Committed) -> Result<(), String> {
    let Err(first) = look(store, to, original, copied).await else { return Ok(()) };
    tracing::debug!("looking at the copy once more: {first}");
    sleep(SECOND_LOOK).await;
    look(store, to, original, copied).await
}

async fn look(store: &dyn ObjectStore, to: &Key, original: &ObjectInfo, copied: &Committed) -> Result<(), String> {
    let target = store.head(to).await.map_err(|error| format!("its copy cannot be looked at: {error}"))?;
    if target.size != original.size {
        return Err(format!("it has {} bytes and its copy {}", original.size, target.size));
    }
    match (&target.checksum, &original.checksum) {
        (Some(copy), Some(original)) if copy == original => return Ok(()),
        (Some(_), Some(_)) => return Err("its copy has another checksum".to_owned()),
        _ => {}
    }
    let same_token = original.token.is_some() && target.token == original.token;
    let as_answered = copied.etag.is_some() && target.etag == copied.etag;
    match same_token || as_answered {
        true => Ok(()),
        false => Err("its copy is not told from other content of the same size".to_owned()),
    }
}
