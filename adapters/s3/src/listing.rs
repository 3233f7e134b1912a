//! Reads the answer to a listing: of each object what is told of it, in one pass, and to the end of the document. With the SDK's
//! reader, two thirds of the time of a long listing go into it, and XML that is broken ends it without an error. That one is
//! asked about all that is no listing.

use crate::answers::{Unreadable, is_whole};
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2, ListObjectsV2Output};
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::{EncodingType, Object};
use aws_smithy_runtime_api::client::interceptors::context::{Output, OutputOrError};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;
use std::borrow::Cow;
use std::error::Error as StdError;

/// Has the answer to a listing read here.
#[derive(Debug)]
pub(crate) struct ReadHere;

impl Intercept for ReadHere {
    fn name(&self) -> &'static str {
        "ReadHere"
    }

    fn read_before_deserialization(
        &self,
        _context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        config.interceptor_state().store_put(SharedResponseDeserializer::new(Listings));
        Ok(())
    }
}

const BROKEN: Unreadable = Unreadable::new("its XML is broken, or not that of a listing");

#[derive(Debug)]
struct Listings;

impl DeserializeResponse for Listings {
    fn deserialize_nonstreaming_with_config(&self, response: &HttpResponse, config: &ConfigBag) -> OutputOrError {
        let document = response.body().bytes().filter(|_| response.status().as_u16() == 200);
        match document.map_or(Ok(None), read) {
            Ok(Some(listing)) => Ok(Output::erase(listing)),
            Ok(None) => match read_by_the_sdk(response, config) {
                Ok(_) if !response.body().bytes().is_some_and(is_whole) => {
                    Err(OrchestratorError::response(BROKEN.into()))
                }
                read => read,
            },
            Err(flaw) => Err(OrchestratorError::response(flaw.into())),
        }
    }
}

fn read_by_the_sdk(response: &HttpResponse, config: &ConfigBag) -> OutputOrError {
    let sdk = ListObjectsV2::new().config();
    match sdk.as_ref().and_then(|layer| layer.load::<SharedResponseDeserializer>()) {
        Some(reader) => reader.deserialize_nonstreaming_with_config(response, config),
        None => Err(OrchestratorError::other("the SDK has no reader of listings")),
    }
}

/// What `document` lists; `None` if it is no listing.
fn read(document: &[u8]) -> Result<Option<ListObjectsV2Output>, Unreadable> {
    let mut reader = Reader::from_reader(document);
    reader.config_mut().expand_empty_elements = true;
    match begins(&mut reader) {
        Some(()) => contents(&mut reader).map(Some).ok_or(BROKEN),
        None => Ok(None),
    }
}

/// Goes into the listing.
fn begins(reader: &mut Reader<&[u8]>) -> Option<()> {
    loop {
        match reader.read_event().ok()? {
            Event::Start(root) if root.name().as_ref() == b"ListBucketResult" => return Some(()),
            Event::Decl(_) | Event::Comment(_) => {}
            Event::Text(space) if space.trim_ascii().is_empty() => {}
            _ => return None,
        }
    }
}

/// What is listed; `None` if it cannot be read to its end.
fn contents(reader: &mut Reader<&[u8]>) -> Option<ListObjectsV2Output> {
    let mut listing = ListObjectsV2Output::builder();
    let mut objects = Vec::new();
    loop {
        listing = match next_element(reader)? {
            Element::Contents => {
                objects.push(object(reader)?);
                listing
            }
            Element::IsTruncated => listing.is_truncated(text(reader)?.parse().ok()?),
            Element::NextContinuationToken => listing.next_continuation_token(text(reader)?),
            Element::EncodingType => listing.encoding_type(EncodingType::from(&*text(reader)?)),
            Element::End => return Some(listing.set_contents(Some(objects)).build()),
            _ => {
                skip(reader)?;
                listing
            }
        };
    }
}

