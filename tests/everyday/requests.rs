//! How many requests many small objects take, and how many of those are on their way at once.

use crate::on;
use bytes::Bytes;
use futures::TryStreamExt;
use sealift::{Bucket, Budget, Codec, Compressor, ErrorKind, IfExists, Key, ObjectInfo, ObjectStore};
use sealift_tests::cli::{self, end, run, run_with_input};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::patience::HANGS;
use sealift_tests::proxy::{Fault, FaultHandle, FaultProxy, Match, Reply, Rewrite};
use std::fs;
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

const MANY: usize = 40;

fn counted<C: Cloud>(proxy: &FaultProxy, step: Step) -> FaultHandle {
    proxy.on(C::on(step), Fault::Rewrite(Rewrite::new("nothing", |_, body| body)))
}

/// The command through a proxy.
fn through<C: Cloud>(remote: &C, proxy: &FaultProxy, arguments: &[&str]) -> Command {
    let mut command = on(remote, arguments);
    command.envs(C::variables(&proxy.endpoint()));
    command
}

async fn many<C: Cloud>() -> C {
    let remote = C::new("everyday").await;
    let folder = tempfile::tempdir().expect("a folder");
    for n in 0..MANY {
        fs::write(folder.path().join(format!("{n:02}")), format!("file {n}")).expect("written");
    }
    let from = folder.path().to_str().expect("UTF-8");
    run(on(&remote, &["put", "many", "--folder", from])).await.expect_code(0);
    remote
}

fn key(name: &str) -> Key {
    name.parse().expect("a key")
}

async fn bucket<C: Cloud>(remote: &C, endpoint: &str) -> Bucket {
    let compressor = Compressor::new(Codec::Plain, NonZeroUsize::new(2)).expect("threads");
    let budget = Budget::new(Budget::MIN).expect("valid");
    Bucket::new(C::connect(remote.name(), endpoint).await, Arc::new(compressor), budget)
}

/// What is listed, and what the bytes are that come for it.
async fn listed(bucket: &Bucket, name: &str) -> ObjectInfo {
    let found: Vec<ObjectInfo> = bucket.list(name).try_collect().await.expect("listed");
    found.into_iter().next().expect("it is there")
}

async fn read_listed(bucket: &Bucket, info: &ObjectInfo) -> sealift::Result<(ObjectInfo, Vec<u8>, bool)> {
    let mut reader = bucket.open_listed(&key(&info.key), info).await?;
    let mut data = Vec::new();
    let read = reader.read_to_end(&mut data).await;
    read.map_err(|error| sealift::Error::from_io(&error).expect("ours").clone())?;
    let verified = reader.verified().is_some_and(|verified| verified.by_checksum());
    Ok((reader.info().clone(), data, verified))
}

/// Google's answers to reads tell less of an object than a look, so there it is two.
async fn a_folder_of_small_objects_takes_a_request_each<C: Cloud>() {
    let (remote, to) = (many::<C>().await, tempfile::tempdir().expect("a folder"));
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let (looks, reads) = (counted::<C>(&proxy, Step::Look), counted::<C>(&proxy, Step::Read));
    let get = ["get", "many", "--folder", to.path().to_str().expect("UTF-8"), "--json"];
    let told = run(through(&remote, &proxy, &get)).await.expect_code(0).json();
    assert_eq!((told["files"].as_u64(), told["without_checksum"].as_u64()), (Some(MANY as u64), Some(0)));
    let looks_of_each = usize::from(remote.url().starts_with("gs://"));
    assert_eq!((looks.fired(), reads.fired()), (MANY * looks_of_each, MANY));
    for n in 0..MANY {
        assert_eq!(fs::read_to_string(to.path().join(format!("{n:02}"))).expect("there"), format!("file {n}"));
    }
    proxy.shutdown().await;
}

async fn what_comes_with_the_bytes_is_what_a_look_tells<C: Cloud>() {
    let remote = C::new("everyday").await;
    let bucket = bucket(&remote, remote.endpoint()).await;
    bucket.put(&key("a"), Bytes::from_static(b"content"), IfExists::Replace).await.expect("stored");
    let store = C::connect(remote.name(), remote.endpoint()).await;
    let look = store.head(&key("a")).await.expect("there");
    match store.get_whole(&key("a"), 7).await.expect("there") {
        Some((told, bytes)) => {
            assert_eq!(format!("{told:?}"), format!("{look:?}"));
            assert_eq!(&bytes[..], b"content");
            let other = store.get_whole(&key("a"), 6).await.expect_err("it is not 6 bytes");
            assert_eq!(other.kind(), ErrorKind::Changed, "{other}");
            let none = store.get_whole(&key("b"), 6).await.expect_err("it is not there");
            assert_eq!(none.kind(), ErrorKind::NotFound, "{none}");
        }
        None => assert!(remote.url().starts_with("gs://")),
    }
    let (told, bytes, verified) = read_listed(&bucket, &listed(&bucket, "a").await).await.expect("read");
    assert_eq!((format!("{told:?}"), &bytes[..], verified), (format!("{look:?}"), &b"content"[..], true));
}

