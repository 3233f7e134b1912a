//! A folder that may not be written and a bucket that is not there are told at once, by every command: before anything is
//! read, produced or asked of a node, without a retry, and without a word of what may be left.

use sealift_node::{Chain, Node, Recipe};
use sealift_tests::cli::{self, Ended, run, run_with_input};
use sealift_tests::cloud::{Cloud, Step};
use sealift_tests::proxy::{Fault, FaultProxy, Head, Match};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::process::Command;

/// A user that owns nothing.
const NOBODY: &str = "65534";
/// More requests than a look at an object, one at the bucket, and what it takes to sign in, would be tries.
const REQUESTS: usize = 4;
/// Far less than one retry of 5 minutes takes, and far more than a quiet machine needs: it is told within 2 s there.
const AT_ONCE: Duration = Duration::from_secs(8);
/// A node with a small chain, which serves whatever it is asked for.
const NODE: &str = "--backup-service-address=SERVICE";

/// Every command with which something is stored or removed at `URL`. What it reads besides is in the folder `HERE`.
const WRITES: [&[&str]; 13] = [
    &["put", "URL/x"],
    &["put", "URL", "--folder", "HERE"],
    &["put", "URL", "--files-from", "HERE/list"],
    &["run", "URL/x", "--", "touch", "HERE/produced"],
    &["copy", "file://HERE", "URL"],
    &["backup", "epoch-ending", "--start-epoch=0", "--end-epoch=1", NODE, "--storage", "URL"],
    &["backup", "state-snapshot", "--state-snapshot-epoch=1", NODE, "--storage", "URL"],
    &["backup", "transaction", "--start-version=0", "--num-transactions=9", NODE, "--storage", "URL"],
    &["backup", "oneoff", "epoch-ending", "--start-epoch=0", "--end-epoch=1", NODE, "--storage", "URL"],
    &["backup", "continuously", NODE, "--storage", "URL"],
    &["get", "file://HERE", "--folder", "FOLDER"],
    &["get", "file://HERE/there", "--codec=none", "-o", "FOLDER/new"],
    &["drill", "file://HERE", "--into", "FOLDER"],
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

/// Commands that reach no storage, and the other name of one that does.
const NOWHERE: [&str; 7] = ["backup-maintenance", "command-config", "storage", "config", "completions", "man", "help"];

#[tokio::test]
async fn no_command_is_left_out() {
    let help = run(cli::command(["--help"])).await.expect_code(0).text();
    let (_, listed) = help.split_once("Commands:\n").expect("the commands");
    let listed = listed.lines().take_while(|line| line.starts_with("  "));
    let names = listed.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    let tried = |name: &str| WRITES.iter().chain(&READS).any(|arguments| arguments[0] == name);
    let missing: Vec<_> = names.filter(|name| !tried(name) && !NOWHERE.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}: {help}");
}

async fn node() -> Node {
    // What is measured here is not how long it takes to build it.
    cli::sealift();
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

/// A folder of this mode with something in it.
fn here(mode: u32) -> TempDir {
    let here = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().expect("a folder");
    fs::write(here.path().join("there"), "something").expect("written");
    fs::write(here.path().join("list"), format!("{}/there\n", here.path().display())).expect("written");
    fs::set_permissions(here.path(), Permissions::from_mode(mode)).expect("set");
    here
}

/// As another user than root, to whom modes are nothing.
async fn as_nobody(program: &Path, arguments: &[String]) -> Ended {
    let mut command = cli::command_of("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]).arg(program.join("sealift")).args(arguments);
    run_with_input(command, b"something").await
}

/// A place where others find the program: it may lie where nobody may look.
fn for_others() -> TempDir {
    let program = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().expect("a folder");
    // By another process: what this one writes cannot be started while a child that is just made has it open.
    let copied = std::process::Command::new("cp").arg(cli::sealift()).arg(program.path()).status();
    assert!(copied.expect("cp starts").success());
    program
}

fn cannot_become_another() -> bool {
    let cannot = !rustix::process::geteuid().is_root();
    if cannot {
        println!("NOT TESTED: this user cannot become another");
    }
    cannot
}

/// How it ends, and in what time. What is too slow is tried again: a machine may be busy, and a wait would be there each time.
async fn timed(mut run: impl AsyncFnMut() -> Ended) -> (Ended, Duration) {
    for _ in 0..2 {
        let begun = Instant::now();
        let ended = run().await;
        if begun.elapsed() < AT_ONCE {
            return (ended, begun.elapsed());
        }
    }
    let begun = Instant::now();
    (run().await, begun.elapsed())
}

/// Nothing but the refusal was said.
fn told_at_once(arguments: &[String], ended: &Ended, code: i32, took: Duration) {
    println!("{:5.2} s: {}", took.as_secs_f64(), arguments.join(" "));
    assert!(took < AT_ONCE, "{took:?}: {arguments:?}");
    let said = format!("{arguments:?}: {:?}\n{}{}", ended.code, ended.text(), ended.stderr);
    assert_eq!(ended.code, Some(code), "{said}");
    for word in ["left behind", "trying again", "attempts", "panicked"] {
        assert!(!ended.stderr.contains(word), "{word}: {said}");
    }
    assert!(ended.stderr.lines().filter(|line| !line.is_empty()).count() <= 3, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_may_not_be_written() {
    if cannot_become_another() {
        return;
    }
    let (program, node) = (for_others(), node().await);
    let (here, unwritable) = (here(0o777), here(0o755));
    let below = format!("{}/not/there", unwritable.path().display());
    for folder in [unwritable.path().display().to_string(), below] {
        let url = format!("file://{folder}");
        for arguments in WRITES {
            let arguments = spelled(arguments, &url, here.path(), &node);
            let (ended, took) = timed(async || as_nobody(program.path(), &arguments).await).await;
            // Where files come back to is made by who reads them, but for --folder.
            let is_missing = folder.ends_with("there") && matches!(arguments[0].as_str(), "get" | "drill");
            let code = if is_missing && !arguments.contains(&"--folder".to_owned()) { 2 } else { 4 };
            told_at_once(&arguments, &ended, code, took);
            let why = if code == 2 { "create it first" } else { "Permission denied" };
            assert!(ended.stderr.contains(why), "{arguments:?}: {}", ended.stderr);
            assert!(ended.stderr.contains(&folder), "{arguments:?}: {}", ended.stderr);
        }
    }
    node.shutdown().await;
    assert!(!here.path().join("produced").exists(), "the producer was not started");
    let names: Vec<_> = fs::read_dir(unwritable.path()).expect("a folder").collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_may_not_be_read() {
    if cannot_become_another() {
        return;
    }
    let (program, node) = (for_others(), node().await);
    let (here, closed) = (here(0o777), here(0o700));
    let url = format!("file://{}", closed.path().display());
    for arguments in READS {
        let arguments = spelled(arguments, &url, here.path(), &node);
        let (ended, took) = timed(async || as_nobody(program.path(), &arguments).await).await;
        told_at_once(&arguments, &ended, 4, took);
        let said = format!("{}{}", ended.text(), ended.stderr);
        assert!(said.contains(&url), "{arguments:?}: {said}");
    }
    node.shutdown().await;
}

/// What is only seen when the first file is opened or sealed is told at once too, and nothing of it can be left.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_may_be_written_and_not_all_that_is_in_it() {
    if cannot_become_another() {
        return;
    }
    let (program, node, source) = (for_others(), node().await, here(0o777));
    for refused in [".sealift-tmp", "metadata"] {
        let target = here(0o777);
        fs::create_dir(target.path().join(refused)).expect("made");
        // An empty one is removed and made anew by whoever may write around it.
        fs::write(target.path().join(refused).join("of another"), "").expect("written");
        let url = format!("file://{}", target.path().display());
        // Continuous backups are tried again, and say so. Who starts a producer has to read what it gives.
        let commands = if refused == "metadata" { &["backup"][..] } else { &["backup", "put", "copy"] };
        let left_out = |arguments: &[&str]| arguments.contains(&"continuously") || arguments.contains(&"--files-from");
        for arguments in WRITES.iter().filter(|all| commands.contains(&all[0]) && !left_out(all)) {
            let arguments = spelled(arguments, &url, source.path(), &node);
            let (ended, took) = timed(async || as_nobody(program.path(), &arguments).await).await;
            println!("{:5.2} s: {}", took.as_secs_f64(), arguments.join(" "));
            let said = format!("{arguments:?}: {took:?}, {:?} {}", ended.code, ended.stderr);
            assert!(ended.code == Some(4) && took < AT_ONCE, "{said}");
            assert!(ended.stderr.contains("Permission denied") && !ended.stderr.contains("left behind"), "{said}");
        }
    }
    node.shutdown().await;
}

/// It can be read, and nothing in it can be changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_in_which_nothing_may_be_changed() {
    if cannot_become_another() {
        return;
    }
    let (program, kept) = (for_others(), here(0o755));
    let url = format!("file://{}", kept.path().display());
    for arguments in [&["rm", "URL/there"][..], &["mv", "URL/there", "URL/moved"]] {
        let arguments: Vec<_> = arguments.iter().map(|argument| argument.replace("URL", &url)).collect();
        let (ended, took) = timed(async || as_nobody(program.path(), &arguments).await).await;
        told_at_once(&arguments, &ended, 4, took);
    }
    assert!(kept.path().join("there").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_not_there() {
    let (node, here) = (node().await, here(0o755));
    let url = format!("file://{}/not/there", here.path().display());
    // An examination says what could be stored there, and the query of aptos-db-tool that there is nothing.
    let may = |arguments: &[&str]| arguments[0] == "doctor" || arguments.contains(&"query");
    for arguments in READS.iter().filter(|arguments| !may(arguments)) {
        let arguments = spelled(arguments, &url, here.path(), &node);
        let (ended, took) = timed(async || run(cli::command(&arguments)).await).await;
        told_at_once(&arguments, &ended, 3, took);
        assert!(ended.stderr.contains(&url), "{arguments:?}: {}", ended.stderr);
    }
    node.shutdown().await;
    assert!(!here.path().join("not").exists(), "who reads makes no folder");
}

async fn a_bucket_that_is_not_there<C: Cloud>() {
    let (remote, node) = (C::new("nowhere").await, node().await);
    let proxy = FaultProxy::start(remote.endpoint()).await;
    // Where nothing is sent, nothing is left, however slow the answer to another request is.
    let writes = |request: &Head<'_>| [Step::Put, Step::Start, Step::AnyPart].iter().any(|step| C::is(*step, request));
    let (written, others) = (proxy.on(Match::new(writes), Fault::Pass), proxy.on(Match::any(), Fault::Pass));
    let here = here(0o755);
    let scheme = remote.url();
    let scheme = scheme.split("://").next().expect("a scheme");
    let url = format!("{scheme}://sealift-nowhere/p");
    let mut wrong = Vec::new();
    for arguments in
        WRITES.iter().chain(&READS).filter(|arguments| arguments.iter().any(|argument| argument.contains("URL")))
    {
        let arguments = spelled(arguments, &url, here.path(), &node);
        let mut sent = 0;
        let (ended, took) = timed(async || {
            let before = others.fired();
            let mut command: Command = cli::command_of(cli::sealift());
            command.args(&arguments).envs(C::variables(&proxy.endpoint()));
            let ended = run(command).await;
            sent = others.fired() - before;
            ended
        })
        .await;
        println!("{:5.2} s, {sent} requests: {}", took.as_secs_f64(), arguments.join(" "));
        let is_fine = ended.code == Some(3)
            && sent <= REQUESTS
            && took < AT_ONCE
            && ended.stderr.contains("sealift-nowhere")
            && !ended.stderr.contains("left behind");
        if !is_fine {
            wrong.push(format!("{arguments:?}: {took:?}, {sent} requests, {:?} {}", ended.code, ended.stderr));
        }
    }
    assert_eq!(written.fired(), 0);
    proxy.shutdown().await;
    node.shutdown().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!here.path().join("produced").exists(), "the producer was not started");
}

on_every_cloud!(a_bucket_that_is_not_there);
