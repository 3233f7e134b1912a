//! From an input that blocks into a sink, without a copy on the way.

use super::sink::{Phase, Sink};
use crate::error::Error;
use std::future::poll_fn;
use std::io::{self, Read};
use tokio::task::spawn_blocking;

impl Sink {
    /// Reads `input` to its end, straight into the memory that is compressed, and returns how many bytes came. It is read
    /// on the runtime's threads for blocking work, a block of up to 1 MiB at a time; a block goes on when it is full.
    ///
    /// Dropping the future gives the object up: what had been read by then is lost, so the sink takes nothing more. The
    /// thread, and the memory of its block, are free again when the read under way returns.
    ///
    /// # Errors
    /// The input's error, after which the sink holds what came before; or the sink's own ([`Error::from_io`]), for which
    /// a read under way is not waited for.
    pub async fn pour(&mut self, mut input: impl Read + Send + 'static) -> io::Result<u64> {
        let before = self.accepted;
        loop {
            if self.length.room(self.accepted) == 0 {
                let (next, more) = blocking(input, |input| io::copy(&mut input.take(1), &mut io::sink())).await?;
                input = next;
                if more? == 0 {
                    return Ok(self.accepted - before);
                }
            }
            let room = poll_fn(|cx| self.poll_room(cx)).await.map_err(Error::into_io)?;
            let mut block = match std::mem::replace(&mut self.phase, Phase::Lent) {
                Phase::Filling(block) => block,
                other => {
                    self.phase = other;
                    continue;
                }
            };
            let filled = block.data.len();
            let reading = blocking(input, move |input| {
                // Into the room that there is: this does not make the block larger.
                let read = input.take(room as u64).read_to_end(&mut block.data);
                (block, read)
            });
            let (next, (block, read)) = tokio::select! {
                // An input can be silent for hours; a failure is told now.
                error = poll_fn(|cx| self.poll_failed(cx)) => return Err(error.into_io()),
                done = reading => done?,
            };
            input = next;
            self.accepted += (block.data.len() - filled) as u64;
            self.stream.took(block.data.len() - filled);
            self.phase = Phase::Filling(block);
            if read? < room {
                return Ok(self.accepted - before);
            }
        }
    }
}

/// What `work` makes of `input`, on a thread for blocking work; and the input back.
async fn blocking<I: Send + 'static, T: Send + 'static>(
    mut input: I,
    work: impl FnOnce(&mut I) -> T + Send + 'static,
) -> io::Result<(I, T)> {
    let done = spawn_blocking(move || {
        let result = work(&mut input);
        (input, result)
    });
    done.await.map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use crate::far_store::FarStore;
    use crate::stream_tests::{MIB, bucket, data, gzip, key, read};
    use crate::*;
    use std::io::{self, Cursor, Read};
    use std::sync::mpsc;
    use std::time::Duration;
    use tokio::io::AsyncWriteExt;
    use tokio::sync::oneshot;
    use tokio::time::timeout;

    #[tokio::test]
    async fn what_is_poured_comes_back_identical() {
        for len in [0, 1, MIB - 1, MIB, MIB + 1, 5 * MIB + 3] {
            let store = FarStore::new();
            let bucket = bucket(&store, gzip(), 16 * MIB);
            let data = data(len);
            let mut sink = bucket.create(&key("a"), IfExists::Replace).expect("open");
            // Where a block is begun already, too.
            sink.write_all(b"head").await.expect("written");
            let (first, second) = data.split_at(len / 3);
            for part in [first, second] {
                let count = sink.pour(Cursor::new(part.to_vec())).await.expect("poured");
                assert_eq!(count as usize, part.len());
            }
            assert_eq!(sink.seal().await.expect("sealed").bytes_in as usize, 4 + len);
            assert!(read(&bucket, "a").await.expect("readable") == [b"head", &data[..]].concat(), "{len} bytes");
        }
    }

    #[tokio::test]
    async fn an_announced_length_is_kept() {
        let store = FarStore::new();
        let bucket = bucket(&store, gzip(), 16 * MIB);
        for (announced, len) in [(0, 0), (3, 3), (MIB, MIB), (0, 1), (MIB, MIB + 1), (3, 2)] {
            let mut sink = bucket.create_sized(&key("a"), IfExists::Replace, announced as u64).expect("open");
            let poured = sink.pour(Cursor::new(data(len))).await;
            match announced >= len {
                true => assert_eq!(poured.expect("poured") as usize, len),
                false => assert!(poured.expect_err("more").to_string().contains("more than"), "{announced} {len}"),
            }
            let sealed = sink.seal().await;
            assert_eq!(sealed.is_ok(), announced == len, "{announced} {len}: {sealed:?}");
        }
    }

    /// An input that fails after some bytes.
    struct Failing(Cursor<Vec<u8>>);

    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::Error::other("the disk is gone")),
                count => Ok(count),
            }
        }
    }

    #[tokio::test]
    async fn an_input_that_fails_is_told_and_nothing_is_stored() {
        let store = FarStore::new();
        let bucket = bucket(&store, gzip(), 16 * MIB);
        let mut sink = bucket.create(&key("a"), IfExists::Replace).expect("open");
        let error = sink.pour(Failing(Cursor::new(data(3 * MIB + 5)))).await.expect_err("it fails");
        assert_eq!(error.to_string(), "the disk is gone");
        sink.abort().await.expect("nothing left");
        assert!(store.is_empty());
    }

    /// An input that says when it is read, and then gives nothing until it is told to.
    struct Silent(Option<oneshot::Sender<()>>, mpsc::Receiver<()>);

    impl Read for Silent {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            if let Some(asked) = self.0.take() {
                let _ = asked.send(());
            }
            let _ = self.1.recv();
            Ok(0)
        }
    }

    #[tokio::test]
    async fn a_failure_is_told_while_the_input_is_silent() {
        let store = FarStore::new();
        let bucket = bucket(&store, gzip(), 16 * MIB);
        let mut sink = bucket.create(&key("a"), IfExists::Replace).expect("open");
        let (asked, is_asked) = oneshot::channel();
        let (end, ends) = mpsc::channel();
        let stop = async {
            is_asked.await.expect("it is read");
            bucket.stop();
        };
        let poured = async { tokio::join!(sink.pour(Silent(Some(asked), ends)), stop).0 };
        let poured = timeout(Duration::from_secs(20), poured).await;
        drop(end);
        let error = poured.expect("the input is not waited for").expect_err("it was asked to stop");
        assert_eq!(Error::from_io(&error).map(Error::kind), Some(ErrorKind::Cancelled));
    }

    #[tokio::test]
    async fn a_pour_that_is_dropped_gives_the_object_up() {
        let store = FarStore::new();
        let bucket = bucket(&store, gzip(), 16 * MIB);
        let mut sink = bucket.create(&key("a"), IfExists::Replace).expect("open");
        let (asked, is_asked) = oneshot::channel();
        let (end, ends) = mpsc::channel();
        tokio::select! {
            poured = sink.pour(Silent(Some(asked), ends)) => panic!("{poured:?}"),
            asked = is_asked => asked.expect("it is read"),
        }
        let error = sink.write_all(b"more").await.expect_err("given up");
        assert!(error.to_string().contains("was dropped"), "{error}");
        let error = sink.seal().await.expect_err("given up");
        assert!(error.to_string().contains("was dropped"), "{error}");
        drop(end);
        bucket.close().await.expect("nothing left");
        assert!(store.is_empty());
    }
}
