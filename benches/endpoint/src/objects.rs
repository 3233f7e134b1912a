//! Whole objects: put, looked at, read, removed.

use crate::answer::{self, Answer, escaped};
use crate::handle::{Target, decoded};
use crate::pieces::PiecesBody;
use crate::receive::{receive, with_prefix};
use crate::state::{Headers, Held, Name, Object, Server, iso};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::{HeaderMap, Request, StatusCode, header};
use std::ops::Range;
use std::time::SystemTime;

/// PutObject.
pub(crate) async fn put(server: &Server, target: Target, request: Request<Incoming>) -> anyhow::Result<Answer> {
    let (head, body) = request.into_parts();
    let received = receive(server, &head.headers, body).await?;
    let object = Object {
        pieces: vec![received.piece],
        etag: format!("\"{}\"", server.unique()),
        modified: SystemTime::now(),
        metadata: metadata(&head.headers),
        checksums: received.checksums,
    };
    let mut told = object.checksums.clone();
    told.push(("etag".to_owned(), object.etag.clone()));
    Ok(match commit(&mut server.held(), target.name, object, &head.headers) {
        Ok(()) => answer::empty(StatusCode::OK, &told),
        Err(refusal) => *refusal,
    })
}

/// CopyObject, of an object with its metadata. Its bytes are those of both.
pub(crate) fn copy(server: &Server, target: Target, headers: &HeaderMap) -> Answer {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let source = decoded(header("x-amz-copy-source").unwrap_or_default());
    let name = source.trim_start_matches('/').split_once('/').map(|(bucket, key)| (bucket.to_owned(), key.to_owned()));
    let mut held = server.held();
    let Some(from) = name.and_then(|name| held.objects.get(&name)) else {
        return answer::error(StatusCode::NOT_FOUND, "NoSuchKey", "there is no such object");
    };
    let wanted = header("x-amz-copy-source-if-match");
    if wanted.is_some_and(|wanted| wanted.trim_matches('"') != from.etag.trim_matches('"')) {
        return unmet();
    }
    let object = Object {
        pieces: from.pieces.clone(),
        etag: format!("\"{}\"", server.unique()),
        modified: SystemTime::now(),
        metadata: from.metadata.clone(),
        checksums: from.checksums.clone(),
    };
    let text = format!(
        "<CopyObjectResult><ETag>{}</ETag><LastModified>{}</LastModified></CopyObjectResult>",
        escaped(&object.etag),
        iso(object.modified)
    );
    match commit(&mut held, target.name, object, headers) {
        Ok(()) => answer::xml(StatusCode::OK, &Headers::new(), &text),
        Err(refusal) => *refusal,
    }
}

/// Makes an object visible, unless the request's condition forbids it.
pub(crate) fn commit(held: &mut Held, name: Name, object: Object, headers: &HeaderMap) -> Result<(), Box<Answer>> {
    if headers.contains_key(header::IF_NONE_MATCH) && held.objects.contains_key(&name) {
        return Err(Box::new(unmet()));
    }
    held.objects.insert(name, object);
    Ok(())
}

/// The headers that a later HEAD repeats.
pub(crate) fn metadata(headers: &HeaderMap) -> Headers {
    let mut metadata = with_prefix(headers, "x-amz-meta-");
    metadata.extend(with_prefix(headers, "content-type"));
    metadata
}

/// HeadObject.
pub(crate) fn head(server: &Server, target: &Target, headers: &HeaderMap) -> Answer {
    let held = server.held();
    // The answer to HEAD has no body, errors included.
    let Some(object) = held.objects.get(&target.name) else {
        return answer::empty(StatusCode::NOT_FOUND, &Headers::new());
    };
    let mut told = described(object, headers);
    told.push(("content-length".to_owned(), object.size().to_string()));
    answer::empty(StatusCode::OK, &told)
}

