//! Figures that are sent to who collects them, again and again, and once at the end. Whoever takes none does no harm.

use super::figures::Figures;
#[cfg(feature = "otel")]
use super::otlp::Otlp;
use super::push::Push;
use crate::failure::Failure;
use reqwest::redirect::Policy;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How long sending may take at most, with all that is tried again.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// One who collects them.
#[derive(Debug)]
enum Collector {
    Push(Push),
    #[cfg(feature = "otel")]
    Otlp(Box<Otlp>),
}

/// What is sent to one of them.
#[derive(Debug)]
pub(super) struct Sending {
    to: Collector,
    /// Whether it was told that it fails.
    told: AtomicBool,
}

impl Sending {
    /// To each that the environment names.
    pub(super) fn from_environment() -> Result<Vec<Arc<Self>>, Failure> {
        let push = Push::from_environment()?.map(Collector::Push);
        #[cfg(feature = "otel")]
        let otlp = Otlp::from_environment().map(|otlp| Collector::Otlp(Box::new(otlp)));
        #[cfg(not(feature = "otel"))]
        let otlp = None;
        let named = push.into_iter().chain(otlp);
        Ok(named.map(|to| Arc::new(Sending { to, told: AtomicBool::new(false) })).collect())
    }

    /// Sends them now and then, for ever.
    pub(super) async fn regularly(self: Arc<Self>, figures: Arc<Figures>) {
        let mut ticks = interval(self.to.every());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.send(&figures).await;
        }
    }

    /// Sends them once. What fails is told the first time, and is no failure of the command.
    pub(super) async fn send(&self, figures: &Figures) {
        let limit = self.to.limit();
        let sent = timeout(limit, self.to.send(figures)).await;
        let sent = sent.unwrap_or_else(|_| Err(format!("{} does not answer in {limit:?}", self.to.host())));
        let was_told = self.told.swap(sent.is_err(), Ordering::Relaxed);
        if let (Err(why), false) = (sent, was_told) {
            tracing::warn!("{}: figures are not taken, and will be sent again: {why}", self.to.named_by());
        }
    }
}

impl Collector {
    fn named_by(&self) -> &'static str {
        match self {
            Collector::Push(_) => Push::NAMED_BY,
            #[cfg(feature = "otel")]
            Collector::Otlp(otlp) => otlp.named_by,
        }
    }

    fn host(&self) -> &str {
        match self {
            Collector::Push(push) => push.host(),
            #[cfg(feature = "otel")]
            Collector::Otlp(otlp) => otlp.host(),
        }
    }

    fn every(&self) -> Duration {
        match self {
            Collector::Push(push) => push.every,
            #[cfg(feature = "otel")]
            Collector::Otlp(otlp) => otlp.every,
        }
    }

    fn limit(&self) -> Duration {
        match self {
            Collector::Push(_) => LIMIT,
            #[cfg(feature = "otel")]
            Collector::Otlp(otlp) => otlp.limit,
        }
    }

    async fn send(&self, figures: &Figures) -> Result<(), String> {
        match self {
            Collector::Push(push) => push.send(figures).await,
            #[cfg(feature = "otel")]
            Collector::Otlp(otlp) => otlp.send(figures).await,
        }
    }
}

/// What follows no redirection: what goes with the figures is for nobody else.
pub(super) fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().redirect(Policy::none()).build()
}

/// Why `host` took nothing, without its URL, which may hold a secret.
pub(super) fn unreachable(host: &str, error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    format!("{host} cannot be reached: {innermost}")
}

/// What the environment says, if it says anything.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
