//! What is done when a request that stores comes at a bad time, beyond what the SDK itself tries again.

use crate::errors::status;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::SdkError;
use sealift::SlowDowns;
use std::error::Error as StdError;
use std::time::Duration;
use tokio::time::sleep;

/// The pauses before a commit is sent again that another commit of the same key was in the way of, in milliseconds. AWS
/// answers 409 ConditionalRequestConflict then ("How to prevent object overwrites with conditional writes").
const CONFLICT_PAUSES: [u64; 3] = [100, 300, 1_000];
/// The pauses after the SDK's attempts have all met a service that is too busy (503 SlowDown), in milliseconds; half of
/// each is chosen at random. S3 needs a while to spread a bucket over more machines ("Optimizing Amazon S3 performance").
const BUSY_PAUSES: [u64; 6] = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000];

/// Sends a request, again when another commit of the same key was in its way or the service was too busy. `send` must be
/// such that sending it twice is sending it once.
pub(crate) async fn persist<T, E, F>(send: impl Fn() -> F) -> Result<T, SdkError<E, HttpResponse>>
where
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
{
    let (mut conflict_pauses, mut busy_pauses) = (CONFLICT_PAUSES.iter(), BUSY_PAUSES.iter());
    loop {
        let answer = send().await;
        let pause = match answer.as_ref().err().and_then(status) {
            Some(409) => conflict_pauses.next().copied(),
            Some(429 | 503) => busy_pauses.next().map(|pause| rand::random_range(pause / 2..=*pause)),
            _ => None,
        };
        match pause {
            Some(pause) => sleep(Duration::from_millis(pause)).await,
            None => return answer,
        }
    }
}

/// Counts the answers that ask to slow down, each attempt's.
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
