//! Trying again: how often, and the pauses between.

use crate::faults::{Fault, Refusal};
use crate::transport::Http;
use std::time::Duration;
use tokio::time::sleep;

/// The pauses double from this (less up to a half, by chance) up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(8);
/// The longest pause that the service can ask for with `Retry-After`.
const LONGEST_ASKED: Duration = Duration::from_secs(30);

/// The attempts of one operation.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    failed: u32,
    renewed: bool,
}

impl Tries {
    /// After `fault`: waits, and returns when to try again; or returns the fault when it is final.
    /// A token that is refused is renewed once.
    pub(crate) async fn pause(&mut self, http: &Http, fault: Fault) -> Result<(), Fault> {
        if let Some(status) = fault.status() {
            http.slow_downs.see(status);
        }
        if fault.status() == Some(401) && !self.renewed && http.credentials.renew() {
            self.renewed = true;
            return Ok(());
        }
        self.failed += 1;
        if self.failed >= fault.attempts() {
            return Err(fault);
        }
        let pause = self.length(&fault);
        tracing::debug!("trying again in {} ms: {fault:?}", pause.as_millis());
        sleep(pause).await;
        Ok(())
    }

    /// There was headway: what fails next is a failure of its own.
    pub(crate) fn headway(&mut self) {
        self.failed = 0;
    }

    fn length(&self, fault: &Fault) -> Duration {
        let own = FIRST.saturating_mul(1 << (self.failed - 1).min(10)).min(LONGEST);
        let own = own.mul_f64(1.0 - rand::random::<f64>() / 2.0);
        match fault {
            Fault::Refused(Refusal { retry_after: Some(asked), .. }) => (*asked).min(LONGEST_ASKED).max(own),
            _ => own,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Renewable;
    use crate::options::{CONNECT, STANDSTILL};

    fn busy(retry_after: Option<Duration>) -> Fault {
        Fault::Refused(Refusal { status: 503, reason: String::new(), message: String::new(), retry_after, page: false })
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_end() {
        let http = Http::new(CONNECT, STANDSTILL, Renewable::anonymous()).expect("a client");
        let (mut tries, mut all) = (Tries::default(), Vec::new());
        loop {
            let begun = tokio::time::Instant::now();
            match tries.pause(&http, busy(None)).await {
                Ok(()) => all.push(begun.elapsed()),
                Err(_) => break,
            }
        }
        assert_eq!(all.len() as u32 + 1, busy(None).attempts());
        assert!(all.iter().sum::<Duration>() < Duration::from_secs(8), "{all:?}");
        tries.headway();
        tries.pause(&http, busy(None)).await.expect("another five");
        assert_eq!(http.slow_downs.count() as usize, all.len() + 2);
    }

    #[test]
    fn the_service_can_ask_for_longer_but_not_for_ever() {
        let tries = Tries { failed: 1, renewed: false };
        assert_eq!(tries.length(&busy(Some(Duration::from_secs(3)))), Duration::from_secs(3));
        assert_eq!(tries.length(&busy(Some(Duration::from_secs(9_999)))), LONGEST_ASKED);
        assert!(tries.length(&busy(Some(Duration::ZERO))) >= FIRST / 2);
    }
}
