//! The service's clock: times in listings are the service's, and this machine's clock may be wrong.

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use std::error::Error as StdError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use tokio::time::Instant;

/// Reads the clock from the answers to the requests it is given to.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServiceClock(Arc<Mutex<Option<(SystemTime, Instant)>>>);

impl ServiceClock {
    /// When the service answered, by its own clock, if it told.
    pub(crate) fn answered_at(&self) -> Option<SystemTime> {
        self.told().map(|(time, _)| time)
    }

    /// The time at the service; of this machine as long as the service has not told it.
    pub(crate) fn now(&self) -> SystemTime {
        self.told().map_or_else(SystemTime::now, |(time, at)| time + at.elapsed())
    }

    fn told(&self) -> Option<(SystemTime, Instant)> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for ServiceClock {
    fn name(&self) -> &'static str {
        "ServiceClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|date| DateTime::from_str(date, DateTimeFormat::HttpDate).ok());
        if let Some(told) = date.and_then(time) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((told, Instant::now()));
        }
        Ok(())
    }
}

/// A time that the service told.
pub(crate) fn time(time: DateTime) -> Option<SystemTime> {
    SystemTime::try_from(time).ok()
}
