//! A report as it is compared: each examination with its verdict, in one line.

use sealift_tests::cli::Ended;
use serde_json::Value;
use std::collections::BTreeMap;

/// What came of an examination, by name.
pub(crate) struct Table {
    pub(crate) findings: BTreeMap<String, String>,
    pub(crate) features: BTreeMap<String, String>,
    pub(crate) set_up: String,
    pub(crate) left: Vec<String>,
    json: Value,
}

impl Table {
    pub(crate) fn of(ended: &Ended) -> Table {
        let json = ended.json();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let pairs = |list: &str, name: &str, word: &str| {
            let list = json[list].as_array().expect("a list");
            list.iter().map(|entry| (text(&entry[name]), text(&entry[word]))).collect::<BTreeMap<_, _>>()
        };
        let (findings, features) = (pairs("findings", "examined", "verdict"), pairs("features", "feature", "answer"));
        assert_eq!(findings.len(), json["findings"].as_array().expect("a list").len(), "each once: {json:#}");
        let left = json["left_behind"].as_array().expect("a list").iter().map(text).collect();
        Table { findings, features, set_up: text(&json["set_up"]), left, json }
    }

    pub(crate) fn verdict(&self, name: &str) -> &str {
        self.findings.get(name).unwrap_or_else(|| panic!("{name} was examined: {:#}", self.json))
    }

    pub(crate) fn answer(&self, name: &str) -> &str {
        self.features.get(name).unwrap_or_else(|| panic!("{name} is told: {:#}", self.json))
    }

    fn finding(&self, name: &str) -> &Value {
        let findings = self.json["findings"].as_array().expect("a list");
        findings.iter().find(|finding| finding["examined"] == name).unwrap_or_else(|| panic!("{name}: {:#}", self.json))
    }

    pub(crate) fn evidence(&self, name: &str) -> &str {
        self.finding(name)["evidence"].as_str().expect("a text")
    }

    pub(crate) fn permission(&self, name: &str) -> Option<&str> {
        self.finding(name)["permission"].as_str()
    }

    /// What is not as `expected`, where all that is not named works.
    pub(crate) fn differences(&self, expected: &[(&str, &str)]) -> Vec<String> {
        let mut wrong = Vec::new();
        for (name, verdict) in &self.findings {
            let wanted = expected.iter().find(|(known, _)| known == name).map_or("works", |(_, wanted)| wanted);
            if verdict != wanted {
                wrong.push(format!("{name}: {verdict}, not {wanted}: {}", self.evidence(name)));
            }
        }
        for (name, wanted) in expected.iter().filter(|(name, _)| !self.findings.contains_key(*name)) {
            wrong.push(format!("{name}: not told, not {wanted}"));
        }
        wrong
    }

    /// A row for each examination and each command, as docs/DOCTOR.md has them.
    pub(crate) fn rows(&self) -> String {
        let findings = self.findings.iter().map(|(name, verdict)| format!("{name}={verdict}"));
        let features = self.features.iter().map(|(name, answer)| format!("{name}?={answer}"));
        findings.chain(features).collect::<Vec<_>>().join(" ")
    }
}
