//! An examination, as a table for people and as JSON.

use super::{one_line, texts};
use sealift::doctor::{Report, Verdict};
use serde_json::{Value, json};

/// A table: what was found, what it is, and what follows.
pub(crate) fn examined(report: &Report) -> String {
    let mut text = format!("{}: {}\n\n", report.location, report.set_up.words());
    for finding in &report.findings {
        let word = match &finding.verdict {
            Verdict::Missing(permission) => format!("MISSING {permission}"),
            Verdict::Fails => "FAILS".to_owned(),
            Verdict::Ignored => "IGNORED".to_owned(),
            verdict => verdict.word().to_owned(),
        };
        text.push_str(&row(finding.capability.name(), &word, &finding.evidence));
    }
    text.push_str("\nwhat follows:\n");
    for feature in &report.features {
        text.push_str(&row(feature.name, feature.answer.word(), &feature.why));
    }
    text
}

fn row(name: &str, word: &str, why: &str) -> String {
    format!("  {name:<22} {word:<8} {}\n", one_line(why))
}

/// The same as JSON.
pub(crate) fn examined_json(report: &Report) -> Value {
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|finding| {
            let permission = match &finding.verdict {
                Verdict::Missing(permission) => Some(permission),
                _ => None,
            };
            json!({
                "examined": finding.capability.name(),
                "verdict": finding.verdict.word(),
                "permission": permission,
                "evidence": finding.evidence,
            })
        })
        .collect();
    let features: Vec<_> = report
        .features
        .iter()
        .map(|feature| json!({ "feature": feature.name, "answer": feature.answer.word(), "why": feature.why }))
        .collect();
    json!({
        "operation": "doctor",
        "location": report.location,
        "set_up": report.set_up.word(),
        "findings": findings,
        "features": features,
        "left_behind": texts(&report.left_behind),
    })
}
