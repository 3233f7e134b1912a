//! The client of a node's backup service: what can be asked, and the small answers. Streams of records are `feed`'s.

use crate::address::Address;
use crate::chain::HashValue;
use crate::failure::{Failure, Tries, by_http, refused};
use crate::records::MAX_RECORD;
use bytes::{Bytes, BytesMut};
use reqwest::redirect::Policy;
use sealift::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// The longest answer that is taken in whole, in bytes. Proofs are some kilobytes; a ledger info's signatures add a
/// few more.
const MAX_ANSWER: usize = 16 << 20;

/// How the node is asked.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// How long the node may take to begin an answer: 60 s, as aptos-db-tool.
    pub answer_within: Duration,
    /// How long it may take to send the next bytes of one: 60 s, as aptos-db-tool.
    pub read_within: Duration,
    /// How often the same is asked without any headway before it is given up.
    pub attempts: u32,
    /// The pause before the second attempt. It doubles up to [`ClientOptions::longest_pause`].
    pub first_pause: Duration,
    /// The longest pause between two attempts.
    pub longest_pause: Duration,
    /// The longest record taken, in bytes.
    pub max_record: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        ClientOptions {
            answer_within: Duration::from_secs(60),
            read_within: Duration::from_secs(60),
            attempts: 6,
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(8),
            max_record: MAX_RECORD,
        }
    }
}

/// The state of a node's database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DbState {
    /// It holds no ledger yet.
    Empty,
    /// It holds the ledger up to here.
    At {
        /// The epoch that is open.
        epoch: u64,
        /// The last version committed.
        committed_version: u64,
    },
}

/// A client of one node's backup service. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    address: Address,
    options: Arc<ClientOptions>,
    received: Received,
}

/// How many bytes the node has sent, by what was asked for. Clones share it.
#[derive(Debug, Clone, Default)]
struct Received(Arc<Mutex<BTreeMap<String, u64>>>);

impl Received {
    fn add(&self, endpoint: &str, bytes: usize) {
        let mut received = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        match received.get_mut(endpoint) {
            Some(sum) => *sum = sum.saturating_add(bytes),
            None => drop(received.insert(endpoint.to_owned(), bytes)),
        }
    }
}

/// One question: its path below the address, and in words what is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) operation: String,
}

impl Request {
    pub(crate) fn new(path: String, subject: String) -> Self {
        Request { path, operation: format!("read {subject} from") }
    }

    /// What is asked for, without of what.
    fn endpoint(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }
}

fn db_state_request() -> Request {
    Request::new("db_state".to_owned(), "the state of the database".to_owned())
}

/// An answer whose bytes are still to come.
#[derive(Debug)]
pub(crate) struct Answer {
    response: reqwest::Response,
    within: Duration,
    operation: String,
    url: String,
    endpoint: String,
    received: Received,
}

impl Client {
    /// A client of the service at `address`. Nothing is asked yet.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] when no attempt is allowed, or the HTTP client cannot be set up.
    pub fn new(address: Address, options: ClientOptions) -> Result<Client> {
        let failed = |reason: String| Error::new(ErrorKind::InvalidConfig, "set up", "the node's client", reason);
        if options.attempts == 0 {
            return Err(failed("it needs at least one attempt".to_owned()));
        }
        // A node neither redirects nor stands behind a proxy from the environment: either would be somebody else.
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build();
        let http = http.map_err(|error| failed(error.to_string()).with_source(error))?;
        Ok(Client { http, address, options: Arc::new(options), received: Received::default() })
    }

