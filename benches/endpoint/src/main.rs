//! An S3 endpoint on loopback for benchmarks. It reads what is uploaded and throws it away, so that what is measured is
//! the client; `--keep` stores it, so that what arrived can be compared. It can be slow, and fail, as a network does.
//!
//! It checks no signatures and no checksums: it repeats the checksums that it was told, as clients expect them back.

mod answer;
mod chunked;
mod handle;
mod listing;
mod made_up;
mod multipart;
mod objects;
mod pieces;
mod receive;
mod shaped;
mod state;
mod stats;
mod tls;

use clap::Parser;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use made_up::MadeUp;
use shaped::{Network, Shaped};
use state::Server;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// An S3 endpoint on loopback that discards what it is sent. Prints its URL, and runs until it is killed.
/// GET /_stats tells what was asked of it, as JSON.
#[derive(Debug, Parser)]
struct Options {
    /// The port to listen on; 0 for any that is free.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Store objects in files below this folder, so that they can be read back.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Wait this long before each answer.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency: u64,
    /// Let no connection carry more than this, in each direction.
    #[arg(long, value_name = "BYTES_PER_S")]
    rate: Option<NonZeroU64>,
    /// Let all connections together carry no more than this, in each direction, as a slow line does.
    #[arg(long, value_name = "BYTES_PER_S")]
    total_rate: Option<NonZeroU64>,
    /// Speak TLS, and put the certificate to trust into this file. Its session is with rustls, as the peers' own.
    #[arg(long, value_name = "FILE")]
    tls: Option<PathBuf>,
    /// Answer every Nth part with 503 SlowDown.
    #[arg(long, value_name = "N")]
    fail_every: Option<NonZeroU64>,
    /// List so many objects in every bucket, which are made up, instead of those that it holds.
    #[arg(long, value_name = "N")]
    keys: Option<u32>,
}

/// The largest piece of a body that is read at once: one that still fits into the processor's cache.
const READ: usize = 256 << 10;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let listener = TcpListener::bind(("127.0.0.1", options.port)).await?;
    let acceptor = options.tls.map(|trust| tls::acceptor(&trust)).transpose()?;
    let scheme = if acceptor.is_some() { "https" } else { "http" };
    println!("{scheme}://{}", listener.local_addr()?);
    let latency = Duration::from_millis(options.latency);
    let server = Arc::new(Server::new(options.keep, latency, options.fail_every, options.keys.map(MadeUp::new))?);
    let network = Network::new(options.rate, options.total_rate);
    loop {
        let (stream, _) = listener.accept().await?;
        server.stats.connected();
        // Answers are small and awaited.
        let _ = stream.set_nodelay(true);
        tokio::spawn(meet(network.carries(stream), acceptor.clone(), Arc::clone(&server)));
    }
}

/// The rates are the line's, below TLS.
async fn meet(line: Shaped, acceptor: Option<TlsAcceptor>, server: Arc<Server>) {
    match acceptor {
        None => serve(line, server).await,
        Some(acceptor) => {
            // A client that does not get that far tells why itself.
            if let Ok(session) = acceptor.accept(line).await {
                serve(session, server).await;
            }
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, server: Arc<Server>) {
    let service = service_fn(move |request| handle::handle(Arc::clone(&server), request));
    let mut builder = http1::Builder::new();
    builder.max_buf_size(READ).header_read_timeout(None);
    // A client that goes away is its own affair; those that are killed in benchmarks do.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}
