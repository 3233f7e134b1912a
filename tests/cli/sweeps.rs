//! What a SIGKILL leaves, and `sweep`, which finds and removes it and touches nothing that is alive.

use crate::{incompressible, on};
use sealift_tests::cli::{end, run};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::{Fault, FaultProxy, Head, Match};
use std::process::Stdio;
use tokio::io::AsyncWriteExt;

async fn the_leftovers_of_a_kill_are_listed_then_gone<C: Cloud>() {
    let remote = C::new("cli").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    // The first part arrives, the second is held.
    let held = proxy.on(C::on(Step::Part(2)), Fault::Stall);
    let arrived = proxy.on(C::on(Step::Part(1)), Fault::ApplyThenStall);
    let put = ["put", "file", "--part-size", "8MiB"];
    let mut child = on(&remote, &proxy.endpoint(), &put).stdin(Stdio::piped()).spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(&incompressible(20 << 20)).await.expect("taken");
    arrived.wait_fired(1).await;
    held.wait_fired(1).await;
    child.kill().await.expect("killed");
    drop(stdin);
    proxy.shutdown().await;

    let (_, id) = remote.unfinished().await.pop().expect("it was left");
    let young = run(on(&remote, remote.endpoint(), &["sweep"])).await.expect_code(0);
    assert_eq!(young.text(), "", "younger than a day");
    let sweep = ["sweep", "--older-than", "0s", "--json"];
    let listed = run(on(&remote, remote.endpoint(), &sweep)).await.expect_code(0).json();
    assert_eq!((&listed["id"], &listed["key"]), (&id.clone().into(), &"p/file".into()));
    assert_eq!(listed["bytes"], 8 << 20);
    assert_eq!(remote.unfinished().await.len(), 1, "only listed");
    run(on(&remote, remote.endpoint(), &["sweep", "--older-than", "0s", "--yes"])).await.expect_code(0);
    remote.assert_untouched().await;
}

async fn what_a_second_signal_leaves_is_swept<C: Cloud>() {
    let remote = crate::signals::left_at_once::<C>().await;
    run(on(&remote, remote.endpoint(), &["sweep", "--older-than", "0s", "--yes"])).await.expect_code(0);
    remote.assert_untouched().await;
}

async fn an_upload_that_is_alive_is_not_touched<C: Cloud>() {
    let remote = C::new("cli").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let held = proxy.on(C::on(Step::Part(2)), Fault::Stall);
    let mut child = on(&remote, &proxy.endpoint(), &["put", "file"]).stdin(Stdio::piped()).spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(&incompressible(20 << 20)).await.expect("taken");
    held.wait_fired(1).await;
    let swept = run(on(&remote, remote.endpoint(), &["sweep", "--older-than", "1h", "--yes"])).await.expect_code(0);
    assert_eq!(swept.text(), "");
    held.release();
    drop(stdin);
    end(child).await.expect_code(0);
    assert_eq!(remote.objects().await, ["p/file"]);
    proxy.shutdown().await;
}

async fn uploads_of_others_are_told_and_kept<C: Cloud>() {
    let remote = C::new("cli").await;
    remote.leave_unfinished("p/theirs").await;
    remote.leave_unfinished("elsewhere").await;
    let sweep = ["sweep", "--older-than", "0s", "--yes"];
    let swept = run(on(&remote, remote.endpoint(), &sweep)).await.expect_code(0).text();
    assert!(swept.contains("not marked as Sealift's, kept: p/theirs") && !swept.contains("elsewhere"), "{swept}");
    assert_eq!(remote.unfinished().await.len(), 2);
    let sweep = ["sweep", "--older-than", "0s", "--yes", "--foreign"];
    run(on(&remote, remote.endpoint(), &sweep)).await.expect_code(0);
    assert_eq!(remote.unfinished().await.len(), 1, "only below the prefix");
}

async fn a_sweep_is_of_whole_names_and_says_what_it_keeps<C: Cloud>() {
    let remote = C::new("cli").await;
    remote.leave_unfinished("p/db/x").await;
    remote.leave_unfinished("p/db2/y").await;
    for name in ["db".to_owned(), format!("{}/p/db", remote.url())] {
        let swept = run(on(&remote, remote.endpoint(), &["sweep", "--older-than", "0s", &name])).await.expect_code(0);
        assert!(swept.text().contains("p/db/x") && !swept.text().contains("db2"), "{}", swept.text());
        assert!(swept.stderr.contains("--foreign"), "{}", swept.stderr);
    }
    run(on(&remote, remote.endpoint(), &["sweep", "--older-than", "0s", "--foreign", "--yes", "db"]))
        .await
        .expect_code(0);
    let left: Vec<String> = remote.unfinished().await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(left, ["p/db2/y"]);
}

/// One that may not be looked at, and one that may not be removed.
async fn one_leftover_does_not_stop_the_sweep_of_the_others<C: Cloud>() {
    let remote = C::new("cli").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    for step in [Step::ListParts, Step::Abort] {
        for name in ["a", "b", "c"] {
            remote.leave_unfinished(&format!("p/{name}")).await;
        }
        let of_a = move |request: &Head<'_>| {
            C::is(step, request) && ["p/a", "p%2Fa"].iter().any(|a| request.path().ends_with(a))
        };
        let fault = proxy.on(Match::new(of_a), C::problem(Problem::Denied));
        let sweep = ["sweep", "--older-than", "0s", "--foreign", "--yes"];
        let swept = run(on(&remote, &proxy.endpoint(), &sweep)).await;
        assert!(fault.fired() > 0, "{step:?}");
        assert!(swept.code == Some(4) || swept.code == Some(10), "{step:?}: {:?} {}", swept.code, swept.stderr);
        assert!(swept.stderr.contains("not swept") && swept.stderr.contains("p/a"), "{}", swept.stderr);
        assert!(swept.stderr.contains("2 removed"), "{step:?}: {}", swept.stderr);
        let left: Vec<String> = remote.unfinished().await.into_iter().map(|(key, _)| key).collect();
        assert_eq!(left, ["p/a"], "{step:?}");
        proxy.clear();
        run(on(&remote, &proxy.endpoint(), &sweep)).await.expect_code(0);
        assert_eq!(remote.unfinished().await, []);
    }
}

on_clouds_that_list_uploads!(
    a_sweep_is_of_whole_names_and_says_what_it_keeps,
    one_leftover_does_not_stop_the_sweep_of_the_others,
    the_leftovers_of_a_kill_are_listed_then_gone,
    what_a_second_signal_leaves_is_swept,
    an_upload_that_is_alive_is_not_touched,
    uploads_of_others_are_told_and_kept,
);
