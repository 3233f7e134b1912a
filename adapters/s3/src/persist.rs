//! The one place where requests that store are sent again. Every attempt is accounted for, so the SDK's own retries are
//! off for them.

use crate::body::Sent;
use crate::limits::ANSWER;
use crate::retry_after::asked_for;
use crate::verdict::{Again, Verdict, judge};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use sealift::{Attempts, SlowDowns};
use std::error::Error as StdError;
use std::slice::Iter;
use std::time::Duration;
use tokio::time::sleep;

/// The pauses before a request is sent again that failed in passing, in milliseconds; half of each is chosen at random.
const SOON: [u64; 3] = [200, 400, 800];
/// The pauses before a commit is sent again that another commit of the same key was in the way of. AWS answers 409
/// ConditionalRequestConflict then ("How to prevent object overwrites with conditional writes").
const CONFLICT: [u64; 3] = [100, 300, 1_000];
/// The pauses when the service is too busy (503 SlowDown); half of each is chosen at random. S3 needs a while to spread a
/// bucket over more machines ("Optimizing Amazon S3 performance").
const BUSY: [u64; 9] = [200, 400, 800, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000];
/// The pause before the only repetition of a request that was not answered at all, or not in a way that can be read.
const ONCE: [u64; 1] = [200];

/// What follows an attempt that may still take effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// Another: to do it twice is to do it once.
    SendAgain,
    /// Nothing: each attempt may leave something of its own.
    GiveUp,
}

/// Sends a request until it is answered for good, and accounts for each attempt in `attempts`.
pub(crate) async fn persist<T, E, F>(
    attempts: &Attempts,
    lost: Lost,
    send: impl Fn(Sent) -> F,
) -> Result<T, SdkError<E, HttpResponse>>
where
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + StdError + 'static,
{
    let mut pauses = Pauses::default();
    loop {
        let attempt = attempts.begin();
        let sent = Sent::of(attempt.clone());
        let error = match send(sent.clone()).await {
            Ok(answer) => {
                attempt.applied();
                return Ok(answer);
            }
            Err(error) => error,
        };
        let (verdict, again) = judge(&error);
        match verdict {
            Verdict::Refused => attempt.refused(),
            // What did not go out in whole cannot have been carried out.
            Verdict::Unclear if !sent.in_whole() => attempt.refused(),
            Verdict::Unclear => attempt.unclear(),
            Verdict::Unanswered if lost == Lost::GiveUp => return Err(error),
            Verdict::Unanswered => {}
        }
        match pauses.before(again, &error) {
            Some(pause) => sleep(pause).await,
            None => return Err(error),
        }
    }
}

/// The pauses that are left.
struct Pauses {
    soon: Iter<'static, u64>,
    conflict: Iter<'static, u64>,
    busy: Iter<'static, u64>,
    once: Iter<'static, u64>,
}

impl Default for Pauses {
    fn default() -> Self {
        Pauses { soon: SOON.iter(), conflict: CONFLICT.iter(), busy: BUSY.iter(), once: ONCE.iter() }
    }
}

impl Pauses {
    fn before<E>(&mut self, again: Again, error: &SdkError<E, HttpResponse>) -> Option<Duration> {
        let pause = match again {
            Again::Never => None,
            Again::Soon => self.soon.next(),
            Again::WithoutConflict => self.conflict.next(),
            Again::WhenNotBusy => self.busy.next(),
            Again::Once => self.once.next(),
        }?;
        let pause = Duration::from_millis(match again {
            Again::WithoutConflict => *pause,
            _ => rand::random_range(pause / 2..=*pause),
        });
        let longest = Duration::from_millis(BUSY[BUSY.len() - 1]);
        Some(asked_for(error.raw_response()).map_or(pause, |asked| pause.max(asked.min(longest))))
    }
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
