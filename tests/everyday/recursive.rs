//! `rm --recursive`.

use crate::{in_folder, interrupt, on};
use sealift_tests::cli::{Ended, end, run};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::patience::HANGS;
use sealift_tests::proxy::{Fault, FaultProxy, Match, Reply, Rewrite};
use sealift_tests::s3::TestBucket;
use std::fs;
use tokio::time::timeout;

const MANY: usize = 20;

/// Objects below `many`, one of that name, and two that are only called alike.
async fn many<C: Cloud>() -> C {
    let remote = C::new("everyday").await;
    let folder = tempfile::tempdir().expect("a folder");
    for name in (0..MANY).map(|n| format!("many/{n:02}")).chain(["many2/x".into(), "man".into()]) {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, "content").expect("written");
    }
    let from = folder.path().to_str().expect("UTF-8");
    run(on(&remote, &["put", "--folder", from])).await.expect_code(0);
    remote
}

async fn through<C: Cloud>(remote: &C, proxy: &FaultProxy, arguments: &[&str]) -> Ended {
    let mut command = on(remote, arguments);
    command.envs(C::variables(&proxy.endpoint()));
    run(command).await
}

async fn all_below_a_name_goes_and_nothing_else<C: Cloud>() {
    let remote = many::<C>().await;
    let would = run(on(&remote, &["rm", "-r", "many", "--dry-run"])).await.expect_code(0).text();
    assert_eq!(would.lines().filter(|line| line.starts_with("would be removed: many/")).count(), MANY, "{would}");
    assert_eq!((would.lines().count(), remote.objects().await.len()), (MANY, MANY + 2));
    let told = run(on(&remote, &["rm", "-r", "many"])).await.expect_code(0).text();
    assert_eq!(told, format!("removed {MANY} objects: {}/p/many and what was below it\n", remote.url()));
    assert_eq!(remote.objects().await, ["p/man", "p/many2/x"]);
    let again = run(on(&remote, &["rm", "-r", "many"])).await.expect_code(3).stderr;
    assert!(again.contains("there is no object of this name, or below it"), "{again}");
    let whole = format!("{}/p", remote.url());
    let told = run(on(&remote, &["rm", "-r", &whole, "--json"])).await.expect_code(0).json();
    assert_eq!(told["objects"], 2);
    remote.assert_untouched().await;
}

async fn who_may_not_remove_is_told_so_and_removes_nothing<C: Cloud>() {
    let remote = many::<C>().await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let refused = proxy.on(C::on(Step::Delete), C::problem(Problem::Denied));
    let said = through(&remote, &proxy, &["rm", "-r", "many", "--concurrent-removals=1"]).await.expect_code(4).stderr;
    assert!(refused.fired() > 0 && said.contains("0 removed, and the rest stays"), "{said}");
    // S3's one refusal is about all; of the others ten in a row are enough.
    let told = said.lines().filter(|line| line.starts_with("sealift: not removed: ")).count();
    assert_eq!(told, if remote.url().starts_with("s3://") { 1 } else { 10 }, "{said}");
    assert_eq!(remote.objects().await.len(), MANY + 2);
    proxy.shutdown().await;
}

async fn a_passing_fault_is_gone_on_after<C: Cloud>() {
    for problem in [Problem::TooMany, Problem::Failed] {
        let remote = many::<C>().await;
        let proxy = FaultProxy::start(remote.endpoint()).await;
        let failed = proxy.on(C::on(Step::Delete).times(1), C::problem(problem));
        through(&remote, &proxy, &["rm", "-r", "many"]).await.expect_code(0);
        assert_eq!((failed.fired(), remote.objects().await.len()), (1, 2), "{problem:?}");
        proxy.shutdown().await;
    }
}

async fn a_signal_is_told_with_what_is_not_known<C: Cloud>() {
    let remote = many::<C>().await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let silent = proxy.on(C::on(Step::Delete), Fault::Stall);
    let mut command = on(&remote, &["rm", "-r", "many"]);
    let child = command.envs(C::variables(&proxy.endpoint())).spawn().expect("starts");
    silent.wait_fired(1).await;
    interrupt(&child);
    let said = end(child).await.expect_code(130).stderr;
    assert!(said.contains("0 removed, of ") && said.contains(" more it is not known, and the rest stays"), "{said}");
    assert_eq!(remote.objects().await.len(), MANY + 2);
    proxy.shutdown().await;
}

async fn a_listing_that_is_silent_is_ended_by_a_signal<C: Cloud>() {
    let remote = many::<C>().await;
    let removal = ["rm", "-r", "many", "--give-up-after=1h"];
    for arguments in [&removal[..], &[&removal[..], &["--dry-run"]].concat()] {
        let proxy = FaultProxy::start(remote.endpoint()).await;
        let silent = proxy.on(C::on(Step::List), Fault::Stall);
        let mut command = on(&remote, arguments);
        let child = command.envs(C::variables(&proxy.endpoint())).spawn().expect("starts");
        silent.wait_fired(1).await;
        interrupt(&child);
        let said = timeout(HANGS, end(child)).await.expect("it ends").expect_code(130).stderr;
        assert!(!said.contains("not known"), "{said}");
        assert_eq!(remote.objects().await.len(), MANY + 2);
        proxy.shutdown().await;
    }
}

on_every_cloud!(
    all_below_a_name_goes_and_nothing_else,
    who_may_not_remove_is_told_so_and_removes_nothing,
    a_passing_fault_is_gone_on_after,
    a_signal_is_told_with_what_is_not_known,
    a_listing_that_is_silent_is_ended_by_a_signal,
);

