//! The tests' own requests to emulators that speak plain HTTP.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;

/// How often a read is sent whose answer breaks off, as the emulators' answers do under load.
const READS: usize = 3;

/// The status and the body of an emulator's answer.
pub(crate) async fn asked(
    client: &Client<HttpConnector, Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> (StatusCode, Bytes) {
    let reads = if request.method() == Method::GET { READS } else { 1 };
    let mut broken = None;
    for _ in 0..reads {
        let answer = match client.request(request.clone()).await {
            Ok(answer) => answer,
            Err(error) => panic!("no emulator at {}: run ./localstack/up first ({error})", request.uri()),
        };
        let status = answer.status();
        match answer.into_body().collect().await {
            Ok(body) => return (status, body.to_bytes()),
            Err(error) => broken = Some(error),
        }
    }
    panic!("the answer of {} breaks off each time: {broken:?}", request.uri());
}
