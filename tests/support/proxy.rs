//! A reverse proxy between a client and a server, which passes requests on as they are, and does to some of them what
//! networks and servers do when they fail. It knows no cloud: which request is which step, each cloud's file says.

use bytes::Bytes;
use futures::TryStreamExt;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, BodyStream, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Body = BoxBody<Bytes, Error>;

/// Which requests a fault is for.
#[derive(Clone)]
pub struct Match {
    is: Predicate,
    times: usize,
}

type Predicate = Arc<dyn Fn(&Head<'_>) -> bool + Send + Sync>;

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
#[derive(Debug)]
pub struct Head<'a>(&'a Request<Incoming>);

impl Head<'_> {
    /// Its method.
    pub fn method(&self) -> &Method {
        self.0.method()
    }

    /// The parts of its path, as they stand there.
    pub fn segments(&self) -> usize {
        self.0.uri().path().split('/').filter(|part| !part.is_empty()).count()
    }

    /// The value of a parameter in its query, as it stands there; empty for one without a value.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.0.uri().query().unwrap_or_default().split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then_some(value)
        })
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers().get(name).and_then(|value| value.to_str().ok())
    }
}

/// What is done to a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The connection is cut; the server hears nothing of the request.
    Reset,
    /// Answered here; the server hears nothing of the request.
    Reply {
        /// The status.
        status: u16,
        /// Further headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// The server answers, and the connection is cut instead of passing the answer on.
    ApplyThenCut,
    /// Held until released or until the client goes; then passed on.
    Stall,
    /// The server answers, and the answer is held until released or until the client goes.
    ApplyThenStall,
    /// The answer's body breaks off after so many bytes.
    CutReply {
        /// The bytes that pass.
        after_bytes: usize,
    },
    /// One bit of the answer's body is another.
    Corrupt {
        /// In the byte at this offset.
        at: usize,
    },
}

impl Fault {
    /// An answer in XML.
    pub fn xml(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let own = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let headers = [("content-type".to_owned(), "application/xml".to_owned())].into_iter().chain(own).collect();
        Fault::Reply { status, headers, body: format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}") }
    }
}

struct Rule {
    is: Predicate,
    left: AtomicUsize,
    fault: Fault,
    fired: watch::Sender<usize>,
    released: CancellationToken,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule").field("fault", &self.fault).field("fired", &*self.fired.borrow()).finish_non_exhaustive()
    }
}

/// A fault that was set up.
#[derive(Debug, Clone)]
pub struct FaultHandle(Arc<Rule>);

impl FaultHandle {
    /// How often it has been done. A fault of the kind that applies first has fired when the server has answered.
    pub fn fired(&self) -> usize {
        *self.0.fired.borrow()
    }

    /// Waits until it has been done `count` times.
    pub async fn wait_fired(&self, count: usize) {
        self.0.fired.subscribe().wait_for(|fired| *fired >= count).await.expect("the rule lives");
    }

    /// Lets go of what is held, now and from now on.
    pub fn release(&self) {
        self.0.released.cancel();
    }
}

/// The proxy.
#[derive(Debug)]
pub struct FaultProxy {
    endpoint: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Without a path: requests have theirs.
    upstream: String,
    client: Client<HttpConnector, Body>,
    rules: Mutex<Vec<Arc<Rule>>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl FaultProxy {
    /// A proxy before the server of the URL `upstream`, on a port of its own.
    pub async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let upstream: Uri = upstream.parse().expect("a URL");
        let path = upstream.path().trim_end_matches('/');
        let endpoint = format!("http://{}{path}", listener.local_addr().expect("bound"));
        let shared = Arc::new(Shared {
            upstream: format!("http://{}", upstream.authority().expect("a host")),
            client: Client::builder(TokioExecutor::new()).build_http(),
            rules: Mutex::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        shared.tasks.spawn(serve(listener, Arc::clone(&shared)));
        FaultProxy { endpoint, shared }
    }

    /// Its URL, with the path that `upstream` has.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// Sets up a fault. The first one that matches is done.
    pub fn on(&self, matches: Match, fault: Fault) -> FaultHandle {
        let rule = Arc::new(Rule {
            is: matches.is,
            left: AtomicUsize::new(matches.times),
            fault,
            fired: watch::channel(0).0,
            released: CancellationToken::new(),
        });
        self.shared.rules.lock().expect("not poisoned").push(Arc::clone(&rule));
        FaultHandle(rule)
    }

    /// Cuts all connections and ends.
    pub async fn shutdown(self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Some(Ok((stream, _))) = shared.stop.run_until_cancelled(listener.accept()).await {
        let connection = Arc::clone(&shared);
        shared.tasks.spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&connection)));
            let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // An error is a connection cut, by the client or by a fault.
            let _ = connection.stop.run_until_cancelled(served).await;
        });
    }
}

