//! The catalogue of errors: each message is provoked, has its words and its exit code, and what is advised helps.

mod arguments;
mod configured;
mod events;
mod places;

use crate::document::{Block, read};
use crate::stage::{Before, Stage};
use crate::words::agree;
use futures::StreamExt;
use sealift_node::{Endpoint, Match as OfTheNode, Misbehaviour};
use sealift_tests::cli;
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::{Fault, FaultProxy, Match, Reply};
use sealift_tests::s3::{self, TestBucket};
use std::collections::BTreeSet;

/// What happens on the way to the service while a message is provoked.
#[derive(Debug, Clone, Copy)]
enum Meanwhile {
    Nothing,
    /// All requests are answered so.
    Answers(fn() -> Reply),
    /// This step is refused.
    Refuses(Step),
    /// Objects are not read.
    Reads(fn() -> Reply),
    /// There is no such step.
    Lacks(Step),
    /// Nothing is answered.
    IsSilent,
    /// The bucket is said to keep each object for a day.
    KeepsObjects,
}

/// The node that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NodeIs {
    Well,
    /// It has pruned what comes before version 20.
    Pruned,
    /// It does not answer the first question for epoch endings.
    Silent,
}

/// How a message is provoked, and what becomes of what is advised.
struct Provoked {
    /// The heading in the catalogue, without its exit code.
    heading: &'static str,
    /// What has to be there, by a shell.
    before: &'static str,
    meanwhile: Meanwhile,
    node: NodeIs,
    provoke: &'static str,
    /// What the catalogue advises, by a shell, after which all is well. Empty where it is nothing that a machine can do.
    advised: &'static str,
}

const NOTHING: Provoked =
    Provoked { heading: "", before: "", meanwhile: Meanwhile::Nothing, node: NodeIs::Well, provoke: "", advised: "" };

/// All entries.
fn catalogue() -> impl Iterator<Item = &'static Provoked> {
    let parts = [arguments::ARGUMENTS, configured::CONFIGURED, places::PLACES, events::EVENTS];
    parts.into_iter().flatten()
}

/// Runs as somebody who owns nothing: modes are nothing to root.
const NOBODY: &str = "setpriv --reuid 65534 --regid 65534 --clear-groups";

/// Backs up as a service does, with what it says in a file, and waits until it has caught up.
const AS_A_SERVICE: &str = "said=$(mktemp -p $PWD); INVOCATION_ID=1 setsid \"$REAL_SEALIFT\" backup continuously \
    --backup-service-address \"$NODE\" --storage file://$(mktemp -d -p $PWD) 2>$said & \
    until grep -q 'caught up' $said; do kill -0 $!; sleep 0.05; done";

/// A configuration of a command adapter.
const ADAPTER: &str = r#"commands:
  create_backup: 'mkdir -p "$PWD/adapter/$BACKUP_NAME"; echo "$BACKUP_NAME"'
  create_for_write: |
    FILE_HANDLE="$BACKUP_HANDLE/$FILE_NAME"; mkdir -p "$PWD/adapter/$BACKUP_HANDLE"; echo "$FILE_HANDLE"; exec 1>&-
    cat >"$PWD/adapter/$FILE_HANDLE"
  open_for_read: 'cat "$PWD/adapter/$FILE_HANDLE"'
  save_metadata_line: 'mkdir -p "$PWD/adapter/metadata"; cat >"$PWD/adapter/metadata/$FILE_NAME"'
  list_metadata_files: 'mkdir -p "$PWD/adapter/metadata"; cd "$PWD/adapter"; find metadata -type f'
"#;

const OBJECT_LOCK: &str = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
    <Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>";

fn expired() -> Reply {
    TestBucket::refusal(Problem::Expired)
}

fn failed() -> Reply {
    TestBucket::refusal(Problem::Failed)
}

fn archived() -> Reply {
    s3::error(403, "InvalidObjectState", "The operation is not valid for the object's storage class")
}

fn elsewhere() -> Reply {
    s3::error(301, "PermanentRedirect", "use its endpoint").with("x-amz-bucket-region", "eu-central-1")
}

fn replaced() -> Reply {
    s3::error(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
}

/// The entries of the catalogue: heading, exit code, message.
fn entries(blocks: &[Block]) -> Vec<(&str, i32, &str)> {
    let entry = |block: &'_ Block| {
        let (heading, code) = block.heading.strip_suffix(')')?.rsplit_once(" (exit code ")?;
        Some((heading.len(), code.parse().ok()?))
    };
    let found = blocks.iter().filter(|block| block.language == "text").filter_map(|block| {
        let (length, code) = entry(block)?;
        Some((&block.heading[..length], code, block.text.as_str()))
    });
    found.collect()
}

