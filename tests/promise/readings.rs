//! What is read is what is there, or an error; and what was checked of it is said exactly.

use crate::scene::{Scene, incompressible, key, open_bucket_of};
use futures::TryStreamExt;
use sealift::{Codec, Error, ErrorKind, IfExists};
use sealift_tests::cloud::{Cloud, Field, Problem, Spoiled, Step};
use sealift_tests::proxy::{Fault, Reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LEN: usize = 3000;

/// An object that is stored as it is, and a bucket to read it by.
async fn plain<C: Cloud>() -> (Scene<C>, sealift::Bucket) {
    let scene = Scene::<C>::new().await;
    let bucket = open_bucket_of::<C>(scene.remote.name(), &scene.proxy.endpoint(), Codec::Plain).await;
    let mut sink = bucket.create(&key(), IfExists::Replace).expect("open");
    sink.write_all(&incompressible(LEN)).await.expect("written");
    sink.seal().await.expect("sealed");
    (scene, bucket)
}

async fn read(bucket: &sealift::Bucket) -> Result<(Vec<u8>, Option<sealift::Verified>), Error> {
    let mut data = Vec::new();
    let mut reader = bucket.open(&key()).await?;
    reader.read_to_end(&mut data).await.map_err(|error| Error::from_io(&error).expect("ours").clone())?;
    let verified = reader.verified().copied();
    Ok((data, verified))
}

pub(crate) async fn a_bit_that_flips_in_what_is_stored_as_it_is_is_found<C: Cloud>() {
    let (scene, bucket) = plain::<C>().await;
    let (_, verified) = read(&bucket).await.expect("whole");
    assert!(verified.is_some_and(|verified| verified.service_checksum || verified.kept_checksum), "{verified:?}");
    let fault = scene.proxy.on(C::on(Step::Read), Fault::Corrupt { at: 1000 });
    let error = read(&bucket).await.expect_err("damaged");
    assert!(fault.fired() >= 1);
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    drop(bucket);
    scene.end().await;
}

/// Another program stored it, and the service's checksum is not told: then nobody says "verified".
pub(crate) async fn only_what_was_checked_is_called_so<C: Cloud>() {
    let (scene, bucket) = plain::<C>().await;
    scene.remote.put(key().as_ref(), incompressible(LEN).into()).await;
    if let Some(without) = C::spoiled(Step::Look, Field::Checksum, Spoiled::Missing) {
        scene.proxy.on(C::on(Step::Look), Fault::Rewrite(without));
    }
    let (data, verified) = read(&bucket).await.expect("whole");
    assert!(data == incompressible(LEN));
    let verified = verified.expect("it was read to its end");
    assert!(!verified.by_checksum() && !verified.to_string().contains("verified"), "{verified}");
    drop(bucket);
    scene.end().await;
}

pub(crate) async fn a_look_that_does_not_say_what_it_must_is_an_error<C: Cloud>() {
    let success = C::success(Step::Look);
    let spoiled = |field| Fault::Rewrite(C::spoiled(Step::Look, field, Spoiled::Missing).expect("a look has one"));
    let odd = [
        spoiled(Field::Length),
        spoiled(Field::Etag),
        Fault::Reply(Reply::html(success)),
        Fault::Reply(Reply::empty(success)),
    ];
    for odd in odd {
        let (scene, bucket) = plain::<C>().await;
        let fault = scene.proxy.on(C::on(Step::Look), odd.clone());
        for error in [bucket.stat(&key()).await.expect_err("no look"), read(&bucket).await.expect_err("no look")] {
            let unread = [ErrorKind::Service, ErrorKind::Unreachable];
            assert!(unread.contains(&error.kind()), "{odd:?}: {:?} {error}", error.kind());
        }
        assert!(fault.fired() >= 2);
        drop(bucket);
        scene.end().await;
    }
}

pub(crate) async fn a_page_that_is_no_listing_is_an_error<C: Cloud>() {
    for reply in [Reply::html(200), Reply::empty(200), C::refusal(Problem::Inside)] {
        let (scene, bucket) = plain::<C>().await;
        let fault = scene.proxy.on(C::on(Step::List), Fault::Reply(reply.clone()));
        let listed: Result<Vec<_>, _> = bucket.list("").try_collect().await;
        let error = listed.expect_err("no listing");
        assert!(fault.fired() >= 1);
        assert_ne!(error.kind(), ErrorKind::NotFound, "{reply:?}: {error}");
        drop(bucket);
        scene.end().await;
    }
}

/// A body that does not end is not read to its end.
pub(crate) async fn an_error_with_a_large_body_costs_no_memory<C: Cloud>() {
    let (scene, bucket) = plain::<C>().await;
    let Fault::Reply(mut reply) = C::problem(Problem::Denied) else { panic!("it is a reply") };
    reply.body.push_str(&" ".repeat(64 << 20));
    let fault = scene.proxy.on(C::on(Step::List), Fault::Reply(reply));
    let listed: Result<Vec<_>, _> = bucket.list("").try_collect().await;
    let error = listed.expect_err("denied");
    assert!(fault.fired() >= 1);
    assert!(error.to_string().len() < 10_000, "{}", error.to_string().len());
    drop(bucket);
    scene.end().await;
}
