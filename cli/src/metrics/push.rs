//! Figures that are sent to PUSH_METRICS_ENDPOINT, as aptos-db-tool sends its own: again and again, and once at the end.

use super::figures::Figures;
use super::text::text;
use crate::failure::Failure;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How long sending may take.
const LIMIT: Duration = Duration::from_secs(10);
/// How often they are sent, unless PUSH_METRICS_FREQUENCY_SECS says it.
const EVERY: Duration = Duration::from_secs(15);

/// Where they are sent, and how often.
pub(super) struct Push {
    http: reqwest::Client,
    url: reqwest::Url,
    token: Option<String>,
    every: Duration,
    /// Whether it was told that it fails.
    told: AtomicBool,
}

/// Without the URL, whose end may be a secret, and without the token.
impl std::fmt::Debug for Push {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Push").field("every", &self.every).finish_non_exhaustive()
    }
}

impl Push {
    /// Where the environment says, if it does.
    pub(super) fn from_environment() -> Result<Option<Self>, Failure> {
        let Some(url) = variable("PUSH_METRICS_ENDPOINT") else { return Ok(None) };
        let url = url.parse::<reqwest::Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| Failure::usage("PUSH_METRICS_ENDPOINT: it is no http:// or https:// URL"))?;
        let every = match variable("PUSH_METRICS_FREQUENCY_SECS").map(|text| text.parse::<u64>()) {
            None => EVERY,
            Some(Ok(seconds @ 1..=86_400)) => Duration::from_secs(seconds),
            Some(_) => {
                return Err(Failure::usage("PUSH_METRICS_FREQUENCY_SECS: it is a number of seconds, from 1 to 86400"));
            }
        };
        let http = reqwest::Client::builder().redirect(Policy::none()).timeout(LIMIT).build();
        let http = http.map_err(|error| Failure::from(anyhow::Error::new(error).context("PUSH_METRICS_ENDPOINT")))?;
        let token = variable("PUSH_METRICS_API_TOKEN");
        Ok(Some(Push { http, url, token, every, told: AtomicBool::new(false) }))
    }

    /// Sends them now and then, for ever.
    pub(super) async fn regularly(self: Arc<Self>, figures: Arc<Figures>) {
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.send(&figures).await;
        }
    }

    /// Sends them once. What fails is told the first time, and is no failure of the command.
    pub(super) async fn send(&self, figures: &Figures) {
        let request = self.http.post(self.url.clone()).header(CONTENT_TYPE, "text/plain; version=0.0.4");
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let sent = request.body(text(figures, None)).send().await;
        let failed = match sent.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => None,
            Ok(status) => Some(format!("{} answers {status}", self.host())),
            Err(error) if error.is_timeout() => Some(format!("{} does not answer in {LIMIT:?}", self.host())),
            Err(error) => Some(format!("{} cannot be reached: {}", self.host(), innermost(&error.without_url()))),
        };
        let was_told = self.told.swap(failed.is_some(), Ordering::Relaxed);
        if let (Some(why), false) = (failed, was_told) {
            tracing::warn!("PUSH_METRICS_ENDPOINT: figures are not taken, and will be sent again: {why}");
        }
    }

    fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
