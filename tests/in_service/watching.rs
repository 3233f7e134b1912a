//! What docs/ has for Prometheus and Grafana: it can be loaded, and asks for nothing that is not told.

use crate::deploy::{ended, there_is};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tokio::process::Command;

fn docs(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(file)
}

fn read(file: &str) -> String {
    std::fs::read_to_string(docs(file)).expect("there")
}

/// `promtool` with these arguments in docs/; skipped where it is not installed (Debian: prometheus), which is said.
async fn promtool(arguments: &[&str]) {
    if there_is("promtool", "--version").await {
        let mut command = Command::new("promtool");
        command.args(arguments).current_dir(docs(""));
        ended(command).await.expect_code(0);
    }
}

#[tokio::test]
async fn prometheus_takes_the_alerts_and_each_fires_when_it_should() {
    promtool(&["check", "rules", "alerts.yml"]).await;
    promtool(&["test", "rules", "alerts_test.yml"]).await;
    let rules = read("alerts.yml");
    let tried = read("alerts_test.yml");
    let names: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert_eq!(names.len(), 10);
    for name in names {
        assert!(tried.contains(&format!("alertname: {name}")), "{name} is not tried");
    }
}

/// All names of figures in `text`.
fn figures(text: &str) -> BTreeSet<String> {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    words.filter(|word| word.starts_with("sealift_")).map(str::to_owned).collect()
}

/// The names that the program tells, by its source.
fn told() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/src/metrics/text.rs");
    figures(&std::fs::read_to_string(source).expect("there"))
}

#[test]
fn alerts_and_dashboard_ask_for_what_is_told() {
    let told = told();
    assert!(told.len() > 20, "{told:?}");
    for file in ["alerts.yml", "alerts_test.yml", "grafana/sealift.json"] {
        let unknown: Vec<_> = figures(&read(file)).difference(&told).cloned().collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
}

#[test]
fn the_dashboard_is_one_that_grafana_reads() {
    let dashboard: Value = serde_json::from_str(&read("grafana/sealift.json")).expect("JSON");
    assert!(dashboard["schemaVersion"].as_u64().expect("a version") >= 36 && dashboard["uid"] == "sealift");
    let variables: BTreeSet<_> =
        dashboard["templating"]["list"].as_array().expect("variables").iter().map(|one| one["name"].as_str()).collect();
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "each id once");
        assert!(["stat", "timeseries"].contains(&panel["type"].as_str().expect("a type")), "{panel}");
        let (x, w) = (panel["gridPos"]["x"].as_u64().expect("x"), panel["gridPos"]["w"].as_u64().expect("w"));
        assert!(x + w <= 24, "a row is 24 wide: {panel}");
        for target in panel["targets"].as_array().expect("targets") {
            let query = target["expr"].as_str().expect("a query");
            for variable in query.split('$').skip(1) {
                let name = variable.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
                assert!(name == Some("__rate_interval") || variables.contains(&name), "{query}");
            }
        }
    }
}

/// Each query of the dashboard, as a rule: so promtool reads it.
#[tokio::test]
async fn prometheus_takes_the_queries_of_the_dashboard() {
    let dashboard: Value = serde_json::from_str(&read("grafana/sealift.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let queries = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let rules = queries.enumerate().map(|(at, target)| {
        let query = target["expr"].as_str().expect("a query").replace("$__rate_interval", "5m");
        format!("      - {{record: 'query{at}', expr: '{query}'}}\n")
    });
    let text = format!("groups:\n  - name: queries\n    rules:\n{}", rules.collect::<String>());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("queries.yml");
    std::fs::write(&file, text).expect("written");
    promtool(&["check", "rules", file.to_str().expect("UTF-8")]).await;
}
