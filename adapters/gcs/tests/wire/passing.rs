//! What fails in passing, once: every call is made again and succeeds, by the policy of the core. The adapter itself sends
//! once, whatever the answer.

use crate::server::{Reply, Server};
use crate::{QUANTUM, commit, data, digits, holds, key, options, page, patient, payload, resource, started, store};
use futures::future::join_all;
use sealift::{Attempts, IfExists, ObjectInfo, ObjectStore, Passing, Removal, Work};
use sealift_gcs::GcsStore;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A call: the request of it that fails, how it is answered then, and what is seen in all.
struct Call {
    name: &'static str,
    fails: &'static str,
    answer: fn(&str) -> Reply,
    seen: &'static [&'static str],
}

/// How an upload is seen by a test that asks it where it stands.
fn session(operation: &str, asked: Reply) -> Reply {
    match operation {
        "start" => started("http://elsewhere.example"),
        "piece" => holds(QUANTUM),
        "last" => resource(&data(QUANTUM + 5), "T"),
        "cancel" => Reply::empty(499, ""),
        "ask" => asked,
        other => panic!("{other}"),
    }
}

fn moved(operation: &str) -> Reply {
    match operation {
        "head" => resource(b"123456789", "T"),
        "rewrite" => Reply::json(200, r#"{"done":true,"resource":{"name":"new","size":"9","generation":"18"}}"#),
        other => panic!("{other}"),
    }
}

fn calls() -> Vec<Call> {
    let call = |name, fails, answer, seen| Call { name, fails, answer, seen };
    let nothing_held = |operation: &str| session(operation, holds(0));
    let quantum_held = |operation: &str| session(operation, holds(QUANTUM));
    let gone = |operation: &str| session(operation, Reply::empty(499, ""));
    vec![
        call("put", "put", |_| resource(b"123456789", "T"), &["put", "put"]),
        call("start", "start", nothing_held, &["start", "start"]),
        call("part", "piece", nothing_held, &["start", "piece", "ask", "piece"]),
        call("complete", "last", quantum_held, &["start", "piece", "last", "ask", "last"]),
        call("abort", "cancel", gone, &["start", "cancel", "cancel", "ask"]),
        call("abort", "ask", gone, &["start", "cancel", "ask", "cancel", "ask"]),
        call("head", "head", |_| resource(b"123456789", "T"), &["head", "head"]),
        call("get", "get", |_| two_bytes("12"), &["get", "get"]),
        call("list", "list", |_| Reply::json(200, r#"{"kind":"storage#objects","items":[]}"#), &["list", "list"]),
        call("delete", "delete", |_| Reply::empty(204, ""), &["delete", "delete"]),
        call("retract", "delete", |_| Reply::empty(204, ""), &["delete", "delete"]),
        call("copy", "head", moved, &["head", "head", "rewrite"]),
        call("copy", "rewrite", moved, &["head", "rewrite", "rewrite"]),
    ]
}

fn two_bytes(bytes: &str) -> Reply {
    Reply::Answer(206, "content-range: bytes 0-1/9\r\nx-goog-generation: 17\r\n".into(), bytes.into())
}

/// A fault, and what it is said to be.
type Fault = (&'static str, fn() -> Reply);

fn faults() -> Vec<Fault> {
    vec![
        ("429", || Reply::error(429, "rateLimitExceeded", "slowly")),
        ("503", || Reply::Answer(503, "retry-after: 1\r\n".into(), b"not now".to_vec())),
        ("500", || Reply::error(500, "backendError", "broken")),
        ("408", || Reply::empty(408, "")),
        ("409", || Reply::error(409, "conflict", "another writer")),
        ("502", || Reply::Answer(502, String::new(), b"<html>bad gateway</html>".to_vec())),
        ("504", || Reply::empty(504, "")),
        ("reset", || Reply::Cut),
        ("silence", || Reply::Hold),
        ("a page", page),
    ]
}

/// Those that only one call can meet.
fn faults_of(call: &Call) -> Vec<Fault> {
    let mut faults = faults();
    match call.name {
        "put" => faults.push(("damaged", || Reply::error(400, "invalid", "Provided CRC32C is not as calculated"))),
        "get" => {
            // Its checksum is what the whole of the object has, which is what was asked for here.
            faults.push(("other bytes", || two_bytes("123")));
            faults.push(("cut in its body", || {
                let headers = "content-range: bytes 0-1/9\r\nx-goog-generation: 17\r\ncontent-length: 2\r\n";
                Reply::Answer(206, headers.into(), b"1".to_vec())
            }));
        }
        _ => {}
    }
    faults
}

fn info() -> ObjectInfo {
    let mut info = ObjectInfo::new(key().to_string(), 9);
    info.etag = Some("17".into());
    info.version = Some("17".into());
    info
}

/// A server and a store on it, which notices silence soon.
struct Line {
    server: Server,
    store: GcsStore,
    /// How the next request that the call names is answered.
    fault: NextFault,
}

type NextFault = Arc<Mutex<Option<fn() -> Reply>>>;

impl Line {
    async fn of(call: &Call) -> Self {
        let (fails, answer, fault) = (call.fails, call.answer, NextFault::default());
        let next = Arc::clone(&fault);
        let server = Server::start(move |request, _| match request.operation() {
            now if now == fails => next.lock().expect("fine").take().map_or_else(|| answer(&now), |fault| fault()),
            now => answer(&now),
        })
        .await;
        let mut options = options(&server.endpoint);
        options.stall_timeout = Duration::from_secs(1);
        let store = GcsStore::connect(options).await.expect("options are fine");
        Line { server, store, fault }
    }

    /// Makes the call by `store`, with one fault; and the operations that were seen then.
    async fn make(
        &self,
        call: &Call,
        store: &impl ObjectStore,
        fault: fn() -> Reply,
    ) -> (sealift::Result<()>, Vec<String>) {
        let before = self.server.operations().len();
        *self.fault.lock().expect("fine") = Some(fault);
        let made = make(call.name, store).await;
        assert!(self.fault.lock().expect("fine").is_none(), "{} does not meet it: {made:?}", call.name);
        (made, self.server.operations().split_off(before))
    }
}

async fn make(call: &str, store: &impl ObjectStore) -> sealift::Result<()> {
    let (key, options, attempts) = (key(), commit(IfExists::Fail), Attempts::default());
    match call {
        "put" => store.put(&key, digits(), &options, &attempts).await.map(drop),
        "head" => store.head(&key).await.map(drop),
        "get" => store.get(&key, 0..2, Some("17")).await.map(|bytes| assert_eq!(bytes, "12")),
        "list" => store.list("", None).await.map(drop),
        "delete" => store.delete(&key, Some(&info())).await.map(|removal| assert_eq!(removal, Removal::Gone)),
        "retract" => store.retract(&key, &info()).await.map(|removal| assert_eq!(removal, Removal::Gone)),
        "copy" => {
            let to = "new".parse().expect("valid");
            store.copy(&key, &info(), &to, &Work::new("gs://bucket/a/key +%")).await.map(drop)
        }
        "start" => store.start(&key, &options, &attempts).await.map(drop),
        "abort" => store.start(&key, &options, &attempts).await?.abort().await,
        "part" => {
            store.start(&key, &options, &attempts).await?.put_part(1, payload(&data(QUANTUM + 5))).await.map(drop)
        }
        "complete" => {
            let upload = store.start(&key, &options, &Attempts::default()).await?;
            let part = upload.put_part(1, payload(&data(QUANTUM + 5))).await?;
            upload.complete(std::slice::from_ref(&part), part.checksum, &attempts).await?;
            assert_eq!(attempts.effect().applied, 1);
            Ok(())
        }
        other => panic!("{other}"),
    }
}

/// All of them before the first request: to make a client takes longer than the silence that is noticed.
async fn lines(calls: impl IntoIterator<Item = Call>) -> Vec<(Call, Line)> {
    let mut lines = Vec::new();
    for call in calls {
        let line = Line::of(&call).await;
        lines.push((call, line));
    }
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_goes_on_after_what_passes() {
    let lines = lines(calls()).await;
    let made = join_all(lines.iter().map(async |(call, line)| {
        let faults = faults_of(call);
        let store = patient(line.store.clone(), 60);
        for (fault, reply) in &faults {
            let begun = Instant::now();
            let (made, seen) = line.make(call, &store, *reply).await;
            let what = format!("{}, its {}: {fault}", call.name, call.fails);
            assert!(made.is_ok(), "{what}: {made:?}");
            match (call.fails, *fault) {
                // Whatever a cancellation is answered with, the session tells whether it is one.
                ("cancel", "a page") => assert_eq!(seen, ["start", "cancel", "ask"], "{what}"),
                _ => assert_eq!(seen, call.seen, "{what}"),
            }
            assert!(*fault != "503" || begun.elapsed() >= Duration::from_secs(1), "{what}: it asked for a second");
        }
        faults.len()
    }));
    assert_eq!(made.await.into_iter().sum::<usize>(), 13 * 10 + 3);
}

/// The same with nobody to make the call again.
#[tokio::test(flavor = "multi_thread")]
async fn the_adapter_itself_sends_once() {
    // A copy has its steps tried again by the work that it is part of.
    let lines = lines(calls().into_iter().filter(|call| call.name != "copy")).await;
    join_all(lines.iter().map(async |(call, line)| {
        for (fault, reply) in faults_of(call) {
            if (call.fails, fault) == ("cancel", "a page") {
                continue;
            }
            let (made, seen) = line.make(call, &line.store, reply).await;
            let what = format!("{}, its {}: {fault}: {made:?}", call.name, call.fails);
            let passing = match fault {
                "429" => Passing::Busy { asked: None },
                "503" => Passing::Busy { asked: Some(Duration::from_secs(1)) },
                "a page" | "409" | "damaged" | "other bytes" => Passing::Unlikely,
                _ => Passing::Outage,
            };
            assert_eq!(made.expect_err(&what).passing(), Some(passing), "{what}");
            assert_eq!(seen.last().map(String::as_str), Some(call.fails), "{what}");
            assert_eq!(seen.iter().filter(|operation| *operation == call.fails).count(), 1, "{what}");
        }
    }))
    .await;
}

#[tokio::test]
async fn what_does_not_pass_is_given_up_with_how_often_it_was_tried() {
    let server = Server::start(|_, _| Reply::error(500, "backendError", "broken")).await;
    let store = patient(store(&server.endpoint).await, 1);
    for call in ["put", "start", "head", "list", "delete"] {
        let before = server.requests().len();
        let error = make(call, &store).await.expect_err("it lasts");
        let times = format!("(tried {} times in 1 s)", server.requests().len() - before);
        assert!(error.to_string().contains(&times) && error.passing().is_none(), "{call}: {error}");
    }
}

/// Who is asked to wait for a day does not: the adapter says so, and waits for nothing.
#[tokio::test]
async fn a_day_is_not_waited() {
    let server = Server::start(|_, _| Reply::empty(503, "retry-after: 86400\r\n")).await;
    let (store, begun) = (store(&server.endpoint).await, Instant::now());
    for call in ["put", "start", "head", "get", "list", "delete"] {
        let error = make(call, &store).await.expect_err("busy");
        assert_eq!(error.passing(), Some(Passing::Busy { asked: Some(Duration::from_secs(86_400)) }), "{call}");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(store.slow_downs(), 6);
    make("head", &patient(store, 1)).await.expect_err("given up in time");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}
