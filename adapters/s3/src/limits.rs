//! How long requests may take, and how often the SDK tries those that it may try again.

use aws_config::retry::RetryConfig;
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
/// No limit but on connecting and on standing still: a large body on a slow line takes as long as it takes. To the SDK
/// a configuration without any limit means that none holds, not even the client's own on connecting, so there is one.
pub(crate) const UNLIMITED: Duration = Duration::from_secs(30 * 24 * 3600);

/// How often a request is tried, the first time included.
const ATTEMPTS: u32 = 4;
/// The pauses between attempts double from this (with jitter) up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// How the SDK tries requests again that leave nothing.
pub(crate) fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(FIRST_PAUSE).with_max_backoff(MAX_PAUSE)
}

/// For requests that `persist` tries again.
pub(crate) fn retries_off() -> RetryConfig {
    RetryConfig::disabled()
}
