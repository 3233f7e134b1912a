//! One attempt of a request that can leave something: sent once, and accounted for. Whether there is another, its caller's
//! caller decides.

use crate::body::Sent;
use crate::limits::ANSWER;
use crate::verdict::{Verdict, judge};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use sealift::{Attempts, SlowDowns};
use std::error::Error as StdError;

/// Sends a request, and accounts for it in `attempts`.
pub(crate) async fn attempt<T, E, F>(
    attempts: &Attempts,
    send: impl FnOnce(Sent) -> F,
) -> Result<T, SdkError<E, HttpResponse>>
where
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + StdError + 'static,
{
    let attempt = attempts.begin();
    let sent = Sent::of(attempt.clone());
    let answer = send(sent.clone()).await;
    match answer.as_ref().map_err(judge) {
        Ok(_) => attempt.applied(),
        Err((Verdict::Refused, _)) => attempt.refused(),
        // What did not go out in whole cannot have been carried out.
        Err((Verdict::Unclear, _)) if !sent.in_whole() => attempt.refused(),
        Err((Verdict::Unclear, _)) => attempt.unclear(),
        Err((Verdict::Unanswered, _)) => {}
    }
    answer
}

/// Awaits the answer to a request with a body, for [`ANSWER`] from when the body is sent. The SDK's own limits either
/// count the time to send the body or do not count the time after.
pub(crate) async fn answered<T, E>(
    sent: &Sent,
    request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, SdkError<E, HttpResponse>> {
    tokio::select! {
        biased;
        answer = request => answer,
        () = sent.in_whole_for(ANSWER) => {
            Err(SdkError::timeout_error(format!("no answer within {} s of the request", ANSWER.as_secs())))
        }
    }
}

/// Counts the answers that ask to slow down.
#[derive(Debug)]
pub(crate) struct Counted(pub(crate) SlowDowns);

impl Intercept for Counted {
    fn name(&self) -> &'static str {
        "Counted"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        self.0.see(context.response().status().as_u16());
        Ok(())
    }
}
