//! Waiting for facts that no event tells of: descriptor counts, an emulator's listing.

use std::time::{Duration, Instant};

/// Checks again and again, with a short growing pause, until it holds. Panics with `what` and the last reason when it
/// does not hold within `limit`.
pub async fn eventually(what: &str, limit: Duration, mut check: impl AsyncFnMut() -> Result<(), String>) {
    let started = Instant::now();
    let mut pause = Duration::from_millis(5);
    loop {
        match check().await {
            Ok(()) => return,
            Err(reason) if started.elapsed() > limit => panic!("not within {limit:?}: {what}: {reason}"),
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(Duration::from_millis(250));
    }
}