/// `Err` cuts the connection without an answer.
async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>, Error> {
    let Some(rule) = rule_for(&shared, &request) else {
        return Ok(shared.forward(request.map(streamed)).await?.map(streamed));
    };
    let done = || rule.fired.send_modify(|fired| *fired += 1);
    match &rule.fault {
        Fault::Reset => {
            done();
            Err("reset".into())
        }
        Fault::Reply { status, headers, body } => {
            // Read to its end first: a client that is still sending might not see the answer.
            request.into_body().collect().await?;
            done();
            let mut response = Response::builder().status(StatusCode::from_u16(*status)?);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            Ok(response.body(whole(body.clone().into()))?)
        }
        Fault::ApplyThenCut => {
            shared.forward(request.map(streamed)).await?.into_body().collect().await?;
            done();
            Err("cut".into())
        }
        Fault::Stall => {
            // Read to its end, since only then the client's going away is noticed.
            let (parts, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            done();
            rule.released.cancelled().await;
            Ok(shared.forward(Request::from_parts(parts, whole(body))).await?.map(streamed))
        }
        Fault::ApplyThenStall => {
            let (parts, body) = shared.forward(request.map(streamed)).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            done();
            rule.released.cancelled().await;
            Ok(Response::from_parts(parts, whole(body)))
        }
        Fault::CutReply { after_bytes } => {
            let response = shared.forward(request.map(streamed)).await?;
            done();
            let mut left = *after_bytes;
            Ok(response.map(|body| {
                changed(body, move |bytes| match bytes.len() <= left {
                    true => {
                        left -= bytes.len();
                        Ok(bytes)
                    }
                    false => Err("cut".into()),
                })
            }))
        }
        Fault::Corrupt { at } => {
            let response = shared.forward(request.map(streamed)).await?;
            done();
            let (mut seen, at) = (0, *at);
            Ok(response.map(|body| {
                changed(body, move |bytes| {
                    let mut bytes = bytes.to_vec();
                    if let Some(byte) = at.checked_sub(seen).and_then(|at| bytes.get_mut(at)) {
                        *byte ^= 1;
                    }
                    seen += bytes.len();
                    Ok(bytes.into())
                })
            }))
        }
    }
}

/// The fault for a request, counted when it is chosen, so that concurrent requests do not share one time.
fn rule_for(shared: &Shared, request: &Request<Incoming>) -> Option<Arc<Rule>> {
    let rules = shared.rules.lock().expect("not poisoned");
    let chosen = rules.iter().find(|rule| {
        let take_one = |left: usize| left.checked_sub(1);
        (rule.is)(&Head(request)) && rule.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take_one).is_ok()
    });
    chosen.cloned()
}

impl Shared {
    async fn forward(&self, mut request: Request<Body>) -> Result<Response<Incoming>, Error> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = format!("{}{path}", self.upstream).parse::<Uri>()?;
        Ok(self.client.request(request).await?)
    }
}

fn streamed(body: Incoming) -> Body {
    body.map_err(Error::from).boxed()
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

/// The body with each piece of data put through `change`.
fn changed(body: Incoming, mut change: impl FnMut(Bytes) -> Result<Bytes, Error> + Send + Sync + 'static) -> Body {
    let frames = TryStreamExt::map_err(BodyStream::new(body), Error::from).and_then(move |frame| {
        let changed = match frame.into_data() {
            Ok(data) => change(data).map(Frame::data),
            Err(other) => Ok(other),
        };
        std::future::ready(changed)
    });
    BodyExt::boxed(StreamBody::new(frames))
}
