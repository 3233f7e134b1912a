//! Objects in key order, page by page, by whole names.

use crate::error::{Error, ErrorKind, Result};
use crate::name::Key;
use crate::object::ObjectInfo;
use crate::object_store::ObjectStore;
use crate::retrying::RetryingStore;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use std::sync::Arc;

/// What is asked for next.
enum Next {
    /// The object `name`, which comes before everything that is only called alike.
    Name,
    /// A page of what begins with this.
    Page {
        prefix: String,
        after: Option<String>,
    },
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
                Next::End => return Ok(None),
            };
            Ok(Some((stream::iter(objects).map(Ok), next)))
        }
    })
    .try_flatten()
}

/// A page of what begins with the name. Where that is not all, there may be much between the object and its folder that is
/// only called alike, so the folder is asked for by itself.
async fn begin(store: &RetryingStore, name: &str) -> Result<(Vec<ObjectInfo>, Next)> {
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

async fn go_on(store: &RetryingStore, prefix: String, after: Option<String>) -> Result<(Vec<ObjectInfo>, Next)> {
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
}
