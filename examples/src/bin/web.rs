//! Handlers of axum: `PUT /KEY` streams a request's body into an object, `GET /KEY` streams it back.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use futures::TryStreamExt;
use sealift::{Bucket, ErrorKind, IfExists, Key, MemoryStore};
use std::io;
use tokio::net::TcpListener;
use tokio_util::io::{ReaderStream, StreamReader};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let bucket = sealift_examples::bucket(MemoryStore::new())?;
    let routes = Router::new().route("/{*key}", get(download).put(upload)).with_state(bucket.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, routes).with_graceful_shutdown(interrupted()).await?;
    sealift_examples::close(&bucket).await
}

/// A client that goes away ends the body with an error, so the sink is dropped, and no half of an object is stored.
async fn upload(
    State(bucket): State<Bucket>,
    Path(key): Path<String>,
    body: Body,
) -> Result<(StatusCode, String), Failure> {
    let key: Key = key.parse()?;
    let mut body = StreamReader::new(body.into_data_stream().map_err(io::Error::other));
    let mut sink = bucket.create(&key, IfExists::Fail)?;
    tokio::io::copy(&mut body, &mut sink).await?;
    let sealed = sink.seal().await?;
    Ok((StatusCode::CREATED, format!("{} bytes\n", sealed.bytes_in)))
}

/// An object that turns out to be damaged breaks the response off, which a client can tell from its end.
async fn download(State(bucket): State<Bucket>, Path(key): Path<String>) -> Result<Body, Failure> {
    let reader = bucket.open(&key.parse()?).await?;
    Ok(Body::from_stream(ReaderStream::with_capacity(reader, 64 << 10)))
}

async fn interrupted() {
    // Without a handler for it there is nothing to wait for; the process ends by the signal then.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// What a client is told.
struct Failure(StatusCode, String);

impl From<sealift::Error> for Failure {
    fn from(error: sealift::Error) -> Self {
        let status = match error.kind() {
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::AlreadyExists => StatusCode::CONFLICT,
            ErrorKind::InvalidName => StatusCode::BAD_REQUEST,
            _ => StatusCode::BAD_GATEWAY,
        };
        Failure(status, error.reason().to_owned())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match sealift::Error::from_io(&error) {
            Some(error) => error.clone().into(),
            None => Failure(StatusCode::BAD_REQUEST, error.to_string()),
        }
    }
}

impl axum::response::IntoResponse for Failure {
    fn into_response(self) -> axum::response::Response {
        (self.0, format!("{}\n", self.1)).into_response()
    }
}
