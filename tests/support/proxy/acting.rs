//! How each fault is done.

use super::bodies::{Body, changed, collected, dripping, streamed, unmeasured, whole};
use super::faults::{Client, Fault, Reply};
use super::{Error, Rule, Shared};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use std::sync::Arc;
use tokio::sync::oneshot;

/// What becomes of a request's body behind the account of requests: the client has sent it right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Damage {
    at: usize,
}

impl Damage {
    pub(super) fn done_to(self, body: &Bytes) -> Bytes {
        let mut bytes = body.to_vec();
        if let Some(place) = self.at.checked_rem(bytes.len()) {
            bytes[place] ^= 1;
        }
        bytes.into()
    }
}

/// Answers a request that `rule` is for. `Err` cuts the connection without an answer.
pub(super) async fn act(
    rule: &Arc<Rule>,
    request: Request<Incoming>,
    shared: &Arc<Shared>,
) -> Result<Response<Body>, Error> {
    match &rule.fault {
        Fault::ThenDown(fault) => {
            let answer = act_as(fault, rule, || {}, request, shared).await;
            shared.listening.go_down().await;
            rule.done();
            answer
        }
        fault => act_as(fault, rule, || rule.done(), request, shared).await,
    }
}

/// Does `fault`, and says so by `done`, before the client hears of it.
async fn act_as(
    fault: &Fault,
    rule: &Arc<Rule>,
    done: impl Fn() + Send,
    request: Request<Incoming>,
    shared: &Arc<Shared>,
) -> Result<Response<Body>, Error> {
    match fault {
        Fault::ThenDown(_) => Err("down twice".into()),
        Fault::Pass => {
            let response = shared.forward(request.map(streamed)).await?;
            done();
            Ok(response)
        }
        Fault::Reset => {
            done();
            Err("reset".into())
        }
        Fault::CutRequest { after_bytes } => {
            take(&mut request.into_body(), *after_bytes).await?;
            done();
            Err("cut".into())
        }
        Fault::Reply(reply) => {
            // Read to its end first: a client that is still sending might not see the answer.
            collected(request.into_body()).await?;
            done();
            answered(reply)
        }
        Fault::ReplyLater(reply) => {
            collected(request.into_body()).await?;
            done();
            rule.released.cancelled().await;
            answered(reply)
        }
        Fault::ApplyThenReply(reply) => {
            applied(request, shared).await?;
            done();
            answered(reply)
        }
        Fault::ApplyThenCut => {
            applied(request, shared).await?;
            done();
            Err("cut".into())
        }
        Fault::ApplyLater(client) => {
            let answer = apply_later(rule, request, shared).await?;
            done();
            match client {
                Client::IsCut => Err("cut".into()),
                Client::Waits => answer.await?,
            }
        }
        Fault::Stall => {
            // Read to its end, since only then the client's going away is noticed.
            let request = read(request).await?;
            done();
            rule.released.cancelled().await;
            shared.forward(request).await
        }
        Fault::StandStill { after_bytes } => {
            let mut body = request.into_body();
            take(&mut body, *after_bytes).await?;
            done();
            rule.released.cancelled().await;
            Err("cut".into())
        }
        Fault::ApplyThenStall => {
            let (parts, body) = applied(request, shared).await?;
            done();
            rule.released.cancelled().await;
            Ok(Response::from_parts(parts, whole(body)))
        }
        Fault::CutReply { after_bytes } => {
            let response = shared.forward(request.map(streamed)).await?;
            done();
            let mut left = *after_bytes;
            Ok(response.map(|body| {
                changed(body, move |bytes| match bytes.len() <= left {
                    true => {
                        left -= bytes.len();
                        Ok(bytes)
                    }
                    false => Err("cut".into()),
                })
            }))
        }
        Fault::Drip { bytes, pause } => {
            let (parts, body) = applied(request, shared).await?;
            done();
            Ok(Response::from_parts(parts, dripping(body, *bytes, *pause)))
        }
        Fault::Corrupt { at } => {
            let response = shared.forward(request.map(streamed)).await?;
            done();
            let (mut seen, at) = (0, *at);
            Ok(response.map(|body| {
                changed(body, move |bytes| {
                    let mut bytes = bytes.to_vec();
                    if let Some(byte) = at.checked_sub(seen).and_then(|at| bytes.get_mut(at)) {
                        *byte ^= 1;
                    }
                    seen += bytes.len();
                    Ok(bytes.into())
                })
            }))
        }
        Fault::CorruptRequest { at } => {
            let mut request = request.map(streamed);
            request.extensions_mut().insert(Damage { at: *at });
            let response = shared.forward(request).await?;
            done();
            Ok(response)
        }
        Fault::Rewrite(rewrite) => {
            let (mut parts, body) = applied(request, shared).await?;
            let body = rewrite.apply(&mut parts.headers, body);
            done();
            Ok(Response::from_parts(parts, unmeasured(body)))
        }
    }
}

/// The request goes on in a task of its own, which the client's going away does not end. Its answer comes by what is
/// returned.
async fn apply_later(
    rule: &Arc<Rule>,
    request: Request<Incoming>,
    shared: &Arc<Shared>,
) -> Result<oneshot::Receiver<Result<Response<Body>, Error>>, Error> {
    let request = read(request).await?;
    let (tell, told) = oneshot::channel();
    let (held, server) = (Arc::clone(rule), Arc::clone(shared));
    shared.tasks.spawn(async move {
        let released = server.stop.run_until_cancelled(held.released.cancelled()).await;
        if released.is_none() {
            return;
        }
        let answer = match server.forward(request).await {
            Ok(answer) => {
                let (parts, body) = answer.into_parts();
                collected(body).await.map(|body| Response::from_parts(parts, whole(body)))
            }
            Err(error) => Err(error),
        };
        held.applied.send_modify(|applied| *applied += 1);
        // The client may have gone.
        let _ = tell.send(answer);
    });
    Ok(told)
}

/// The request with all of its body.
async fn read(request: Request<Incoming>) -> Result<Request<Body>, Error> {
    let (parts, body) = request.into_parts();
    Ok(Request::from_parts(parts, whole(collected(body).await?)))
}

/// What the server answers.
async fn applied(
    request: Request<Incoming>,
    shared: &Arc<Shared>,
) -> Result<(hyper::http::response::Parts, Bytes), Error> {
    let (parts, body) = shared.forward(request.map(streamed)).await?.into_parts();
    Ok((parts, collected(body).await?))
}

/// Takes `bytes` of the body, and more than that only if they came together.
async fn take(body: &mut Incoming, bytes: usize) -> Result<(), Error> {
    let mut taken = 0;
    while taken < bytes {
        let Some(frame) = body.frame().await else { return Ok(()) };
        taken += frame?.data_ref().map_or(0, Bytes::len);
    }
    Ok(())
}

fn answered(reply: &Reply) -> Result<Response<Body>, Error> {
    let mut response = Response::builder().status(StatusCode::from_u16(reply.status)?);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    Ok(response.body(whole(reply.body.clone().into()))?)
}
