//! Objects in key order, page by page, by whole names.

use crate::error::{Error, ErrorKind, Result};
use crate::name::Key;
use crate::object::ObjectInfo;
use crate::object_store::ObjectStore;
use crate::retrying::RetryingStore;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use std::sync::Arc;
use tokio_util::task::AbortOnDropHandle;

/// The objects of a page, and what follows.
type Listed = (Vec<ObjectInfo>, Next);

/// What is asked for next.
enum Next {
    /// The object `name`, which comes before everything that is only called alike.
    Name,
    /// A page of what begins with this.
    Page {
        prefix: String,
        after: Option<String>,
    },
    /// The same, which has been asked for.
    Coming(AbortOnDropHandle<Result<Listed>>),
    End,
}

/// The object `name` and all that are below it; all, with an empty name.
pub(crate) fn list(store: Arc<RetryingStore>, name: &str) -> impl Stream<Item = Result<ObjectInfo>> + Send + use<> {
    let name = name.to_owned();
    let first = match name.is_empty() || name.ends_with('/') {
        true => Next::Page { prefix: name.clone(), after: None },
        false => Next::Name,
    };
    stream::try_unfold(first, move |next| {
        let (store, name) = (Arc::clone(&store), name.clone());
        async move {
            let (objects, next) = match next {
                Next::Name => begin(&store, &name).await?,
                Next::Page { prefix, after } => go_on(&store, prefix, after).await?,
                Next::Coming(page) => come(&store, page).await?,
                Next::End => return Ok(None),
            };
            let next = match next {
                // To read a page takes as long as to get one.
                Next::Page { prefix, after } => Next::Coming(ask(store, prefix, after)),
                next => next,
            };
            Ok(Some((stream::iter(objects).map(Ok), next)))
        }
    })
    .try_flatten()
}

/// A page of what begins with the name. Where that is not all, there may be much between the object and its folder that is
/// only called alike, so the folder is asked for by itself.
async fn begin(store: &RetryingStore, name: &str) -> Result<Listed> {
    let mut asked = None;
    loop {
        let (mut objects, next) = go_on(store, name.to_owned(), asked).await?;
        match next {
            // A page may be empty before the end.
            Next::Page { after, .. } if objects.is_empty() => asked = after,
            Next::Page { .. } => {
                objects.retain(|object| object.key == name);
                return Ok((objects, Next::Page { prefix: format!("{name}/"), after: None }));
            }
            end => {
                objects.retain(|object| Key::is_within(&object.key, name));
                return Ok((objects, end));
            }
        }
    }
}

/// Asks for a page that is not waited for yet. Who reads no further takes it back.
fn ask(store: Arc<RetryingStore>, prefix: String, after: Option<String>) -> AbortOnDropHandle<Result<Listed>> {
    AbortOnDropHandle::new(tokio::spawn(async move { go_on(&store, prefix, after).await }))
}

async fn come(store: &RetryingStore, page: AbortOnDropHandle<Result<Listed>>) -> Result<Listed> {
    match page.await {
        Ok(page) => page,
        Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
        Err(_) => Err(Error::new(ErrorKind::Cancelled, "list", store.url(), "the runtime that did it has shut down")),
    }
}

async fn go_on(store: &RetryingStore, prefix: String, after: Option<String>) -> Result<Listed> {
    let page = store.list(&prefix, after.as_deref()).await?;
    match page.next {
        Some(next) if after.as_ref() == Some(&next) => {
            let location = format!("{}/{prefix}", store.url());
            let reason = "the service says that more follows, and not where: the listing would never end";
            Err(Error::new(ErrorKind::Service, "list", location, reason))
        }
        Some(next) => Ok((page.objects, Next::Page { prefix, after: Some(next) })),
        None => Ok((page.objects, Next::End)),
    }
}

#[cfg(test)]
mod tests {
    use crate::far_store::FarStore;
    use crate::stream_tests::{MIB, bucket};
    use crate::*;
    use futures::TryStreamExt;
    use std::pin::pin;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn a_listing_is_of_whole_names_over_any_pages() {
        let store = FarStore::new();
        let keys = ["db", "db!", "db!a", "db!b", "db!c", "db-1", "db/", "db/1", "db/2", "db/3", "db/4", "db0", "e"];
        for key in keys {
            store.insert(key, "data");
        }
        let bucket = bucket(&store, Codec::Plain, 16 * MIB);
        let within: [(&str, &[&str]); 6] = [
            ("", &keys),
            ("db", &["db", "db/", "db/1", "db/2", "db/3", "db/4"]),
            ("db/", &["db/", "db/1", "db/2", "db/3", "db/4"]),
            ("db!", &["db!"]),
            ("e", &["e"]),
            ("d", &[]),
        ];
        for (name, expected) in within {
            let listed: Vec<ObjectInfo> = bucket.list(name).try_collect().await.expect("listed");
            assert_eq!(listed.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), expected, "{name}");
        }
    }

    #[tokio::test]
    async fn the_next_page_comes_while_one_is_read() {
        let store = FarStore::new();
        for n in 0..9 {
            store.insert(&format!("db/{n}"), "data");
        }
        let bucket = bucket(&store, Codec::Plain, 16 * MIB);
        let mut objects = pin!(bucket.list("db/"));
        let mut asked = store.listed();
        objects.try_next().await.expect("listed").expect("the first");
        // An empty one, the first three, and those behind.
        let next = asked.wait_for(|pages| *pages == 3);
        timeout(Duration::from_secs(10), next).await.expect("without being read for").expect("alive");
        assert_eq!(objects.try_collect::<Vec<_>>().await.expect("listed").len(), 8);
    }
}
