//! The catalogue of errors: each message is provoked, has its words and its exit code, and what is advised helps.

use crate::document::{Block, read};
use crate::stage::{Before, Stage};
use crate::words::agree;
use futures::StreamExt;
use sealift_node::{Match as OfTheNode, Misbehaviour};
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
}

/// How a message is provoked, and what becomes of what is advised.
struct Provoked {
    /// The heading in the catalogue, without its exit code.
    heading: &'static str,
    /// What has to be there, by a shell.
    before: &'static str,
    meanwhile: Meanwhile,
    provoke: &'static str,
    /// What the catalogue advises, by a shell, after which all is well. Empty where it is nothing that a machine can do.
    advised: &'static str,
}

const NOTHING: Provoked = Provoked { heading: "", before: "", meanwhile: Meanwhile::Nothing, provoke: "", advised: "" };

/// Runs as somebody who owns nothing: modes are nothing to root.
const NOBODY: &str = "setpriv --reuid 65534 --regid 65534 --clear-groups";

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

#[rustfmt::skip]
const CATALOGUE: &[Provoked] = &[
    Provoked { heading: "No storage",
        provoke: "echo x | sealift put x",
        advised: "echo x | sealift put x --storage s3://my-bucket/catalogue", ..NOTHING },
    Provoked { heading: "A URL of another kind",
        provoke: "sealift ls ftp://example", advised: "sealift ls s3://my-bucket/mainnet", ..NOTHING },
    Provoked { heading: "A name that is not taken",
        provoke: "echo x | sealift put ../x --storage s3://my-bucket/catalogue",
        advised: "echo x | sealift put x.y --storage s3://my-bucket/catalogue", ..NOTHING },
    Provoked { heading: "An option that does not exist",
        provoke: "echo x | sealift put s3://my-bucket/catalogue/option --compres 3",
        advised: "echo x | sealift put s3://my-bucket/catalogue/option --level 3", ..NOTHING },
    Provoked { heading: "An option of another storage",
        provoke: "sealift ls s3://my-bucket --account-name a", advised: "sealift ls s3://my-bucket", ..NOTHING },
    Provoked { heading: "Too little memory",
        provoke: "sealift ls s3://my-bucket --memory 1KiB", advised: "sealift ls s3://my-bucket --memory 16MiB", ..NOTHING },
    Provoked { heading: "`--if-absent` on a service that may not keep it",
        provoke: "echo x | sealift put s3://my-bucket/catalogue/unsure --if-absent --conditional-writes unknown",
        advised: "echo x | sealift put --storage s3://my-bucket --name-template 'catalogue/unsure-{datetime}'", ..NOTHING },
    Provoked { heading: "A template that cannot be read",
        provoke: "sealift prune --storage s3://my-bucket --group-by 'db/{date' --keep-last 1",
        advised: "sealift prune --storage s3://my-bucket --group-by 'db/{date}.sql.gz' --keep-last 1", ..NOTHING },
    Provoked { heading: "A policy that would keep nothing",
        provoke: "sealift prune --storage s3://my-bucket --group-by 'db/{date}.sql.gz'",
        advised: "sealift prune --storage s3://my-bucket --group-by 'db/{date}.sql.gz' --keep-last 7", ..NOTHING },
    Provoked { heading: "A folder for the output that is not there",
        provoke: "sealift get s3://my-bucket/db/2026-11-24.sql.gz -o nowhere/file",
        advised: "mkdir nowhere; sealift get s3://my-bucket/db/2026-11-24.sql.gz -o nowhere/file", ..NOTHING },
    Provoked { heading: "A part of the path is a file",
        provoke: "echo x | sealift put x --storage file:///srv/data/one",
        advised: "echo x | sealift put x --storage file:///srv/data/another", ..NOTHING },
    Provoked { heading: "A configuration that is none",
        provoke: "sealift storage import srv/data/one", advised: "sealift storage import etc/sealift/s3.yaml", ..NOTHING },

    Provoked { heading: "No such object",
        provoke: "sealift get s3://my-bucket/catalogue/none",
        advised: "sealift ls s3://my-bucket", ..NOTHING },
    Provoked { heading: "No such bucket",
        provoke: "sealift ls s3://my-bucket-of-nobody", advised: "sealift ls s3://my-bucket", ..NOTHING },
    Provoked { heading: "Nothing to verify",
        provoke: "sealift verify s3://my-bucket/catalogue/nothing", advised: "sealift verify s3://my-bucket/db", ..NOTHING },
    Provoked { heading: "No archive",
        provoke: "sealift ls --aptos s3://my-bucket/catalogue", advised: "sealift ls --aptos s3://my-bucket/mainnet", ..NOTHING },
    Provoked { heading: "No name is of the template",
        provoke: "sealift prune --storage s3://my-bucket --group-by 'catalogue/nothing/{date}' --keep-last 1",
        advised: "sealift prune --storage s3://my-bucket --group-by 'db/{date}.sql.gz' --keep-last 1", ..NOTHING },
    Provoked { heading: "Nothing to drill",
        provoke: "sealift drill s3://my-bucket/catalogue/nothing", advised: "sealift drill s3://my-bucket/db", ..NOTHING },

    Provoked { heading: "No credentials",
        provoke: "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; sealift ls s3://my-bucket",
        advised: "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test sealift ls s3://my-bucket", ..NOTHING },
    Provoked { heading: "Not allowed", meanwhile: Meanwhile::Refuses(Step::Put),
        provoke: "echo x | sealift put s3://my-bucket/catalogue/denied",
        advised: "echo x | sealift put s3://my-bucket/catalogue/denied", ..NOTHING },
    Provoked { heading: "Credentials that have expired", meanwhile: Meanwhile::Answers(expired),
        provoke: "sealift ls s3://my-bucket", advised: "sealift ls s3://my-bucket", ..NOTHING },
    Provoked { heading: "A folder that this user may not write",
        before: "cp \"$REAL_SEALIFT\" for-nobody; chmod 755 . for-nobody; mkdir closed",
        provoke: "echo x | NOBODY ./for-nobody put x --storage file://$PWD/closed",
        advised: "chmod 777 closed; echo x | NOBODY ./for-nobody put x --storage file://$PWD/closed", ..NOTHING },

    Provoked { heading: "The object exists",
        before: "echo x | sealift put s3://my-bucket/catalogue/here",
        provoke: "echo y | sealift put s3://my-bucket/catalogue/here --if-absent",
        advised: "echo y | sealift put s3://my-bucket/catalogue/here", ..NOTHING },
    Provoked { heading: "A backup of it is known",
        before: "sealift backup epoch-ending --storage s3://my-bucket/catalogue/known --start-epoch 0 --end-epoch 2",
        provoke: "sealift backup epoch-ending --storage s3://my-bucket/catalogue/known --start-epoch 0 --end-epoch 3",
        advised: "sealift ls --aptos s3://my-bucket/catalogue/known; \
                  sealift backup epoch-ending --storage s3://my-bucket/catalogue/known --start-epoch 0 --end-epoch 3 --replace",
        ..NOTHING },

    Provoked { heading: "No connection",
        provoke: "AWS_ENDPOINT_URL=http://127.0.0.1:1 sealift ls s3://my-bucket --give-up-after 0s",
        advised: "sealift ls s3://my-bucket", ..NOTHING },
    Provoked { heading: "A certificate that is not trusted",
        provoke: "sealift ls az://my-container --endpoint-url \"$TLS\" --give-up-after 0s",
        // That it is answered is enough: this emulator has no such container.
        advised: "sealift ls az://my-container --endpoint-url \"$TLS\" --ca-file \"$CA\" --give-up-after 0s || [ $? = 3 ]",
        ..NOTHING },
    Provoked { heading: "Another region", meanwhile: Meanwhile::Answers(elsewhere),
        provoke: "sealift ls s3://my-bucket", advised: "sealift ls s3://my-bucket --region eu-central-1", ..NOTHING },
    Provoked { heading: "The node cannot be reached",
        provoke: "\"$REAL_SEALIFT\" backup epoch-ending --start-epoch 0 --end-epoch 2 --storage s3://my-bucket/catalogue/backup \
                  --backup-service-address http://127.0.0.1:1",
        advised: "sealift backup epoch-ending --start-epoch 0 --end-epoch 2 --storage s3://my-bucket/catalogue/backup", ..NOTHING },

    Provoked { heading: "It is not compressed",
        before: "echo some text that is not compressed | sealift put s3://my-bucket/catalogue/plain --codec none",
        provoke: "sealift get s3://my-bucket/catalogue/plain",
        advised: "sealift get s3://my-bucket/catalogue/plain --codec none", ..NOTHING },
    Provoked { heading: "The content is damaged",
        before: "sealift run s3://my-bucket/catalogue/damaged -- head -c 300000 /dev/urandom; \
                 sealift get s3://my-bucket/catalogue/damaged --codec none >damaged; \
                 printf 'damage' | dd of=damaged bs=1 seek=1000 conv=notrunc status=none; \
                 sealift put s3://my-bucket/catalogue/damaged --codec none <damaged",
        provoke: "sealift get s3://my-bucket/catalogue/damaged -o damaged.out",
        advised: "sealift get s3://my-bucket/db/2026-11-24.sql.gz -o damaged.out", ..NOTHING },
    Provoked { heading: "Nothing keeps a checksum of it",
        before: "mkdir unknown; echo text >unknown/file",
        provoke: "sealift get file --storage file://$PWD/unknown --require-checksum",
        advised: "sealift get file --storage file://$PWD/unknown", ..NOTHING },
    Provoked { heading: "A verification has found something",
        before: "sealift run s3://my-bucket/catalogue/found -- head -c 300000 /dev/urandom; \
                 sealift get s3://my-bucket/catalogue/found --codec none >found; \
                 printf 'damage' | dd of=found bs=1 seek=1000 conv=notrunc status=none; \
                 sealift put s3://my-bucket/catalogue/found --codec none <found",
        provoke: "sealift verify s3://my-bucket/catalogue/found --no-record", advised: "", ..NOTHING },
    Provoked { heading: "It cannot be restored to that version",
        provoke: "sealift copy s3://my-bucket/mainnet file://$PWD/restore --aptos --to-version 999999999",
        advised: "sealift copy s3://my-bucket/mainnet file://$PWD/restore --aptos --to-version 1000", ..NOTHING },

    Provoked { heading: "The producer failed",
        provoke: "sealift run s3://my-bucket/catalogue/made -- sh -c 'echo half; exit 3'",
        advised: "sealift run s3://my-bucket/catalogue/made -- sh -c 'echo all'", ..NOTHING },
    Provoked { heading: "The producer cannot be started",
        provoke: "sealift run s3://my-bucket/catalogue/made2 -- no-such-program",
        advised: "sealift run s3://my-bucket/catalogue/made2 -- bash -o pipefail -c 'echo all | cat'", ..NOTHING },
    Provoked { heading: "The input was empty",
        provoke: "sealift put s3://my-bucket/catalogue/empty </dev/null",
        advised: "sealift put s3://my-bucket/catalogue/empty --allow-empty </dev/null", ..NOTHING },

    Provoked { heading: "An upload is left", meanwhile: Meanwhile::Refuses(Step::Abort),
        provoke: "sealift run s3://my-bucket/catalogue/left -- sh -c 'head -c 12000000 /dev/urandom; exit 1'",
        advised: "sealift sweep s3://my-bucket/catalogue/left --older-than 0s --yes", ..NOTHING },
    Provoked { heading: "The node has pruned it",
        provoke: "sealift backup transaction --start-version 0 --num_transactions 10 --storage s3://my-bucket/catalogue/pruned",
        advised: "sealift backup transaction --start-version 20 --num_transactions 5 --storage s3://my-bucket/catalogue/pruned",
        ..NOTHING },

    Provoked { heading: "The service fails", meanwhile: Meanwhile::Answers(failed),
        provoke: "sealift ls s3://my-bucket --give-up-after 0s", advised: "sealift ls s3://my-bucket", ..NOTHING },
    Provoked { heading: "The disk is full",
        provoke: "sealift get s3://my-bucket/db/2026-11-24.sql.gz -o /dev/full",
        advised: "sealift get s3://my-bucket/db/2026-11-24.sql.gz -o full.out", ..NOTHING },
    Provoked { heading: "The object is archived", meanwhile: Meanwhile::Reads(archived),
        provoke: "sealift get s3://my-bucket/db/2026-11-24.sql.gz", advised: "sealift get s3://my-bucket/db/2026-11-24.sql.gz", ..NOTHING },

    Provoked { heading: "The deadline has passed",
        provoke: "sealift run s3://my-bucket/catalogue/slow --deadline 1s -- sleep 60",
        advised: "sealift run s3://my-bucket/catalogue/slow --deadline 2m -- echo done", ..NOTHING },
    Provoked { heading: "A signal",
        // The producer asks for the end of its parent.
        provoke: "sealift run s3://my-bucket/catalogue/signal -- sh -c 'kill -TERM $PPID; exec sleep 60'",
        advised: "sealift run s3://my-bucket/catalogue/signal -- echo done", ..NOTHING },
];

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
    let line = |text: &str| text.replace("NOBODY", NOBODY);
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
    let last = said.lines().rfind(|line| line.starts_with("sealift: ")).unwrap_or_default();
    let same =
        if message.starts_with("sealift: ") { agree(message, last) } else { said.contains(message.lines().next()?) };
    if !same || ended.code != Some(code) {
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

#[tokio::test(flavor = "multi_thread")]
async fn each_is_provoked_and_its_advice_helps() {
    let catalogue = read("docs/errors.md");
    let entries = entries(&catalogue.blocks);
    let known: BTreeSet<&str> = CATALOGUE.iter().map(|provoked| provoked.heading).collect();
    let written: BTreeSet<&str> = entries.iter().map(|(heading, ..)| *heading).collect();
    assert_eq!(known, written, "each entry is provoked, and what is provoked is an entry");

    let (stage, pruning) = (Stage::new(Before::Archive).await, Stage::new(Before::Nothing).await);
    // A body that is promised and does not come, as the service does it.
    let first_of = |path: &str| path.split('/').nth(1).and_then(|first| first.parse::<u64>().ok());
    let pruned = OfTheNode::new(move |path| path.starts_with("transactions/") && first_of(path) < Some(20));
    pruning.node.on(pruned, Misbehaviour::Cut { after_bytes: 0 });
    let tried = entries.iter().map(|(heading, code, message)| {
        let provoked = CATALOGUE.iter().find(|provoked| provoked.heading == *heading).expect("compared above");
        let stage = if *code == 11 { &pruning } else { &stage };
        tried(stage, provoked, *code, message)
    });
    let wrong: Vec<_> = futures::stream::iter(tried).buffer_unordered(4).filter_map(std::future::ready).collect().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    stage.clear().await;
    pruning.clear().await;
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
    let missing: Vec<_> = written.difference(&entries).filter(|code| ![0, 129, 130].contains(*code)).collect();
    assert!(missing.is_empty(), "no message of the catalogue has {missing:?}");
}
