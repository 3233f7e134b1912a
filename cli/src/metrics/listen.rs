//! HTTP for who asks: /metrics, /healthz (whether all is well) and /livez (whether anything moves).

use super::figures::Figures;
use super::text::text;
use crate::failure::Failure;
use crate::service::Health;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long somebody may take to ask.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// How long somebody may take in all, so that those who do not read what they asked for are in nobody's way.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// How many may ask at a time. Others wait.
const AT_ONCE: usize = 16;

/// Answers as long as it lives, in a task of its own: also while the work's own task hangs.
#[derive(Debug)]
pub(crate) struct Listener {
    _accepting: JoinSet<()>,
}

impl Listener {
    /// Listens on `address`. A success may be so old that all is well.
    pub(crate) async fn start(
        address: SocketAddr,
        figures: Arc<Figures>,
        within: Option<Duration>,
    ) -> Result<Self, Failure> {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Failure::usage(format!(
                "--metrics-listen {address}: {error}; choose an address of this machine and a free port"
            ))
        })?;
        if let Ok(address) = listener.local_addr() {
            tracing::info!("figures are at http://{address}/metrics");
        }
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, figures, within));
        Ok(Listener { _accepting: accepting })
    }
}

async fn accept(listener: TcpListener, figures: Arc<Figures>, within: Option<Duration>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= AT_ONCE || connections.try_join_next().is_some() {
            if connections.len() >= AT_ONCE {
                connections.join_next().await;
            }
        }
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Out of descriptors, or the other end is gone already.
            Err(error) => {
                tracing::debug!("--metrics-listen: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let figures = Arc::clone(&figures);
        let answer = service_fn(move |request: Request<Incoming>| {
            let answer = answer(request.method(), request.uri().path(), &figures, within);
            async move { Ok::<_, Infallible>(answer) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS_WITHIN)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), answer);
        connections.spawn(async move {
            match timeout(ANSWERED_WITHIN, connection).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!("--metrics-listen: {error}"),
                Err(_) => tracing::debug!("--metrics-listen: who asked did not read the answer in {ANSWERED_WITHIN:?}"),
            }
        });
    }
}

fn answer(method: &Method, path: &str, figures: &Figures, within: Option<Duration>) -> Response<Full<Bytes>> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return said(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
    }
    match path {
        "/metrics" => said(StatusCode::OK, text(figures, None)),
        "/healthz" => said_of(health(figures, within)),
        "/livez" => said_of(alive(figures)),
        _ => said(StatusCode::NOT_FOUND, "there are /metrics, /healthz and /livez\n".to_owned()),
    }
}

fn health(figures: &Figures, within: Option<Duration>) -> Health {
    match figures.course() {
        Some((course, _)) => course.now().health(within, figures.started),
        None => Health::Ill("the archive is being read".to_owned()),
    }
}

/// What is read at the start has limits of its own.
fn alive(figures: &Figures) -> Health {
    figures.course().map_or(Health::Well, |(course, _)| course.now().moves())
}

fn said_of(health: Health) -> Response<Full<Bytes>> {
    match health {
        Health::Well => said(StatusCode::OK, "ok\n".to_owned()),
        Health::Ill(why) => said(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

fn said(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    response
}
