//! Plans, choices, the record and the merge, as values; plain objects over the store in memory.

use super::*;
use crate::far_store::FarStore;
use crate::stream_tests::{MIB, bucket, data, gzip, key};
use crate::{Codec, IfExists};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

const NOW: u64 = 1_000_000;

fn piece(name: &str, size: u64) -> Piece {
    let identity = Some(Identity { size, etag: Some(format!("tag of {name}")) });
    Piece { name: name.into(), kind: "object".into(), files: vec![PlannedFile { name: name.into(), identity }] }
}

fn recorded(piece: &Piece, depth: Depth, at: u64) -> Recorded {
    let file = |file: &PlannedFile| {
        let verified = VerifiedFile { how: How::ServiceChecksum, identity: file.identity.clone(), checksum: None };
        (file.name.clone(), verified)
    };
    let files = piece.files.iter().map(file).collect();
    Recorded { piece: piece.name.clone(), depth, at, nanos: 0, tool: "a test".into(), files, facts: Facts::default() }
}

fn plan(pieces: Vec<Piece>, choice: &Choice, record: &Record) -> Plan {
    let survey = Survey { pieces, ..Survey::default() };
    Plan::new("memory:".into(), survey, Depth::Content, Value::Null, choice, record, &|_| true)
}

fn names(pieces: &[Piece]) -> Vec<&str> {
    pieces.iter().map(|piece| piece.name.as_str()).collect()
}

/// A report as a shard would make it, of pieces that are all well.
fn report(plan: &Plan, shard: Shard) -> Report {
    let outcome = |at: &usize| {
        let piece = &plan.pieces[*at];
        let files = recorded(piece, plan.depth, NOW).files;
        (piece.name.clone(), Outcome { files, ..Outcome::default() })
    };
    let pieces = shard.share(&plan.pieces).iter().map(outcome).collect();
    Report { plan: plan.id.clone(), shard, tool: "a test".into(), depth: plan.depth, pieces, unfinished: Vec::new() }
}

fn reports(plan: &Plan, of: u32) -> Vec<Report> {
    (1..=of).map(|number| report(plan, Shard::new(number, of).expect("a shard"))).collect()
}

#[test]
fn oldest_first_covers_everything_in_a_known_time() {
    let pieces: Vec<Piece> = (0..20).map(|at| piece(&format!("{at:02}"), 10)).collect();
    let (mut record, mut times) = (Record::default(), BTreeMap::new());
    for night in 0..10 {
        let choice = Choice { limit: Some(Limit::Percent(10.0)), unverified_for: None };
        let chosen = choice.divide(pieces.clone(), Depth::Content, &record, &|_| true, NOW + night);
        assert_eq!(chosen.now.len(), 2, "night {night}");
        assert_eq!(chosen.left_out.never_verified, 18 - 2 * night, "night {night}");
        for piece in &chosen.now {
            *times.entry(piece.name.clone()).or_insert(0) += 1;
            record.add(recorded(piece, Depth::Content, NOW + night));
        }
    }
    assert!(times.len() == 20 && times.values().all(|times| *times == 1), "{times:?}");
    // The eleventh begins with what the first verified.
    let choice = Choice { limit: Some(Limit::Bytes(20)), unverified_for: None };
    let chosen = choice.divide(pieces, Depth::Content, &record, &|_| true, NOW + 10);
    assert_eq!(names(&chosen.now), ["00", "01"]);
}

#[test]
fn what_is_larger_than_the_limit_is_verified_alone() {
    let choice = Choice { limit: Some(Limit::Bytes(5)), unverified_for: None };
    let pieces = vec![piece("large", 100), piece("small", 1)];
    let chosen = choice.divide(pieces, Depth::Content, &Record::default(), &|_| true, NOW);
    assert_eq!((names(&chosen.now), chosen.left_out.pieces), (vec!["large"], 1));
}

