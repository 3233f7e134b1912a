//! The time that a busy service asks for before the next attempt. AWS says it in a header of its own, which the SDK knows;
//! others say it as HTTP has it.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use std::error::Error as StdError;
use std::time::Duration;

/// In milliseconds. The SDK waits for so long, up to the longest pause between attempts.
const AWS: &str = "x-amz-retry-after";

/// Says `Retry-After` in AWS's words. Only in seconds: services do not send it as a date.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryAfter;

impl Intercept for RetryAfter {
    fn name(&self) -> &'static str {
        "RetryAfter"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        let headers = context.response_mut().headers_mut();
        let seconds = headers.get("retry-after").and_then(|seconds| seconds.parse::<u64>().ok());
        if let Some(seconds) = seconds.filter(|_| headers.get(AWS).is_none()) {
            headers.insert(AWS, seconds.saturating_mul(1000).to_string());
        }
        Ok(())
    }
}

/// How long an answer asks to wait.
pub(crate) fn asked_for(answer: Option<&HttpResponse>) -> Option<Duration> {
    let milliseconds = answer?.headers().get(AWS)?;
    milliseconds.parse().ok().map(Duration::from_millis)
}
