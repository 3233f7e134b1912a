//! The HTTP server.

use crate::answer::Answer;
use crate::chain::{Chain, Records};
use crate::misbehaviour::{Match, Misbehaviour, MisbehaviourHandle, Rule};
use crate::transactions::bcs;
use bytes::{BufMut, Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use sealift_aptos::chain::LedgerInfoWithSignatures;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, Error>;

/// How much of a body is made at once.
const PIECE: usize = 64 << 10;

/// A node on a port of its own. Dropped, it cuts all connections; [`shutdown`](Node::shutdown) also waits for their
/// end.
#[derive(Debug)]
pub struct Node {
    endpoint: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    chain: Mutex<Arc<Chain>>,
    rules: Mutex<Vec<Arc<Rule>>>,
    requests: Mutex<Vec<String>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Node {
    /// A node that has `chain`.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start(chain: impl Into<Arc<Chain>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
        let shared = Arc::new(Shared {
            chain: Mutex::new(chain.into()),
            rules: Mutex::default(),
            requests: Mutex::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        shared.tasks.spawn(serve(listener, Arc::clone(&shared)));
        Node { endpoint, shared }
    }

    /// Its URL, without a `/` at the end.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// The chain it has.
    pub fn chain(&self) -> Arc<Chain> {
        Arc::clone(&self.shared.chain.lock().expect("not poisoned"))
    }

    /// Gives it another chain, such as a longer one of the same recipe. Answers that have begun stay of the old one.
    pub fn set_chain(&self, chain: impl Into<Arc<Chain>>) {
        *self.shared.chain.lock().expect("not poisoned") = chain.into();
    }

    /// Sets up a misbehaviour. The first one that matches is done.
    pub fn on(&self, matches: Match, misbehaviour: Misbehaviour) -> MisbehaviourHandle {
        let rule = Arc::new(Rule::new(matches, misbehaviour));
        self.shared.rules.lock().expect("not poisoned").push(Arc::clone(&rule));
        MisbehaviourHandle(rule)
    }

    /// The paths that were asked for so far, without the first `/`.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().expect("not poisoned").clone()
    }

    /// Cuts all connections and takes no more.
    pub fn stop(&self) {
        self.shared.stop.cancel();
    }

    /// Cuts all connections and waits for their end.
    pub async fn shutdown(self) {
        self.stop();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Some(Ok((stream, _))) = shared.stop.run_until_cancelled(listener.accept()).await {
        let connection = Arc::clone(&shared);
        shared.tasks.spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&connection)));
            let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // An error is a connection cut, by the client or by a misbehaviour.
            let _ = connection.stop.run_until_cancelled(served).await;
        });
    }
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>, Error> {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    shared.requests.lock().expect("not poisoned").push(path.clone());
    if request.method() != Method::GET {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET");
    }
    let rule = shared.rules.lock().expect("not poisoned").iter().find(|rule| rule.takes(&path)).cloned();
    let chain = Arc::clone(&shared.chain.lock().expect("not poisoned"));
    let answer = chain.answer(&path);
    let Some(rule) = rule else { return respond(answer, None) };
    rule.fire();
    match rule.misbehaviour {
        Misbehaviour::Status(status) => text(StatusCode::from_u16(status)?, "told to fail"),
        Misbehaviour::Silence => {
            rule.released.cancelled().await;
            respond(answer, None)
        }
        Misbehaviour::ShortCount { missing } => respond(without_last(answer, missing), None),
        Misbehaviour::WrongEpoch => respond(with_records(answer, |record| wrong_epoch(&record)), None),
        _ => respond(answer, Some(rule)),
    }
}

/// The answer as it goes out, with what is wrong with its body.
fn respond(answer: Answer, rule: Option<Arc<Rule>>) -> Result<Response<Body>, Error> {
    let first_length = first_length(rule.as_deref());
    let body = match answer {
        Answer::NoSuchPath => return text(StatusCode::NOT_FOUND, "no such path"),
        Answer::Failed(reason) => return text(StatusCode::INTERNAL_SERVER_ERROR, &reason),
        Answer::Value(bytes) => all_of([Bytes::from(bytes)]),
        Answer::Records(records) => all_of(pieces(records, first_length)),
        Answer::Broken(records) => all_of(pieces(records, first_length)).chain(abort("no more data")).boxed(),
    };
    let body = match rule.as_deref().map(|rule| &rule.misbehaviour) {
        Some(Misbehaviour::Cut { after_bytes }) => {
            let (front, _) = split(body, *after_bytes);
            streamed(front.chain(abort("cut")))
        }
        Some(Misbehaviour::Stall { after_bytes }) => {
            let (front, rest) = split(body, *after_bytes);
            let released = rule.map(|rule| rule.released.clone()).unwrap_or_default();
            let hold = futures::stream::once(released.cancelled_owned()).filter_map(|()| std::future::ready(None));
            streamed(front.chain(hold).chain(rest))
        }
        _ => streamed(body),
    };
    Ok(Response::builder().header("content-type", "application/octet-stream").body(body)?)
}