#[test]
fn what_was_verified_is_left_out_as_long_as_it_is_the_same() {
    let pieces: Vec<Piece> = ["same", "replaced", "shallow", "old", "without a tag", "conditional"]
        .iter()
        .map(|name| piece(name, 1))
        .collect();
    let mut record = Record::default();
    record.add(recorded(&pieces[0], Depth::Chain, NOW - 5));
    record.add(recorded(&piece("replaced", 2), Depth::Content, NOW - 5));
    record.add(recorded(&pieces[2], Depth::Stored, NOW - 5));
    record.add(recorded(&pieces[3], Depth::Content, NOW - 500));
    let mut without = pieces[4].clone();
    without.files[0].identity = Some(Identity { size: 1, etag: None });
    record.add(recorded(&without, Depth::Content, NOW - 5));
    record.add(recorded(&pieces[5], Depth::Content, NOW - 5));
    let choice = Choice { unverified_for: Some(Duration::from_secs(100)), limit: None };
    let enough = |recorded: &Recorded| recorded.piece != "conditional";
    let mut pieces = pieces;
    pieces[4] = without;
    let chosen = choice.divide(pieces, Depth::Content, &record, &enough, NOW);
    let mut due = names(&chosen.now);
    due.sort_unstable();
    assert_eq!(due, ["conditional", "old", "replaced", "shallow", "without a tag"]);
    assert_eq!(chosen.earlier.iter().map(|earlier| earlier.at).collect::<Vec<_>>(), [NOW - 5]);
}

#[test]
fn any_number_of_shards_says_the_same() {
    let plan =
        plan((0..50).map(|at| piece(&at.to_string(), at * 1000)).collect(), &Choice::default(), &Record::default());
    let whole = merge(&plan, reports(&plan, 1)).expect("complete");
    assert_eq!((whole.pieces["object"], whole.bytes, whole.class()), (50, 1_225_000, None));
    for of in [2, 7, 64] {
        assert_eq!(merge(&plan, reports(&plan, of)), Ok(whole.clone()), "{of}");
    }
}

