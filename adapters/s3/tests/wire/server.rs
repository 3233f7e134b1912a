//! A server that answers as it is told, and remembers what it was asked: the bytes on the wire, not an SDK's view.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// How many requests had begun when this one had come in whole.
    pub(crate) heads: usize,
}

impl Request {
    /// The value of a header, its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// Whether any header's name begins with `prefix`.
    pub(crate) fn has_header_like(&self, prefix: &str) -> bool {
        self.headers.iter().any(|(header, _)| header.starts_with(prefix))
    }

    /// Method and query, which tell S3's operations apart.
    pub(crate) fn operation(&self) -> (&str, &str) {
        (&self.method, self.target.split_once('?').map_or("", |(_, query)| query))
    }
}

/// What is done with a request.
pub(crate) enum Reply {
    /// Status, headers as text with line ends, and body. The length is that of the body unless a header says it.
    Answer(u16, String, Vec<u8>),
    /// These bytes, and the connection is closed.
    Raw(String),
    /// The connection is closed.
    Cut,
    /// Nothing, as long as the client waits.
    Silence,
    /// A status and a body that has no end, as far as the client reads it.
    Endless(u16),
}

impl Reply {
    pub(crate) fn xml(status: u16, body: &str) -> Self {
        Reply::Answer(status, "content-type: application/xml\r\n".into(), body.into())
    }

    pub(crate) fn error(status: u16, code: &str) -> Self {
        Reply::xml(status, &format!("<Error><Code>{code}</Code><Message>told to</Message></Error>"))
    }

    pub(crate) fn ok(headers: &str) -> Self {
        Reply::Answer(200, headers.into(), Vec::new())
    }
}

/// The server.
pub(crate) struct Server {
    pub(crate) endpoint: String,
    requests: Arc<Mutex<Vec<Request>>>,
    /// How many bytes of bodies without end went out.
    pub(crate) endless: Arc<AtomicUsize>,
    /// Told of each request that came.
    came: Arc<Notify>,
}

/// What happens with a request whose head is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bodies {
    Read,
    /// The connection is closed.
    Cut,
}

impl Server {
    /// A server that answers with what `answer` makes of a request and of how many came before it.
    pub(crate) async fn start(answer: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        Server::with_bodies(Bodies::Read, answer).await
    }

    /// The same, which reads bodies or does not.
    pub(crate) async fn with_bodies(
        bodies: Bodies,
        answer: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
        let server = Server { endpoint, requests: Arc::default(), endless: Arc::default(), came: Arc::default() };
        let handler = Arc::new(Handler {
            requests: Arc::clone(&server.requests),
            endless: Arc::clone(&server.endless),
            came: Arc::clone(&server.came),
            heads: AtomicUsize::new(0),
            bodies,
            answer,
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&handler).serve(stream));
            }
        });
        server
    }

    /// Waits for the next request after those that were waited for.
    pub(crate) async fn request_came(&self) {
        self.came.notified().await;
    }

    /// What came so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("not poisoned").clone()
    }

    /// The only request that came.
    pub(crate) fn request(&self) -> Request {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests[0].clone()
    }
}

struct Handler<F> {
    requests: Arc<Mutex<Vec<Request>>>,
    endless: Arc<AtomicUsize>,
    came: Arc<Notify>,
    heads: AtomicUsize,
    bodies: Bodies,
    answer: F,
}

impl<F: Fn(&Request, usize) -> Reply + Send + Sync + 'static> Handler<F> {
    async fn serve(self: Arc<Self>, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        while let Some(request) = self.read(&mut stream).await {
            let reply = {
                let mut seen = self.requests.lock().expect("not poisoned");
                let reply = (self.answer)(&request, seen.len());
                seen.push(request);
                reply
            };
            self.came.notify_one();
            match reply {
                Reply::Answer(status, headers, body) => {
                    let length = match headers.contains("content-length") {
                        true => String::new(),
                        false => format!("content-length: {}\r\n", body.len()),
                    };
                    let cut = headers.contains("content-length");
                    let head = head(status, &format!("{length}{headers}"));
                    if stream.write_all(&[head.as_bytes(), &body].concat()).await.is_err() || cut {
                        return;
                    }
                }
                Reply::Raw(text) => {
                    let _ = stream.write_all(text.as_bytes()).await;
                    return;
                }
                Reply::Cut => return,
                Reply::Silence => {
                    let _ = stream.read_u8().await;
                    return;
                }
                Reply::Endless(status) => {
                    let head = head(status, "content-type: application/xml\r\nconnection: close\r\n");
                    let mut next = stream.write_all(head.as_bytes()).await;
                    while next.is_ok() {
                        next = stream.write_all(&[b' '; 64 << 10]).await;
                        self.endless.fetch_add(64 << 10, Ordering::SeqCst);
                    }
                    return;
                }
            }
        }
    }

    async fn read(&self, stream: &mut BufReader<TcpStream>) -> Option<Request> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        self.heads.fetch_add(1, Ordering::SeqCst);
        let head = String::from_utf8(head).expect("text");
        let mut lines = head.lines();
        let mut first = lines.next()?.split(' ');
        let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers: Vec<_> = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let mut request = Request { method, target, headers, body: Vec::new(), heads: 0 };
        if self.bodies == Bodies::Cut {
            self.requests.lock().expect("not poisoned").push(request);
            return None;
        }
        let length = request.header("content-length").map_or(0, |length| length.parse().expect("a length"));
        request.body = vec![0; length];
        stream.read_exact(&mut request.body).await.ok()?;
        request.heads = self.heads.load(Ordering::SeqCst);
        Some(request)
    }
}

fn head(status: u16, headers: &str) -> String {
    format!("HTTP/1.1 {status} Told\r\nx-amz-request-id: TEST\r\n{headers}\r\n")
}
