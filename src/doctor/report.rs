//! All of an examination, as values.

use super::features::{Feature, SetUp, features, set_up};
use crate::examined::{Capability, Finding, Verdict};
use crate::left_behind::LeftBehind;

/// What an examination has found, and what follows.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The bucket and the prefix below which it was tried, as a URL without credentials.
    pub location: String,
    /// Each examination.
    pub findings: Vec<Finding>,
    /// What a bucket that is set up so is for.
    pub set_up: SetUp,
    /// What follows for each command.
    pub features: Vec<Feature>,
    /// What is left of the examination itself.
    pub left_behind: Vec<LeftBehind>,
}

impl Report {
    pub(super) fn of(location: String, findings: Vec<Finding>, left_behind: Vec<LeftBehind>) -> Self {
        let set_up = set_up(&findings);
        let features = features(&findings);
        Report { location, findings, set_up, features, left_behind }
    }

    /// What came of one examination; `None` where it was not made.
    pub fn verdict(&self, capability: Capability) -> Option<&Verdict> {
        verdict(&self.findings, capability)
    }
}

pub(super) fn verdict(findings: &[Finding], capability: Capability) -> Option<&Verdict> {
    findings.iter().find(|finding| finding.capability == capability).map(|finding| &finding.verdict)
}
