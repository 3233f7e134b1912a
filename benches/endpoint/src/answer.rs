//! Answers: what goes back, and S3's errors.

use crate::pieces::PiecesBody;
use crate::state::Headers;
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::{Response, StatusCode, header};
use std::borrow::Cow;

/// A body: something short, or an object.
pub(crate) type AnswerBody = Either<Full<Bytes>, PiecesBody>;
/// An answer.
pub(crate) type Answer = Response<AnswerBody>;

/// No body.
pub(crate) fn empty(status: StatusCode, headers: &Headers) -> Answer {
    with(status, headers, Either::Left(Full::default()))
}

/// XML, without its declaration.
pub(crate) fn xml(status: StatusCode, headers: &Headers, text: &str) -> Answer {
    let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}");
    let mut answer = with(status, headers, Either::Left(Full::from(text)));
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/xml"));
    answer
}

/// JSON.
pub(crate) fn json(value: &serde_json::Value) -> Answer {
    with(StatusCode::OK, &[("content-type".to_owned(), "application/json".to_owned())].into(), {
        Either::Left(Full::from(format!("{value}\n")))
    })
}

/// An error, with a code of S3's.
pub(crate) fn error(status: StatusCode, code: &str, message: &str) -> Answer {
    let text = format!("<Error><Code>{code}</Code><Message>{}</Message></Error>", escaped(message));
    xml(status, &Headers::new(), &text)
}

/// Any body.
pub(crate) fn with(status: StatusCode, headers: &Headers, body: AnswerBody) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<header::HeaderName>(), value.parse::<header::HeaderValue>()) {
            answer.headers_mut().insert(name, value);
        }
    }
    let id = header::HeaderValue::from_static("BENCH");
    answer.headers_mut().insert("x-amz-request-id", id);
    answer
}

/// Text within XML.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    match text.contains(['&', '<', '>', '"']) {
        false => text.into(),
        true => text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").into(),
    }
}
