//! What an answer must be to count as one. A success that is another program's page, lacks what was asked for, or says
//! that more follows and not where, is an error; and no answer takes more memory than it needs.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextMut,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::operation::abort_multipart_upload::AbortMultipartUploadOutput;
use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadOutput;
use aws_sdk_s3::operation::copy_object::CopyObjectOutput;
use aws_sdk_s3::operation::create_multipart_upload::CreateMultipartUploadOutput;
use aws_sdk_s3::operation::delete_object::DeleteObjectOutput;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsOutput;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::operation::upload_part::UploadPartOutput;
use aws_sdk_s3::operation::upload_part_copy::UploadPartCopyOutput;
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::interceptors::context::Output;
use aws_smithy_xml::decode::Document;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use quick_xml::events::Event;
use quick_xml::{Reader, XmlVersion};
use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The longest text of an error that is read; the rest is dropped.
const LONGEST_ERROR: usize = 1 << 20;
/// The longest answer but an object's bytes that is read. A page of a listing has 1,000 keys of up to 1 KiB.
const LONGEST_DOCUMENT: usize = 64 << 20;

/// An answer that reports success and is not what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable(&'static str);

impl Unreadable {
    pub(crate) const fn new(flaw: &'static str) -> Self {
        Unreadable(flaw)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl StdError for Unreadable {}

/// Checks the answers to the requests it is given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// They are documents, or have no body.
    Documents,
    /// A success is an object's bytes, of any kind and length.
    ObjectBytes,
}

impl Intercept for Answers {
    fn name(&self) -> &'static str {
        "Answers"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        let response = context.response_mut();
        let success = response.status().is_success();
        if success && *self == Answers::ObjectBytes {
            return Ok(());
        }
        let body = std::mem::replace(response.body_mut(), SdkBody::taken());
        let (left, beyond) = match success {
            true => (LONGEST_DOCUMENT, Beyond::Refused),
            false => (LONGEST_ERROR, Beyond::Dropped),
        };
        *response.body_mut() = SdkBody::from_body_1_x(Limited { body, left, beyond });
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        let Ok(output) = context.output_or_error() else { return Ok(()) };
        let response = context.response();
        match flaw(output)
            .or_else(|| page(response))
            .or_else(|| stray(output, response))
            .or_else(|| broken(output, response))
        {
            Some(flaw) => Err(Unreadable(flaw).into()),
            None => Ok(()),
        }
    }
}

/// What the body of an answer is beyond its limit.
#[derive(Debug, Clone, Copy)]
enum Beyond {
    Dropped,
    Refused,
}

struct Limited {
    body: SdkBody,
    left: usize,
    beyond: Beyond,
}

impl Body for Limited {
    type Data = Bytes;
    type Error = Box<dyn StdError + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left == 0 && matches!(self.beyond, Beyond::Dropped) {
            return Poll::Ready(None);
        }
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)?) else { return Poll::Ready(None) };
        let mut data = match frame.into_data() {
            Ok(data) => data,
            Err(other) => return Poll::Ready(Some(Ok(other))),
        };
        match (self.left.checked_sub(data.len()), self.beyond) {
            (Some(left), _) => self.left = left,
            (None, Beyond::Dropped) => {
                data.truncate(self.left);
                self.left = 0;
            }
            (None, Beyond::Refused) => return Poll::Ready(Some(Err(Unreadable("it does not end").into()))),
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match self.body.size_hint().upper() {
            Some(upper) if upper <= self.left as u64 => self.body.size_hint(),
            _ => SizeHint::new(),
        }
    }
}

const NO_ETAG: &str = "it has no ETag";

/// What an answer lacks that the SDK could read.
fn flaw(output: &Output) -> Option<&'static str> {
    let lacks = |missing: bool, flaw| missing.then_some(flaw);
    let no_etag = |etag: Option<&str>| lacks(etag.is_none_or(str::is_empty), NO_ETAG);
    if let Some(put) = output.downcast_ref::<PutObjectOutput>() {
        no_etag(put.e_tag())
    } else if let Some(part) = output.downcast_ref::<UploadPartOutput>() {
        no_etag(part.e_tag())
    } else if let Some(started) = output.downcast_ref::<CreateMultipartUploadOutput>() {
        lacks(started.upload_id().is_none_or(str::is_empty), "it has no upload id")
    } else if let Some(completed) = output.downcast_ref::<CompleteMultipartUploadOutput>() {
        no_etag(completed.e_tag())
    } else if let Some(copied) = output.downcast_ref::<CopyObjectOutput>() {
        no_etag(copied.copy_object_result().and_then(|result| result.e_tag()))
    } else if let Some(copied) = output.downcast_ref::<UploadPartCopyOutput>() {
        no_etag(copied.copy_part_result().and_then(|result| result.e_tag()))
    } else if let Some(head) = output.downcast_ref::<HeadObjectOutput>() {
        let length = head.content_length();
        lacks(length.is_none_or(|length| length < 0), "it does not tell the length").or_else(|| no_etag(head.e_tag()))
    } else if let Some(read) = output.downcast_ref::<GetObjectOutput>() {
        no_etag(read.e_tag())
    } else if let Some(listed) = output.downcast_ref::<ListObjectsV2Output>() {
        let whole =
            |object: &aws_sdk_s3::types::Object| object.key().is_some() && object.size().is_some_and(|size| size >= 0);
        lacks(!listed.contents().iter().all(whole), "it lists an object without its key or its size")
    } else if let Some(listed) = output.downcast_ref::<ListMultipartUploadsOutput>() {
        let whole =
            |upload: &aws_sdk_s3::types::MultipartUpload| upload.key().is_some() && upload.upload_id().is_some();
        lacks(!listed.uploads().iter().all(whole), "it lists an upload without its key or its id")
    } else {
        None
    }
}

