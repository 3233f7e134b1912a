//! A node's backup service over real sockets, which can be told to misbehave.

use crate::records::{ROOT, version_at_end_of};
use crate::records::{all_framed, ledger_info_record, range_proof, root_proof, state_proof, transaction_record};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the node does instead of answering as it should.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Another status, and no body.
    Status(u16),
    /// So many bytes of the body, and then the connection is cut.
    Cut(usize),
    /// So many bytes of the body, and then an end that looks meant.
    End(usize),
    /// So many bytes of the body, and then nothing more.
    Stall(usize),
    /// No answer at all.
    Silence,
    /// Another body.
    Body(Vec<u8>),
}

/// What the node has.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    pub(crate) epochs: u64,
    pub(crate) transactions: Vec<Vec<u8>>,
    pub(crate) state: Vec<Vec<u8>>,
    pub(crate) committed: u64,
    /// What has been pruned is as if it were not there.
    pub(crate) pruned: Pruned,
    /// Transactions and states of these versions are as if pruned, and those before and after are not.
    pub(crate) broken: Range<u64>,
}

/// What a node does not keep.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pruned {
    /// Transactions before this version.
    pub(crate) transactions: u64,
    /// States before this version.
    pub(crate) states: u64,
}

impl Ledger {
    /// Ten epochs, fifty transactions, and the state `items`.
    pub(crate) fn new(state: Vec<Vec<u8>>) -> Self {
        let transactions = (0..50).map(|version| transaction_record(version, &[0])).collect();
        Ledger { epochs: 10, transactions, state, committed: 900, pruned: Pruned::default(), broken: 0..0 }
    }

    /// What is done about what is not kept: the service has answered that all is well before it looks for records.
    fn pruning(&self, path: &str) -> Option<Fault> {
        let (endpoint, numbers) = path.split_once('/')?;
        let first: u64 = numbers.split('/').next()?.parse().ok()?;
        match endpoint {
            "transactions" | "state_snapshot_chunk" if self.broken.contains(&first) => Some(Fault::Cut(0)),
            "transactions" if first < self.pruned.transactions => Some(Fault::Cut(0)),
            "state_snapshot_chunk" if first < self.pruned.states => Some(Fault::Cut(0)),
            "transaction_range_proof" if first < self.pruned.transactions => Some(Fault::Status(500)),
            "state_item_count" | "state_root_proof" if first < self.pruned.states => Some(Fault::Status(500)),
            _ => None,
        }
    }

    fn body(&self, path: &str) -> Option<Vec<u8>> {
        let (endpoint, numbers) = path.split_once('/').unwrap_or((path, ""));
        let mut numbers = numbers.split('/').map(|number| number.parse::<u64>());
        let mut number = || numbers.next()?.ok();
        let records = |records: &[Vec<u8>], first: u64, count: u64| {
            let end = (first + count).min(records.len() as u64);
            all_framed(records.get(first as usize..end as usize).unwrap_or_default())
        };
        Some(match endpoint {
            "db_state" => [&[1][..], &self.epochs.to_le_bytes(), &self.committed.to_le_bytes()].concat(),
            "epoch_ending_ledger_infos" => {
                let (first, end) = (number()?, number()?);
                all_framed(&(first..end.min(self.epochs)).map(ledger_info_record).collect::<Vec<_>>())
            }
            "transactions" => records(&self.transactions, number()?, number()?),
            "transaction_range_proof" => range_proof(number()?, number()?),
            "state_item_count" => (self.state.len() as u64).to_le_bytes().to_vec(),
            "state_snapshot_chunk" => {
                number()?;
                records(&self.state, number()?, number()?)
            }
            "state_range_proof" => state_proof(&path.rsplit('/').next()?.parse().ok()?),
            "state_root_proof" => {
                let version = number()?;
                root_proof((0..self.epochs).find(|&epoch| version_at_end_of(epoch) == version)?, Some(ROOT))
            }
            _ => return None,
        })
    }
}

#[derive(Debug, Default)]
struct Script {
    /// Faults for requests whose path begins so; each happens once, in order.
    faults: VecDeque<(String, Fault)>,
    requests: Vec<String>,
}

/// The node; it stops when dropped.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) address: String,
    script: Arc<Mutex<Script>>,
    server: JoinHandle<()>,
}

impl Node {
    pub(crate) async fn start(ledger: Ledger) -> Node {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (script, ledger) = (Arc::<Mutex<Script>>::default(), Arc::new(ledger));
        let server = tokio::spawn({
            let script = script.clone();
            async move {
                let mut connections = tokio::task::JoinSet::new();
                while let Ok((connection, _)) = listener.accept().await {
                    connections.spawn(serve(connection, ledger.clone(), script.clone()));
                }
            }
        });
        Node { address, script, server }
    }

    /// The next request whose path begins with `path` goes wrong.
    pub(crate) fn fail(&self, path: &str, fault: Fault) {
        self.script.lock().unwrap().faults.push_back((path.to_owned(), fault));
    }

    /// How many faults have not happened.
    pub(crate) fn faults_left(&self) -> usize {
        self.script.lock().unwrap().faults.len()
    }

    /// The paths that were asked for so far and begin with `path`; they are forgotten.
    pub(crate) fn take_requests(&self, path: &str) -> Vec<String> {
        let requests = std::mem::take(&mut self.script.lock().unwrap().requests);
        requests.into_iter().filter(|request| request.starts_with(path)).collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Serves one connection, request after request.
async fn serve(mut connection: TcpStream, ledger: Arc<Ledger>, script: Arc<Mutex<Script>>) {
    connection.set_nodelay(true).unwrap();
    while let Some(path) = read_path(&mut connection).await {
        let fault = {
            let mut script = script.lock().unwrap();
            script.requests.push(path.clone());
            let at = script.faults.iter().position(|(prefix, _)| path.starts_with(prefix.as_str()));
            at.and_then(|at| script.faults.remove(at)).map(|(_, fault)| fault)
        };
        let fault = fault.or_else(|| ledger.pruning(&path));
        let body = ledger.body(&path);
        let Some(mut body) = body else {
            let _ = connection.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
            continue;
        };
        let served = match fault {
            None => send(&mut connection, &body, Then::End).await,
            Some(Fault::Body(other)) => send(&mut connection, &other, Then::End).await,
            Some(Fault::End(length)) => {
                body.truncate(length);
                send(&mut connection, &body, Then::End).await
            }
            Some(Fault::Cut(length)) => {
                body.truncate(length);
                let _ = send(&mut connection, &body, Then::Nothing).await;
                return;
            }
            Some(Fault::Stall(length)) => {
                body.truncate(length);
                let _ = send(&mut connection, &body, Then::Nothing).await;
                std::future::pending().await
            }
            Some(Fault::Silence) => std::future::pending().await,
            Some(Fault::Status(status)) => {
                let head = format!("HTTP/1.1 {status} Status\r\ncontent-length: 0\r\n\r\n");
                connection.write_all(head.as_bytes()).await
            }
        };
        if served.is_err() {
            return;
        }
    }
}

enum Then {
    End,
    Nothing,
}

/// Sends a body in HTTP chunks of a length that records do not have, as nodes do.
async fn send(connection: &mut TcpStream, body: &[u8], then: Then) -> std::io::Result<()> {
    let mut answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for piece in body.chunks(97) {
        answer.extend([format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat());
    }
    if let Then::End = then {
        answer.extend(b"0\r\n\r\n");
    }
    connection.write_all(&answer).await?;
    connection.flush().await
}

async fn read_path(connection: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    Some(head.strip_prefix("GET /")?.split(' ').next()?.to_owned())
}
