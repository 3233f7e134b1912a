//! The objects of a bucket, in key order.

use crate::answers::{Unreadable, next_page};
use crate::client::Client;
use crate::clock::time;
use crate::errors::unreadable;
use crate::limits::ANSWER;
use crate::listing::ReadHere;
use crate::names::decoded;
use aws_sdk_s3::types::{EncodingType, Object};
use sealift::{Error, ObjectInfo, Page, Result};

/// A page of the objects whose key begins with `prefix`.
pub(crate) async fn list(client: &Client, prefix: &str, page: Option<&str>) -> Result<Page> {
    let request = client.sdk.list_objects_v2().bucket(&client.bucket).prefix(prefix);
    let request = request.set_continuation_token(page.map(str::to_owned)).encoding_type(EncodingType::Url);
    let listed = request.customize().config_override(client.within(ANSWER)).interceptor(ReadHere).send().await;
    let listed = listed.map_err(|error| client.failed("list", prefix, error))?;
    let unusable = |flaw: Unreadable| {
        let described = |kind, reason: String| Error::new(kind, "list", client.location(prefix), reason);
        unreadable(described, &client.endpoint, flaw.to_string())
    };
    let next = listed.next_continuation_token.filter(|next| !next.is_empty());
    let next = next_page(listed.is_truncated, next, page.map(str::to_owned).as_ref()).map_err(unusable)?;
    let encoding = listed.encoding_type;
    let objects = listed.contents.unwrap_or_default().into_iter().map(|object| info(object, encoding.as_ref()));
    Ok(Page::new(objects.collect::<Result<_, Unreadable>>().map_err(unusable)?, next))
}

/// What a listing says of an object. One without a key or a size is none, and an error before.
fn info(object: Object, encoding: Option<&EncodingType>) -> Result<ObjectInfo, Unreadable> {
    let mut info =
        ObjectInfo::new(decoded(encoding, object.key.unwrap_or_default())?, object.size.map_or(0, i64::unsigned_abs));
    info.modified = object.last_modified.and_then(time);
    info.etag = object.e_tag;
    Ok(info)
}