/// What a listing said may be long ago.
async fn what_is_read_is_what_is_there_now<C: Cloud>() {
    let remote = C::new("everyday").await;
    let bucket = bucket(&remote, remote.endpoint()).await;
    let put = async |content: &'static [u8]| {
        bucket.put(&key("a"), Bytes::from_static(content), IfExists::Replace).await.expect("stored");
    };
    put(b"before").await;
    let info = listed(&bucket, "a").await;
    for now in [&b"behind"[..], b"a little longer", b"less", b""] {
        put(now).await;
        let (told, data, _) = read_listed(&bucket, &info).await.expect("read");
        assert_eq!((told.size, &data[..]), (now.len() as u64, now));
    }
    bucket.remove(&key("a")).await.expect("removed");
    assert_eq!(read_listed(&bucket, &info).await.expect_err("gone").kind(), ErrorKind::NotFound);
}

async fn what_goes_wrong_with_the_short_way_is_tried_again<C: Cloud>() {
    let remote = C::new("everyday").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let bucket = bucket(&remote, &proxy.endpoint()).await;
    bucket.put(&key("a"), Bytes::from_static(b"content"), IfExists::Replace).await.expect("stored");
    let info = listed(&bucket, "a").await;
    let faults = [
        Fault::Corrupt { at: 3 },
        Fault::CutReply { after_bytes: 3 },
        C::problem(Problem::TooMany),
        C::problem(Problem::Failed),
    ];
    for fault in faults {
        let said = format!("{fault:?}");
        let struck = proxy.on(C::on(Step::Read).times(1), fault);
        let (_, data, verified) = read_listed(&bucket, &info).await.expect("read");
        assert_eq!((&data[..], verified, struck.fired()), (&b"content"[..], true, 1), "{said}");
    }
    let refused = proxy.on(C::on(Step::Read), C::problem(Problem::Denied));
    assert_eq!(read_listed(&bucket, &info).await.expect_err("refused").kind(), ErrorKind::Denied);
    assert!(refused.fired() > 0);
    proxy.shutdown().await;
}

/// What has ended before it is known where it goes to. A longer one is asked for first.
async fn a_short_input_is_stored_without_a_question<C: Cloud>() {
    let remote = C::new("everyday").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let nothing = || Fault::Rewrite(Rewrite::new("nothing", |_, body| body));
    let (looks, all) = (counted::<C>(&proxy, Step::Look), proxy.on(Match::any(), nothing()));
    let input = tempfile::NamedTempFile::new().expect("a file");
    let put = async |name: &str, content: &[u8]| {
        fs::write(&input, content).expect("written");
        let mut put = through(&remote, &proxy, &["put", name]);
        put.stdin(input.reopen().expect("open"));
        run(put).await.expect_code(0);
    };
    put("a", b"x").await;
    // Azure's answer does not tell enough, so there is a look behind it.
    let behind = usize::from(remote.url().starts_with("az://"));
    assert_eq!((looks.fired(), all.fired()), (behind, 1));
    put("b", &[7; 300 << 10]).await;
    assert_eq!(looks.fired(), 2 * behind + 1);
    for (name, content) in [("a", &b"x"[..]), ("b", &[7; 300 << 10])] {
        let get = run(on(&remote, &["get", name])).await.expect_code(0);
        assert!(get.stdout == content, "{name}");
    }
    let said = run_with_input(through(&remote, &proxy, &["put", "a", "--if-absent"]), b"y").await.expect_code(5).stderr;
    assert!(said.contains("/p/a"), "{said}");
    let nowhere = format!("{}-nowhere/a", remote.url());
    let mut put = cli::command(["put", &nowhere]);
    put.envs(C::variables(remote.endpoint()));
    let said = run_with_input(put, b"x").await.expect_code(3).stderr;
    assert!(said.contains("nothing was stored"), "{said}");
    proxy.shutdown().await;
}

