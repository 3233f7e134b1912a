//! Which permission a request asks for, by the documents of each cloud.

use hyper::Method;
use sealift_tests::proxy::Head;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Names of permissions.
pub(crate) type Permissions = BTreeSet<&'static str>;

/// A cloud's word for what a request needs; `None` for one that is not known.
pub(crate) type Reading = fn(&Head<'_>) -> Option<&'static [&'static str]>;

/// AWS, "Actions, resources, and condition keys for Amazon S3", and "Multipart upload API and permissions".
pub(crate) fn s3(request: &Head<'_>) -> Option<&'static [&'static str]> {
    let has = |name| request.parameter(name).is_some();
    let object = request.segments() > 1;
    Some(match *request.method() {
        Method::GET | Method::HEAD if object && has("uploadId") => &["s3:ListMultipartUploadParts"],
        Method::GET | Method::HEAD if object && !has("versionId") => &["s3:GetObject"],
        Method::GET if has("uploads") => &["s3:ListBucketMultipartUploads"],
        Method::GET if has("versioning") => &["s3:GetBucketVersioning"],
        Method::GET if has("object-lock") => &["s3:GetBucketObjectLockConfiguration"],
        Method::GET if has("lifecycle") => &["s3:GetLifecycleConfiguration"],
        Method::GET if has("versions") => &["s3:ListBucketVersions"],
        Method::GET if has("list-type") => &["s3:ListBucket"],
        Method::HEAD => &["s3:ListBucket"],
        Method::PUT if object && request.header("x-amz-copy-source").is_some() => &["s3:GetObject", "s3:PutObject"],
        Method::PUT if object => &["s3:PutObject"],
        Method::PUT if has("lifecycle") => &["s3:PutLifecycleConfiguration"],
        Method::POST if object && (has("uploads") || has("uploadId")) => &["s3:PutObject"],
        Method::POST if has("delete") => &["s3:DeleteObject"],
        Method::DELETE if object && has("uploadId") => &["s3:AbortMultipartUpload"],
        Method::DELETE if object && has("versionId") => &["s3:DeleteObjectVersion"],
        Method::DELETE if object => &["s3:DeleteObject"],
        _ => return None,
    })
}

/// Google, "IAM permissions for XML requests", of uploads in parts.
fn google_parts(request: &Head<'_>) -> Option<&'static [&'static str]> {
    let (uploads, id) = (request.parameter("uploads").is_some(), request.parameter("uploadId").is_some());
    Some(match *request.method() {
        Method::GET if uploads => &["storage.multipartUploads.list"],
        Method::GET if id => &["storage.multipartUploads.listParts"],
        Method::DELETE if id => &["storage.multipartUploads.abort"],
        Method::POST | Method::PUT if uploads || id => &["storage.multipartUploads.create", "storage.objects.create"],
        _ => return None,
    })
}

/// Google, "IAM permissions for JSON methods". A session for an upload is its own permission.
pub(crate) fn google(request: &Head<'_>) -> Option<&'static [&'static str]> {
    if let Some(permissions) = google_parts(request) {
        return Some(permissions);
    }
    let session = request.parameter("upload_id").is_some();
    let (_, below) = request.path().split_once("/b/")?;
    let object = below.split_once("/o/").is_some_and(|(_, name)| !name.is_empty());
    Some(match *request.method() {
        _ if session => &[],
        Method::GET if object => &["storage.objects.get"],
        Method::GET if below.trim_end_matches('/').ends_with("/o") => &["storage.objects.list"],
        Method::GET => &["storage.buckets.get"],
        Method::POST if below.contains("/rewriteTo/") => &["storage.objects.create", "storage.objects.get"],
        Method::POST if request.path().contains("/upload/") => &["storage.objects.create"],
        Method::DELETE if object => &["storage.objects.delete"],
        _ => return None,
    })
}

/// Microsoft, "Permissions for calling data operations".
pub(crate) fn azure(request: &Head<'_>) -> Option<&'static [&'static str]> {
    // The account's name is the first of the emulator's.
    let object = request.segments() > 2;
    let component = request.parameter("comp");
    let copy = request.header("x-ms-copy-source").is_some();
    Some(match *request.method() {
        Method::GET | Method::HEAD if object => &["blobs/read"],
        Method::GET if component == Some("list") => &["blobs/read"],
        Method::GET | Method::HEAD => &["containers/read"],
        Method::PUT if object && copy => &["blobs/read", "blobs/write"],
        Method::PUT if object => &["blobs/write"],
        Method::DELETE if object => &["blobs/delete"],
        _ => return None,
    })
}

/// What is refused.
#[derive(Debug, Clone)]
pub(crate) enum Refused {
    Nothing,
    /// This one alone.
    One(String),
    /// Everything but these.
    AllBut(BTreeSet<String>),
}

impl Refused {
    fn has(&self, permission: &str) -> bool {
        match self {
            Refused::Nothing => false,
            Refused::One(refused) => refused == permission,
            Refused::AllBut(granted) => !granted.contains(permission),
        }
    }
}

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    asked: Arc<Mutex<Permissions>>,
    unknown: Arc<Mutex<Vec<String>>>,
}

impl Log {
    /// Notes what a request asks for, and tells whether any of that is refused.
    pub(crate) fn note(&self, reading: Reading, refused: &Refused, request: &Head<'_>) -> bool {
        match reading(request) {
            Some(needed) => {
                self.asked.lock().expect("not poisoned").extend(needed);
                needed.iter().any(|needed| refused.has(needed))
            }
            None => {
                let words = format!("{} {} {:?}", request.method(), request.path(), request.parameters());
                self.unknown.lock().expect("not poisoned").push(words);
                false
            }
        }
    }

    /// What was asked for; every request has to be known.
    pub(crate) fn asked(&self) -> Permissions {
        let unknown = self.unknown.lock().expect("not poisoned");
        assert!(unknown.is_empty(), "what do these need? {unknown:?}");
        self.asked.lock().expect("not poisoned").clone()
    }
}
