//! A server that answers as it is told, and remembers what it was asked: the bytes on the wire, not an SDK's view.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

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
    /// The connection is closed.
    Cut,
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
}

impl Server {
    /// A server that answers with what `answer` makes of a request and of how many came before it.
    pub(crate) async fn start(answer: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let (seen, answer) = (Arc::clone(&requests), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&seen), Arc::clone(&answer)));
            }
        });
        Server { endpoint, requests }
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

async fn serve(
    stream: TcpStream,
    seen: Arc<Mutex<Vec<Request>>>,
    answer: Arc<impl Fn(&Request, usize) -> Reply + Send + Sync + 'static>,
) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await {
        let reply = {
            let mut seen = seen.lock().expect("not poisoned");
            let reply = answer(&request, seen.len());
            seen.push(request);
            reply
        };
        let Reply::Answer(status, headers, body) = reply else { return };
        let length = match headers.contains("content-length") {
            true => String::new(),
            false => format!("content-length: {}\r\n", body.len()),
        };
        let head = format!("HTTP/1.1 {status} Told\r\nx-amz-request-id: TEST\r\n{length}{headers}\r\n");
        let cut = headers.contains("content-length");
        if stream.write_all(&[head.as_bytes(), &body].concat()).await.is_err() || cut {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).expect("text");
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: Vec<_> = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let mut request = Request { method, target, headers, body: Vec::new() };
    let length = request.header("content-length").map_or(0, |length| length.parse().expect("a length"));
    request.body = vec![0; length];
    stream.read_exact(&mut request.body).await.ok()?;
    Some(request)
}
