//! The service's clock: this machine's may be wrong, and other machines staged blocks by it too.

use azure_core::http::headers::{HeaderName, Headers};
use azure_core::time::parse_rfc7231;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use tokio::time::Instant;

/// The time at the service, as its last answer told it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServiceClock(Arc<Mutex<Option<(SystemTime, Instant)>>>);

impl ServiceClock {
    /// The time at the service; of this machine as long as the service has not told it.
    pub(crate) fn now(&self) -> SystemTime {
        self.told().unwrap_or_else(SystemTime::now)
    }

    /// The time at the service; `None` as long as the service has not told it.
    pub(crate) fn told(&self) -> Option<SystemTime> {
        let told = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.map(|(time, at)| time + at.elapsed())
    }

    pub(crate) fn read(&self, headers: &Headers) {
        if let Some(time) = time(headers, "date") {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((time, Instant::now()));
        }
    }
}

/// The time in the header `name`.
pub(crate) fn time(headers: &Headers, name: &'static str) -> Option<SystemTime> {
    let told = headers.get_optional_str(&HeaderName::from_static(name))?;
    parse_rfc7231(told).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_service_tells_the_time() {
        let (clock, mut headers) = (ServiceClock::default(), Headers::new());
        headers.insert("date", "Fri, 26 Jun 2015 23:39:12 GMT");
        clock.read(&headers);
        let told = SystemTime::UNIX_EPOCH + Duration::from_secs(1_435_361_952);
        assert!(clock.now().duration_since(told).expect("later") < Duration::from_secs(60));
    }
}
