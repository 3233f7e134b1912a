//! A reverse proxy between a client and a server, which passes requests on as they are, and does to some of them what
//! networks and servers do when they fail. It knows no cloud: which request is which step, each cloud's file says.

mod acting;
mod bodies;
mod faults;
mod listening;
mod matching;
mod weather;

pub use faults::{Client, Fault, Reply, Rewrite};
pub use matching::{Head, Match};
pub use weather::Weather;

use crate::protocol::{Account, Arrival};
use acting::Damage;
use bodies::{Body, collected, streamed, whole};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use listening::Listening;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A fault, the requests it is for, and how often it was done.
struct Rule {
    is: matching::Predicate,
    left: AtomicUsize,
    fault: Fault,
    fired: watch::Sender<usize>,
    applied: watch::Sender<usize>,
    released: CancellationToken,
}

impl Rule {
    fn new(matches: Match, fault: Fault) -> Self {
        Rule {
            is: matches.is,
            left: AtomicUsize::new(matches.times),
            fault,
            fired: watch::channel(0).0,
            applied: watch::channel(0).0,
            released: CancellationToken::new(),
        }
    }

    fn done(&self) {
        self.fired.send_modify(|fired| *fired += 1);
    }
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
    /// How often it has been done. A fault of the kind that applies first has fired when the server has answered, and
    /// [`Fault::ApplyLater`] when the request is kept.
    pub fn fired(&self) -> usize {
        *self.0.fired.borrow()
    }

    /// Waits until it has been done `count` times.
    pub async fn wait_fired(&self, count: usize) {
        self.0.fired.subscribe().wait_for(|fired| *fired >= count).await.expect("the rule lives");
    }

    /// Counts what was done in another way, such as [`FaultProxy::down`].
    pub fn count_as_fired(&self) {
        self.0.done();
    }

    /// Lets go of what is held, now and from now on.
    pub fn release(&self) {
        self.0.released.cancel();
    }

    /// Lets go of what is held, and waits until the server has answered all that was kept for later.
    pub async fn apply_now(&self) {
        self.release();
        if let Fault::ApplyLater(_) = self.0.fault {
            let kept = self.fired();
            self.0.applied.subscribe().wait_for(|applied| *applied >= kept).await.expect("the rule lives");
        }
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
    client: HttpClient<HttpConnector, Body>,
    rules: Mutex<Vec<Arc<Rule>>>,
    weather: Mutex<Option<Weather>>,
    account: Option<Account>,
    listening: Listening,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl FaultProxy {
    /// A proxy before the server of the URL `upstream`, on a port of its own.
    pub async fn start(upstream: &str) -> Self {
        FaultProxy::begin(upstream, None).await
    }

    /// The same, which keeps an account of the requests and is stricter than the server about them. Each has a connection
    /// of its own, so that one that is down refuses the next request.
    pub async fn strict(upstream: &str, account: Account) -> Self {
        FaultProxy::begin(upstream, Some(account)).await
    }

    async fn begin(upstream: &str, account: Option<Account>) -> Self {
        let listener = listening::open();
        let address = listener.local_addr().expect("bound");
        let upstream: Uri = upstream.parse().expect("a URL");
        let path = upstream.path().trim_end_matches('/');
        let endpoint = format!("http://{address}{path}");
        let shared = Arc::new(Shared {
            upstream: format!("http://{}", upstream.authority().expect("a host")),
            // A connection each: the server ends idle ones when it likes, and that would be a fault that nobody counts.
            client: HttpClient::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http(),
            rules: Mutex::default(),
            weather: Mutex::default(),
            account,
            listening: Listening::at(address),
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
        let rule = Arc::new(Rule::new(matches, fault));
        self.shared.rules.lock().expect("not poisoned").push(Arc::clone(&rule));
        FaultHandle(rule)
    }

    /// What happens to requests that no other fault is for, from now on.
    pub fn set_weather(&self, weather: Weather) {
        *self.shared.weather.lock().expect("not poisoned") = Some(weather);
    }

    /// Does no fault any more. What is held stays held.
    pub fn clear(&self) {
        self.shared.rules.lock().expect("not poisoned").clear();
        *self.shared.weather.lock().expect("not poisoned") = None;
    }

    /// Refuses connections from now on. Returns when one has been refused.
    pub async fn down(&self) {
        self.shared.listening.go_down().await;
    }

    /// Takes connections again.
    pub async fn up(&self) {
        self.shared.listening.go_up().await;
    }

    /// The account of a [`strict`](Self::strict) proxy.
    pub fn account(&self) -> &Account {
        self.shared.account.as_ref().expect("a strict proxy")
    }

    /// Cuts all connections and ends.
    pub async fn shutdown(self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let connected = |stream: TcpStream| {
        let connection = Arc::clone(&shared);
        shared.tasks.spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&connection)));
            let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // An error is a connection cut, by the client or by a fault.
            let _ = connection.stop.run_until_cancelled(served).await;
        });
    };
    shared.listening.accept(listener, &shared.stop, connected).await;
}

/// `Err` cuts the connection without an answer.
async fn answer(mut request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>, Error> {
    let rule = rule_for(&shared, &request).or_else(|| shared.struck(&request));
    if let Some(account) = &shared.account {
        request.extensions_mut().insert(account.arrived());
    }
    let mut response = match rule {
        Some(rule) => acting::act(&rule, request, &shared).await?,
        None => shared.forward(request.map(streamed)).await?,
    };
    if shared.account.is_some() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// The fault for a request, counted when it is chosen, so that concurrent requests do not share one time.
fn rule_for(shared: &Shared, request: &Request<Incoming>) -> Option<Arc<Rule>> {
    let rules = shared.rules.lock().expect("not poisoned");
    let chosen = rules.iter().find(|rule| {
        let take_one = |left: usize| left.checked_sub(1);
        (rule.is)(&Head::of(request)) && rule.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take_one).is_ok()
    });
    chosen.cloned()
}

impl Shared {
    /// The fault that the weather has for a request.
    fn struck(&self, request: &Request<Incoming>) -> Option<Arc<Rule>> {
        let weather = self.weather.lock().expect("not poisoned").clone()?;
        weather.strike(&Head::of(request)).map(|handle| handle.0)
    }

    async fn forward(&self, mut request: Request<Body>) -> Result<Response<Body>, Error> {
        let uri = request.uri().clone();
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = format!("{}{path}", self.upstream).parse::<Uri>()?;
        let arrival = request.extensions_mut().remove::<Arrival>();
        let damage = request.extensions_mut().remove::<Damage>();
        if arrival.is_none() && damage.is_none() {
            return Ok(self.client.request(request).await?.map(streamed));
        }
        let (parts, body) = request.into_parts();
        let body = collected(body).await?;
        let accounts = self.account.as_ref().zip(arrival);
        let asked = accounts.and_then(|(account, arrival)| {
            account.asked(&Head::of(&Request::from_parts(parts.clone(), ())), &body, arrival)
        });
        let body = damage.map_or_else(|| body.clone(), |damage| damage.done_to(&body));
        let response = self.client.request(Request::from_parts(parts, whole(body))).await?;
        if let (Some(account), Some(asked)) = (&self.account, asked) {
            account.answered(asked, response.status());
        }
        Ok(response.map(streamed))
    }
}