async fn many_are_removed_at_a_time<C: Cloud>() {
    let remote = many::<C>().await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let (looks, removals) = (C::on(Step::Look), C::on(Step::Delete));
    let (looks, removals) = (proxy.on(looks, Fault::Stall), proxy.on(removals, Fault::Stall));
    let names: Vec<String> = (0..MANY).map(|n| format!("many/{n:02}")).collect();
    let arguments: Vec<&str> = ["rm"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let child = through(&remote, &proxy, &arguments).spawn().expect("starts");
    looks.wait_fired(MANY).await;
    looks.release();
    removals.wait_fired(MANY).await;
    removals.release();
    end(child).await.expect_code(0);
    remote.assert_untouched().await;
    proxy.shutdown().await;
}

/// The others are, and each that is not is named.
async fn what_cannot_be_removed_stops_no_other<C: Cloud>() {
    let remote = many::<C>().await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let refused = proxy.on(C::on(Step::Delete).times(2), C::problem(Problem::Denied));
    let names: Vec<String> = (0..MANY).map(|n| format!("many/{n:02}")).collect();
    let arguments: Vec<&str> = ["rm"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let said = run(through(&remote, &proxy, &arguments)).await.expect_code(4).stderr;
    assert_eq!(refused.fired(), 2);
    let left = remote.objects().await;
    assert_eq!(left.len(), 2);
    for key in &left {
        assert!(said.contains(&format!("sealift: not removed: remove {}/{key}", remote.url())), "{key}: {said}");
        let removed = said.lines().last().and_then(|line| line.split("removed: ").last()).unwrap_or_default();
        assert!(!removed.contains(key), "{key}: {said}");
    }
    assert!(said.contains("2 objects were not removed; the first"), "{said}");
    proxy.shutdown().await;
}

/// Questions and aborts.
async fn many_are_swept_at_a_time<C: Cloud>() {
    let remote = C::new("everyday").await;
    for n in 0..8 {
        remote.leave_unfinished(&format!("p/{n}")).await;
    }
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let questions = proxy.on(C::on(Step::ListParts).times(8), Fault::Stall);
    let aborts = proxy.on(C::on(Step::Abort).times(8), Fault::Stall);
    let sweep = ["sweep", "--older-than", "0s", "--yes", "--foreign"];
    let child = through(&remote, &proxy, &sweep).spawn().expect("starts");
    questions.wait_fired(8).await;
    questions.release();
    aborts.wait_fired(8).await;
    aborts.release();
    let swept = end(child).await.expect_code(0).text();
    assert_eq!(swept.lines().filter(|line| line.starts_with("removed: p/")).count(), 8, "{swept}");
    remote.assert_untouched().await;
    proxy.shutdown().await;
}

/// The first page of the listing says that another follows, which is late.
async fn what_is_found_is_told_before_the_listing_ends<C: Cloud>(follows: Rewrite, nothing: Reply) {
    let remote = C::new("everyday").await;
    remote.leave_unfinished("p/0").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let first = proxy.on(C::on(Step::ListUploads).times(1), Fault::Rewrite(follows));
    let second = proxy.on(C::on(Step::ListUploads), Fault::ReplyLater(nothing));
    let sweep = ["sweep", "--older-than", "0s", "--yes", "--foreign"];
    let mut child = through(&remote, &proxy, &sweep).spawn().expect("starts");
    let mut told = BufReader::new(child.stdout.take().expect("piped")).lines();
    let line = timeout(HANGS, told.next_line()).await.expect("told").expect("read").unwrap_or_default();
    assert!(line.starts_with("removed: p/0"), "{line}");
    remote.assert_untouched().await;
    second.wait_fired(1).await;
    second.release();
    end(child).await.expect_code(0);
    assert_eq!(first.fired(), 1);
    proxy.shutdown().await;
}

on_every_cloud!(
    a_folder_of_small_objects_takes_a_request_each,
    what_comes_with_the_bytes_is_what_a_look_tells,
    what_is_read_is_what_is_there_now,
    what_goes_wrong_with_the_short_way_is_tried_again,
    a_short_input_is_stored_without_a_question,
    many_are_removed_at_a_time,
    what_cannot_be_removed_stops_no_other,
);

// Google lists nothing unfinished.
mod on_two {
    use super::*;
    use sealift_tests::{azure, s3};

    #[tokio::test(flavor = "multi_thread")]
    async fn many_are_swept_at_a_time_on_s3() {
        super::many_are_swept_at_a_time::<s3::TestBucket>().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_are_swept_at_a_time_on_azure() {
        super::many_are_swept_at_a_time::<azure::TestContainer>().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_found_is_told_before_the_listing_ends_on_s3() {
        let follows = Rewrite::text("more follows", |page| {
            let more = "<IsTruncated>true</IsTruncated><NextKeyMarker>p/0</NextKeyMarker>";
            page.replace("<IsTruncated>false</IsTruncated>", more)
        });
        let nothing = Reply::xml(200, "<ListMultipartUploadsResult><Bucket>b</Bucket></ListMultipartUploadsResult>");
        super::what_is_found_is_told_before_the_listing_ends::<s3::TestBucket>(follows, nothing).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_found_is_told_before_the_listing_ends_on_azure() {
        let follows = Rewrite::text("more follows", |page| page.replace("<NextMarker/>", "<NextMarker>M</NextMarker>"));
        let nothing = Reply::xml(200, "<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>");
        super::what_is_found_is_told_before_the_listing_ends::<azure::TestContainer>(follows, nothing).await;
    }
}
