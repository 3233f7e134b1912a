//! How long the tests put up with a fault that does not pass. Most of them are about what comes after.

use sealift::RetryPolicy;
use std::time::Duration;

/// Enough for a fault that passes by the second or third attempt.
pub const GIVE_UP: Duration = Duration::from_secs(3);

/// The same as a policy.
pub const IMPATIENT: RetryPolicy = RetryPolicy::new(GIVE_UP);
