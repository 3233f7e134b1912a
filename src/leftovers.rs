//! What crashes left, page by page.

use crate::error::{Error, ErrorKind, Result};
use crate::name::Key;
use crate::object::Leftovers;
use crate::object_store::ObjectStore;
use crate::retrying::RetryingStore;
use futures::stream::{self, Stream};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What is left of the object `name` and below the folder of that name, and as idle as this.
pub(crate) fn list(
    store: Arc<RetryingStore>,
    name: &str,
    older_than: Duration,
) -> impl Stream<Item = Result<Leftovers>> + Send + use<> {
    stream::try_unfold((Pages::of(name), store), move |(mut pages, store)| async move {
        let Some(mut page) = pages.next(&*store).await? else { return Ok(None) };
        page.found.retain(|leftover| leftover.idle >= older_than && Key::is_within(&leftover.key, &pages.prefix));
        page.unread.retain(|unread| Key::is_within(&unread.key, &pages.prefix));
        Ok(Some((page, (pages, store))))
    })
}

/// All whose key begins with `prefix`.
pub(crate) async fn all(store: &dyn ObjectStore, prefix: &str) -> Result<Leftovers> {
    let (mut pages, mut all) = (Pages::of(prefix), Leftovers::default());
    while let Some(page) = pages.next(store).await? {
        all.add(page);
    }
    Ok(all)
}

/// The pages of a listing.
struct Pages {
    prefix: String,
    next: Next,
    /// Every place where a page began: a listing that comes back to one would not end.
    begun: BTreeSet<String>,
}

enum Next {
    First,
    After(String),
    End,
}

impl Pages {
    fn of(prefix: &str) -> Self {
        Pages { prefix: prefix.to_owned(), next: Next::First, begun: BTreeSet::new() }
    }

    async fn next(&mut self, store: &dyn ObjectStore) -> Result<Option<Leftovers>> {
        let after = match &self.next {
            Next::First => None,
            Next::After(page) => Some(page.as_str()),
            Next::End => return Ok(None),
        };
        let mut page = store.leftovers(&self.prefix, after).await?;
        self.next = match page.next.take() {
            None => Next::End,
            Some(next) if self.begun.insert(next.clone()) => Next::After(next),
            Some(_) => {
                let location = format!("{}/{}", store.url(), self.prefix);
                let reason =
                    "the service says that more follows, and where it has been before: the listing would never end";
                return Err(Error::new(ErrorKind::Service, "list what is unfinished below", location, reason));
            }
        };
        Ok(Some(page))
    }
}

#[cfg(test)]
mod tests {
    use crate::far_store::FarStore;
    use crate::stream_tests::{MIB, bucket, key};
    use crate::*;
    use futures::TryStreamExt;
    use std::time::Duration;

    #[tokio::test]
    async fn leftovers_come_page_by_page_and_are_of_whole_names() {
        let store = FarStore::new();
        for name in ["db/1", "db/2", "db2", "db"] {
            let upload = store.start(&key(name), &CommitOptions::new(IfExists::Replace), &Attempts::default()).await;
            drop(upload.expect("started"));
        }
        let bucket = bucket(&store, Codec::Plain, 16 * MIB);
        for (name, expected) in [("", 4), ("db", 3), ("db/", 2), ("d", 0)] {
            let pages: Vec<_> = bucket.list_leftovers(name, Duration::ZERO).try_collect().await.expect("listed");
            assert_eq!(pages.iter().map(|page| page.found.len()).sum::<usize>(), expected, "{name}");
            assert!(pages.len() > expected, "an upload each, and an empty page");
            assert_eq!(bucket.leftovers(name, Duration::ZERO).await.expect("listed").found.len(), expected, "{name}");
        }
        assert_eq!(bucket.leftovers("", Duration::from_secs(3600)).await.expect("listed").found.len(), 0);
    }
}
