//! How long the tests put up with a fault that does not pass. Most of them are about what comes after.

use sealift::RetryPolicy;
use std::time::Duration;

/// After so long something hangs. Nothing waits for it to pass; it is long, for a machine can have much else to do.
pub const HANGS: Duration = Duration::from_secs(180);

/// Enough for a fault that passes by the second or third attempt.
pub const GIVE_UP: Duration = Duration::from_secs(3);

/// The same as a policy.
pub const IMPATIENT: RetryPolicy = RetryPolicy::new(GIVE_UP);
