//! The table of permissions in docs/operations.md: each command asks for what stands there and for nothing else, on every cloud;
//! and on S3 each of them is needed, since the command fails without it.

use crate::archives::{LAST_EPOCH, Site, chain};
use crate::document::{quoted, read};
use crate::policies::policies;
use crate::requests::{self, Log, Permissions, Reading, Refused};
use futures::StreamExt;
use sealift_node::Node;
use sealift_tests::cli::{self, Ended, command_of};
use sealift_tests::cloud::{Cloud, Problem};
use sealift_tests::proxy::{FaultProxy, Match};
use sealift_tests::{azure, gcs, s3};

/// What is there before the commands of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    Nothing,
    Object,
    Unfinished,
    Archive,
}

/// A row of the table: what it is called there, and what is run for it, each with its exit code.
struct Row {
    commands: &'static str,
    there: There,
    runs: &'static [(&'static str, i32)],
}

const ROWS: &[Row] = &[
    Row {
        commands: "put, run",
        there: There::Nothing,
        runs: &[
            ("echo small | sealift put small", 0),
            ("sealift run large -- head -c 40000000 /dev/urandom", 0),
            ("sealift run failing -- sh -c 'head -c 40000000 /dev/urandom; exit 1'", 8),
        ],
    },
    Row {
        commands: "get, stat",
        there: There::Object,
        runs: &[("sealift get db/one >/dev/null", 0), ("sealift stat db/one", 0)],
    },
    Row { commands: "ls", there: There::Object, runs: &[("sealift ls db", 0)] },
    Row { commands: "rm", there: There::Object, runs: &[("sealift rm db/one", 0)] },
    Row { commands: "rm --recursive", there: There::Object, runs: &[("sealift rm --recursive db", 0)] },
    Row { commands: "mv", there: There::Object, runs: &[("sealift mv db/one db/two", 0)] },
    Row { commands: "copy (FROM)", there: There::Object, runs: &[("sealift copy db file://$PLACE/copied", 0)] },
    Row {
        commands: "copy (TO)",
        there: There::Nothing,
        runs: &[("sealift copy file://$PLACE/files db", 0), ("sealift copy file://$PLACE/files db --sync", 0)],
    },
    Row { commands: "verify --no-record", there: There::Object, runs: &[("sealift verify db --no-record", 0)] },
    Row {
        commands: "verify",
        there: There::Object,
        runs: &[("sealift verify db", 0), ("sealift verify db --unverified-for 30d", 0)],
    },
    Row { commands: "drill", there: There::Object, runs: &[("sealift drill db --into $PLACE", 0)] },
    Row {
        commands: "prune",
        there: There::Object,
        runs: &[
            ("sealift put db/two </etc/passwd", 0),
            ("sealift verify db", 0),
            ("sealift prune --group-by 'db/{*}' --keep-last 1 --yes", 0),
        ],
    },
    Row { commands: "sweep", there: There::Unfinished, runs: &[("sealift sweep --foreign --older-than 0s --yes", 0)] },
    Row {
        commands: "backup",
        there: There::Nothing,
        runs: &[
            ("sealift backup epoch-ending --start-epoch 0 --end-epoch 4 --backup-service-address $NODE", 0),
            ("sealift backup transaction --start-version 0 --num_transactions 20 --backup-service-address $NODE", 0),
            ("sealift backup continuously --backup-service-address $NODE --deadline 30s", 0),
        ],
    },
    Row { commands: "ls --aptos", there: There::Archive, runs: &[("sealift ls --aptos", 0)] },
    Row {
        commands: "compact",
        there: There::Archive,
        runs: &[
            ("sealift compact --epoch-ending-file-compact-factor 100 --remove-compacted-file-after 0", 0),
            // A file goes when it has stood beside its successor for longer than that, by a clock of seconds.
            ("sleep 1.1; sealift compact --epoch-ending-file-compact-factor 100 --remove-compacted-file-after 0", 0),
        ],
    },
];

impl Row {
    fn ends_as_it_should(&self, ended: &[Ended]) -> bool {
        self.runs.iter().zip(ended).all(|((_, code), ended)| ended.code == Some(*code))
    }
}