fn object(reader: &mut Reader<&[u8]>) -> Option<Object> {
    let mut object = Object::builder();
    loop {
        object = match next_element(reader)? {
            Element::Key => object.key(text(reader)?),
            Element::Size => object.size(text(reader)?.parse().ok()?),
            Element::LastModified => {
                object.last_modified(DateTime::from_str(&text(reader)?, DateTimeFormat::DateTimeWithOffset).ok()?)
            }
            Element::ETag => object.e_tag(text(reader)?),
            Element::End => return Some(object.build()),
            _ => {
                skip(reader)?;
                object
            }
        };
    }
}

/// What comes next within an element.
enum Element {
    Contents,
    IsTruncated,
    NextContinuationToken,
    EncodingType,
    Key,
    Size,
    LastModified,
    ETag,
    Another,
    End,
}

fn next_element(reader: &mut Reader<&[u8]>) -> Option<Element> {
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) => {
                return Some(match element.name().as_ref() {
                    b"Contents" => Element::Contents,
                    b"IsTruncated" => Element::IsTruncated,
                    b"NextContinuationToken" => Element::NextContinuationToken,
                    b"EncodingType" => Element::EncodingType,
                    b"Key" => Element::Key,
                    b"Size" => Element::Size,
                    b"LastModified" => Element::LastModified,
                    b"ETag" => Element::ETag,
                    _ => Element::Another,
                });
            }
            Event::End(_) => return Some(Element::End),
            Event::Text(_) | Event::Comment(_) => {}
            _ => return None,
        }
    }
}

/// Passes over the rest of the element that was begun.
fn skip(reader: &mut Reader<&[u8]>) -> Option<()> {
    let mut depth = 1;
    while depth > 0 {
        match reader.read_event().ok()? {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            Event::Eof => return None,
            _ => {}
        }
    }
    Some(())
}

