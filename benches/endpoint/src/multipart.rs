//! Uploads in parts.

use crate::answer::{self, Answer, escaped};
use crate::handle::Target;
use crate::objects::{commit, metadata};
use crate::receive::{checksums, receive, with_prefix};
use crate::state::{Headers, Object, Part, Server, Upload};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{HeaderMap, Request, StatusCode};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// CreateMultipartUpload.
pub(crate) fn create(server: &Server, target: Target, headers: &HeaderMap) -> Answer {
    let id = server.unique();
    let (bucket, key) = target.name.clone();
    let checksum = ["x-amz-checksum-algorithm", "x-amz-checksum-type"];
    let checksum: Headers = checksum.iter().flat_map(|name| with_prefix(headers, name)).collect();
    let upload = Upload {
        name: target.name,
        started: SystemTime::now(),
        metadata: metadata(headers),
        checksum: checksum.clone(),
        parts: BTreeMap::new(),
    };
    server.held().uploads.insert(id.clone(), upload);
    let text = format!(
        "<InitiateMultipartUploadResult><Bucket>{}</Bucket><Key>{}</Key><UploadId>{id}</UploadId>\
         </InitiateMultipartUploadResult>",
        escaped(&bucket),
        escaped(&key)
    );
    answer::xml(StatusCode::OK, &checksum, &text)
}

/// UploadPart.
pub(crate) async fn part(server: &Server, target: &Target, request: Request<Incoming>) -> anyhow::Result<Answer> {
    let _under_way = server.stats.part_begins();
    let (head, body) = request.into_parts();
    let received = receive(server, &head.headers, body).await?;
    if server.refuses_part() {
        server.stats.failed_on_purpose();
        return Ok(answer::error(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Please reduce your request rate."));
    }
    let Some(number) = target.query("partNumber").and_then(|number| number.parse().ok()) else {
        return Ok(answer::error(StatusCode::BAD_REQUEST, "InvalidArgument", "the part has no number"));
    };
    let etag = format!("\"{}\"", server.unique());
    let part = Part { piece: received.piece, etag: etag.clone(), at: SystemTime::now() };
    let mut held = server.held();
    let Some(upload) = upload_id(target).and_then(|id| held.uploads.get_mut(id)) else { return Ok(no_such_upload()) };
    upload.parts.insert(number, part);
    let mut told = received.checksums;
    told.push(("etag".to_owned(), etag));
    Ok(answer::empty(StatusCode::OK, &told))
}

/// CompleteMultipartUpload.
pub(crate) async fn complete(server: &Server, target: &Target, request: Request<Incoming>) -> anyhow::Result<Answer> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let listed: Vec<u32> = part_numbers(&String::from_utf8_lossy(&body));
    let Some(id) = upload_id(target) else { return Ok(no_such_upload()) };
    let mut held = server.held();
    let Some(upload) = held.uploads.get(id).filter(|upload| upload.name == target.name) else {
        return Ok(no_such_upload());
    };
    let pieces = listed.iter().map(|number| upload.parts.get(number).map(|part| part.piece.clone()));
    let Some(pieces) = pieces.collect::<Option<Vec<_>>>().filter(|pieces| !pieces.is_empty()) else {
        return Ok(answer::error(StatusCode::BAD_REQUEST, "InvalidPart", "a part that is listed has not come"));
    };
    let object = Object {
        etag: format!("\"{}-{}\"", server.unique(), pieces.len()),
        pieces,
        modified: SystemTime::now(),
        metadata: upload.metadata.clone(),
        checksums: checksums(&head.headers),
    };
    let (etag, told) = (object.etag.clone(), object.checksums.clone());
    if let Err(refusal) = commit(&mut held, target.name.clone(), object, &head.headers) {
        return Ok(*refusal);
    }
    held.uploads.remove(id);
    Ok(answer::xml(StatusCode::OK, &Headers::new(), &completed(target, &etag, &told)))
}

fn completed(target: &Target, etag: &str, checksums: &Headers) -> String {
    let (bucket, key) = &target.name;
    let (bucket, key, etag) = (escaped(bucket), escaped(key), escaped(etag));
    let mut text =
        format!("<CompleteMultipartUploadResult><Bucket>{bucket}</Bucket><Key>{key}</Key><ETag>{etag}</ETag>");
    for (name, value) in checksums {
        // `x-amz-checksum-crc64nvme` is `ChecksumCRC64NVME` in XML.
        let name = name.trim_start_matches("x-amz-checksum-").to_ascii_uppercase();
        text.push_str(&format!("<Checksum{name}>{}</Checksum{name}>", escaped(value)));
    }
    if !checksums.is_empty() {
        text.push_str("<ChecksumType>FULL_OBJECT</ChecksumType>");
    }
    text.push_str("</CompleteMultipartUploadResult>");
    text
}

/// The numbers of the parts in the body of a complete. Nothing else in it can hold this tag.
fn part_numbers(xml: &str) -> Vec<u32> {
    let after = xml.split("<PartNumber>").skip(1);
    after.filter_map(|after| after.split('<').next()?.trim().parse().ok()).collect()
}

/// AbortMultipartUpload.
pub(crate) fn abort(server: &Server, target: &Target) -> Answer {
    match upload_id(target).and_then(|id| server.held().uploads.remove(id)) {
        Some(_) => answer::empty(StatusCode::NO_CONTENT, &Headers::new()),
        None => no_such_upload(),
    }
}

pub(crate) fn upload_id(target: &Target) -> Option<&str> {
    target.query("uploadId")
}

pub(crate) fn no_such_upload() -> Answer {
    answer::error(StatusCode::NOT_FOUND, "NoSuchUpload", "there is no such upload")
}

#[cfg(test)]
mod tests {
    use super::part_numbers;

    #[test]
    fn parts_are_taken_in_the_order_of_the_list() {
        let xml =
            "<C><Part><ETag>\"1\"</ETag><PartNumber>2</PartNumber></Part><Part><PartNumber>11</PartNumber></Part>";
        assert_eq!(part_numbers(xml), [2, 11]);
        assert!(part_numbers("").is_empty());
    }
}