/// Runs the commands of a row through a proxy that notes what is asked for, and refuses one thing.
async fn asked<C: Cloud>(row: &Row, reading: Reading, refused: Refused) -> (Permissions, Vec<Ended>) {
    let cloud = C::new("permissions").await;
    let place = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(place.path().join("files")).expect("made");
    std::fs::write(place.path().join("files/one"), "content").expect("written");
    let node = Node::start(chain(LAST_EPOCH)).await;
    match row.there {
        There::Nothing => {}
        There::Object => {
            let mut put = cli::command(["put", &format!("{}/db/one", cloud.url())]);
            put.envs(C::variables(cloud.endpoint()));
            cli::run_with_input(put, b"content").await.expect_code(0);
        }
        There::Unfinished => cloud.leave_unfinished("db/left").await,
        There::Archive => Site::of(&cloud).back_all_up(&node).await,
    }
    let proxy = FaultProxy::start(cloud.endpoint()).await;
    let on_the_stage = |line: &str| {
        let mut command = command_of("bash");
        command
            .args(["-c", line])
            .env("PATH", path())
            .env("HOME", place.path())
            .env("PLACE", place.path())
            .env("NODE", node.endpoint())
            .env("SEALIFT_STORAGE", cloud.url())
            .envs(C::variables(&proxy.endpoint()));
        cli::run(command)
    };
    // Amazon is known to keep conditions. Of this address it is proven here, and remembered.
    on_the_stage("echo | sealift put proven --if-absent && sealift rm proven").await.expect_code(0);
    let log = Log::default();
    let noting = log.clone();
    proxy.on(Match::new(move |request| noting.note(reading, &refused, request)), C::problem(Problem::Denied));
    let mut ended = Vec::new();
    for (line, _) in row.runs {
        ended.push(on_the_stage(line).await);
    }
    proxy.shutdown().await;
    cloud.clear().await;
    node.shutdown().await;
    (log.asked(), ended)
}

fn path() -> String {
    let programs = cli::sealift().parent().expect("a folder").display().to_string();
    format!("{programs}:{}", std::env::var("PATH").expect("a PATH"))
}

/// What the table has in this column for a row; what only some runs need stands in brackets there.
fn written(commands: &str, column: usize) -> (Vec<String>, Vec<String>) {
    let rows = read("docs/operations.md").table("Permissions");
    let row = rows.iter().find(|row| quoted(&row[0]).join(", ") == commands);
    let cell = &row.unwrap_or_else(|| panic!("the table has no row for {commands}"))[column];
    let (always, sometimes) = cell.split_once('(').unwrap_or((cell, ""));
    let named = |text| quoted(text).into_iter().map(str::to_owned).collect();
    (named(always), named(sometimes))
}

