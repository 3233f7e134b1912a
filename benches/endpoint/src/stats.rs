//! What was asked of the endpoint, for the harness.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Counters of everything.
#[derive(Debug, Default)]
pub(crate) struct Stats(Mutex<Counters>);

#[derive(Debug, Default)]
struct Counters {
    connections: u64,
    requests: BTreeMap<&'static str, u64>,
    bytes_received: u64,
    bytes_sent: u64,
    failures_injected: u64,
    parts_in_flight: u64,
    most_parts_in_flight: u64,
    first_request: Option<u64>,
    first_body_byte: Option<u64>,
}

impl Stats {
    fn counters(&self) -> MutexGuard<'_, Counters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn connected(&self) {
        self.counters().connections += 1;
    }

    pub(crate) fn requested(&self, kind: &'static str) {
        let mut counters = self.counters();
        *counters.requests.entry(kind).or_default() += 1;
        counters.first_request.get_or_insert_with(unix_nanoseconds);
    }

    /// The first byte of some body has come.
    pub(crate) fn body_begins(&self) {
        self.counters().first_body_byte.get_or_insert_with(unix_nanoseconds);
    }

    pub(crate) fn received(&self, bytes: u64) {
        self.counters().bytes_received += bytes;
    }

    pub(crate) fn sends(&self, bytes: u64) {
        self.counters().bytes_sent += bytes;
    }

    pub(crate) fn failed_on_purpose(&self) {
        self.counters().failures_injected += 1;
    }

    /// A part is under way until what this returns is dropped.
    pub(crate) fn part_begins(&self) -> PartUnderWay<'_> {
        let mut counters = self.counters();
        counters.parts_in_flight += 1;
        counters.most_parts_in_flight = counters.most_parts_in_flight.max(counters.parts_in_flight);
        PartUnderWay(self)
    }

    /// All of it. Times are nanoseconds since 1970 by the clock that every process of the machine reads.
    pub(crate) fn json(&self) -> Value {
        let counters = self.counters();
        json!({
            "connections": counters.connections,
            "requests": counters.requests,
            "bytes_received": counters.bytes_received,
            "bytes_sent": counters.bytes_sent,
            "failures_injected": counters.failures_injected,
            "most_parts_in_flight": counters.most_parts_in_flight,
            "first_request_unix_ns": counters.first_request,
            "first_body_byte_unix_ns": counters.first_body_byte,
        })
    }
}

/// A part that is being received.
pub(crate) struct PartUnderWay<'a>(&'a Stats);

impl Drop for PartUnderWay<'_> {
    fn drop(&mut self) {
        self.0.counters().parts_in_flight -= 1;
    }
}

fn unix_nanoseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
