//! What is around the bucket: the way to the service, its clock, what the bucket is set up to do, and what earlier
//! examinations left.

use super::examination::Trial;
use super::scratch::{FOLDER, Versions};
use crate::error::{ErrorKind, Result};
use crate::examined::{Capability, Finding, Verdict};
use crate::left_behind::LeftBehind;
use crate::leftovers;
use crate::object::{Committed, Leftover, ObjectInfo};
use crate::object_store::ObjectStore;
use std::time::{Duration, SystemTime};

/// From where on a difference between the clocks is worth a word: S3 refuses what is signed more than 15 minutes away
/// (AWS, "Error responses", RequestTimeTooSkewed), and clocks that are kept right are not a minute apart.
const WORTH_A_WORD: Duration = Duration::from_secs(60);
const REFUSED: Duration = Duration::from_secs(15 * 60);

/// The variables that name a proxy, the first that is set of each kind.
const PROXIES: [(&str, [&str; 4]); 2] = [
    ("https://", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
    ("http://", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
];

impl Trial<'_> {
    /// Encryption and proxies, by what is set here.
    pub(super) fn way(&mut self) {
        let Some(endpoint) = self.examined.endpoint() else {
            self.noted(Capability::Encryption, Verdict::Absent, "there is no network in between");
            return;
        };
        match endpoint.to_ascii_lowercase().starts_with("https://") {
            true => self.works(Capability::Encryption, format!("{endpoint}: TLS")),
            false => {
                let evidence = format!("{endpoint}: no TLS: nothing is encrypted on its way");
                self.noted(Capability::Encryption, Verdict::Noted, evidence);
            }
        }
        let variables = PROXIES.iter().find(|(scheme, _)| endpoint.to_ascii_lowercase().starts_with(scheme));
        let set = variables.and_then(|(_, names)| {
            names.iter().find(|name| (self.plan.environment)(name).is_some_and(|value| !value.is_empty()))
        });
        let excepted = ["no_proxy", "NO_PROXY"].iter().any(|name| (self.plan.environment)(name).is_some());
        let evidence = match (set, self.examined.uses_proxies()) {
            (None, _) => "no variable of the environment names one for this service".to_owned(),
            // Its value may hold a password.
            (Some(name), true) if excepted => format!("{name} is set, and NO_PROXY, which may except this service"),
            (Some(name), true) => format!("{name} is set: requests go through that proxy"),
            (Some(name), false) => format!("{name} is set, and is not used for this service"),
        };
        self.noted(Capability::Proxy, Verdict::Noted, evidence);
    }

    /// The first thing that is asked. What is there below the prefix, as far as the first page tells.
    ///
    /// # Errors
    /// The service was not reached, or has no such bucket: there is nothing to examine.
    pub(super) async fn listing(&mut self) -> Result<Vec<ObjectInfo>> {
        let prefix = self.plan.prefix.trim_matches('/').to_owned();
        match self.store.list(&prefix, None).await {
            Ok(page) => {
                let (count, more) = (page.objects.len(), if page.next.is_some() { " and more" } else { "" });
                self.works(Capability::List, format!("{count} objects{more} were listed"));
                Ok(page.objects)
            }
            // A folder that is not there is made when something is stored.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.works(Capability::List, "there is nothing there yet");
                Ok(Vec::new())
            }
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::NoSuchBucket
                        | ErrorKind::WrongRegion
                        | ErrorKind::Unreachable
                        | ErrorKind::TimedOut
                        | ErrorKind::InvalidConfig
                        | ErrorKind::InvalidName
                        | ErrorKind::Cancelled
                ) =>
            {
                Err(error)
            }
            Err(error) => {
                self.failed(Capability::List, &error);
                Ok(Vec::new())
            }
        }
    }

    /// Scratch objects and uploads that are there before this examination makes any.
    pub(super) async fn earlier(&mut self) {
        let folder = match self.plan.prefix.trim_matches('/') {
            "" => format!("{FOLDER}/"),
            prefix => format!("{prefix}/{FOLDER}/"),
        };
        let mut left = Vec::new();
        if let Ok(page) = self.store.list(&folder, None).await {
            left.extend(page.objects.iter().map(|object| LeftBehind::object(self.scratch.location(&object.key))));
        }
        if let Ok(found) = leftovers::all(self.store, &folder).await {
            let upload = |leftover: &Leftover| LeftBehind::upload(self.scratch.location(&leftover.key), &leftover.id);
            left.extend(found.found.iter().map(upload));
        }
        if !left.is_empty() {
            let named: Vec<_> = left.iter().map(LeftBehind::to_string).collect();
            let evidence =
                format!("an examination that did not end, or one that is under way, has left {}", named.join("; "));
            self.noted(Capability::Earlier, Verdict::Noted, evidence);
        }
    }

    /// The clocks, where the service can be asked for its own. What answers may be something in between, until it has
    /// answered as the service does.
    pub(super) async fn service_clock(&mut self) {
        let answers = |finding: &Finding| matches!(finding.verdict, Verdict::Works | Verdict::Missing(_));
        if !self.findings.iter().any(|finding| finding.capability == Capability::List && answers(finding)) {
            return;
        }
        let asked = SystemTime::now();
        if let Ok(Some(told)) = self.examined.clock().await {
            self.compare_clocks(told, asked, SystemTime::now());
        }
    }

    /// The clocks, by the time that the service gave to an object.
    pub(super) fn clock_of(&mut self, committed: &Stored) {
        if let Some(told) = committed.committed.at {
            self.compare_clocks(told, committed.sent, committed.answered);
        }
    }

    fn compare_clocks(&mut self, told: SystemTime, sent: SystemTime, answered: SystemTime) {
        if self.findings.iter().any(|finding| finding.capability == Capability::Clock) {
            return;
        }
        // Services tell whole seconds, and somewhere between the request and its answer.
        let ahead = told.duration_since(answered).unwrap_or_default();
        let behind = sent.duration_since(told).unwrap_or_default().saturating_sub(Duration::from_secs(1));
        let apart = ahead.max(behind);
        let seconds = apart.as_secs();
        let direction = if ahead > behind { "ahead of" } else { "behind" };
        let (verdict, evidence) = match apart {
            apart if apart < WORTH_A_WORD => {
                (Verdict::Works, format!("the service's is within {} s of this one", seconds + 1))
            }
            apart if apart < REFUSED => {
                (Verdict::Noted, format!("the service's is {seconds} s {direction} this one: set this one right"))
            }
            _ => (
                Verdict::Fails,
                format!(
                    "the service's is {seconds} s {direction} this one, and signed requests are refused from 900 s on"
                ),
            ),
        };
        self.noted(Capability::Clock, verdict, evidence);
    }

    /// What the bucket is set up to do. Returns why nothing could be removed, if that is so.
    pub(super) async fn settings(&mut self) -> Option<String> {
        let settings = self.examined.settings().await;
        self.findings.extend(settings.findings.iter().map(Finding::clone));
        self.versions = match settings.keeps_versions {
            Some(true) => Versions::Kept,
            Some(false) => Versions::NotKept,
            None => Versions::Unknown,
        };
        settings.keeps_everything
    }
}

/// An object that was stored, and when.
pub(super) struct Stored {
    pub(super) committed: Committed,
    pub(super) sent: SystemTime,
    pub(super) answered: SystemTime,
}
