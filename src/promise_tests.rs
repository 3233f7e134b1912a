//! What may exist after each answer to a commit, over a store that answers oddly: the settling, without a service.

use crate::odd_store::{Copy, Look, Odd, Put};
use crate::stream_tests::{MIB, data, key};
use crate::*;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn a_success_needs_no_permission_to_look() {
    let store = Odd::new(Put::WithoutChecksum, &[Look::Denied]);
    let sealed = store.write(IfExists::Replace).await.expect("sealed");
    assert_eq!(sealed.confirmed, Confirmed::Answer { unseen: "403".into() });
    assert_eq!(Odd::new(Put::Fine, &[]).write(IfExists::Fail).await.expect("sealed").confirmed, Confirmed::Checksum);
    let looked_at = Odd::new(Put::WithoutChecksum, &[]).write(IfExists::Fail).await.expect("sealed");
    assert_eq!(looked_at.confirmed, Confirmed::TokenAndSize);
}

/// How a commit ended, and whether the object is there: (put, looks, the object stands, it is named).
#[tokio::test]
async fn what_may_exist_is_said_and_nothing_else() {
    let denied = &[Look::Denied; 4][..];
    for (put, looks, stands, named) in [
        (Put::Refused, denied, false, false),
        (Put::Unclear, &[], false, false),
        (Put::Unclear, denied, false, true),
        (Put::Unanswered, &[], false, true),
        (Put::Unanswered, denied, false, true),
        (Put::LostReply, denied, true, true),
        (Put::LostThenRefused, denied, true, true),
        (Put::WrongChecksum, denied, true, true),
        (Put::Damaged, &[], false, false),
        (Put::NotDurable, &[], true, true),
    ] {
        for if_exists in [IfExists::Replace, IfExists::Fail] {
            let store = Odd::new(put, looks);
            let error = store.write(if_exists).await.expect_err("it failed");
            assert_eq!(store.inner.object("a").is_some(), stands, "{put:?}");
            assert_eq!(!error.left_behind().is_empty(), named, "{put:?}: {error}");
        }
    }
    for put in [Put::LostReply, Put::LostThenRefused, Put::WrongChecksum] {
        let store = Odd::new(put, &[]);
        store.write(IfExists::Fail).await.expect("it is there, as it was sent");
        assert_eq!(store.inner.object("a").expect("there"), "new");
    }
}

#[tokio::test]
async fn a_success_that_was_none_over_content_of_the_same_size_is_an_error_and_the_old_stays() {
    let store = Odd::new(Put::Lie, &[]);
    store.inner.insert("a", "old");
    let error = store.write(IfExists::Replace).await.expect_err("it was not stored");
    assert!(error.to_string().contains("other content is there"), "{error}");
    assert_eq!(store.inner.object("a").expect("kept"), "old");
}

/// Some services drop what they should keep with an object, and the token with it.
#[tokio::test(start_paused = true)]
async fn of_an_object_without_any_token_nothing_is_claimed_that_is_not_known() {
    let store = Odd::new(Put::WithEtag, &[Look::NoToken("E"); 2]);
    assert_eq!(store.write(IfExists::Replace).await.expect("its ETag tells").confirmed, Confirmed::EtagAndSize);
    for (put, look) in [
        (Put::WithoutChecksum, Look::NoToken("E")),
        (Put::LostReply, Look::NoToken("E")),
        (Put::Unclear, Look::NoToken("E")),
        (Put::WithEtag, Look::NoToken("of another")),
        (Put::WithEtag, Look::NoTokenOtherSize("E")),
        (Put::WithEtag, Look::NoTokenOtherSize("of another")),
        (Put::WithoutChecksum, Look::NoTokenOtherSize("E")),
        (Put::WrongChecksum, Look::NoToken("E")),
    ] {
        let store = Odd::new(put, &[look; 2]);
        store.inner.insert("a", "old");
        let error = store.write(IfExists::Replace).await.expect_err("nobody knows whose it is");
        let [left] = error.left_behind() else { panic!("{put:?}: {error}") };
        assert_eq!(left.certainty(), Certainty::Perhaps, "{put:?}: {error}");
        assert!(store.inner.object("a").is_some(), "{put:?}: it may be another's, and stays");
    }
    let store = Odd::new(Put::LostReply, &[Look::NoToken("E"); 2]);
    store.inner.insert("a", "of another size");
    let error = Odd { put: Put::Unclear, ..store }.write(IfExists::Replace).await.expect_err("not stored");
    assert!(error.left_behind().is_empty(), "{error}");
}

