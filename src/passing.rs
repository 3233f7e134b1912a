//! Whether a failure may pass: what an adapter says of it, and `retry` goes by.

use std::time::Duration;

/// Why a failed request may be sent again: an adapter says it of each error, and decides nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Passing {
    /// The service, or the way to it, failed: no connection, a reset, an internal error, no answer in time.
    Outage,
    /// The service is too busy.
    Busy {
        /// The time it asks to wait (`Retry-After`), if it says one.
        asked: Option<Duration>,
    },
    /// Something that may pass and is not likely to: what was sent arrived damaged, the answer is another program's, another
    /// writer was in the way. It is tried four more times.
    Unlikely,
}