/// The text of the element that was begun, which has nothing else.
fn text<'a>(reader: &mut Reader<&'a [u8]>) -> Option<Cow<'a, str>> {
    let mut text = Cow::Borrowed("");
    loop {
        match reader.read_event().ok()? {
            Event::Text(more) if text.is_empty() => text = more.decode().ok()?,
            Event::Text(more) => text.to_mut().push_str(&more.decode().ok()?),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                Some(character) => text.to_mut().push(character),
                None => text.to_mut().push_str(resolve_xml_entity(&reference.decode().ok()?)?),
            },
            Event::CData(more) => text.to_mut().push_str(&more.decode().ok()?),
            Event::Comment(_) => {}
            Event::End(_) => return Some(text),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    const PAGE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>a/</Prefix><MaxKeys>1000</MaxKeys><!-- x -->
<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>1/&lt;x&gt;==</NextContinuationToken><KeyCount>2</KeyCount>
<Contents><Key>a/1+%25</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>&quot;0123&quot;</ETag><Size>12</Size>
  <Owner><ID>o</ID><DisplayName/></Owner><StorageClass>STANDARD</StorageClass></Contents>
<Contents><Key>a/&#50;&amp;</Key><Size>9000000000</Size></Contents><CommonPrefixes><Prefix>a/b/</Prefix></CommonPrefixes></ListBucketResult>"#;

    /// What is used of a listing.
    type Told = (Vec<(Option<String>, Option<i64>, Option<DateTime>, Option<String>)>, String);

    fn told(listing: ListObjectsV2Output) -> Told {
        let ListObjectsV2Output { contents, is_truncated, next_continuation_token, encoding_type, .. } = listing;
        let objects = contents.unwrap_or_default().into_iter();
        let objects = objects.map(|object| (object.key, object.size, object.last_modified, object.e_tag)).collect();
        (objects, format!("{is_truncated:?} {next_continuation_token:?} {encoding_type:?}"))
    }

    fn told_here(document: &[u8]) -> Result<Told, Unreadable> {
        read(document).and_then(|listing| listing.map(told).ok_or(Unreadable::new("no listing")))
    }

    fn told_by_the_sdk(document: &[u8]) -> Option<Told> {
        let response = HttpResponse::new(StatusCode::try_from(200).expect("one"), SdkBody::from(document));
        let output = read_by_the_sdk(&response, &ConfigBag::base()).ok()?;
        Some(told(output.downcast().expect("a listing")))
    }

    #[test]
    fn a_listing_is_what_the_sdk_reads_in_it() {
        let first = told_here(PAGE.as_bytes()).expect("read");
        assert_eq!(first.0[1].0.as_deref(), Some("a/2&"));
        assert_eq!(Some(first), told_by_the_sdk(PAGE.as_bytes()));
        for (from, to) in [
            ("<Contents>", "<!-- <Contents> --><Contents>"),
            ("<Owner>", "<Size x='y'>4</Size><Owner>"),
            (" encoding=\"UTF-8\"", ""),
            ("<ETag>&quot;0123&quot;</ETag>", ""),
            ("<Key>a/1+%25</Key>", "<Key/>"),
            ("<Key>a/1+%25</Key>", ""),
            ("<Size>12</Size>", ""),
            (">12<", ">0<"),
            ("&amp;", "\u{fc}&#xfc;&apos;"),
            ("&lt;x&gt;==", ""),
            (">true<", ">false<"),
        ] {
            let page = PAGE.replace(from, to);
            let here = told_here(page.as_bytes());
            assert!(page != PAGE && here.is_ok(), "{to}: {here:?}");
            assert_eq!(here.ok(), told_by_the_sdk(page.as_bytes()), "{to}");
        }
        let marked = PAGE.replace("a/1+%25", "<![CDATA[a/1&]]>+");
        assert_eq!(told_here(marked.as_bytes()).expect("read").0[0].0.as_deref(), Some("a/1&+"));
    }

    #[test]
    fn what_cannot_be_read_is_no_listing() {
        for (from, to) in [
            ("<Size>12</Size>", "<Size/>"),
            (">12<", ">x<"),
            (">12<", "><x/>12<"),
            ("05.678Z", ""),
            (">true<", ">yes<"),
            ("&amp;", "&unknown;"),
            ("</ListBucketResult>", ""),
            ("</Owner>", "</Other>"),
        ] {
            let page = PAGE.replace(from, to);
            let flaw = told_here(page.as_bytes()).expect_err(to).to_string();
            assert!(page != PAGE && flaw.contains("its XML is broken"), "{to}: {flaw}");
        }
        let marked = format!("\u{feff}{PAGE}");
        let told = |page: &str| {
            let response = HttpResponse::new(StatusCode::try_from(200).expect("one"), SdkBody::from(page));
            Listings.deserialize_nonstreaming_with_config(&response, &ConfigBag::base()).is_ok()
        };
        assert!(told(&marked) && !told(&marked[..marked.len() / 2]) && !told("<Error/>"));
        for page in ["", "x", "<Error/>", "<?xml version='1.0'?><html><ListBucketResult/></html>"] {
            assert!(matches!(read(page.as_bytes()), Ok(None)), "{page}");
        }
    }

    /// A page that is cut is never read, and one with any byte changed never as another than the SDK reads in XML that is whole.
    #[test]
    fn damage_is_read_as_by_the_sdk_or_not_at_all() {
        for end in 0..PAGE.len() {
            assert!(told_here(&PAGE.as_bytes()[..end]).is_err(), "{end}");
        }
        let whole = told_here(PAGE.as_bytes()).expect("read");
        let (mut read, mut unread) = (0, 0);
        for (at, byte) in (0..PAGE.len()).flat_map(|at| b"<>&;/\"' =!?-]x0\xff\0".map(|byte| (at, byte))) {
            let mut page = PAGE.as_bytes().to_vec();
            page[at] = byte;
            match told_here(&page) {
                Ok(here) if is_whole(&page) => {
                    // What it does not take is where nothing is told here.
                    let expected = told_by_the_sdk(&page).unwrap_or_else(|| whole.clone());
                    assert_eq!(here, expected, "{}", String::from_utf8_lossy(&page));
                    read += 1;
                }
                _ => unread += 1,
            }
        }
        assert!(read > PAGE.len() && unread > PAGE.len(), "{read}, {unread}");
    }
}