#[test]
fn reports_that_are_not_all_of_a_plan_are_refused() {
    let pieces = || (0..9).map(|at| piece(&at.to_string(), 10)).collect();
    let plan = plan(pieces(), &Choice::default(), &Record::default());
    let other = self::plan(pieces(), &Choice::default(), &Record::default());
    let refused = |change: &dyn Fn(&mut Vec<Report>)| {
        let mut reports = reports(&plan, 3);
        change(&mut reports);
        merge(&plan, reports).expect_err("not all").join("; ")
    };
    for (change, says) in [
        (&(|reports: &mut Vec<Report>| drop(reports.remove(1))) as &dyn Fn(&mut Vec<Report>), "shard 2/3 is missing"),
        (&|reports| reports.push(reports[0].clone()), "2 reports of shard 1/3"),
        (&|reports| reports.clear(), "no reports"),
        (&|reports| reports[1].pieces.clear(), "has 0 of its 3 pieces"),
        (&|reports| drop(reports[2].pieces.pop_first()), "has 2 of its 3 pieces"),
        (
            &|reports| {
                let (name, outcome) = reports[0].pieces.pop_first().expect("a piece");
                reports[1].pieces.insert(name, outcome);
            },
            "which is another's",
        ),
        (&|reports| reports[0] = report(&other, reports[0].shard), "of another plan"),
        (&|reports| reports[0].depth = Depth::Exists, "of depth exists"),
        (&|reports| reports.push(report(&plan, Shard::new(1, 2).expect("a shard"))), "into 2, into 3 shards"),
    ] {
        let said = refused(change);
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn what_nothing_proves_is_found() {
    let plan = plan(vec![piece("a", 1), piece("b", 1)], &Choice::default(), &Record::default());
    let merged = |needs: &str, proves: &str| {
        let mut report = report(&plan, Shard::WHOLE);
        report.pieces.get_mut("a").expect("there").facts.needs.insert(needs.into());
        report.pieces.get_mut("b").expect("there").facts.proves.insert(proves.into());
        merge(&plan, vec![report]).expect("complete")
    };
    assert_eq!(merged("the sky is blue", "the sky is blue").findings, []);
    let verdict = merged("the sky is blue", "the sky is high");
    assert_eq!((verdict.findings[0].file.as_str(), verdict.findings[0].rule.as_ref()), ("a", "unproven"));
    assert_eq!(verdict.class(), Some(Class::Wrong));
}

async fn put(bucket: &crate::Bucket, name: &str, content: &[u8]) {
    let mut sink = bucket.create(&key(name), IfExists::Replace).expect("a sink");
    sink.write_all(content).await.expect("written");
    sink.seal().await.expect("sealed");
}

/// Verifies everything in the store, and tells what was told on the way.
async fn verified(store: &FarStore, depth: Depth, record: Record, folder: Option<Folder>) -> (Verdict, Vec<String>) {
    let files = Arc::new(Files::of_objects(bucket(store, gzip(), 64 * MIB), "", 4));
    let listed = Arc::new(files.list().await.expect("listed").expect("it lists"));
    let survey = Survey { pieces: pieces_of_objects(&listed), ..Survey::default() };
    let plan = Plan::new("memory:".into(), survey, depth, Value::Null, &Choice::default(), &record, &|_| true);
    let told = Mutex::new(Vec::new());
    let tell = |event: Event<'_>| match event {
        Event::Found(finding) => told.lock().expect("not poisoned").push(finding.to_string()),
        Event::NotRecorded(error) => told.lock().expect("not poisoned").push(error.to_string()),
        Event::Done(_) => {}
    };
    let work = Work {
        plan: &plan,
        shard: Shard::WHOLE,
        files,
        check: Arc::new(Objects::new(depth, Some(listed), Arc::new(record))),
        at_once: 4,
        record: folder,
        until: None,
        stop: CancellationToken::new(),
        tell: &tell,
    };
    let verdict = merge(&plan, vec![work.run().await]).expect("complete");
    (verdict, told.into_inner().expect("not poisoned"))
}

#[tokio::test]
async fn a_damaged_object_never_stops_the_rest() {
    let store = FarStore::new();
    let bucket = bucket(&store, gzip(), 64 * MIB);
    for name in ["a", "b", "c", "d"] {
        put(&bucket, name, &data(100_000)).await;
    }
    store.insert("plain", &b"neither gzip nor zstd"[..]);
    for name in ["b", "d"] {
        let mut bytes = store.object(name).expect("there").to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        store.insert(name, bytes);
    }
    let (verdict, told) = verified(&store, Depth::Content, Record::default(), None).await;
    let found: Vec<_> = verdict.findings.iter().map(|finding| (finding.file.as_str(), finding.rule.as_ref())).collect();
    assert_eq!(found, [("b", "damaged"), ("d", "damaged")]);
    assert_eq!(told.len(), 2);
    assert_eq!((verdict.files[&How::StreamChecksums], verdict.files[&How::ReadWithoutChecksum]), (2, 1));
    // Nothing of it shows to who does not read.
    assert_eq!(verified(&store, Depth::Stored, Record::default(), None).await.0.findings, []);
}

#[tokio::test]
async fn what_the_service_says_is_held_against_what_was_read_before() {
    let store = FarStore::with_checksums();
    put(&bucket(&store, gzip(), 64 * MIB), "a", b"alpha").await;
    let folder = Folder::new(bucket(&store, gzip(), 64 * MIB), FOLDER).below(Record::FOLDER);
    verified(&store, Depth::Content, Record::default(), Some(folder.clone())).await;
    let record = Record::read(&folder).await.expect("read");
    assert_eq!(verified(&store, Depth::Stored, record.clone(), None).await.0.files[&How::StoredAsVerified], 1);
    assert_eq!(verified(&store, Depth::Stored, Record::default(), None).await.0.files[&How::StoredWithChecksum], 1);
    // As long as it was, and something else. This store has no tags, so it claims to be the same.
    let mut bytes = store.object("a").expect("there").to_vec();
    bytes[4] ^= 1;
    store.insert("a", bytes);
    let (verdict, _) = verified(&store, Depth::Stored, record, None).await;
    assert_eq!(verdict.findings[0].rule, "stored-checksum");
}

#[tokio::test]
async fn the_record_is_added_to_by_any_number_of_writers() {
    let store = FarStore::new();
    let folder = Folder::new(bucket(&store, Codec::Plain, 64 * MIB), "sealift-verify").below(Record::FOLDER);
    assert_eq!(folder.list().await.expect("no folder yet"), Vec::<String>::new());
    let (first, second) = (piece("a", 1), piece("b", 1));
    let appended = futures::future::join_all((0..8).map(|at| {
        let (folder, piece) = (folder.clone(), if at % 2 == 0 { first.clone() } else { second.clone() });
        async move { Record::append(&folder, &[recorded(&piece, Depth::Content, NOW + at)]).await }
    }));
    assert!(appended.await.iter().all(Result::is_ok));
    let record = Record::read(&folder).await.expect("read");
    let newest = |piece| record.of(piece, Depth::Stored, |_| true).map(|recorded| recorded.at);
    assert_eq!((newest(&first), newest(&second)), (Some(NOW + 6), Some(NOW + 7)));
    assert_eq!(record.of(&first, Depth::Chain, |_| true), None);

    // One that is damaged takes nothing from the others.
    store.insert("sealift-verify/record/000.jsonl", &b"{\"piece\": \n"[..]);
    let record = Record::read(&folder).await.expect("read");
    assert_eq!(record.of(&first, Depth::Stored, |_| true).map(|recorded| recorded.at), Some(NOW + 6));
}

#[test]
fn of_what_was_verified_within_a_second_the_later_counts() {
    let (older, newer) = (piece("a", 1), piece("a", 2));
    let at = |piece: &Piece, nanos| Recorded { nanos, ..recorded(piece, Depth::Content, NOW) };
    let newest = |lines: [Recorded; 2]| {
        let mut record = Record::default();
        lines.into_iter().for_each(|line| record.add(line));
        let (file, _) = record.of_file("a", "a").expect("recorded");
        file.identity.as_ref().map(|identity| identity.size)
    };
    // In whichever order the files come that have them.
    assert_eq!(newest([at(&older, 1), at(&newer, 2)]), Some(2));
    assert_eq!(newest([at(&newer, 2), at(&older, 1)]), Some(2));
    // As earlier versions wrote them, in whole seconds: then by their order.
    let mut old = serde_json::to_value(at(&older, 7)).expect("JSON");
    old.as_object_mut().expect("an object").remove("nanos");
    let old: Recorded = serde_json::from_value(old).expect("what was written before is read");
    assert_eq!((old.at, old.nanos), (NOW, 0));
    assert_eq!(newest([old.clone(), at(&newer, 0)]), Some(2));
    assert_eq!(newest([at(&newer, 1), old]), Some(2));
}

#[tokio::test]
async fn verified_twice_at_once_the_record_has_the_newer() {
    let store = FarStore::new();
    let folder = Folder::new(bucket(&store, gzip(), 64 * MIB), FOLDER).below(Record::FOLDER);
    for round in 1..20 {
        put(&bucket(&store, gzip(), 64 * MIB), "a", &data(1000 * round)).await;
        verified(&store, Depth::Content, Record::default(), Some(folder.clone())).await;
        let now = store.object("a").expect("there").len() as u64;
        let record = Record::read(&folder).await.expect("read");
        let (file, _) = record.of_file("a", "a").expect("recorded");
        assert_eq!(file.identity.as_ref().map(|identity| identity.size), Some(now), "round {round}");
    }
}