async fn the_table_is_what_is_asked_for<C: Cloud>(reading: Reading, column: usize) {
    let tried = ROWS.iter().map(|row| async move {
        let (asked, ended) = asked::<C>(row, reading, Refused::Nothing).await;
        for ((line, code), ended) in row.runs.iter().zip(ended) {
            if ended.code != Some(*code) {
                return Some(format!("{line}: {:?} {}", ended.code, ended.stderr));
            }
        }
        let (mut always, sometimes) = written(row.commands, column);
        always.extend(sometimes);
        let asked: Vec<&str> = asked.into_iter().collect();
        always.sort();
        (asked != always).then(|| format!("{}: asked for {asked:?}, and the table has {always:?}", row.commands))
    });
    let wrong: Vec<_> = futures::stream::iter(tried).buffer_unordered(3).filter_map(std::future::ready).collect().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_s3() {
    the_table_is_what_is_asked_for::<s3::TestBucket>(requests::s3, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_google() {
    the_table_is_what_is_asked_for::<gcs::TestBucket>(requests::google, 2).await;
}

/// What the list below the table says of uploads in parts.
#[tokio::test(flavor = "multi_thread")]
async fn on_google_in_parallel_parts() {
    let document = read("docs/operations.md");
    let (_, text) = document.text.split_once("- **Google.**").expect("Google's lines");
    let (text, _) = text.split_once("- **").expect("an end");
    let row = Row {
        commands: "put, run",
        there: There::Nothing,
        runs: &[
            ("sealift run large --parallel-stream -- head -c 40000000 /dev/urandom", 0),
            ("sealift run failing --parallel-stream -- sh -c 'head -c 40000000 /dev/urandom; exit 1'", 8),
        ],
    };
    let (asked, ended) = asked::<gcs::TestBucket>(&row, requests::google, Refused::Nothing).await;
    assert!(row.ends_as_it_should(&ended), "{ended:?}");
    let parts = ["abort", "create", "listParts"].map(|name| format!("storage.multipartUploads.{name}"));
    let objects = ["create", "get"].map(|name| format!("storage.objects.{name}"));
    assert_eq!(asked.into_iter().collect::<Vec<_>>(), [&parts[..], &objects[..]].concat());
    for name in parts {
        assert!(quoted(text).contains(&name.as_str()), "{name}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_azure() {
    the_table_is_what_is_asked_for::<azure::TestContainer>(requests::azure, 3).await;
}

/// Without any one of them the commands do not come to the same end; without what stands in brackets they do.
async fn none_is_there_for_nothing<C: Cloud>(reading: Reading, column: usize) {
    let mut tried = Vec::new();
    for row in ROWS {
        let (always, sometimes) = written(row.commands, column);
        for (needed, all) in [(true, always), (false, sometimes)] {
            tried.extend(all.into_iter().map(|name| (row, needed, name)));
        }
    }
    let tried = tried.into_iter().map(|(row, needed, name)| async move {
        let (_, ended) = asked::<C>(row, reading, Refused::One(name.clone())).await;
        let as_before = row.ends_as_it_should(&ended);
        (as_before == needed).then(|| match needed {
            true => format!("{}: nothing fails without {name}", row.commands),
            false => {
                let ends: Vec<_> = ended.iter().map(|ended| (ended.code, ended.stderr.as_str())).collect();
                format!("{}: without {name}: {ends:?}", row.commands)
            }
        })
    });
    let wrong: Vec<_> = futures::stream::iter(tried).buffer_unordered(3).filter_map(std::future::ready).collect().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn none_is_there_for_nothing_on_s3() {
    none_is_there_for_nothing::<s3::TestBucket>(requests::s3, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute, and tells the same as S3's as long as the table stays: `-- --ignored none_is_there`"]
async fn none_is_there_for_nothing_on_google() {
    none_is_there_for_nothing::<gcs::TestBucket>(requests::google, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute, and tells the same as S3's as long as the table stays: `-- --ignored none_is_there`"]
async fn none_is_there_for_nothing_on_azure() {
    none_is_there_for_nothing::<azure::TestContainer>(requests::azure, 3).await;
}

/// With what a policy allows, and nothing else, its commands do their work.
#[tokio::test(flavor = "multi_thread")]
async fn the_policies_are_enough() {
    let document = read("docs/operations.md");
    let mut tried = Vec::new();
    for (heading, policy) in policies(&document) {
        let granted = Refused::AllBut(crate::policies::actions(&policy));
        let rows = ROWS.iter().filter(|row| row.commands.split(", ").any(|command| quoted(heading).contains(&command)));
        tried.extend(rows.map(|row| (heading, row, granted.clone())));
    }
    assert!(tried.len() >= 10, "{tried:?}", tried = tried.len());
    let tried = tried.into_iter().map(|(heading, row, granted)| async move {
        let (_, ended) = asked::<s3::TestBucket>(row, requests::s3, granted).await;
        let ends: Vec<_> = ended.iter().map(|ended| (ended.code, ended.stderr.as_str())).collect();
        (!row.ends_as_it_should(&ended)).then(|| format!("{heading}: {}: {ends:?}", row.commands))
    });
    let wrong: Vec<_> = futures::stream::iter(tried).buffer_unordered(3).filter_map(std::future::ready).collect().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
