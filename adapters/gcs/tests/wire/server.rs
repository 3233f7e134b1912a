//! A server that answers as it is told, and remembers what it was asked. Unlike S3's it can also answer nothing.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// As sent, encoded.
    pub(crate) query: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The value of a header, its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// What the request is.
    pub(crate) fn operation(&self) -> String {
        let range = self.header("content-range").unwrap_or_default();
        match (self.method.as_str(), self.path.as_str()) {
            ("POST", "/token") => "token".into(),
            (_, path) if path.starts_with("/bucket") => self.of_the_xml_api().into(),
            ("GET", path) if path.starts_with("/computeMetadata/") => "token".into(),
            ("POST", path) if path.starts_with("/upload/") && self.query.contains("uploadType=resumable") => {
                "start".into()
            }
            ("POST", path) if path.starts_with("/upload/") => "put".into(),
            ("PUT", _) if range == "bytes */*" => "ask".into(),
            ("PUT", _) if range.ends_with("/*") => "piece".into(),
            ("PUT", _) => "last".into(),
            ("DELETE", path) if path.starts_with("/upload/") => "cancel".into(),
            ("POST", path) if path.contains("/rewriteTo/") => "rewrite".into(),
            ("GET", path) if path.ends_with("/o") => "list".into(),
            ("GET", _) if self.query.contains("alt=media") => "get".into(),
            ("GET", _) => "head".into(),
            ("DELETE", _) => "delete".into(),
            other => panic!("{other:?}"),
        }
    }
}

impl Request {
    fn of_the_xml_api(&self) -> &'static str {
        let has = |name: &str| self.query.split('&').any(|pair| pair.split('=').next() == Some(name));
        match (self.method.as_str(), self.path.as_str()) {
            ("GET", "/bucket") if has("uploads") => "list uploads",
            ("POST", _) if has("uploads") => "initiate",
            ("PUT", _) if has("partNumber") && has("uploadId") => "part",
            ("POST", _) if has("uploadId") => "complete",
            ("DELETE", _) if has("uploadId") => "abort",
            ("GET", _) if has("uploadId") => "list parts",
            other => panic!("{other:?}"),
        }
    }
}

/// What is done with a request.
pub(crate) enum Reply {
    /// Status, headers as text with line ends, and body. The length is that of the body unless a header says it.
    Answer(u16, String, Vec<u8>),
    /// The connection is closed.
    Cut,
    /// Nothing, while the connection stays open.
    Hold,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Reply::Answer(status, "content-type: application/json\r\n".into(), body.into())
    }

    pub(crate) fn empty(status: u16, headers: &str) -> Self {
        Reply::Answer(status, headers.into(), Vec::new())
    }

    pub(crate) fn error(status: u16, reason: &str, message: &str) -> Self {
        let error = format!(r#""code":{status},"message":"{message}","errors":[{{"reason":"{reason}"}}]"#);
        Reply::json(status, &format!(r#"{{"error":{{{error}}}}}"#))
    }
}

impl Reply {
    /// A document of the XML API.
    pub(crate) fn xml(status: u16, document: &str) -> Self {
        let document = format!("<?xml version='1.0' encoding='UTF-8'?>{document}");
        Reply::Answer(status, "content-type: application/xml\r\n".into(), document.into())
    }

    /// An error of the XML API.
    pub(crate) fn xml_error(status: u16, code: &str, message: &str) -> Self {
        Reply::xml(status, &format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"))
    }
}

/// The server.
pub(crate) struct Server {
    pub(crate) endpoint: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// A server that answers with what `answer` makes of a request and of how many of its operation came before it.
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

    /// The operations that came so far, without the fetching of tokens.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.requests().iter().map(Request::operation).filter(|operation| operation != "token").collect()
    }

    /// The requests of one operation.
    pub(crate) fn all(&self, operation: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.operation() == operation).collect()
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
            let before = seen.iter().filter(|other| other.operation() == request.operation()).count();
            let reply = answer(&request, before);
            seen.push(request);
            reply
        };
        let (status, headers, body) = match reply {
            Reply::Answer(status, headers, body) => (status, headers, body),
            Reply::Cut => return,
            Reply::Hold => std::future::pending().await,
        };
        let length = match headers.contains("content-length") {
            true => String::new(),
            false => format!("content-length: {}\r\n", body.len()),
        };
        let cut = headers.contains("content-length");
        let head = format!("HTTP/1.1 {status} Told\r\n{length}{headers}\r\n");
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
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: Vec<_> = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let mut request = Request { method, path, query, headers, body: Vec::new() };
    if request.header("transfer-encoding").is_some() {
        assert_eq!(request.operation(), "put", "only Google's SDK does not say how much comes");
        request.body = chunks(stream).await?;
        return Some(request);
    }
    let length = request.header("content-length").map_or(0, |length| length.parse().expect("a length"));
    request.body = vec![0; length];
    stream.read_exact(&mut request.body).await.ok()?;
    Some(request)
}

/// A body in chunks, to its end; nothing where it breaks off before.
async fn chunks(stream: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let size = usize::from_str_radix(line.trim(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        stream.read_exact(&mut chunk).await.ok()?;
        body.extend_from_slice(&chunk[..size]);
        if size == 0 {
            return Some(body);
        }
    }
}