/// GetObject.
pub(crate) fn get(server: &Server, target: &Target, headers: &HeaderMap) -> Answer {
    let held = server.held();
    let Some(object) = held.objects.get(&target.name) else {
        return answer::error(StatusCode::NOT_FOUND, "NoSuchKey", "there is no such object");
    };
    if !matches(object, headers) {
        return unmet();
    }
    let size = object.size();
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let (status, range) = match asked.map(|asked| range(asked, size)) {
        None => (StatusCode::OK, 0..size),
        Some(Some(range)) => (StatusCode::PARTIAL_CONTENT, range),
        Some(None) => {
            return answer::error(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", "the object is shorter");
        }
    };
    let mut told = described(object, headers);
    if status == StatusCode::PARTIAL_CONTENT {
        let content_range = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        told.push(("content-range".to_owned(), content_range));
        // They are of the whole object.
        told.retain(|(name, _)| !name.starts_with("x-amz-checksum-"));
    }
    let count = range.end - range.start;
    if count == 0 {
        return answer::with(status, &told, Either::Left(Full::default()));
    }
    match PiecesBody::new(&object.pieces, range) {
        Some(body) => {
            server.stats.sends(count);
            answer::with(status, &told, Either::Right(body))
        }
        None => {
            let reason = "its bytes were thrown away: start the endpoint with --keep";
            answer::error(StatusCode::NOT_IMPLEMENTED, "NotImplemented", reason)
        }
    }
}

/// DeleteObject.
pub(crate) fn delete(server: &Server, target: &Target, headers: &HeaderMap) -> Answer {
    let mut held = server.held();
    if held.objects.get(&target.name).is_some_and(|object| !matches(object, headers)) {
        return unmet();
    }
    held.objects.remove(&target.name);
    answer::empty(StatusCode::NO_CONTENT, &Headers::new())
}

/// DeleteObjects, of keys without characters that XML escapes.
pub(crate) async fn delete_many(
    server: &Server,
    target: &Target,
    request: Request<Incoming>,
) -> anyhow::Result<Answer> {
    let body = request.into_body().collect().await?.to_bytes();
    let text = std::str::from_utf8(&body)?;
    let keys = text.split("<Key>").skip(1).filter_map(|rest| Some(rest.split_once("</Key>")?.0));
    let mut told = String::from("<DeleteResult>");
    let quiet = text.contains("<Quiet>true</Quiet>");
    let mut held = server.held();
    for key in keys {
        held.objects.remove(&(target.name.0.clone(), key.to_owned()));
        if !quiet {
            told.push_str(&format!("<Deleted><Key>{key}</Key></Deleted>"));
        }
    }
    Ok(answer::xml(StatusCode::OK, &Headers::new(), &format!("{told}</DeleteResult>")))
}

fn matches(object: &Object, headers: &HeaderMap) -> bool {
    let wanted = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
    wanted.is_none_or(|wanted| wanted.trim_matches('"') == object.etag.trim_matches('"'))
}

fn unmet() -> Answer {
    answer::error(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", "the condition does not hold")
}

fn described(object: &Object, headers: &HeaderMap) -> Headers {
    let mut told = object.metadata.clone();
    told.push(("etag".to_owned(), object.etag.clone()));
    told.push(("last-modified".to_owned(), httpdate::fmt_http_date(object.modified)));
    told.push(("accept-ranges".to_owned(), "bytes".to_owned()));
    if headers.contains_key("x-amz-checksum-mode") && !object.checksums.is_empty() {
        told.extend(object.checksums.iter().cloned());
        told.push(("x-amz-checksum-type".to_owned(), "FULL_OBJECT".to_owned()));
    }
    told
}

/// The bytes that a Range header asks for, if an object of `size` bytes has any of them.
fn range(asked: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = asked.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first, last) {
        ("", count) => size.saturating_sub(count.parse().ok()?)..size,
        (first, "") => first.parse().ok()?..size,
        (first, last) => first.parse().ok()?..last.parse::<u64>().ok()?.saturating_add(1).min(size),
    };
    (!range.is_empty()).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn ranges() {
        assert_eq!(range("bytes=0-0", 10), Some(0..1));
        assert_eq!(range("bytes=5-", 10), Some(5..10));
        assert_eq!(range("bytes=-3", 10), Some(7..10));
        assert_eq!(range("bytes=8-99", 10), Some(8..10));
        assert_eq!(range("bytes=10-11", 10), None);
        assert_eq!(range("lines=0-1", 10), None);
    }
}