#[tokio::test(flavor = "multi_thread")]
async fn s3_removes_many_by_one_request() {
    let remote = many::<TestBucket>().await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let counted = proxy.on(TestBucket::on(Step::Delete), Fault::Rewrite(Rewrite::new("nothing", |_, body| body)));
    through(&remote, &proxy, &["rm", "-r", "many"]).await.expect_code(0);
    assert_eq!((counted.fired(), remote.objects().await.len()), (1, 2));
    proxy.shutdown().await;
}

/// What the answer does not tell, and what failed for a reason that passes, is asked for by itself; what was refused is named.
#[tokio::test(flavor = "multi_thread")]
async fn each_of_an_answer_for_many_is_held_to_what_was_asked() {
    let remote = many::<TestBucket>().await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let of = |n: usize, code: &str| {
        format!("<Error><Key>p/many/{n:02}</Key><Code>{code}</Code><Message>so it is</Message></Error>")
    };
    let errors = [of(3, "AccessDenied"), of(4, "InternalError"), of(5, "NoSuchKey")].concat();
    let gone = (6..MANY).map(|n| format!("<Deleted><Key>p/many/{n:02}</Key></Deleted>")).collect::<String>();
    let answer = Reply::xml(200, &format!("<DeleteResult>{gone}{errors}</DeleteResult>"));
    let answered = proxy.on(TestBucket::on(Step::Delete).times(1), Fault::Reply(answer));
    let said = through(&remote, &proxy, &["rm", "-r", "many"]).await.expect_code(4).stderr;
    assert_eq!(answered.fired(), 1);
    assert!(said.contains("not removed: remove") && said.contains("p/many/03: AccessDenied: so it is"), "{said}");
    assert!(said.contains(&format!("{} removed, and the rest stays", MANY - 1)), "{said}");
    // 0, 1 and 2 were not told, 4 failed: they went by themselves. The others the proxy has only said to be gone.
    let left = remote.objects().await;
    assert_eq!(left.iter().filter(|key| key.starts_with("p/many/")).count(), MANY - 4, "{left:?}");
    assert!(["00", "01", "02", "04"].iter().all(|n| !left.contains(&format!("p/many/{n}"))), "{left:?}");
    proxy.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_request_is_for_many_each_is_removed_by_itself() {
    let remote = many::<TestBucket>().await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let none = Reply::xml(501, "<Error><Code>NotImplemented</Code><Message>no such request</Message></Error>");
    let unknown = proxy.on(TestBucket::on(Step::Delete).times(1), Fault::Reply(none));
    through(&remote, &proxy, &["rm", "-r", "many"]).await.expect_code(0);
    assert_eq!((unknown.fired(), remote.objects().await.len()), (1, 2));
    proxy.shutdown().await;
}

/// A document cannot hold the first; the others are what a URL would be folded to, and what XML escapes.
#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_odd_go_with_the_others() {
    let remote = many::<TestBucket>().await;
    for name in ["\u{1}", "tab\there", "./x", "a/../b", "a&b<c>", "a+b%20c", "dir/"] {
        remote.put(&format!("p/many/{name}"), "x".into()).await;
    }
    run(on(&remote, &["rm", "-r", "many"])).await.expect_code(0);
    assert_eq!(remote.objects().await, ["p/man", "p/many2/x"]);
}

/// The removal that is under way then is heard out, and counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_fails_in_its_middle_loses_no_removal() {
    const PAGE: usize = 1000;
    let (remote, folder) = (TestBucket::new("everyday").await, tempfile::tempdir().expect("a folder"));
    for n in 0..=PAGE {
        fs::write(folder.path().join(format!("{n:04}")), "x").expect("written");
    }
    let from = folder.path().to_str().expect("UTF-8");
    run(on(&remote, &["put", "many", "--folder", from])).await.expect_code(0);
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let removal = proxy.on(TestBucket::on(Step::Delete).times(1), Fault::ApplyThenStall);
    let second = Match::new(|request| request.parameter("continuation-token").is_some());
    let refused = proxy.on(second, TestBucket::problem(Problem::Denied));
    let mut command = on(&remote, &["rm", "-r", "many/"]);
    let child = command.envs(TestBucket::variables(&proxy.endpoint())).spawn().expect("starts");
    removal.wait_fired(1).await;
    refused.wait_fired(1).await;
    removal.release();
    let said = end(child).await.expect_code(4).stderr;
    assert_eq!(remote.objects().await, ["p/many/1000"]);
    assert!(said.contains("1000 removed, and the rest stays"), "{said}");
    proxy.shutdown().await;
}

#[tokio::test]
async fn what_is_said_wrongly_removes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("a")).expect("made");
    fs::write(folder.path().join("a/b"), "content").expect("written");
    for (arguments, why) in [
        (&["rm", "-r", ""][..], "the name is empty"),
        (&["rm", "-r", "a", "b"], "--recursive takes one NAME"),
        (&["rm", "a", "--dry-run"], "--recursive"),
    ] {
        let said = run(in_folder(folder.path(), arguments)).await.expect_code(2).stderr;
        assert!(said.contains(why), "{said}");
    }
    assert!(folder.path().join("a/b").exists());
    run(in_folder(folder.path(), &["rm", "-r", "a"])).await.expect_code(0);
    assert!(!folder.path().join("a").exists());
}
