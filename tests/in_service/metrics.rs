//! Figures: the file for node_exporter, what is served, and what is sent.

use crate::scene::{HANGS, continuously, node, stop};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use sealift_node::{Endpoint, Match, Misbehaviour};
use sealift_tests::cli::{self, Ended, SECRET, run, run_with_input};
use sealift_tests::eventually::eventually;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The value of the figure `name`, of those whose labels have all of `labels`.
fn value(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let is_it = |line: &&str| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{') || rest.starts_with(' '))
            && labels.iter().all(|label| line.contains(label))
    };
    text.lines().find(is_it)?.rsplit(' ').next()?.parse().ok()
}

fn has(text: &str, name: &str, labels: &[&str]) -> f64 {
    value(text, name, labels).unwrap_or_else(|| panic!("{name} {labels:?} is not in\n{text}"))
}

fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs_f64()
}

fn put(folder: &Path, file: &Path) -> Command {
    let mut command = cli::command(["put", "name", "--storage=local-fs", "--if-absent", "--metrics-job=nightly \"1\""]);
    command.arg("--local-fs-dir").arg(folder).arg("--metrics-file").arg(file);
    command
}

#[tokio::test]
async fn a_file_tells_of_the_last_run_and_keeps_the_last_success() {
    let folder = tempfile::tempdir().expect("a folder");
    let (stored, file) = (folder.path().join("stored"), folder.path().join("nightly.prom"));
    let before = now();
    run_with_input(put(&stored, &file), &[b'x'; 100_000]).await.expect_code(0);
    let told = std::fs::read_to_string(&file).expect("written");
    let labels = ["operation=\"put\"", "storage=\"local-fs\"", "bucket=\"", "job_name=\"nightly \\\"1\\\"\""];
    let success = has(&told, "sealift_last_success_timestamp_seconds", &labels);
    assert!(before <= success && success <= now(), "{told}");
    assert_eq!(has(&told, "sealift_exit_code", &labels), 0.0);
    assert_eq!(has(&told, "sealift_in_bytes_total", &labels), 100_000.0);
    assert_eq!(has(&told, "sealift_stored_bytes_total", &labels), 100_000.0);
    assert_eq!(has(&told, "sealift_retries_total", &["cause=\"throttled\""]), 0.0);
    assert_eq!(has(&told, "sealift_left_behind", &labels), 0.0);
    assert!(told.contains("# TYPE sealift_in_bytes_total counter"), "{told}");
    assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o644);

    // The object is there, so the next run fails.
    run_with_input(put(&stored, &file), b"y").await.expect_code(5);
    let told = std::fs::read_to_string(&file).expect("written");
    assert_eq!(has(&told, "sealift_last_success_timestamp_seconds", &labels), success);
    assert!(has(&told, "sealift_last_attempt_timestamp_seconds", &labels) > success, "{told}");
    assert_eq!(has(&told, "sealift_exit_code", &labels), 5.0);
    let others: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(others.len(), 2, "no temporary file is left: {others:?}");
}

#[tokio::test]
async fn a_file_that_cannot_be_is_refused_before_any_work() {
    let folder = tempfile::tempdir().expect("a folder");
    for (file, why) in [("no/such/x.prom", "No such file"), ("", "no file that may be replaced")] {
        let ended =
            run_with_input(put(&folder.path().join("stored"), &folder.path().join(file)), b"x").await.expect_code(2);
        assert!(ended.stderr.contains("--metrics-file") && ended.stderr.contains(why), "{}", ended.stderr);
    }
    assert!(!folder.path().join("stored").exists());
}