/// What is wrong with one entry.
async fn tried(stage: &Stage, provoked: &Provoked, code: i32, message: &str) -> Option<String> {
    let line = |text: &str| text.replace("NOBODY", NOBODY).replace("AS_A_SERVICE", AS_A_SERVICE);
    let set = |name: &str| std::env::var(name).unwrap_or_default();
    let plain = [("CA", set("SEALIFT_TEST_CA")), ("TLS", set("SEALIFT_TEST_AZURE_TLS_ENDPOINT"))];
    let plain = plain.map(|(name, value)| (name.to_owned(), value)).to_vec();
    if provoked.provoke.contains("$TLS") && set("SEALIFT_TEST_CA").is_empty() {
        println!("NOT TESTED: no emulator speaks TLS");
        return None;
    }
    if !provoked.before.is_empty() {
        stage.shell(&line(provoked.before), &plain).await.expect_code(0);
    }
    let proxy = FaultProxy::start(stage.bucket.endpoint()).await;
    let through = [plain.clone(), vec![("AWS_ENDPOINT_URL".to_owned(), proxy.endpoint())]].concat();
    match provoked.meanwhile {
        Meanwhile::Nothing => {}
        Meanwhile::Answers(reply) => drop(proxy.on(Match::any(), Fault::Reply(reply()))),
        Meanwhile::Reads(reply) => drop(proxy.on(TestBucket::on(Step::Read), Fault::Reply(reply()))),
        Meanwhile::Lacks(step) => {
            let reply =
                s3::error(501, "NotImplemented", "A header you provided implies functionality that is not implemented");
            drop(proxy.on(TestBucket::on(step), Fault::Reply(reply)));
        }
        Meanwhile::IsSilent => drop(proxy.on(Match::any(), Fault::Stall)),
        Meanwhile::KeepsObjects => {
            let asked = Match::new(|request| request.parameter("object-lock").is_some());
            drop(proxy.on(asked, Fault::Reply(Reply::xml(200, OBJECT_LOCK))));
        }
        Meanwhile::Refuses(step) => drop(proxy.on(TestBucket::on(step), TestBucket::problem(Problem::Denied))),
    }
    let variables = if matches!(provoked.meanwhile, Meanwhile::Nothing) { &plain } else { &through };
    let ended = stage.shell(&line(provoked.provoke), variables).await;
    proxy.shutdown().await;
    if ended.stderr.contains("setpriv:") {
        println!("NOT TESTED: this user cannot become another");
        return None;
    }
    let said = stage.there(&ended.stderr);
    if !is_said(message, code, &said) || ended.code != Some(code) {
        let heading = provoked.heading;
        return Some(format!(
            "{heading}: the catalogue has {code} and\n{message}and it is {:?} and\n{said}",
            ended.code
        ));
    }
    if !provoked.advised.is_empty() {
        let ended = stage.shell(&line(provoked.advised), &plain).await;
        if ended.code != Some(0) {
            return Some(format!("{}: the advice does not help: {ended:?}", provoked.heading));
        }
    }
    None
}

/// Whether each line of the message was said, and the message of a failure last.
fn is_said(message: &str, code: i32, said: &str) -> bool {
    let is_last = code != 0 && message.starts_with("sealift: ");
    let last = said.lines().rfind(|line| line.starts_with("sealift: ")).unwrap_or_default();
    message.lines().all(|line| match is_last {
        true => agree(line, last),
        false => said.lines().any(|said| agree(line, said)),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_provoked_and_its_advice_helps() {
    let document = read("docs/errors.md");
    let entries = entries(&document.blocks);
    let known: BTreeSet<&str> = catalogue().map(|provoked| provoked.heading).collect();
    let written: BTreeSet<&str> = entries.iter().map(|(heading, ..)| *heading).collect();
    assert_eq!(known, written, "each entry is provoked, and what is provoked is an entry");

    let stage = Stage::new(Before::Archive).await;
    let (pruning, silent) = (Stage::new(Before::Nothing).await, Stage::new(Before::Nothing).await);
    std::fs::write(stage.path("adapter.yaml"), ADAPTER).expect("written");
    // A body that is promised and does not come, as the service does it.
    let first_of = |path: &str| path.split('/').nth(1).and_then(|first| first.parse::<u64>().ok());
    let pruned = OfTheNode::new(move |path| path.starts_with("transactions/") && first_of(path) < Some(20));
    pruning.node.on(pruned, Misbehaviour::Cut { after_bytes: 0 });
    let first = OfTheNode::endpoint(Endpoint::EpochEndings).times(1);
    silent.node.on(first, Misbehaviour::Stall { after_bytes: 0 });
    let tried = entries.iter().map(|(heading, code, message)| {
        let provoked = catalogue().find(|provoked| provoked.heading == *heading).expect("compared above");
        let stage = match provoked.node {
            NodeIs::Well => &stage,
            NodeIs::Pruned => &pruning,
            NodeIs::Silent => &silent,
        };
        tried(stage, provoked, *code, message)
    });
    let wrong: Vec<_> = futures::stream::iter(tried).buffer_unordered(4).filter_map(std::future::ready).collect().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    stage.clear().await;
    pruning.clear().await;
    silent.clear().await;
}

/// The codes that stand in a text, one or several behind one another, at the beginning of a line.
fn codes(text: &str) -> BTreeSet<i32> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.filter_map(|word| word.parse().ok()).collect()
}

#[tokio::test]
async fn the_codes_of_the_help_have_a_row_and_an_entry() {
    let help = cli::run(cli::command(["--help"])).await.expect_code(0).text();
    let (_, told) = help.split_once("Exit codes:").expect("the codes");
    let lines = told.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let mut told: BTreeSet<i32> = lines.filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect();
    // They stand in the line of the first signal.
    told.extend([129, 143]);
    let rows = read("docs/exit-codes.md").table("Exit codes");
    let written: BTreeSet<i32> = rows.iter().flat_map(|row| codes(&row[0])).collect();
    assert_eq!(told, written, "{help}");
    let entries: BTreeSet<i32> = entries(&read("docs/errors.md").blocks).iter().map(|(_, code, _)| *code).collect();
    let missing: Vec<_> = written.difference(&entries).collect();
    assert!(missing.is_empty(), "no message of the catalogue has {missing:?}");
}
