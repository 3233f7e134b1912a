//! PUSH_METRICS_ENDPOINT, where aptos-db-tool sends its own figures too: a POST of Prometheus' text.

use super::figures::Figures;
use super::sending::{client, unreachable, variable};
use super::text::text;
use crate::failure::Failure;
use reqwest::header::CONTENT_TYPE;
use std::time::Duration;

/// How often they are sent, unless PUSH_METRICS_FREQUENCY_SECS says it.
const EVERY: Duration = Duration::from_secs(15);

/// Where they are sent, and how often.
pub(super) struct Push {
    http: reqwest::Client,
    url: reqwest::Url,
    token: Option<String>,
    pub(super) every: Duration,
}

/// Without the URL, whose end may be a secret, and without the token.
impl std::fmt::Debug for Push {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Push").field("every", &self.every).finish_non_exhaustive()
    }
}

impl Push {
    pub(super) const NAMED_BY: &str = "PUSH_METRICS_ENDPOINT";

    /// Where the environment says, if it does.
    pub(super) fn from_environment() -> Result<Option<Self>, Failure> {
        let Some(url) = variable(Self::NAMED_BY) else { return Ok(None) };
        let url = url.parse::<reqwest::Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| Failure::usage("PUSH_METRICS_ENDPOINT: it is no http:// or https:// URL"))?;
        let every = match variable("PUSH_METRICS_FREQUENCY_SECS").map(|text| text.parse::<u64>()) {
            None => EVERY,
            Some(Ok(seconds @ 1..=86_400)) => Duration::from_secs(seconds),
            Some(_) => {
                return Err(Failure::usage("PUSH_METRICS_FREQUENCY_SECS: it is a number of seconds, from 1 to 86400"));
            }
        };
        let http = client().map_err(|error| Failure::from(anyhow::Error::new(error).context(Self::NAMED_BY)))?;
        Ok(Some(Push { http, url, token: variable("PUSH_METRICS_API_TOKEN"), every }))
    }

    /// Sends them once. Otherwise why they were not taken.
    pub(super) async fn send(&self, figures: &Figures) -> Result<(), String> {
        let request = self.http.post(self.url.clone()).header(CONTENT_TYPE, "text/plain; version=0.0.4");
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let host = self.host();
        match request.body(text(figures, None)).send().await.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => Ok(()),
            Ok(status) => Err(format!("{host} answers {status}")),
            Err(error) => Err(unreachable(host, error)),
        }
    }

    pub(super) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }
}