/// What the service has said to have stored, and nobody has heard of, is not nothing because it shows something else.
#[tokio::test]
async fn a_success_that_nobody_heard_of_and_that_cannot_be_told_is_perhaps() {
    let store = Odd::new(Put::Fine, &[Look::NoTokenOtherSize("E"); 2]);
    let bucket = store.bucket();
    let mut sink = bucket.create(&key("a"), IfExists::Fail).expect("open");
    sink.write_all(b"new").await.expect("written");
    let stored = async {
        while store.inner.object("a").is_none() {
            assert!(futures::poll!(Box::pin(sink.shutdown())).is_pending(), "it is not heard");
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), stored).await.expect("stored");
    drop(sink);
    let errors = bucket.close().await.expect_err("it is named");
    let [left] = errors[0].left_behind() else { panic!("{errors:?}") };
    assert_eq!(left.certainty(), Certainty::Perhaps, "{errors:?}");
}

#[tokio::test]
async fn one_odd_look_removes_nothing() {
    for put in [Put::WithoutChecksum, Put::LostReply] {
        let store = Odd::new(put, &[Look::OtherSize]);
        store.write(IfExists::Replace).await.expect("the second look shows it");
        assert!(store.inner.object("a").is_some());
    }
    let store = Odd::new(Put::WithoutChecksum, &[Look::OtherSize, Look::OtherSize]);
    assert_eq!(store.write(IfExists::Replace).await.expect_err("it differs").kind(), ErrorKind::Corrupt);
    assert!(store.inner.object("a").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_may_have_replaced_something_stands_and_is_named() {
    for (if_exists, stands) in [(IfExists::Replace, true), (IfExists::Fail, false)] {
        for abort in [true, false] {
            let store = Odd::new(Put::Held, &[]);
            let bucket = store.bucket();
            let mut sink = bucket.create(&key("a"), if_exists).expect("open");
            sink.write_all(b"new").await.expect("written");
            tokio::select! {
                _ = sink.shutdown() => panic!("the answer is held"),
                () = store.stored.notified() => {}
            }
            let left = match abort {
                true => sink.abort().await.err(),
                false => {
                    drop(sink);
                    bucket.close().await.err().map(|left| left[0].clone())
                }
            };
            assert_eq!(store.inner.object("a").is_some(), stands, "when it has ended");
            assert_eq!(left.is_some(), stands, "{left:?}");
            if let Some(left) = left {
                assert!(left.to_string().contains("the object memory:/a"), "{left}");
            }
        }
    }
}

#[tokio::test]
async fn an_abort_after_the_commit_returns_when_the_object_is_gone_or_names_it() {
    for (if_exists, stands) in [(IfExists::Replace, true), (IfExists::Fail, false)] {
        let store = Odd::new(Put::Fine, &[]);
        let bucket = store.bucket();
        let mut sink = bucket.create(&key("a"), if_exists).expect("open");
        sink.write_all(b"new").await.expect("written");
        // The end is announced, and nobody takes the delivery.
        tokio::select! {
            biased;
            () = store.stored.notified() => {}
            _ = sink.shutdown() => panic!("the store is told first"),
        }
        while !bucket.under_way()[0].to_string().starts_with("the object memory:/a") {
            tokio::task::yield_now().await;
        }
        let aborted = sink.abort().await;
        assert_eq!(store.inner.object("a").is_some(), stands, "{if_exists:?}");
        assert_eq!(aborted.is_err(), stands, "{if_exists:?}: {aborted:?}");
    }
}

#[test]
fn a_runtime_that_ends_in_the_middle_of_a_commit_leaves_a_name() {
    let runtime = || tokio::runtime::Runtime::new().expect("a runtime");
    let (first, second) = (runtime(), runtime());
    let store = Odd::new(Put::Held, &[]);
    let bucket = store.bucket();
    let mut sink = first.block_on(async {
        let mut sink = bucket.create(&key("a"), IfExists::Fail).expect("open");
        sink.write_all(b"new").await.expect("written");
        tokio::select! {
            _ = sink.shutdown() => panic!("the answer is held"),
            () = store.stored.notified() => {}
        }
        sink
    });
    assert!(bucket.under_way()[0].to_string().contains("perhaps the object memory:/a"), "{:?}", bucket.under_way());
    first.shutdown_timeout(Duration::from_secs(5));
    assert!(bucket.under_way()[0].to_string().contains("perhaps the object memory:/a"), "{:?}", bucket.under_way());
    let error = second.block_on(sink.shutdown()).expect_err("nobody uploads");
    assert!(error.to_string().contains("perhaps the object memory:/a"), "{error}");
    let left = second.block_on(bucket.close()).expect_err("it is left");
    assert!(left[0].to_string().contains("perhaps the object memory:/a"), "{left:?}");
}

#[tokio::test]
async fn a_move_ends_the_original_only_when_the_copy_is_proven() {
    let moved = |store: &Odd| {
        let bucket = store.bucket();
        async move { bucket.rename(&key("a"), &key("b")).await }
    };
    for copy in [Copy::Fine, Copy::LostReply] {
        let store = Odd { copy, ..Odd::new(Put::Fine, &[]) };
        store.inner.insert("a", "content");
        moved(&store).await.expect("moved");
        assert!(store.inner.object("a").is_none() && store.inner.object("b").is_some(), "{copy:?}");
    }
    for copy in [Copy::Lie, Copy::Unanswered] {
        for before in [None, Some("another")] {
            let store = Odd { copy, ..Odd::new(Put::Fine, &[]) };
            store.inner.insert("a", "content");
            if let Some(before) = before {
                store.inner.insert("b", before);
            }
            let error = moved(&store).await.expect_err("nothing was copied");
            assert!(store.inner.object("a").is_some(), "{copy:?}, {before:?}: {error}");
            assert!(error.to_string().contains("perhaps the object memory:/b"), "{error}");
            assert_eq!(store.inner.object("b").as_deref(), before.map(str::as_bytes), "{copy:?}");
        }
    }
}

#[tokio::test]
async fn a_listing_that_never_ends_is_an_error() {
    use futures::TryStreamExt;
    let listed: Result<Vec<_>> = Odd::new(Put::Fine, &[]).bucket().list("").try_collect().await;
    assert!(listed.expect_err("endless").to_string().contains("never end"));
}

#[tokio::test(start_paused = true)]
async fn a_reader_too_many_in_one_task_is_an_error_and_not_a_wait_for_itself() {
    let store = Odd::new(Put::Fine, &[]);
    store.inner.insert("a", data(5 * MIB));
    let bucket = store.bucket();
    let mut held = Vec::new();
    for _ in 0..bucket.readers_at_once() {
        held.push(bucket.open(&key("a")).await.expect("a place"));
    }
    let error = bucket.open(&key("a")).await.expect_err("no place");
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    held.pop();
    bucket.open(&key("a")).await.expect("a place is free again");
}

#[tokio::test]
async fn a_commit_whose_answer_does_not_come_is_settled_by_a_look() {
    let store = Odd::new(Put::Held, &[]);
    let write = tokio::spawn({
        let store = store.clone();
        async move { store.write(IfExists::Replace).await }
    });
    store.stored.notified().await;
    let begun = tokio::time::Instant::now();
    tokio::time::pause();
    let sealed = write.await.expect("ended").expect("it is there");
    assert_eq!(sealed.confirmed, Confirmed::TokenAndSize);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}
