//! Which of S3's operations a request is.

use crate::answer::{self, Answer};
use crate::state::{Name, Server};
use crate::{listing, multipart, objects};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use percent_encoding::percent_decode_str;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::time::sleep;

/// Bucket and key, and what the query says.
pub(crate) struct Target {
    pub(crate) name: Name,
    query: Vec<(String, String)>,
}

impl Target {
    fn of(request: &Request<Incoming>) -> Self {
        let uri = request.uri();
        let path = uri.path().trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        // In a query, a plus is a space.
        let query = pairs.map(|(name, value)| (decoded(name), decoded(&value.replace('+', " "))));
        Target { name: (decoded(bucket), decoded(key)), query: query.collect() }
    }

    /// What the query says of `name`; empty if it only has the name.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

pub(crate) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Answers a request.
pub(crate) async fn handle(server: Arc<Server>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    if request.uri().path() == "/_stats" {
        return Ok(answer::json(&server.stats.json()));
    }
    let answer = match answered(&server, request).await {
        Ok(answer) => answer,
        // The client went away within the body, framed it wrongly, or the disk is full.
        Err(error) => answer::error(StatusCode::BAD_REQUEST, "IncompleteBody", &format!("{error:#}")),
    };
    if !server.latency.is_zero() {
        sleep(server.latency).await;
    }
    Ok(answer)
}

async fn answered(server: &Server, request: Request<Incoming>) -> anyhow::Result<Answer> {
    let target = Target::of(&request);
    let has = |name: &str| target.query(name).is_some();
    let kind = match (request.method(), target.name.1.is_empty()) {
        (&Method::PUT, false) if request.headers().contains_key("x-amz-copy-source") => "copy",
        (&Method::PUT, false) if has("uploadId") => "upload_part",
        (&Method::PUT, false) if target.query.is_empty() || has("x-id") => "put_object",
        (&Method::POST, false) if has("uploads") => "create_multipart_upload",
        (&Method::POST, false) if has("uploadId") => "complete_multipart_upload",
        (&Method::DELETE, false) if has("uploadId") => "abort_multipart_upload",
        (&Method::DELETE, false) => "delete_object",
        (&Method::GET, false) if has("uploadId") => "list_parts",
        (&Method::GET, false) => "get_object",
        (&Method::HEAD, false) => "head_object",
        (&Method::POST, true) if has("delete") => "delete_objects",
        (&Method::PUT | &Method::HEAD, true) => "bucket",
        (&Method::GET, true) if has("location") => "bucket_location",
        (&Method::GET, true) if has("uploads") => "list_multipart_uploads",
        (&Method::GET, true) => "list_objects",
        _ => "other",
    };
    server.stats.requested(kind);
    match kind {
        "put_object" => objects::put(server, target, request).await,
        "copy" if target.query("uploadId").is_none() => Ok(objects::copy(server, target, request.headers())),
        "upload_part" => multipart::part(server, &target, request).await,
        "create_multipart_upload" => Ok(multipart::create(server, target, request.headers())),
        "complete_multipart_upload" => multipart::complete(server, &target, request).await,
        "abort_multipart_upload" => Ok(multipart::abort(server, &target)),
        "list_parts" => Ok(listing::parts(server, &target)),
        "delete_object" => Ok(objects::delete(server, &target, request.headers())),
        "delete_objects" => objects::delete_many(server, &target, request).await,
        "get_object" => Ok(objects::get(server, &target, request.headers())),
        "head_object" => Ok(objects::head(server, &target, request.headers())),
        "list_multipart_uploads" => Ok(listing::uploads(server, &target)),
        "list_objects" => Ok(listing::objects(server, &target)),
        // Every bucket exists.
        "bucket" => Ok(answer::empty(StatusCode::OK, &Vec::new())),
        "bucket_location" => Ok(answer::xml(StatusCode::OK, &Vec::new(), "<LocationConstraint/>")),
        _ => Ok(answer::error(StatusCode::NOT_IMPLEMENTED, "NotImplemented", "this endpoint cannot do that")),
    }
}