    /// The service's address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// How many bytes of answers have come so far, by endpoint (`transactions`, `state_snapshot_chunk`), also of answers
    /// that were given up and asked for again. Of all clones of this client.
    pub fn received(&self) -> BTreeMap<String, u64> {
        self.received.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn options(&self) -> &ClientOptions {
        &self.options
    }

    /// How far the node's database is. Cancel-safe, as every call of this client.
    ///
    /// # Errors
    /// The node cannot be reached, refuses, or answers something else.
    pub async fn db_state(&self) -> Result<DbState> {
        let request = db_state_request();
        let answer = self.ask(&request).await?;
        self.db_state_in(&request, &answer)
    }

    /// The same, asked only once: for who asks again and again by itself.
    pub(crate) async fn db_state_now(&self) -> Result<DbState> {
        let request = db_state_request();
        match self.ask_once(&request).await {
            Ok(answer) => self.db_state_in(&request, &answer),
            Err(Failure::Passing(error) | Failure::Final(error)) => Err(error),
        }
    }

    fn db_state_in(&self, request: &Request, answer: &[u8]) -> Result<DbState> {
        let number = |at: usize| answer.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
        // The third number, the synced version, is some nodes' only.
        match (answer.first(), answer.len(), number(1), number(9)) {
            (Some(0), 1, ..) => Ok(DbState::Empty),
            (Some(1), 17 | 25, Some(epoch), Some(committed_version)) => Ok(DbState::At { epoch, committed_version }),
            _ => Err(self.unexpected(request, format!("{} bytes that are no database state", answer.len()))),
        }
    }

    /// How many items the state at `version` has.
    ///
    /// # Errors
    /// As [`db_state`](Self::db_state).
    pub async fn state_item_count(&self, version: u64) -> Result<u64> {
        let request = Request::new(
            format!("state_item_count/{version}"),
            format!("the number of state items at version {version}"),
        );
        let answer = self.ask(&request).await?;
        let count = answer.as_ref().try_into().map(u64::from_le_bytes);
        count.map_err(|_| self.unexpected(&request, format!("{} bytes that are no number", answer.len())))
    }

    /// The proof that the items of the state at `version` up to the key `last_key` add up with the rest to its root.
    ///
    /// # Errors
    /// As [`db_state`](Self::db_state).
    pub async fn state_range_proof(&self, version: u64, last_key: &HashValue) -> Result<Bytes> {
        let path = format!("state_range_proof/{version}/{last_key}");
        self.ask(&Request::new(path, format!("the proof of state items at version {version}"))).await
    }

    /// The proof of the state's root at `version`, with the ledger info that it leads to.
    ///
    /// # Errors
    /// As [`db_state`](Self::db_state).
    pub async fn state_root_proof(&self, version: u64) -> Result<Bytes> {
        let path = format!("state_root_proof/{version}");
        self.ask(&Request::new(path, format!("the proof of the state's root at version {version}"))).await
    }

    /// The proof of the transactions `first..=last`, with the ledger info that it leads to.
    ///
    /// # Errors
    /// As [`db_state`](Self::db_state).
    pub async fn transaction_range_proof(&self, first: u64, last: u64) -> Result<Bytes> {
        let path = format!("transaction_range_proof/{first}/{last}");
        self.ask(&Request::new(path, format!("the proof of transactions {first} to {last}"))).await
    }

    /// A small answer, whole and not empty.
    async fn ask(&self, request: &Request) -> Result<Bytes> {
        let mut tries = Tries::new(&self.options);
        loop {
            match self.ask_once(request).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => tries.pause(failure).await?,
            }
        }
    }

    async fn ask_once(&self, request: &Request) -> Result<Bytes, Failure> {
        let mut answer = self.open(request).await?;
        let mut whole = BytesMut::new();
        while let Some(data) = answer.next().await? {
            whole.extend_from_slice(&data);
            if whole.len() > MAX_ANSWER {
                let reason = format!("the answer is longer than {MAX_ANSWER} bytes");
                return Err(Failure::Final(self.unexpected(request, reason)));
            }
        }
        match whole.is_empty() {
            true => Err(Failure::Passing(answer.error(ErrorKind::Corrupt, "the answer is empty"))),
            false => Ok(whole.freeze()),
        }
    }

    /// Whether the node begins to answer with some data, asked once.
    pub(crate) async fn serves(&self, request: &Request) -> bool {
        match self.open(request).await {
            Ok(mut answer) => matches!(answer.next().await, Ok(Some(data)) if !data.is_empty()),
            Err(_) => false,
        }
    }

    /// Asks once and returns when the answer begins.
    pub(crate) async fn open(&self, request: &Request) -> Result<Answer, Failure> {
        let (url, within) = (self.address.url(&request.path), self.options.answer_within);
        let operation = request.operation.clone();
        let Ok(sent) = timeout(within, self.http.get(&url).send()).await else {
            let reason = format!("no answer within {within:?}");
            let error = Error::new(ErrorKind::TimedOut, operation, url, reason);
            return Err(Failure::Passing(error.with_hint("look whether the node is overloaded or hangs")));
        };
        let response = sent.map_err(|error| by_http(operation.clone(), &url, error))?;
        match response.status().is_success() {
            true => Ok(Answer {
                response,
                within: self.options.read_within,
                operation,
                url,
                endpoint: request.endpoint().to_owned(),
                received: self.received.clone(),
            }),
            false => Err(refused(operation, url, response.status())),
        }
    }

    fn unexpected(&self, request: &Request, what: String) -> Error {
        Error::new(ErrorKind::Service, request.operation.clone(), self.address.url(&request.path), what)
            .with_hint("check that this is the address of an Aptos node's backup service, and the node's version")
    }
}

impl Answer {
    /// The next bytes; nothing at an end that the node meant. A connection that was cut is an error.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        match timeout(self.within, self.response.chunk()).await {
            Ok(Ok(data)) => {
                self.received.add(&self.endpoint, data.as_ref().map_or(0, Bytes::len));
                Ok(data)
            }
            Ok(Err(error)) => Err(by_http(self.operation.clone(), &self.url, error)),
            Err(_) => {
                let error = self.error(ErrorKind::TimedOut, format!("no more data within {:?}", self.within));
                Err(Failure::Passing(error.with_hint("look whether the node is overloaded or hangs")))
            }
        }
    }

    /// An error of what was asked.
    pub(crate) fn error(&self, kind: ErrorKind, reason: impl Into<String>) -> Error {
        Error::new(kind, self.operation.clone(), self.url.clone(), reason)
    }
}
