//! The files in deploy/systemd and deploy/kubernetes: the tools that can be had say that they are right, and `sealift` knows
//! what they say to it.

use sealift_tests::cli::{self, Ended, run};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::process::Command;

/// The highest exposure that `systemd-analyze security` may find, of 10, in tenths. It calls what is below 2.0 "OK".
const EXPOSURE: u32 = 20;

const UNITS: [&str; 5] = [
    "sealift-continuously.service",
    "sealift-backup.service",
    "sealift-backup.timer",
    "sealift-verify.service",
    "sealift-verify.timer",
];

fn deploy(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(folder)
}

fn unit(name: &str) -> String {
    std::fs::read_to_string(deploy("systemd").join(name)).expect("there")
}

/// The units in a folder, with the program where it was built: where it is installed there is none here.
fn units() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in UNITS {
        let text = unit(name).replace("/usr/bin/sealift", cli::sealift().to_str().expect("UTF-8"));
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    folder
}

/// The command, or nothing where the program is not installed: the part that needs it is skipped then, and that is said.
pub(crate) async fn there_is(program: &str, version: &str) -> bool {
    let there = Command::new(program).arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status().await.is_ok();
    if !there {
        println!("SKIPPED: {program} is not installed");
    }
    there
}

pub(crate) async fn ended(mut command: Command) -> Ended {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    run(command).await
}

#[tokio::test]
async fn systemd_takes_the_units() {
    if !there_is("systemd-analyze", "--version").await {
        return;
    }
    let folder = units();
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no", "--recursive-errors=no"]).args(UNITS.map(|unit| folder.path().join(unit)));
    let verified = ended(verify).await.expect_code(0);
    // What it does not know it names, and passes over.
    let about_ours: Vec<&str> = verified.stderr.lines().filter(|line| line.contains("sealift-")).collect();
    assert!(about_ours.is_empty(), "{about_ours:#?}");
}

#[tokio::test]
async fn services_are_not_exposed() {
    if !there_is("systemd-analyze", "--version").await {
        return;
    }
    let folder = units();
    for service in UNITS.iter().filter(|unit| unit.ends_with(".service")) {
        let mut security = Command::new("systemd-analyze");
        security.args(["security", "--no-pager", "--offline=yes", &format!("--threshold={EXPOSURE}")]);
        security.arg(folder.path().join(service));
        ended(security).await.expect_code(0);
    }
}

#[tokio::test]
async fn timers_say_times() {
    if !there_is("systemd-analyze", "--version").await {
        return;
    }
    for timer in UNITS.iter().filter(|unit| unit.ends_with(".timer")) {
        let text = unit(timer);
        let calendar = text.lines().find_map(|line| line.strip_prefix("OnCalendar=")).expect("a time");
        let mut analyze = Command::new("systemd-analyze");
        analyze.args(["calendar", calendar]);
        ended(analyze).await.expect_code(0);
    }
}

/// A command line that says `--help` is parsed up to there, so an option that does not exist is an error.
async fn is_known(arguments: &[String]) {
    // What comes behind `--` is another program's.
    let own = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    let mut arguments = arguments[..own].to_vec();
    arguments.push("--help".to_owned());
    run(cli::command(&arguments)).await.expect_code(0);
}

#[tokio::test]
async fn sealift_knows_what_the_units_say_to_it() {
    for service in UNITS.iter().filter(|unit| unit.ends_with(".service")) {
        let text = unit(service);
        let command =
            text.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/sealift ")).expect("a command");
        is_known(&command.split(' ').map(str::to_owned).collect::<Vec<_>>()).await;
        for secret in ["SECRET", "PASSWORD", "TOKEN", "KEY"] {
            assert!(!text.contains(secret), "{service}: secrets come by LoadCredential");
        }
    }
}

/// Longer than what is under way takes to be cleaned up, by docs/LIMITS.md: an answer, an abort, a look for lost starts.
const CLEAN_UP: u64 = 5 + 30 + 20;

#[tokio::test]
async fn services_have_the_time_to_clean_up() {
    for service in UNITS.iter().filter(|unit| unit.ends_with(".service")) {
        let text = unit(service);
        let stop = text.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).expect("a time");
        assert!(stop.parse::<u64>().expect("seconds") > CLEAN_UP, "{service}");
    }
    for file in ["continuously.yaml", "cronjobs.yaml"] {
        let text = std::fs::read_to_string(deploy("kubernetes").join(file)).expect("there");
        let graces = text.lines().filter_map(|line| line.trim().strip_prefix("terminationGracePeriodSeconds: "));
        let graces: Vec<u64> = graces.map(|grace| grace.parse().expect("seconds")).collect();
        assert!(!graces.is_empty() && graces.iter().all(|grace| *grace > CLEAN_UP), "{file}: {graces:?}");
    }
}

/// Checks the files against Kubernetes' own schemas, and prints each container's command as a line of JSON.
const CHECK: &str = r#"
import json, sys, yaml, kubernetes_validate
for file in sys.argv[1:]:
    for document in yaml.safe_load_all(open(file)):
        kubernetes_validate.validate(document, "1.30", strict=True)
        spec = document.get("spec", {})
        pod = spec.get("jobTemplate", {}).get("spec", spec).get("template", {}).get("spec", {})
        for container in pod.get("containers", []):
            print(json.dumps(container["command"]))
"#;

#[tokio::test]
async fn kubernetes_takes_the_files_and_sealift_their_commands() {
    let mut import = Command::new("python3");
    import.args(["-c", "import kubernetes_validate, yaml"]);
    if ended(import).await.code != Some(0) {
        println!("SKIPPED: kubernetes-validate (from PyPI) is not installed");
        return;
    }
    let files = ["kubernetes/continuously.yaml", "kubernetes/cronjobs.yaml", "verify/kubernetes.yaml"].map(deploy);
    let mut check = Command::new("python3");
    check.args(["-c", CHECK]).args(&files);
    let checked = ended(check).await.expect_code(0);
    let commands: Vec<Vec<String>> =
        checked.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(commands.len(), 6);
    for command in commands {
        assert_eq!(command[0], "sealift");
        is_known(&command[1..]).await;
    }
}
