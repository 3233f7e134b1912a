//! The policies in docs/operations.md can be read as JSON, and allow what the table says of their commands, and nothing else.

use crate::document::{Document, quoted, read};
use serde_json::Value;
use std::collections::BTreeSet;

/// The policies of S3, by the heading that each stands below.
pub(crate) fn policies(document: &Document) -> Vec<(&str, Value)> {
    let json = document.blocks.iter().filter(|block| block.language == "json");
    let parsed = json.map(|block| {
        let value: Value =
            serde_json::from_str(&block.text).unwrap_or_else(|error| panic!("line {}: {error}", block.line));
        (block.heading.as_str(), value)
    });
    parsed.filter(|(_, value)| value["Statement"].is_array()).collect()
}

pub(crate) fn actions(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().expect("statements");
    let all = statements.iter().flat_map(|statement| {
        assert_eq!(statement["Effect"], "Allow", "{statement}");
        statement["Action"].as_array().expect("a list").clone()
    });
    all.map(|action| action.as_str().expect("a name").to_owned()).collect()
}

#[test]
fn each_policy_allows_what_its_commands_need() {
    let document = read("docs/operations.md");
    let (table, policies) = (document.table("Permissions"), policies(&document));
    assert!(policies.len() >= 3, "{policies:?}");
    for (heading, policy) in policies {
        let commands = quoted(heading);
        assert!(!commands.is_empty(), "{heading}");
        let (mut needed, mut useful) = (BTreeSet::new(), BTreeSet::new());
        for command in commands {
            let row = table.iter().find(|row| quoted(&row[0]).contains(&command));
            let row = row.unwrap_or_else(|| panic!("the table has no row for {command}"));
            let (always, sometimes) = row[1].split_once('(').unwrap_or((&row[1], ""));
            needed.extend(quoted(always).into_iter().map(str::to_owned));
            useful.extend(quoted(sometimes).into_iter().map(str::to_owned));
        }
        let allowed = actions(&policy);
        assert!(allowed.is_superset(&needed), "{heading}: {needed:?} are needed");
        useful.append(&mut needed);
        assert!(allowed.is_subset(&useful), "{heading}: nobody asks for all of {allowed:?}");
        // What is of the bucket itself has its name, what is of objects theirs.
        for statement in policy["Statement"].as_array().expect("statements") {
            let resource = statement["Resource"].as_str().expect("one");
            for action in statement["Action"].as_array().expect("a list") {
                let of_the_bucket = action.as_str().is_some_and(|action| action.starts_with("s3:ListBucket"));
                assert_eq!(of_the_bucket, !resource.contains('/'), "{action} on {resource}");
            }
        }
    }
}

#[test]
fn all_json_can_be_read() {
    for document in crate::document::all() {
        for block in document.blocks.iter().filter(|block| block.language == "json") {
            let read = serde_json::from_str::<Value>(&block.text);
            assert!(read.is_ok(), "{}:{}: {read:?}", document.name, block.line);
        }
    }
}