#[tokio::test]
async fn a_verification_tells_what_was_verified_when() {
    let folder = tempfile::tempdir().expect("a folder");
    let (stored, file) = (folder.path().join("stored"), folder.path().join("verify.prom"));
    run_with_input(put(&stored, &folder.path().join("put.prom")), b"x").await.expect_code(0);
    let verify = || {
        let mut command = cli::command(["verify", "--storage=local-fs", "--local-fs-dir"]);
        command.arg(&stored).arg("--metrics-file").arg(&file);
        command
    };
    let before = now().floor();
    run(verify()).await.expect_code(0);
    let told = std::fs::read_to_string(&file).expect("written");
    assert_eq!(has(&told, "sealift_never_verified_objects", &["operation=\"verify\""]), 0.0);
    assert_eq!(has(&told, "sealift_verify_findings", &[]), 0.0);
    let oldest = has(&told, "sealift_oldest_verification_timestamp_seconds", &[]);
    assert!(oldest >= before, "{told}");
    assert!(has(&told, "aptos_db_backup_verify_coordinator_succeed_timestamp_s", &[]) >= before);
}

/// What is answered at `path`, by its status and its text.
async fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
}

async fn until(address: SocketAddr, path: &str, status: u16, part: &str) -> String {
    let mut found = String::new();
    eventually(&format!("{path} says {status} {part}"), HANGS, async || match get(address, path).await {
        Some((it, text)) if it == status && text.contains(part) => {
            found = text;
            Ok(())
        }
        other => Err(format!("{other:?}")),
    })
    .await;
    found
}

