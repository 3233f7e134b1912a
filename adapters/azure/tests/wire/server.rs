//! A server that answers as it is told, and remembers what it was asked: the bytes on the wire, not an SDK's view.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The value of a header, its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter, decoded as far as block ids need it.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        let (_, value) = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(found, _)| *found == name)?;
        Some(value.replace("%2B", "+").replace("%2F", "/").replace("%3D", "="))
    }
}

/// What is done with a request.
pub(crate) enum Reply {
    /// Status, headers as text with line ends, and body. The length is that of the body unless a header says it.
    Answer(u16, String, Vec<u8>),
    /// An answer whose body is this long.
    Long(u16, String, usize),
    /// A status, without a header of the service.
    Bare(u16),
    /// The connection is closed.
    Cut,
    /// No answer, and the connection stays.
    Silence,
}

impl Reply {
    pub(crate) fn xml(status: u16, body: &str) -> Self {
        Reply::Answer(status, "content-type: application/xml\r\n".into(), body.into())
    }

    /// Another program's page.
    pub(crate) fn page(status: u16, headers: &str) -> Self {
        let page = "<html><body>Please log in</body></html>";
        Reply::Answer(status, format!("content-type: text/html\r\n{headers}"), page.into())
    }
}

/// What a server has seen and sent.
#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Request>>,
    count: watch::Sender<usize>,
    /// Bytes of long bodies.
    sent: AtomicUsize,
}

impl Seen {
    fn keep<T>(&self, request: Request, act: impl FnOnce(&Request, usize) -> T) -> T {
        let mut requests = self.requests.lock().expect("not poisoned");
        let done = act(&request, requests.len());
        requests.push(request);
        self.count.send_replace(requests.len());
        done
    }
}

/// The server.
pub(crate) struct Server {
    pub(crate) endpoint: String,
    seen: Arc<Seen>,
}

impl Server {
    /// A server that answers with what `answer` makes of a request and of how many came before it.
    pub(crate) async fn start(answer: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        Server::start_reading(|_| true, answer).await
    }

    /// The same, where a request whose head `reads_on` does not like is cut off before its body is read.
    pub(crate) async fn start_reading(
        reads_on: impl Fn(&Request) -> bool + Send + Sync + 'static,
        answer: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
        let seen = Arc::<Seen>::default();
        let (shared, rules) = (Arc::clone(&seen), Arc::new((reads_on, answer)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared), Arc::clone(&rules)));
            }
        });
        Server { endpoint, seen }
    }

    /// What came so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.requests.lock().expect("not poisoned").clone()
    }

    /// Waits until so many requests have come.
    pub(crate) async fn has_seen(&self, count: usize) {
        self.seen.count.subscribe().wait_for(|seen| *seen >= count).await.expect("the server runs");
    }

    /// How many bytes of long bodies went out.
    pub(crate) fn sent(&self) -> usize {
        self.seen.sent.load(Ordering::SeqCst)
    }
}

type Rules<R, A> = Arc<(R, A)>;

async fn serve<R, A>(stream: TcpStream, seen: Arc<Seen>, rules: Rules<R, A>)
where
    R: Fn(&Request) -> bool + Send + Sync + 'static,
    A: Fn(&Request, usize) -> Reply + Send + Sync + 'static,
{
    let mut stream = BufReader::new(stream);
    let (reads_on, answer) = &*rules;
    while let Some(mut request) = head(&mut stream).await {
        if !reads_on(&request) {
            seen.keep(request, |_, _| ());
            return;
        }
        let length = request.header("content-length").map_or(0, |length| length.parse().expect("a length"));
        request.body = vec![0; length];
        if stream.read_exact(&mut request.body).await.is_err() {
            return;
        }
        let is_look = request.method == "HEAD";
        let (status, headers, body) = match seen.keep(request, answer) {
            Reply::Answer(status, headers, body) => (status, headers, body),
            Reply::Bare(status) => {
                let head = format!("HTTP/1.1 {status} Told\r\ncontent-length: 0\r\n\r\n");
                match stream.write_all(head.as_bytes()).await {
                    Ok(()) => continue,
                    Err(_) => return,
                }
            }
            Reply::Long(status, headers, length) => {
                let head = format!("HTTP/1.1 {status} Told\r\ncontent-length: {length}\r\n{headers}\r\n");
                let mut going = stream.write_all(head.as_bytes()).await.is_ok();
                while going && seen.sent.load(Ordering::SeqCst) < length {
                    going = stream.write_all(&[b'0'; 64 << 10]).await.is_ok();
                    seen.sent.fetch_add(64 << 10, Ordering::SeqCst);
                }
                return;
            }
            Reply::Cut => return,
            Reply::Silence => std::future::pending().await,
        };
        let own_length = headers.contains("content-length");
        let untold = own_length || headers.contains("transfer-encoding");
        let length = if untold { String::new() } else { format!("content-length: {}\r\n", body.len()) };
        let head = format!("HTTP/1.1 {status} Told\r\nx-ms-request-id: TEST\r\n{length}{headers}\r\n");
        let body = if is_look { Vec::new() } else { body };
        if stream.write_all(&[head.as_bytes(), &body].concat()).await.is_err() || own_length {
            return;
        }
    }
}

async fn head(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).expect("text");
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    Some(Request { method, target, headers, body: Vec::new() })
}