/// Whether the body of an answer is a web page. A type without a body is not: some services give one to every answer.
fn page(response: &HttpResponse) -> Option<&'static str> {
    let body = response.body().bytes()?.trim_ascii_start();
    let declared = response.headers().get("content-type").is_some_and(is_html) && !body.starts_with(b"<?xml");
    let begins = |with: &[u8]| body.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    (!body.is_empty() && (declared || begins(b"<!doctype") || begins(b"<html"))).then_some("it is a web page")
}

/// Whether an answer that has no body has one: an error, or another program's.
fn stray(output: &Output, response: &HttpResponse) -> Option<&'static str> {
    let bare = output.downcast_ref::<PutObjectOutput>().is_some()
        || output.downcast_ref::<UploadPartOutput>().is_some()
        || output.downcast_ref::<DeleteObjectOutput>().is_some()
        || output.downcast_ref::<AbortMultipartUploadOutput>().is_some();
    let empty = response.body().bytes().is_none_or(|body| body.trim_ascii().is_empty());
    (bare && !empty).then_some("it has a body where none belongs")
}

/// Whether the SDK has read the answer to its end: it passes over broken XML without a word, and tells what came before.
fn broken(output: &Output, response: &HttpResponse) -> Option<&'static str> {
    let body = response.body().bytes()?.trim_ascii_start();
    // crate::listing has looked at those.
    let is_known = output.downcast_ref::<ListObjectsV2Output>().is_some();
    (!is_known && !body.is_empty() && !is_whole(body)).then_some("its XML is broken")
}

/// Whether this is a document in which the SDK's reader finds nothing to pass over: no character that XML has not, no reference
/// to what is unknown, and every element ends, as what it began.
pub(crate) fn is_whole(document: &[u8]) -> bool {
    let Ok(mut tokens) = Document::try_from(document) else { return false };
    let open = tokens.try_fold(0, |_, token| token.map(|(_, depth)| depth));
    matches!(open, Ok(0)) && ends(document).is_some()
}

fn ends(document: &[u8]) -> Option<()> {
    let mut reader = Reader::from_reader(document);
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) | Event::Empty(element) => {
                for attribute in element.attributes() {
                    attribute.ok()?.normalized_value(XmlVersion::Implicit1_0).ok()?;
                }
            }
            Event::Eof => return Some(()),
            _ => {}
        }
    }
}

/// Whether a content type is that of a web page.
pub(crate) fn is_html(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("text/html") || kind.eq_ignore_ascii_case("application/xhtml+xml")
}

/// Where the page after this one begins, by what a listing says. `previous` is where this one began.
pub(crate) fn next_page<M: PartialEq>(
    truncated: Option<bool>,
    next: Option<M>,
    previous: Option<&M>,
) -> Result<Option<M>, Unreadable> {
    match (truncated, next) {
        (Some(true), None) => Err(Unreadable("it says that more follows, and not where")),
        (Some(true), Some(next)) if previous == Some(&next) => {
            Err(Unreadable("it says that more follows, and it is the same again"))
        }
        (Some(true), next) => Ok(next),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_ends_goes_on_or_is_none() {
        assert_eq!(next_page(None, Some("b"), None), Ok(None));
        assert_eq!(next_page(Some(false), None, Some(&"a")), Ok(None));
        assert_eq!(next_page(Some(true), Some("b"), Some(&"a")), Ok(Some("b")));
        assert!(next_page(Some(true), None, Some(&"a")).is_err());
        assert!(next_page(Some(true), Some("a"), Some(&"a")).is_err());
    }

    #[test]
    fn pages_are_told_by_what_they_are() {
        let answer = |kind: &'static str, body: &'static str| {
            let mut response = HttpResponse::new(200.try_into().expect("a status"), SdkBody::from(body));
            response.headers_mut().insert("content-type", kind);
            page(&response).is_some()
        };
        assert!(answer("text/html; charset=utf-8", "hello"));
        assert!(answer("application/xml", "\n<!DOCTYPE html><html>"));
        assert!(answer("", "<HTML>"));
        assert!(!answer("text/html", ""), "Swift says so of every answer");
        assert!(!answer("text/html", "<?xml version=\"1.0\"?><ListBucketResult/>"));
        assert!(!answer("application/xml", "<ListBucketResult/>"));
    }
}
