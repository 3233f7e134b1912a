//! How long requests may take, and how often they are tried.

use crate::body::Sent;
use crate::retry_after::RetryAfter;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::{
    Builder, RequestChecksumCalculation, ResponseChecksumValidation, StalledStreamProtectionConfig,
};
use aws_sdk_s3::error::SdkError;
use std::time::Duration;

/// An endpoint that cannot be connected to is given up within this time, with the connect timeout that
/// [`S3Options`](crate::S3Options) has by default: four attempts of 5 s and the pauses between them, at most 21.4 s
/// (measured: 20.4 to 21.0 s). A refused connection is given up in less than 2 s.
pub const UNREACHABLE_WITHIN: Duration = Duration::from_secs(30);

/// The time to connect, per attempt, by default.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// The time for the answer to a request once all of it is sent, per attempt.
pub(crate) const ANSWER: Duration = Duration::from_secs(60);
/// The time for the answer to a complete or a copy: the service assembles the object first, which "could take several
/// minutes" (AWS, "CompleteMultipartUpload").
pub(crate) const COMPLETE: Duration = Duration::from_secs(600);
/// A body that does not move at all for so long is stalled. The SDK's 5 s are too few: on a slow line that several
/// parts share, the buffers of a connection (hyper's 400 KiB, and the kernel's) hold more than it sends in that time.
const STALLED: Duration = Duration::from_secs(60);

/// How often a request is tried, the first time included.
const ATTEMPTS: u32 = 4;
/// The pauses between attempts double from this (with jitter) up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// How requests are tried again.
pub(crate) fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(FIRST_PAUSE).with_max_backoff(MAX_PAUSE)
}

/// What every request is sent with.
pub(crate) fn common(config: Builder) -> Builder {
    config
        // Sealift gives its own checksums, and checks the whole object; the SDK is to add and check no others.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .stalled_stream_protection(StalledStreamProtectionConfig::enabled().grace_period(STALLED).build())
        .interceptor(RetryAfter)
}

/// A time limit for each attempt.
pub(crate) fn limits(attempt: Duration) -> Builder {
    common(Builder::new()).timeout_config(TimeoutConfig::builder().operation_attempt_timeout(attempt).build())
}

/// The same, tried only once.
pub(crate) fn once() -> Builder {
    limits(ANSWER).retry_config(RetryConfig::disabled())
}

/// No time limit but on connecting and on standing still: a large body on a slow line takes as long as it takes.
/// For requests that are [`answered`]. To the SDK a configuration without any limit means that none holds, not even
/// the client's own on connecting, so there is one.
pub(crate) fn unlimited() -> Builder {
    limits(Duration::from_secs(30 * 24 * 3600))
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
        () = sent.and_then_nothing_for(ANSWER) => {
            Err(SdkError::timeout_error(format!("no answer within {} s of the request", ANSWER.as_secs())))
        }
    }
}
