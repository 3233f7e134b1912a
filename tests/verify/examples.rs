//! The files in deploy/verify: their commands do what they say.

use crate::scene::{Site, archive};
use sealift_tests::cli;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/verify").join(file)
}

/// A folder of programs, with `sealift` among them, before all others.
fn path(programs: &Path) -> String {
    std::os::unix::fs::symlink(cli::sealift(), programs.join("sealift")).expect("linked");
    format!("{}:{}", programs.display(), std::env::var("PATH").expect("a PATH"))
}

fn program(folder: &Path, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let file = folder.join(name);
    std::fs::write(&file, script).expect("written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("executable");
}

fn storage(site: &Site) -> String {
    format!("file://{}", site.folder.as_ref().expect("a folder").display())
}

/// Each `command:` of the file, in order.
fn kubernetes_commands() -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(deploy("kubernetes.yaml")).expect("there");
    let commands = text.lines().filter_map(|line| line.trim().strip_prefix("command: [")?.strip_suffix(']'));
    commands.map(|command| command.split(", ").map(|word| word.trim_matches('"').to_owned()).collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kubernetes_jobs_plan_work_and_merge() {
    let (site, node) = archive().await;
    let commands = kubernetes_commands();
    assert_eq!(commands.len(), 3, "plan, work, merge");
    for (at, command) in commands.iter().enumerate() {
        let indexes = if at == 1 { 0..8 } else { 0..1 };
        for index in indexes {
            let words = command[1..].iter().map(|word| word.replace("$(PLAN)", "2026-11"));
            let mut run = cli::command(words);
            run.env("SEALIFT_STORAGE", storage(&site)).env("JOB_COMPLETION_INDEX", index.to_string());
            cli::run(run).await.expect_code(0);
        }
    }
    node.shutdown().await;
}

/// A stand-in for `aws batch submit-job` that does the job at once, as often as the array has elements.
const AWS: &str = r#"#!/usr/bin/env python3
import json, os, subprocess, sys
given = dict(zip(sys.argv[3::2], sys.argv[4::2]))
job = json.loads(given["--container-overrides"])
size = int(given.get("--array-properties", "size=0").split("=")[1])
environment = dict(os.environ, **{pair["name"]: pair["value"] for pair in job["environment"]})
for index in range(size or 1):
    array = {"AWS_BATCH_JOB_ARRAY_INDEX": str(index), "AWS_BATCH_JOB_ARRAY_SIZE": str(size)} if size else {}
    subprocess.run(job["command"], env=dict(environment, **array), stdout=sys.stderr, check=True)
print("job-of-" + given["--job-name"])
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_batch_array_plans_works_and_merges() {
    let (site, node) = archive().await;
    let programs = tempfile::tempdir().expect("a folder");
    program(programs.path(), "aws", AWS);
    let mut command = Command::new(deploy("aws-batch"));
    command.args([&storage(&site), "nightly", "5", "a-queue", "a-definition"]).env("PATH", path(programs.path()));
    let ended = cli::run(piped(command)).await.expect_code(0);
    assert_eq!(ended.text().trim(), "job-of-sealift-verify-merge");
    assert!(ended.stderr.contains("nothing wrong was found"), "{}", ended.stderr);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_plan_work_and_merge() {
    if Command::new("parallel").arg("--version").stdout(Stdio::null()).status().await.is_err() {
        println!("skipped: GNU parallel is not installed");
        return;
    }
    let (site, node) = archive().await;
    let programs = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(deploy("on-hosts"));
    command.args(["nightly", "3"]).env("PATH", path(programs.path())).env("SEALIFT_STORAGE", storage(&site));
    let ended = cli::run(piped(command)).await.expect_code(0);
    assert!(ended.text().contains("nothing wrong was found"), "{}", ended.text());
    node.shutdown().await;
}

fn piped(mut command: Command) -> Command {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
