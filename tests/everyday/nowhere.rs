//! A folder that may not be written and a bucket that is not there are told at once, by every command: before anything is
//! read, produced or asked of a node, without a retry, and without a word of what may be left.

use sealift_node::{Chain, Node, Recipe};
use sealift_tests::cli::{self, Ended, run, run_with_input};
use sealift_tests::cloud::Cloud;
use sealift_tests::proxy::{Fault, FaultProxy, Match};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;
use tempfile::TempDir;
use tokio::process::Command;

/// A user that owns nothing.
const NOBODY: &str = "65534";
/// More requests than a look at an object, one at the bucket, and what it takes to sign in, would be tries.
const REQUESTS: usize = 4;
/// A node with a small chain, which serves whatever it is asked for.
const NODE: &str = "--backup-service-address=SERVICE";

/// Every command with which something is stored or removed at `URL`. What it reads besides is in the folder `HERE`.
const WRITES: [&[&str]; 10] = [
    &["put", "URL/x"],
    &["put", "URL", "--folder", "HERE"],
    &["run", "URL/x", "--", "touch", "HERE/produced"],
    &["copy", "file://HERE", "URL"],
    &["backup", "epoch-ending", "--start-epoch=0", "--end-epoch=1", NODE, "--storage", "URL"],
    &["backup", "state-snapshot", "--state-snapshot-epoch=1", NODE, "--storage", "URL"],
    &["backup", "transaction", "--start-version=0", "--num-transactions=9", NODE, "--storage", "URL"],
    &["backup", "oneoff", "epoch-ending", "--start-epoch=0", "--end-epoch=1", NODE, "--storage", "URL"],
    &["backup", "continuously", NODE, "--storage", "URL"],
    &["get", "file://HERE", "--folder", "FOLDER"],
];

/// Every command that looks for something at `URL`.
const READS: [&[&str]; 15] = [
    &["get", "URL/x"],
    &["get", "URL", "--folder", "HERE/into"],
    &["ls", "URL"],
    &["ls", "--aptos", "URL"],
    &["stat", "URL/x"],
    &["rm", "URL/x"],
    &["mv", "URL/x", "URL/y"],
    &["sweep", "URL"],
    &["doctor", "URL"],
    &["verify", "URL"],
    &["drill", "URL"],
    &["prune", "--storage", "URL", "--group-by", "{date}", "--keep-last=1"],
    &["compact", "--storage", "URL"],
    &["backup", "query", "backup-storage-state", "--storage", "URL"],
    &["copy", "URL", "file://HERE/copied"],
];

async fn node() -> Node {
    Node::start(Chain::generate(&Recipe { epochs: 2, state_items: 50, ..Recipe::default() })).await
}

fn spelled(arguments: &[&str], url: &str, here: &Path, node: &Node) -> Vec<String> {
    let folder = url.trim_start_matches("file://");
    let spelled = |argument: &&str| {
        argument
            .replace("URL", url)
            .replace("HERE", &here.display().to_string())
            .replace("FOLDER", folder)
            .replace("SERVICE", &node.endpoint())
    };
    arguments.iter().map(spelled).collect()
}

/// A folder of this mode with something in it, which may be read.
fn here(mode: u32) -> TempDir {
    let here = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().expect("a folder");
    fs::write(here.path().join("there"), "something").expect("written");
    fs::set_permissions(here.path(), Permissions::from_mode(mode)).expect("set");
    here
}

/// As another user than root, to whom modes are nothing.
async fn as_nobody(program: &Path, arguments: &[String]) -> Ended {
    let mut command = cli::command_of("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]).arg(program.join("sealift")).args(arguments);
    run_with_input(command, b"something").await
}

/// Nothing but the refusal was said.
fn told_at_once(arguments: &[String], ended: &Ended, code: i32) {
    let said = format!("{arguments:?}: {:?}\n{}{}", ended.code, ended.text(), ended.stderr);
    assert_eq!(ended.code, Some(code), "{said}");
    for word in ["left behind", "trying again", "attempts", "panicked"] {
        assert!(!ended.stderr.contains(word), "{word}: {said}");
    }
    assert!(ended.stderr.lines().filter(|line| !line.is_empty()).count() <= 2, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_may_not_be_written() {
    if !rustix::process::geteuid().is_root() {
        println!("NOT TESTED: this user cannot become another");
        return;
    }
    // The binary may lie where nobody may look.
    let program = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().expect("a folder");
    fs::copy(cli::sealift(), program.path().join("sealift")).expect("copied");
    let node = node().await;
    let (here, unwritable) = (here(0o777), here(0o755));
    let below = format!("{}/not/there", unwritable.path().display());
    for folder in [unwritable.path().display().to_string(), below] {
        let url = format!("file://{folder}");
        for arguments in WRITES {
            let arguments = spelled(arguments, &url, here.path(), &node);
            let begun = Instant::now();
            let ended = as_nobody(program.path(), &arguments).await;
            let code = if arguments[0] == "get" { 1 } else { 4 };
            println!("{:5.2} s: {}", begun.elapsed().as_secs_f64(), arguments.join(" "));
            told_at_once(&arguments, &ended, code);
            assert!(ended.stderr.contains("Permission denied"), "{arguments:?}: {}", ended.stderr);
            assert!(ended.stderr.contains(&folder), "{arguments:?}: {}", ended.stderr);
        }
    }
    node.shutdown().await;
    assert!(!here.path().join("produced").exists(), "the producer was not started");
    let names: Vec<_> = fs::read_dir(unwritable.path()).expect("a folder").collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

async fn a_bucket_that_is_not_there<C: Cloud>() {
    let (remote, node) = (C::new("nowhere").await, node().await);
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let requests = proxy.on(Match::any(), Fault::Pass);
    let here = here(0o755);
    let scheme = remote.url();
    let scheme = scheme.split("://").next().expect("a scheme");
    let url = format!("{scheme}://sealift-nowhere/p");
    let mut wrong = Vec::new();
    for arguments in WRITES.iter().chain(&READS).filter(|arguments| !arguments.contains(&"FOLDER")) {
        let arguments = spelled(arguments, &url, here.path(), &node);
        let begun = Instant::now();
        let before = requests.fired();
        let mut command: Command = cli::command_of(cli::sealift());
        command.args(&arguments).envs(C::variables(&proxy.endpoint()));
        let ended = run(command).await;
        let sent = requests.fired() - before;
        println!("{:5.2} s, {sent} requests: {}", begun.elapsed().as_secs_f64(), arguments.join(" "));
        let is_fine = ended.code == Some(3)
            && sent <= REQUESTS
            && ended.stderr.contains("sealift-nowhere")
            && !ended.stderr.contains("left behind");
        if !is_fine {
            wrong.push(format!("{arguments:?}: {sent} requests, {:?} {}", ended.code, ended.stderr));
        }
    }
    proxy.shutdown().await;
    node.shutdown().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!here.path().join("produced").exists(), "the producer was not started");
}

on_every_cloud!(a_bucket_that_is_not_there);
