//! Exactly one commit: sends it, and where the answer is lost, unclear or a refusal that may be to our own earlier
//! attempt, settles by looking at the object: is it ours (its token), is it whole (size and checksum).

use crate::checksum::Checksum;
use crate::error::{Error, ErrorKind, LeftBehind, Result};
use crate::name::Key;
use crate::object::{CommitOptions, Committed, ObjectInfo, ObjectStore};

/// What is at the key, seen from one commit.
pub(super) enum Look {
    /// The object of this commit.
    Ours(Box<ObjectInfo>),
    /// Nothing, or another object.
    NotOurs,
    /// It could not be seen.
    Unknown(Error),
}

/// Looks whether the commit with these options has taken effect.
pub(super) async fn look(store: &dyn ObjectStore, key: &Key, options: &CommitOptions) -> Look {
    match store.head(key).await {
        Ok(info) if info.token.as_deref() == Some(options.token.as_ref()) => Look::Ours(Box::new(info)),
        Ok(_) => Look::NotOurs,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NoSuchBucket) => Look::NotOurs,
        Err(error) => Look::Unknown(error),
    }
}

/// Settles the answer to a commit: `Ok` when the object is there and agrees with `whole`.
pub(super) async fn settle(
    store: &dyn ObjectStore,
    key: &Key,
    options: &CommitOptions,
    whole: Checksum,
    answer: Result<Committed>,
) -> Result<Committed> {
    match answer {
        Ok(Committed { checksum: Some(theirs), etag, version }) => {
            agree(&store_location(store, key), whole, &theirs)?;
            Ok(Committed { checksum: Some(theirs), etag, version })
        }
        // Committed, but the service did not say what: look at what it holds.
        Ok(committed) => {
            let info = store.head(key).await?;
            check(&store_location(store, key), whole, &info)?;
            Ok(Committed { checksum: info.checksum, ..committed })
        }
        Err(error) => match look(store, key, options).await {
            Look::Ours(info) => {
                tracing::info!("the answer to the commit of {} was lost; the object is there: {error}", info.key);
                check(&store_location(store, key), whole, &info)?;
                Ok(Committed { etag: info.etag, version: info.version, checksum: info.checksum })
            }
            Look::NotOurs => Err(error),
            Look::Unknown(_) if is_refusal(&error) => Err(error),
            Look::Unknown(unseen) => {
                let what = format!("perhaps the object itself: whether it was stored could not be seen ({unseen})");
                Err(error
                    .with_left_behind([LeftBehind(what)])
                    .with_hint("look with `sealift stat` once it can be reached"))
            }
        },
    }
}

/// Whether the service refused before it came to the object, so that nothing can have been stored.
fn is_refusal(error: &Error) -> bool {
    use ErrorKind::{Denied, InvalidConfig, InvalidName, NoSuchBucket, WrongRegion};
    matches!(error.kind(), Denied | InvalidConfig | InvalidName | NoSuchBucket | WrongRegion)
}

/// Removes the object of a commit that must not stand, if it is there.
pub(super) async fn retract(store: &dyn ObjectStore, key: &Key, options: &CommitOptions) -> Result<()> {
    match look(store, key, options).await {
        Look::Ours(info) => store.delete_exactly(key, &info).await,
        Look::NotOurs => Ok(()),
        Look::Unknown(error) => Err(error),
    }
}

/// The URL of an object, for messages.
pub(super) fn store_location(store: &dyn ObjectStore, key: &Key) -> String {
    format!("{}/{key}", store.url())
}

fn check(location: &str, whole: Checksum, info: &ObjectInfo) -> Result<()> {
    if info.size != whole.byte_count() {
        let reason = format!("{} bytes were sent and the service holds {}", whole.byte_count(), info.size);
        return Err(Error::new(ErrorKind::Corrupt, "verify", location, reason));
    }
    match &info.checksum {
        Some(theirs) => agree(location, whole, theirs),
        // The service keeps no checksum of the whole; it checked each part, and the size is right.
        None => Ok(()),
    }
}

fn agree(location: &str, whole: Checksum, theirs: &[u8]) -> Result<()> {
    if theirs == whole.to_be_bytes() {
        return Ok(());
    }
    let theirs: String = theirs.iter().map(|byte| format!("{byte:02x}")).collect();
    let reason = format!("the checksum of what was sent is {whole} and the service's is {theirs}");
    Err(Error::new(ErrorKind::Corrupt, "verify", location, reason))
}