type Pieces = BoxStream<'static, Result<Bytes, Error>>;

fn all_of(pieces: impl IntoIterator<Item = Bytes, IntoIter: Send + 'static>) -> Pieces {
    futures::stream::iter(pieces.into_iter().map(Ok)).boxed()
}

/// The error that makes the server abort the connection, once what was sent before has had time to leave: an abort
/// drops what still waits in the server.
fn abort(why: &'static str) -> Pieces {
    let later = async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(why.into())
    };
    futures::stream::once(later).boxed()
}

/// What the first record announces, when that is not its length.
fn first_length(rule: Option<&Rule>) -> Option<u32> {
    rule.filter(|rule| rule.misbehaviour == Misbehaviour::OversizedRecord).map(|_| u32::MAX)
}

/// Records with their lengths before them, several in one piece.
fn pieces(mut records: Records, mut first_length: Option<u32>) -> impl Iterator<Item = Bytes> + Send {
    std::iter::from_fn(move || {
        let mut piece = BytesMut::with_capacity(PIECE);
        while piece.len() < PIECE {
            let Some(record) = records.next() else { break };
            let length = u32::try_from(record.len()).expect("records are small");
            piece.put_u32(first_length.take().unwrap_or(length));
            piece.put(record);
        }
        Some(piece.freeze()).filter(|piece| !piece.is_empty())
    })
}

/// The first `at` bytes, and the rest.
fn split(body: Pieces, at: usize) -> (Pieces, Pieces) {
    let body = Arc::new(tokio::sync::Mutex::new((body, Bytes::new())));
    let front = futures::stream::unfold((Arc::clone(&body), at), |(body, left)| async move {
        let mut guard = body.lock().await;
        let (stream, rest) = &mut *guard;
        if left == 0 {
            return None;
        }
        let mut piece = match stream.next().await? {
            Ok(piece) => piece,
            Err(error) => return Some((Err(error), (Arc::clone(&body), 0))),
        };
        *rest = piece.split_off(left.min(piece.len()));
        let left = left - piece.len();
        drop(guard);
        Some((Ok(piece), (body, left)))
    });
    let rest = futures::stream::unfold(body, |body| async move {
        let mut guard = body.lock().await;
        let (stream, rest) = &mut *guard;
        let piece = match std::mem::take(rest) {
            rest if rest.is_empty() => stream.next().await?,
            rest => Ok(rest),
        };
        drop(guard);
        Some((piece, body))
    });
    (front.boxed(), rest.boxed())
}

fn without_last(answer: Answer, missing: usize) -> Answer {
    match answer {
        Answer::Records(records) | Answer::Broken(records) => {
            let mut records: Vec<_> = records.collect();
            records.truncate(records.len().saturating_sub(missing));
            Answer::Records(Box::new(records.into_iter()))
        }
        other => other,
    }
}

fn with_records(answer: Answer, change: impl Fn(Bytes) -> Bytes + Send + 'static) -> Answer {
    match answer {
        Answer::Records(records) => Answer::Records(Box::new(records.map(change))),
        Answer::Broken(records) => Answer::Broken(Box::new(records.map(change))),
        other => other,
    }
}

/// The ledger info as one of the epoch after its own; other records as they are.
fn wrong_epoch(record: &Bytes) -> Bytes {
    match LedgerInfoWithSignatures::decode(record) {
        Ok(LedgerInfoWithSignatures::V0 { mut ledger_info, signatures }) => {
            ledger_info.commit_info.epoch += 1;
            bcs(&LedgerInfoWithSignatures::V0 { ledger_info, signatures }).into()
        }
        Err(_) => record.clone(),
    }
}

fn streamed(body: impl Stream<Item = Result<Bytes, Error>> + Send + 'static) -> Body {
    BodyExt::boxed_unsync(StreamBody::new(body.map(|piece| piece.map(Frame::data))))
}

fn text(status: StatusCode, text: &str) -> Result<Response<Body>, Error> {
    let body = Full::new(Bytes::copy_from_slice(text.as_bytes())).map_err(|never| match never {});
    Ok(Response::builder().status(status).body(BodyExt::boxed_unsync(body))?)
}
