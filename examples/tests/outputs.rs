//! Runs each example as a program, and compares what it prints.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};

/// What a program prints that ends well.
fn printed(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {error}", output.status);
    assert_eq!(error, "");
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// One request on a connection of its own; the status and the body of its answer.
fn ask(address: &str, request: &str) -> (String, String) {
    let mut connection = TcpStream::connect(address).expect("connected");
    connection.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer of HTTP");
    (head.split(' ').nth(1).expect("a status").to_owned(), body.to_owned())
}

#[test]
fn cancel_and_close() {
    let output = Command::new(env!("CARGO_BIN_EXE_cancel_and_close")).output().expect("run");
    let expected = "given up twice: nothing is there\nits writer is told: Cancelled\nclosed: nothing is there\n";
    assert_eq!(printed(&output), expected);
}

#[test]
fn archive() {
    let output = Command::new(env!("CARGO_BIN_EXE_archive")).output().expect("run");
    let printed = printed(&output);
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), 2, "{printed}");
    assert_eq!(lines[0], "metadata/epoch_ending_0-99.meta: {\"EpochEndingBackup\":{}}");
    assert!(
        lines[1].starts_with("epoch_ending_0-") && lines[1].ends_with("/0-.chunk: the endings of epochs"),
        "{printed}"
    );
}

#[test]
fn own_adapter() {
    let output = Command::new(env!("CARGO_BIN_EXE_own_adapter")).output().expect("run");
    assert_eq!(printed(&output), "db/monday: rows of monday\ndb/tuesday: rows of tuesday\n");
}

#[test]
fn web() {
    let mut server = Command::new(env!("CARGO_BIN_EXE_web")).stdout(Stdio::piped()).spawn().expect("run");
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("piped")).read_line(&mut line).expect("it says where it listens");
    let address = line.trim().strip_prefix("http://").expect("a URL").to_owned();

    let put = "PUT /db/today HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 9\r\n\r\nsome rows";
    let get = |key: &str| ask(&address, &format!("GET /{key} HTTP/1.0\r\nhost: x\r\n\r\n"));
    // A client that goes away half-way has stored nothing: the name is free afterwards.
    let mut gone = TcpStream::connect(&address).expect("connected");
    gone.write_all(&put.as_bytes()[..put.len() - 4]).expect("sent");
    drop(gone);
    assert_eq!(get("db/today").0, "404");
    assert_eq!(ask(&address, put), ("201".into(), "9 bytes\n".into()));
    assert_eq!(ask(&address, put).0, "409");
    assert_eq!(get("db/today"), ("200".into(), "some rows".into()));

    let stopped = Command::new("kill").args(["-INT", &server.id().to_string()]).status().expect("run");
    assert!(stopped.success());
    assert!(server.wait().expect("ended").success());
}

/// Needs an S3 service: `AWS_ENDPOINT_URL_S3`, as the workspace's tests have it.
#[test]
fn upload() {
    let Ok(endpoint) = env::var("AWS_ENDPOINT_URL_S3") else {
        eprintln!("NOT TESTED: upload, for there is no AWS_ENDPOINT_URL_S3");
        return;
    };
    let host = endpoint.strip_prefix("http://").expect("an emulator").trim_end_matches('/');
    let bucket = format!("sealift-examples-{}", std::process::id());
    let made = ask(host, &format!("PUT /{bucket} HTTP/1.0\r\nhost: {host}\r\ncontent-length: 0\r\n\r\n"));
    assert_eq!(made.0, "200", "{made:?}");

    let mut upload = Command::new(env!("CARGO_BIN_EXE_upload"));
    upload.args([&bucket, "db/today"]).env_remove("AWS_CA_BUNDLE");
    let mut upload = upload.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("run");
    upload.stdin.take().expect("piped").write_all(b"some rows").expect("written");
    let printed = printed(&upload.wait_with_output().expect("ended"));
    let expected = format!(
        "sealed s3://{bucket}/db/today: 9 bytes in, confirmed by the service's checksum\nread 9 bytes, verified by"
    );
    assert!(printed.starts_with(&expected), "{printed}");
}
