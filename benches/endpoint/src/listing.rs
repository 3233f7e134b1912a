//! Lists: of objects, of uploads under way, of an upload's parts.

use crate::answer::{self, Answer, escaped};
use crate::handle::Target;
use crate::multipart::{no_such_upload, upload_id};
use crate::state::{Headers, Server, iso};
use hyper::StatusCode;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// ListObjectsV2, and the first version, whose marker is what a token is in the second: the last key of the page before.
pub(crate) fn objects(server: &Server, target: &Target) -> Answer {
    let asked = |name| target.query(name).unwrap_or_default();
    let prefix = asked("prefix");
    let after = asked("continuation-token").max(asked("start-after")).max(asked("marker"));
    if let Some(made_up) = &server.made_up {
        return page(target, made_up.below(prefix, after));
    }
    let held = server.held();
    let listed = held
        .objects
        .iter()
        .filter(|((bucket, key), _)| *bucket == target.name.0 && key.starts_with(prefix) && key.as_str() > after)
        .map(|((_, key), object)| Listed {
            key: key.into(),
            size: object.size(),
            etag: &object.etag,
            modified: iso(object.modified).into(),
        });
    page(target, listed)
}

/// What a listing tells of an object.
pub(crate) struct Listed<'a> {
    pub(crate) key: Cow<'a, str>,
    pub(crate) size: u64,
    pub(crate) etag: &'a str,
    pub(crate) modified: Cow<'a, str>,
}

/// One page of those that match and come after what was told before.
fn page<'a>(target: &Target, listed: impl Iterator<Item = Listed<'a>>) -> Answer {
    let asked = |name| target.query(name).unwrap_or_default();
    let (prefix, delimiter) = (asked("prefix"), asked("delimiter"));
    let most = target.query("max-keys").and_then(|most| most.parse().ok()).unwrap_or(1_000).min(1_000);
    let (mut text, mut folders, mut count, mut truncated) = (String::new(), BTreeSet::new(), 0, false);
    let mut last = Cow::default();
    for object in listed {
        let folder = match delimiter.is_empty() {
            true => None,
            false => object.key[prefix.len()..]
                .split_once(delimiter)
                .map(|(folder, _)| format!("{prefix}{folder}{delimiter}")),
        };
        let is_new = folder.as_ref().is_none_or(|folder| !folders.contains(folder));
        if is_new && count == most {
            truncated = true;
            break;
        }
        count += usize::from(is_new);
        match folder {
            Some(folder) => drop(folders.insert(folder)),
            None => text.push_str(&format!(
                "<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size>\
                 <StorageClass>STANDARD</StorageClass></Contents>",
                escaped(&object.key),
                object.modified,
                escaped(object.etag),
                object.size,
            )),
        }
        last = object.key;
    }
    for folder in folders {
        text.push_str(&format!("<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", escaped(&folder)));
    }
    if truncated {
        let tag = if asked("list-type") == "2" { "NextContinuationToken" } else { "NextMarker" };
        text.push_str(&format!("<{tag}>{}</{tag}>", escaped(&last)));
    }
    let (bucket, prefix) = (escaped(&target.name.0), escaped(prefix));
    let text = format!(
        "<ListBucketResult><Name>{bucket}</Name><Prefix>{prefix}</Prefix><KeyCount>{count}</KeyCount>\
         <MaxKeys>{most}</MaxKeys><IsTruncated>{truncated}</IsTruncated>{text}</ListBucketResult>"
    );
    answer::xml(StatusCode::OK, &Headers::new(), &text)
}

/// ListMultipartUploads, all of them in one page.
pub(crate) fn uploads(server: &Server, target: &Target) -> Answer {
    let held = server.held();
    let prefix = target.query("prefix").unwrap_or_default();
    let mut found: Vec<_> = held
        .uploads
        .iter()
        .filter(|(_, upload)| upload.name.0 == target.name.0 && upload.name.1.starts_with(prefix))
        .collect();
    found.sort_by_key(|(_, upload)| (&upload.name.1, upload.started));
    let mut text = String::new();
    for (id, upload) in found {
        let (key, started) = (escaped(&upload.name.1), iso(upload.started));
        text.push_str(&format!("<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiated>{started}</Initiated>"));
        for (name, value) in &upload.checksum {
            let tag = if name.ends_with("type") { "ChecksumType" } else { "ChecksumAlgorithm" };
            text.push_str(&format!("<{tag}>{}</{tag}>", escaped(value)));
        }
        text.push_str("</Upload>");
    }
    let text = format!(
        "<ListMultipartUploadsResult><Bucket>{}</Bucket><IsTruncated>false</IsTruncated>{text}\
         </ListMultipartUploadsResult>",
        escaped(&target.name.0)
    );
    answer::xml(StatusCode::OK, &Headers::new(), &text)
}

/// ListParts, all of them in one page.
pub(crate) fn parts(server: &Server, target: &Target) -> Answer {
    let held = server.held();
    let Some((id, upload)) = upload_id(target).and_then(|id| held.uploads.get_key_value(id)) else {
        return no_such_upload();
    };
    let parts: String = upload
        .parts
        .iter()
        .map(|(number, part)| {
            let (etag, size, at) = (escaped(&part.etag), part.piece.len, iso(part.at));
            format!(
                "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag><Size>{size}</Size>\
                 <LastModified>{at}</LastModified></Part>"
            )
        })
        .collect();
    let (bucket, key) = (escaped(&upload.name.0), escaped(&upload.name.1));
    let text = format!(
        "<ListPartsResult><Bucket>{bucket}</Bucket><Key>{key}</Key><UploadId>{id}</UploadId>\
         <IsTruncated>false</IsTruncated>{parts}</ListPartsResult>"
    );
    answer::xml(StatusCode::OK, &Headers::new(), &text)
}
