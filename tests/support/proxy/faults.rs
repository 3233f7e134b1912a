//! What can be done to a request and to its answer.

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What is done to a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Nothing: it is only counted, once the server has answered.
    Pass,
    /// Another fault that ends with an answer, and from then on nobody listens, until
    /// [`FaultProxy::up`](super::FaultProxy::up). The other one is counted.
    ThenDown(Box<Fault>),
    /// The connection is cut; the server hears nothing of the request.
    Reset,
    /// The connection is cut within the request's body; the server hears nothing of the request.
    CutRequest {
        /// The bytes that are taken.
        after_bytes: usize,
    },
    /// Answered here; the server hears nothing of the request.
    Reply(Reply),
    /// Held until released or until the client goes; then answered here.
    ReplyLater(Reply),
    /// The server answers, and another answer is passed on instead.
    ApplyThenReply(Reply),
    /// The server answers, and the connection is cut instead of passing the answer on.
    ApplyThenCut,
    /// Read to its end and kept; passed on to the server when released, also if the client has gone by then.
    ApplyLater(Client),
    /// Held until released or until the client goes; passed on when released.
    Stall,
    /// The server answers, and the answer is held until released or until the client goes.
    ApplyThenStall,
    /// Takes so many bytes of the request's body and no more; held until released.
    StandStill {
        /// The bytes that are taken.
        after_bytes: usize,
    },
    /// The answer's body breaks off after so many bytes.
    CutReply {
        /// The bytes that pass.
        after_bytes: usize,
    },
    /// The answer's body comes one byte at a time.
    Drip {
        /// So many of its bytes; the rest comes at once.
        bytes: usize,
        /// Before each.
        pause: Duration,
    },
    /// One bit of the answer's body is another.
    Corrupt {
        /// In the byte at this offset.
        at: usize,
    },
    /// One bit of the request's body is another when the server gets it, if it has a body.
    CorruptRequest {
        /// In the byte at this offset, counted from the beginning again after the last.
        at: usize,
    },
    /// The answer says something else.
    Rewrite(Rewrite),
}

/// What becomes of the client whose request is applied later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Its connection is cut at once.
    IsCut,
    /// It waits, and gets the server's answer if it waits for long enough.
    Waits,
}

/// An answer that is made here.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// An answer with a body of this kind.
    pub fn new(status: u16, content_type: &str, body: impl Into<String>) -> Self {
        Reply { status, headers: vec![("content-type".to_owned(), content_type.to_owned())], body: body.into() }
    }

    /// An answer in XML.
    pub fn xml(status: u16, body: &str) -> Self {
        Reply::new(status, "application/xml", format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}"))
    }

    /// A page, as a captive portal or a proxy answers it.
    pub fn html(status: u16) -> Self {
        Reply::new(status, "text/html", "<!DOCTYPE html><html><body><h1>Welcome</h1></body></html>")
    }

    /// An answer without a word.
    pub fn empty(status: u16) -> Self {
        Reply { status, headers: Vec::new(), body: String::new() }
    }

    /// The same with one header more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// A change of an answer.
#[derive(Clone)]
pub struct Rewrite {
    name: &'static str,
    change: Change,
}

type Change = Arc<dyn Fn(&mut HeaderMap, Bytes) -> Bytes + Send + Sync>;

impl Rewrite {
    /// `change` gets the headers and the body of the server's answer, and returns the body that is passed on.
    pub fn new(name: &'static str, change: impl Fn(&mut HeaderMap, Bytes) -> Bytes + Send + Sync + 'static) -> Self {
        Rewrite { name, change: Arc::new(change) }
    }

    /// Without this header.
    pub fn without(header: &'static str) -> Self {
        Rewrite::new(header, move |headers, body| {
            headers.remove(header);
            body
        })
    }

    /// With another value of this header, where it is there.
    pub fn with(header: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        Rewrite::new(header, move |headers, body| {
            if headers.contains_key(header) {
                let value = HeaderValue::from_str(&value).expect("a header's value");
                headers.insert(HeaderName::from_static(header), value);
            }
            body
        })
    }

    /// With other text in the body, made from all of it.
    pub fn text(name: &'static str, change: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Rewrite::new(name, move |headers, body| {
            headers.remove("content-length");
            match std::str::from_utf8(&body) {
                Ok(text) => change(text).into(),
                Err(_) => body,
            }
        })
    }

    /// This one, and then `other`.
    #[must_use]
    pub fn and(self, other: Rewrite) -> Self {
        let name = self.name;
        Rewrite::new(name, move |headers, body| {
            let body = (self.change)(headers, body);
            (other.change)(headers, body)
        })
    }

    pub(super) fn apply(&self, headers: &mut HeaderMap, body: Bytes) -> Bytes {
        (self.change)(headers, body)
    }
}

impl fmt::Debug for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rewrite({})", self.name)
    }
}
