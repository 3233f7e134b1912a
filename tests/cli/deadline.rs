//! `--deadline`: the time that a whole command has.

use crate::{bucket, on};
use sealift_tests::cli::{command, end, run, run_with_input};
use sealift_tests::cloud::{Cloud, Step};
use sealift_tests::proxy::{Fault, FaultProxy};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Each command, with the service standing still in this step.
async fn every_command_ends_at_its_deadline<C: Cloud>() {
    let remote = C::new("cli").await;
    run_with_input(on(&remote, remote.endpoint(), &["put", "file"]), b"data").await.expect_code(0);
    for (arguments, step, says) in [
        (&["put", "new"][..], Step::Put, "perhaps the object"),
        (&["run", "new", "--", "echo", "data"], Step::Put, "perhaps the object"),
        (&["get", "file"], Step::Read, "stopped by the deadline of 8 s"),
        (&["ls"], Step::List, "stopped by the deadline of 8 s"),
        (&["stat", "file"], Step::Look, "stopped by the deadline of 8 s"),
        (&["rm", "file"], Step::Delete, "whether"),
        (&["mv", "file", "moved"], Step::Copy, "stopped by the deadline of 8 s"),
        (&["sweep"], Step::ListUploads, "stopped by the deadline of 8 s"),
    ] {
        if step == Step::ListUploads && !C::lists_uploads() {
            continue;
        }
        let proxy = FaultProxy::start(remote.endpoint()).await;
        let held = proxy.on(C::on(step), Fault::Stall);
        let arguments = [arguments, &["--deadline=8s"]].concat();
        // What comes after `--` is the producer's.
        let arguments = match arguments.iter().position(|&argument| argument == "--") {
            Some(at) => [&["--deadline=8s"], &arguments[..at], &arguments[at..arguments.len() - 1]].concat(),
            None => arguments,
        };
        let begun = Instant::now();
        let ended = run_with_input(on(&remote, &proxy.endpoint(), &arguments), b"data").await;
        assert!(held.fired() > 0, "{arguments:?}");
        assert!(matches!(ended.code, Some(124 | 10)), "{arguments:?}: {:?} {}", ended.code, ended.stderr);
        assert!(ended.stderr.contains("the deadline of 8 s: stopping"), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{arguments:?}: {}", ended.stderr);
        // An abort has 30 s.
        assert!(begun.elapsed() < Duration::from_secs(45), "{arguments:?}: {:?}", begun.elapsed());
        proxy.shutdown().await;
    }
    assert!(remote.get("p/file").await.is_some());
}

on_every_cloud!(every_command_ends_at_its_deadline);

#[tokio::test]
async fn a_silent_input_is_waited_for_until_the_deadline_only() {
    let remote = bucket().await;
    let begun = Instant::now();
    let silent = on(&remote, remote.endpoint(), &["put", "file", "--deadline=500ms"]);
    let ended = {
        let mut silent = silent;
        let mut child = silent.stdin(Stdio::piped()).spawn().expect("starts");
        let _open = child.stdin.take();
        end(child).await.expect_code(124)
    };
    assert!((Duration::from_millis(500)..Duration::from_secs(20)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert!(ended.stderr.contains("stopped by the deadline of 0.5 s; nothing was stored"), "{}", ended.stderr);
    remote.assert_untouched().await;
}

#[tokio::test]
async fn what_ends_before_its_deadline_is_as_without() {
    let remote = bucket().await;
    let put = on(&remote, remote.endpoint(), &["put", "file", "--deadline=1h"]);
    let ended = run_with_input(put, b"data").await.expect_code(0);
    assert!(!ended.stderr.contains("deadline"), "{}", ended.stderr);
    let said = run(command(["ls", "--deadline=-1s"])).await.expect_code(2).stderr;
    assert!(said.contains("--deadline is a time from now on"), "{said}");
}
