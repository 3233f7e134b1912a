//! Links between the documents lead somewhere: to a file that is there, and to a heading that it has.

use crate::document::{all, root};
use std::path::Path;

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
        .collect::<String>();
    kept.trim().replace(' ', "-")
}

/// Where the links of a text lead.
fn links(text: &str) -> Vec<&str> {
    let ends = text.split("](").skip(1);
    ends.filter_map(|rest| rest.split(')').next()).filter(|link| !link.contains("://")).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut wrong = Vec::new();
    for document in all() {
        for link in links(&document.text) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let folder = root().join(&document.name).parent().expect("a folder").to_owned();
            let target = if file.is_empty() { root().join(&document.name) } else { folder.join(file) };
            if !target.exists() {
                wrong.push(format!("{}: {link}: there is no such file", document.name));
            } else if !heading.is_empty() && !has(&target, heading) {
                wrong.push(format!("{}: {link}: there is no such heading", document.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn has(file: &Path, wanted: &str) -> bool {
    let text = std::fs::read_to_string(file).expect("text");
    text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line.trim_start_matches('#')) == wanted)
}
