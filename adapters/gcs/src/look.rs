//! Looking at an object, and listing them.

use crate::client::Client;
use crate::faults::Fault;
use crate::resource::{FIELDS, Listing, Resource};
use http::Method;
use sealift::{Error, ErrorKind, ObjectInfo, Page, Result};

/// What is stored under `key`. The tag and the version are the generation, which every object has, and every commit another.
pub(crate) async fn head(client: &Client, key: &str) -> Result<ObjectInfo> {
    let url = client.object_url(key, &[("fields", FIELDS)]);
    let found = client.ask(Method::GET, url, |answer| Resource::parse(&answer.body, key)?.info()).await;
    found.map_err(|fault| client.failed("look at", key, fault))
}

/// What generation `version` of `key` is, also where it is not what is there now.
pub(crate) async fn head_version(client: &Client, key: &str, version: &str) -> Result<ObjectInfo> {
    let missing = |reason: &str| {
        Error::new(ErrorKind::NotFound, "look at", client.location(key), reason.to_owned())
            .with_hint("`gcloud storage ls --all-versions` shows the generations there are")
    };
    if version.parse::<i64>().is_ok_and(|generation| generation > 0) {
        let url = client.object_url(key, &[("generation", version), ("fields", FIELDS)]);
        let found = client.ask(Method::GET, url, |answer| Resource::parse(&answer.body, key)?.info()).await;
        return found.map_err(|fault| match fault.no_such_object() {
            true => missing("there is no such version of it"),
            false => client.failed("look at", key, fault),
        });
    }
    Err(missing("there is no such version: a generation is a number"))
}

/// A page of what begins with `prefix`.
pub(crate) async fn list(client: &Client, prefix: &str, page: Option<&str>) -> Result<Page> {
    let mut query = vec![
        ("prefix", prefix),
        ("maxResults", "1000"),
        ("fields", "kind,items(name,size,generation,timeCreated),nextPageToken"),
    ];
    query.extend(page.map(|page| ("pageToken", page)));
    let url = client.url_of(&["storage", "v1", "b", &client.bucket, "o"], &query);
    let listed = client.ask(Method::GET, url, |answer| page_of(Listing::parse(&answer.body)?, page)).await;
    listed.map_err(|fault| client.failed("list", prefix, fault))
}

fn page_of(listing: Listing, page: Option<&str>) -> Result<Page, Fault> {
    let next = listing.next_page_token.filter(|next| !next.is_empty());
    if next.is_some() && next.as_deref() == page {
        return Err(Fault::Unexpected("a listing that goes on where it is".to_owned()));
    }
    // As every other store: only a look tells the version.
    let objects = listing.items.into_iter().map(|item| {
        let mut info = item.info()?;
        info.version = None;
        Ok(info)
    });
    Ok(Page::new(objects.collect::<Result<_, Fault>>()?, next))
}
