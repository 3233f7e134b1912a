use super::*;
use crate::error::{Error, ErrorKind};
use crate::far_store::FarStore;
use crate::object::IfExists;
use crate::passing::Passing;
use crate::retry::{Retry, RetryPolicy};
use crate::stream_tests::{MIB, bucket, data, gzip, key, read};
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

fn waiting(source: u64, codec: u64, service: u64, target: u64) -> Waiting {
    Waiting { source, codec, service, target }
}

#[tokio::test]
async fn bytes_and_objects_are_counted_on_both_ways() {
    let store = FarStore::new();
    let bucket = bucket(&store, gzip(), 16 * MIB);
    let activity = bucket.activity();
    let data = data(5 * MIB);
    let mut sink = bucket.create(&key("a"), IfExists::Replace).expect("open");
    sink.write_all(&data[..MIB]).await.expect("written");
    sink.pour(std::io::Cursor::new(data[MIB..].to_vec())).await.expect("poured");
    assert_eq!(activity.snapshot().objects_sealed, 0);
    let sealed = sink.seal().await.expect("sealed");
    read(&bucket, "a").await.expect("readable");
    let done = activity.snapshot();
    assert_eq!((done.bytes_in, done.bytes_stored), (sealed.bytes_in, sealed.bytes_stored));
    assert_eq!(done.bytes_encoded, done.bytes_stored);
    assert_eq!((done.bytes_read, done.bytes_out), (sealed.bytes_stored, data.len() as u64));
    assert_eq!((done.objects_sealed, done.retries.total()), (1, 0));
    assert_eq!((done.parts_in_flight, done.reads_in_flight, done.waiting), (0, 0, Waiting::default()));
}

#[tokio::test]
async fn what_is_waited_for_is_told() {
    let store = FarStore::with_held_answers();
    let bucket = bucket(&store, crate::Codec::Plain, 16 * MIB);
    let activity = bucket.activity();
    let mut sink = bucket.create(&key("a"), IfExists::Replace).expect("open");
    assert_eq!(activity.snapshot().waiting, waiting(1, 0, 0, 0), "nothing is written");
    let data = data(MIB);
    // Until the memory is full of parts that are not answered. Other threads encode them.
    let full = async {
        loop {
            match poll_fn(|cx| Poll::Ready(Pin::new(&mut sink).poll_write(cx, &data))).await {
                Poll::Ready(written) => drop(written.expect("written")),
                Poll::Pending => match activity.snapshot() {
                    now if now.waiting.service > 0 && now.parts_in_flight > 0 => return now,
                    _ => tokio::time::sleep(Duration::from_millis(1)).await,
                },
            }
        }
    };
    let now = tokio::time::timeout(Duration::from_secs(60), full).await.expect("the service is waited for");
    assert_eq!(now.waiting, waiting(0, 0, 1, 0), "{now:?}");
    assert!(now.parts_in_flight > 0 && now.bytes_stored < now.bytes_in, "{now:?}");
    let aborted = sink.abort();
    store.answer();
    aborted.await.expect("nothing is left");
    let now = activity.snapshot();
    assert_eq!((now.waiting, now.parts_in_flight), (Waiting::default(), 0));
}

#[tokio::test]
async fn a_reader_that_nobody_reads_waits_for_its_target() {
    let store = FarStore::new();
    let bucket = bucket(&store, gzip(), 16 * MIB);
    let mut sink = bucket.create(&key("a"), IfExists::Replace).expect("open");
    sink.write_all(&data(3 * MIB)).await.expect("written");
    sink.seal().await.expect("sealed");
    let mut reader = bucket.open(&key("a")).await.expect("open");
    reader.read_u8().await.expect("a byte");
    assert_eq!(bucket.activity().snapshot().waiting, waiting(0, 0, 0, 1));
    drop(reader);
    assert_eq!(bucket.activity().snapshot().waiting, Waiting::default());
}

#[test]
fn compression_is_waited_for_only_by_who_is_held_up() {
    let counts = Arc::new(Counts::default());
    let (sink, reader) = (Stream::written(&counts), Stream::read(&counts));
    sink.codec().is_busy();
    reader.codec().is_busy();
    assert_eq!(counts.waiting.snapshot(), waiting(1, 0, 0, 1));
    sink.is_held();
    reader.is_held();
    assert_eq!(counts.waiting.snapshot(), waiting(0, 2, 0, 0));
    reader.codec().is_idle();
    assert_eq!(counts.waiting.snapshot(), waiting(0, 1, 1, 0));
    sink.end();
    sink.is_free();
    drop((sink, reader));
    assert_eq!(counts.waiting.snapshot(), Waiting::default());
}

#[tokio::test(start_paused = true)]
async fn retries_are_counted_by_cause() {
    let counts = Arc::new(Counts::default());
    let retry = Retry::new(RetryPolicy::default(), CancellationToken::new()).counted(Arc::clone(&counts));
    let busy = Passing::Busy { asked: None };
    for (kind, passing, cause) in [
        (ErrorKind::Service, busy, RetryCause::Throttled),
        (ErrorKind::Service, Passing::Outage, RetryCause::Service),
        (ErrorKind::Unreachable, Passing::Outage, RetryCause::Connection),
        (ErrorKind::TimedOut, Passing::Outage, RetryCause::NoAnswer),
        (ErrorKind::Denied, Passing::Unlikely, RetryCause::Credentials),
        (ErrorKind::Corrupt, Passing::Unlikely, RetryCause::Damaged),
        (ErrorKind::Changed, Passing::Unlikely, RetryCause::Other),
    ] {
        let failures = Cell::new(2);
        let tried = retry.run(async || match failures.get() {
            0 => Ok(()),
            left => {
                failures.set(left - 1);
                Err(Error::new(kind, "put", "s3://b/k", "told to").with_passing(passing))
            }
        });
        tried.await.expect("it passes");
        assert_eq!(counts.retries.snapshot().by(cause), 2, "{cause:?}");
    }
    // What fails for good was not tried again.
    let refused = Error::new(ErrorKind::Denied, "put", "s3://b/k", "403");
    retry.run(async || Err::<(), _>(refused.clone())).await.expect_err("refused");
    assert_eq!(counts.retries.snapshot().total(), 2 * RetryCause::ALL.len() as u64);
}

#[test]
fn snapshots_of_several_buckets_add_up() {
    let one = ActivitySnapshot { bytes_in: 3, slow_downs: 1, waiting: waiting(1, 0, 2, 0), ..Default::default() };
    let two: ActivitySnapshot = [one, one].into_iter().sum();
    assert_eq!((two.bytes_in, two.slow_downs, two.waiting), (6, 2, waiting(2, 0, 4, 0)));
}