/// A port of this machine that nobody listens on.
async fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.expect("bound").local_addr().expect("an address")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_is_told_how_it_is_and_when_it_stands_still() {
    let (node, folder, address) = (node().await, tempfile::tempdir().expect("a folder"), free_port().await);
    let silent = node.on(Match::endpoint(Endpoint::DbState).times(1), Misbehaviour::Silence);
    let held = node.on(Match::endpoint(Endpoint::Transactions).times(1), Misbehaviour::Stall { after_bytes: 1 });
    let mut command = continuously(&node.endpoint(), folder.path());
    command.args(["--stalled-after=2s", "--metrics-listen", &address.to_string()]);
    let child = command.spawn().expect("sealift starts");

    until(address, "/healthz", 503, "the node has not answered yet").await;
    until(address, "/livez", 200, "ok").await;
    silent.release();
    timeout(HANGS, held.wait_fired(1)).await.expect("it fires");
    until(address, "/healthz", 503, "nothing has moved for").await;
    until(address, "/livez", 503, "nothing has moved for").await;
    assert_eq!(has(&until(address, "/metrics", 200, "").await, "sealift_stalled", &[]), 1.0);
    held.release();
    until(address, "/healthz", 200, "ok").await;

    let last = node.chain().last_version() / 10 * 10;
    let told =
        until(address, "/metrics", 200, &format!("aptos_db_backup_coordinator_transaction_version {last}\n")).await;
    assert_eq!(has(&told, "aptos_db_backup_coordinator_epoch_ending_epoch", &[]), 3.0);
    assert!(has(&told, "aptos_db_backup_received_bytes", &["endpoint=\"transactions\""]) > 0.0);
    let told = until(address, "/metrics", 200, "sealift_caught_up{").await;
    assert_eq!(has(&told, "sealift_backups_total", &["kind=\"epoch_ending\"", "operation=\"backup\""]), 4.0);
    assert!(has(&told, "sealift_stored_bytes_total", &[]) > 0.0, "{told}");
    assert_eq!(has(&told, "sealift_archive_gaps", &[]), 0.0);
    assert_eq!(get(address, "/").await.expect("an answer").0, 404);
    stop(child).await.expect_code(0);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_that_is_too_old_is_no_health() {
    let (node, folder, address) = (node().await, tempfile::tempdir().expect("a folder"), free_port().await);
    node.on(Match::endpoint(Endpoint::EpochEndings), Misbehaviour::Status(403));
    let mut command = continuously(&node.endpoint(), folder.path());
    command.args(["--healthy-within=2s", "--metrics-listen", &address.to_string()]);
    let child = command.spawn().expect("sealift starts");
    until(address, "/healthz", 503, "the last success was").await;
    until(address, "/livez", 200, "ok").await;
    let told = until(address, "/metrics", 200, "sealift_backup_failures_total").await;
    assert!(has(&told, "sealift_backup_failures_total", &["kind=\"epoch_ending\""]) >= 1.0);
    stop(child).await.expect_code(0);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_said_at_once() {
    let (node, folder) = (node().await, tempfile::tempdir().expect("a folder"));
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let mut command = continuously(&node.endpoint(), folder.path());
    command.args(["--metrics-listen", &taken.local_addr().expect("an address").to_string()]);
    let ended = run(command).await.expect_code(2);
    assert!(ended.stderr.contains("--metrics-listen") && ended.stderr.contains("in use"), "{}", ended.stderr);
    node.shutdown().await;
}

/// A server that takes figures: each request's authorization and text, answered with `status`.
async fn taker(status: StatusCode) -> (SocketAddr, mpsc::UnboundedReceiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let address = listener.local_addr().expect("an address");
    let (taken, takes) = mpsc::unbounded_channel();
    // Ends with the test's runtime.
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let taken = taken.clone();
            let answer = service_fn(move |request: Request<Incoming>| {
                let taken = taken.clone();
                async move {
                    let bearer =
                        request.headers().get("authorization").map(|value| value.to_str().expect("text").to_owned());
                    let body = request.into_body().collect().await.expect("read").to_bytes();
                    let _ = taken.send((bearer.unwrap_or_default(), String::from_utf8(body.to_vec()).expect("UTF-8")));
                    let mut response = Response::new(Full::new(Bytes::new()));
                    *response.status_mut() = status;
                    Ok::<_, Infallible>(response)
                }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    (address, takes)
}

fn pushing(mut command: Command, address: SocketAddr) -> Command {
    command.env("PUSH_METRICS_ENDPOINT", format!("http://{address}/api/v1/import/prometheus?extra_label=role=backup"));
    command.env("PUSH_METRICS_FREQUENCY_SECS", "1").env("PUSH_METRICS_API_TOKEN", SECRET);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_sent_again_and_again_and_at_the_end() {
    let (address, mut taken) = taker(StatusCode::NO_CONTENT).await;
    let (node, folder) = (node().await, tempfile::tempdir().expect("a folder"));
    let child = pushing(continuously(&node.endpoint(), folder.path()), address).spawn().expect("sealift starts");
    let last = node.chain().last_version() / 10 * 10;
    loop {
        let (bearer, text) = timeout(HANGS, taken.recv()).await.expect("it is sent").expect("the server lives");
        assert_eq!(bearer, format!("Bearer {SECRET}"));
        if value(&text, "aptos_db_backup_coordinator_transaction_version", &[]) == Some(last as f64) {
            assert!(value(&text, "sealift_exit_code", &[]).is_none(), "{text}");
            break;
        }
    }
    stop(child).await.expect_code(0);
    let mut at_the_end = String::new();
    while let Ok((_, text)) = taken.try_recv() {
        at_the_end = text;
    }
    assert_eq!(has(&at_the_end, "sealift_exit_code", &[]), 0.0);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_take_them_does_no_harm_and_is_told_once() {
    let (refusing, _taken) = taker(StatusCode::FORBIDDEN).await;
    for address in [refusing, free_port().await] {
        let folder = tempfile::tempdir().expect("a folder");
        let command = pushing(put(folder.path(), &folder.path().join("x.prom")), address);
        let ended: Ended = run_with_input(command, b"x").await.expect_code(0);
        assert_eq!(ended.stderr.matches("PUSH_METRICS_ENDPOINT: figures are not taken").count(), 1, "{}", ended.stderr);
        assert!(!ended.stderr.contains("extra_label"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn wrong_settings_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, wrong) in [
        ("PUSH_METRICS_ENDPOINT", "nonsense"),
        ("PUSH_METRICS_ENDPOINT", "ftp://x"),
        ("PUSH_METRICS_FREQUENCY_SECS", "0"),
    ] {
        let mut command = put(folder.path(), &folder.path().join("x.prom"));
        command.env("PUSH_METRICS_ENDPOINT", "http://127.0.0.1:1/").env(name, wrong);
        let ended = timeout(Duration::from_secs(60), run(command)).await.expect("at once").expect_code(2);
        assert!(ended.stderr.contains(name), "{}", ended.stderr);
    }
}
