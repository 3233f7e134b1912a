//! What must hold for a codec, whatever is stored.

use crate::shelf::Shelf;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use sealift::{Bucket, Budget, Codec, Compressor, IfExists, Key};
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

/// More plain data than this is not read: an input may be a bomb.
const MOST: u64 = 4 << 20;
/// With fewer bytes left of a stream nothing tells that it was one, and they are read as they are.
const MAGIC: usize = 4;

/// Streams through one codec, over an object that is the input.
pub struct Streams {
    shelf: Shelf,
    bucket: Bucket,
    key: Key,
    runtime: Runtime,
}

/// What reading came to.
enum Came {
    /// All of it, checked.
    Whole(Vec<u8>),
    /// More than [`MOST`].
    Much,
    Error,
}

impl Streams {
    /// Streams of `codec`.
    pub fn of(codec: Codec) -> Self {
        let shelf = Shelf::default();
        let compressor = Compressor::new(codec, Some(NonZeroUsize::MIN)).expect("one thread");
        let budget = Budget::new(Budget::MIN).expect("the least");
        let bucket = Bucket::new(shelf.clone(), Arc::new(compressor), budget);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Streams { shelf, bucket, key: "key".parse().expect("a key"), runtime }
    }

    /// The first byte of `input` tells what is done with the others:
    ///
    /// - they are what is stored;
    /// - or they are stored by Sealift, and come back;
    /// - or the stored bytes are cut off or changed in one place first, and nothing else comes back than they were.
    pub fn check(&self, input: &[u8]) {
        let Some((how, input)) = input.split_first() else { return };
        match how % 4 {
            0 => self.check_stored(input),
            1 => assert!(matches!(self.written(input), Came::Whole(back) if back == input), "written and read"),
            2 => self.check_cut(input),
            _ => self.check_changed(input),
        }
    }

    /// What reads as whole is what the reference reads, or was no stream at all.
    fn check_stored(&self, stored: &[u8]) {
        self.shelf.set(Bytes::copy_from_slice(stored));
        let Came::Whole(plain) = self.read() else { return };
        if !is_compressed(stored) {
            assert!(plain == stored, "what is not compressed is read as it is");
            return;
        }
        match reference(stored) {
            Ok(expected) => assert!(plain == expected, "{} bytes instead of {}", plain.len(), expected.len()),
            Err(error) => panic!("read as whole, where the reference says: {error}"),
        }
    }

    fn check_cut(&self, input: &[u8]) {
        let [low, high, plain @ ..] = input else { return };
        self.written(plain);
        let stored = self.shelf.content();
        let length = usize::from(u16::from_le_bytes([*low, *high])) % stored.len().max(1);
        if length < MAGIC {
            return;
        }
        self.shelf.set(stored.slice(..length));
        assert!(matches!(self.read(), Came::Error), "cut off after {length} of {} bytes", stored.len());
    }

    fn check_changed(&self, input: &[u8]) {
        let [low, high, change @ 1..=255, plain @ ..] = input else { return };
        self.written(plain);
        let mut stored = self.shelf.content().to_vec();
        let at = usize::from(u16::from_le_bytes([*low, *high])) % stored.len().max(1);
        if at < MAGIC {
            return;
        }
        stored[at] ^= change;
        self.shelf.set(stored.into());
        match self.read() {
            Came::Error => {}
            Came::Whole(back) => assert!(back == plain, "byte {at} was changed, and other data was read as whole"),
            Came::Much => panic!("byte {at} was changed, and much more came"),
        }
    }

    /// What comes back of `plain`, once it was written.
    fn written(&self, plain: &[u8]) -> Came {
        self.runtime.block_on(async {
            let mut sink = self.bucket.create(&self.key, IfExists::Replace).expect("a sink");
            sink.write_all(plain).await.expect("written");
            sink.shutdown().await.expect("sealed");
        });
        self.read()
    }

    fn read(&self) -> Came {
        self.runtime.block_on(async {
            let reader = self.bucket.open(&self.key).await.expect("it is there");
            let (mut limited, mut plain) = (reader.take(MOST), Vec::new());
            match limited.read_to_end(&mut plain).await {
                Err(_) => Came::Error,
                Ok(_) if limited.get_ref().verified().is_none() => Came::Much,
                Ok(_) => Came::Whole(plain),
            }
        })
    }
}

/// Whether any decoder would try: RFC 1952, 2.3.1; RFC 8878, 3.1.
fn is_compressed(stored: &[u8]) -> bool {
    matches!(stored, [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// What other decoders make of a stream, up to more than is looked at.
fn reference(stored: &[u8]) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    match stored {
        [0x1f, 0x8b, ..] => MultiGzDecoder::new(stored).take(MOST + 1).read_to_end(&mut plain)?,
        _ => zstd::stream::read::Decoder::new(stored)?.take(MOST + 1).read_to_end(&mut plain)?,
    };
    Ok(plain)
}
