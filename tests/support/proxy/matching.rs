//! Which requests a fault is for.

use hyper::header::HeaderMap;
use hyper::{Method, Request, Uri};
use std::sync::Arc;

/// Which requests a fault is for.
#[derive(Clone)]
pub struct Match {
    pub(super) is: Predicate,
    pub(super) times: usize,
}

pub(super) type Predicate = Arc<dyn Fn(&Head<'_>) -> bool + Send + Sync>;

impl Match {
    /// Every request of which `is` holds.
    pub fn new(is: impl Fn(&Head<'_>) -> bool + Send + Sync + 'static) -> Self {
        Match { is: Arc::new(is), times: usize::MAX }
    }

    /// Every request.
    pub fn any() -> Self {
        Match::new(|_| true)
    }

    /// Only the first `times` of them.
    pub fn times(self, times: usize) -> Self {
        Match { times, ..self }
    }
}

/// What a request says before its body.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
}

impl<'a> Head<'a> {
    pub(super) fn of<B>(request: &'a Request<B>) -> Self {
        Head { method: request.method(), uri: request.uri(), headers: request.headers() }
    }

    /// Its method.
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// Its path, as it stands there.
    pub fn path(&self) -> &'a str {
        self.uri.path()
    }

    /// The parts of its path, as they stand there.
    pub fn segments(&self) -> usize {
        self.path().split('/').filter(|part| !part.is_empty()).count()
    }

    /// The value of a parameter in its query, as it stands there; empty for one without a value.
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        self.uri.query().unwrap_or_default().split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then_some(value)
        })
    }

    /// The names of its parameters, in their order.
    pub fn parameters(&self) -> Vec<&'a str> {
        let pairs = self.uri.query().unwrap_or_default().split('&');
        pairs.map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name)).collect()
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
