//! A service on loopback whose answers are the input.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What an answer's first byte chooses from. None sends the client elsewhere.
const STATUSES: [u16; 16] = [200, 201, 202, 204, 206, 308, 400, 401, 403, 404, 409, 412, 416, 429, 500, 503];
/// Between the answers in an input.
const SEPARATOR: u8 = 0x1e;
/// Headers that are the connection's own, or that would send the client elsewhere.
const LEFT_OUT: [&str; 5] = ["content-length", "transfer-encoding", "connection", "location", "upgrade"];

/// The service. It answers as long as the runtime runs that it was started on.
#[derive(Debug)]
pub struct Service {
    /// Where it listens.
    pub endpoint: String,
    answers: Arc<Mutex<VecDeque<Answer>>>,
}

/// A byte that chooses the status, lines of headers, an empty line, and the body.
#[derive(Debug, Clone, Default)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    /// The length that the answer to a HEAD states.
    length: Option<u64>,
    body: Vec<u8>,
}

impl Service {
    /// A service that listens.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
        let answers = Arc::<Mutex<VecDeque<Answer>>>::default();
        let source = Arc::clone(&answers);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&source)));
            }
        });
        Service { endpoint, answers }
    }

    /// Gives these answers from now on, one a request, and the last to all that come after.
    pub fn answers(&self, input: &[u8]) {
        let answers = input.split(|byte| *byte == SEPARATOR).map(Answer::parse).collect();
        *self.answers.lock().unwrap_or_else(PoisonError::into_inner) = answers;
    }
}

impl Answer {
    fn parse(input: &[u8]) -> Self {
        let Some((status, rest)) = input.split_first() else { return Answer { status: 200, ..Answer::default() } };
        let mut answer = Answer { status: STATUSES[usize::from(status % 16)], ..Answer::default() };
        let mut rest = rest;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            if line.is_empty() {
                break;
            }
            answer.add_header(line);
        }
        answer.body = rest.to_vec();
        answer
    }

    fn add_header(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let Some((name, value)) = text.split_once(':') else { return };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_value = !value.chars().any(char::is_control);
        if name == "content-length" {
            self.length = value.parse().ok();
        } else if is_name && is_value && !LEFT_OUT.contains(&name.as_str()) {
            self.headers.push((name, value.to_owned()));
        }
    }

    /// As it goes out to a request of this method.
    fn bytes(&self, method: &str) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Told\r\n", self.status);
        self.headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        let has_body = method != "HEAD" && self.status != 204;
        match self.status {
            204 => {}
            _ if has_body => head.push_str(&format!("content-length: {}\r\n", self.body.len())),
            _ => head.push_str(&self.length.map(|length| format!("content-length: {length}\r\n")).unwrap_or_default()),
        }
        head.push_str("\r\n");
        [head.as_bytes(), if has_body { &self.body } else { &[] }].concat()
    }
}

/// Answers what comes over one connection. What goes wrong with it is the client's to notice.
async fn serve(stream: TcpStream, answers: Arc<Mutex<VecDeque<Answer>>>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if stream.read_line(&mut first).await? == 0 {
            return Ok(());
        }
        let method = first.split(' ').next().unwrap_or_default().to_owned();
        let mut length = 0;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            match line.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().unwrap_or_default();
                }
                Some(_) => {}
                None => break,
            }
        }
        stream.read_exact(&mut vec![0; length]).await?;
        let answer = {
            let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
            match answers.len() {
                0 | 1 => answers.front().cloned(),
                _ => answers.pop_front(),
            }
        };
        stream.write_all(&answer.unwrap_or_default().bytes(&method)).await?;
    }
}
