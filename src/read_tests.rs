//! Reading, over the store in memory: what Sealift wrote, what others wrote, and what is damaged.

use crate::codec::gzip;
use crate::far_store::FarStore;
use crate::stream_tests::{MIB, bucket, data, gzip, key, read};
use crate::*;
use bytes::Bytes;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};

fn zstd() -> Codec {
    Codec::Zstd(ZstdLevel::default())
}

/// What is stored of `data`.
async fn stored(codec: Codec, data: &[u8]) -> Bytes {
    let store = FarStore::new();
    let bucket = bucket(&store, codec, 64 * MIB);
    let mut sink = bucket.create(&key("a"), IfExists::Replace).expect("open");
    sink.write_all(data).await.expect("written");
    sink.seal().await.expect("sealed");
    store.object("a").expect("visible")
}

/// A store with one object, and a bucket over it.
fn holding(bytes: impl Into<Bytes>, codec: Codec, budget: usize) -> (FarStore, Bucket) {
    let store = FarStore::new();
    store.insert("a", bytes);
    let bucket = bucket(&store, codec, budget);
    (store, bucket)
}

async fn read_back(bytes: impl Into<Bytes>, codec: Codec) -> Result<Vec<u8>> {
    let (_store, bucket) = holding(bytes, codec, 16 * MIB);
    tokio::time::timeout(Duration::from_secs(60), read(&bucket, "a")).await.expect("no hang")
}

#[tokio::test]
async fn any_codec_reads_what_the_other_wrote_and_none_what_is_stored() {
    let data = data(3 * MIB);
    for codec in [gzip(), zstd()] {
        let stored = stored(codec, &data).await;
        for reader in [gzip(), zstd()] {
            assert!(read_back(stored.clone(), reader).await.expect("readable") == data);
        }
        assert!(read_back(stored.clone(), Codec::Plain).await.expect("readable") == stored);
    }
}

/// On one thread, so that none is answered before all that are asked for together were sent, however busy the machine is.
#[tokio::test]
async fn ranges_are_asked_for_together_and_a_small_object_at_once() {
    for codec in [gzip(), zstd(), Codec::Plain] {
        let data = data(30 * MIB);
        let (store, bucket) = holding(stored(codec, &data).await, codec, 64 * MIB);
        assert!(read(&bucket, "a").await.expect("readable") == data);
        let (_, at_a_time) = store.gets();
        assert!((4..=9).contains(&at_a_time), "{at_a_time} requests at a time");

        let (store, bucket) = holding(stored(codec, &data[..1000]).await, codec, 64 * MIB);
        assert!(read(&bucket, "a").await.expect("readable") == data[..1000]);
        assert_eq!(store.gets(), (1, 1));
    }
}

#[tokio::test]
async fn blocks_are_lent_without_a_copy_and_pieces_of_any_size_are_the_same() {
    let data = data(3 * MIB + 5);
    let (_store, bucket) = holding(stored(gzip(), &data).await, gzip(), 16 * MIB);
    let mut reader = bucket.open(&key("a")).await.expect("open");
    for block in data.chunks(MIB) {
        assert!(reader.fill_buf().await.expect("a block") == block);
        reader.consume(block.len());
    }
    assert!(reader.fill_buf().await.expect("the end").is_empty());

    let mut reader = bucket.open(&key("a")).await.expect("open");
    let mut back = Vec::new();
    for len in (1..).map(|n| n * 37 % 70_001) {
        let mut piece = vec![0; len];
        match reader.read(&mut piece).await.expect("read") {
            0 if len > 0 => break,
            count => back.extend_from_slice(&piece[..count]),
        }
    }
    assert!(back == data);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_in_one_task_do_not_wait_for_each_other() {
    let data = data(12 * MIB);
    for codec in [gzip(), zstd(), Codec::Plain] {
        let (_store, bucket) = holding(stored(codec, &data).await, codec, 64 * MIB);
        let mut readers = Vec::new();
        for _ in 0..4 {
            readers.push((bucket.open(&key("a")).await.expect("open"), Vec::new()));
        }
        while readers[0].1.len() < data.len() {
            for (reader, back) in &mut readers {
                let mut piece = vec![0; 700_000];
                let count = reader.read(&mut piece).await.expect("read");
                back.extend_from_slice(&piece[..count]);
            }
        }
        for (mut reader, mut back) in readers {
            reader.read_to_end(&mut back).await.expect("read");
            assert!(back == data);
        }
    }
}

/// Readers that are left in any state, over a runtime that ends before them: what they held comes back.
#[test]
fn a_dropped_reader_leaves_nothing_and_needs_no_runtime() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("made");
    let data = data(8 * MIB);
    for codec in [gzip(), zstd(), Codec::Plain] {
        let stored = runtime().block_on(stored(codec, &data));
        let foreign = ::zstd::encode_all(&data[..], 1).expect("compressed");
        for bytes in [stored, Bytes::from(foreign)] {
            let (_store, bucket) = holding(bytes, codec, 16 * MIB);
            for len in [0, 1, MIB as u64, (2 << 20) + 7, 5 << 20] {
                let first = runtime();
                let mut reader = first.block_on(bucket.open(&key("a"))).expect("open");
                let mut some = Vec::new();
                first.block_on((&mut reader).take(len).read_to_end(&mut some)).expect("read");
                drop(first);
                drop(reader);
                // The only seat is free again.
                let reader = runtime().block_on(async {
                    tokio::time::timeout(Duration::from_secs(10), bucket.open(&key("a"))).await.expect("a seat")
                });
                drop(reader.expect("open"));
            }
            let mut reader = runtime().block_on(bucket.open(&key("a"))).expect("open");
            // Its runtime is gone; another may go on with it, or be told.
            let read = runtime().block_on(async {
                let mut rest = Vec::new();
                let read = reader.read_to_end(&mut rest);
                tokio::time::timeout(Duration::from_secs(10), read).await.expect("no hang")
            });
            if let Err(error) = read {
                assert_eq!(Error::from_io(&error).expect("ours").kind(), ErrorKind::Cancelled);
            }
        }
    }
}

fn flipped(bytes: &[u8], at: usize) -> Bytes {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes.into()
}

#[tokio::test]
async fn damage_of_any_kind_is_an_error_at_the_reader() {
    for codec in [gzip(), zstd()] {
        let whole = stored(codec, &data(3 * MIB)).await;
        let (end, first) = match codec {
            Codec::Zstd(_) => {
                (codec::zstd::END_LEN, 27 + u32::from_le_bytes(*whole[19..].first_chunk().expect("a mark")) as usize)
            }
            _ => (gzip::END_LEN, u32::from_le_bytes(*whole[16..].first_chunk().expect("a header")) as usize),
        };
        let other = if codec == gzip() { zstd() } else { gzip() };
        let second = format!("block at byte {first}:");
        let extra = |more: &[u8]| Bytes::from([&whole[..], more].concat());
        let damaged = [
            ("empty", Bytes::new(), "empty"),
            ("one byte short", whole.slice(..whole.len() - 1), "cut off"),
            ("without its end mark", whole.slice(..whole.len() - end), "cut off"),
            ("cut after the first block", whole.slice(..first), &second),
            ("cut inside a block", whole.slice(..first / 2), "block at byte 0: it is cut off"),
            ("cut inside a later head", whole.slice(..first + 20), &second),
            ("without its first block", whole.slice(first..), "were written"),
            ("flipped in the data", flipped(&whole, first / 2), "block at byte 0:"),
            ("flipped in a checksum", flipped(&whole, first - 6), ""),
            ("flipped in the second head", flipped(&whole, first + 11), &second),
            ("flipped in the end mark", flipped(&whole, whole.len() - 15), ""),
            ("followed by a byte", extra(b"x"), "something follows"),
            ("followed by itself and a byte", extra(&[&whole[..], b"x"].concat()), "something follows"),
            ("followed by itself without its end mark", extra(&whole[..whole.len() - end]), "cut off"),
            ("followed by itself, damaged", extra(&flipped(&whole, first / 2)), "block at byte"),
            ("followed by the other format", extra(&stored(other, b"data").await), "something follows"),
            ("neither", Bytes::from_static(b"plain text, much longer than a gzip header is"), "neither gzip nor zstd"),
        ];
        for (what, bytes, said) in damaged {
            let error = read_back(bytes, codec).await.expect_err(what);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}");
            assert!(error.to_string().contains(said) && error.location() == "memory:/a", "{what}: {error}");
        }
    }
}

/// As `gzip -dc` and `zstd -dc` read them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_one_after_the_other_are_read_as_one_and_zeros_behind_gzip_are_none() {
    let data = data(5 * MIB);
    let foreign = |codec: Codec, plain: &[u8]| match codec {
        Codec::Zstd(_) => ::zstd::encode_all(plain, 1).expect("compressed"),
        _ => gzip_member(plain),
    };
    for codec in [gzip(), zstd()] {
        let (ours, small) = (stored(codec, &data).await, stored(codec, b"small").await);
        let (theirs, tiny) = (foreign(codec, &data), foreign(codec, b"tiny"));
        let empty = stored(codec, b"").await;
        let cases: [[&[&[u8]]; 2]; 6] = [
            [&[&ours, &ours], &[&data, &data]],
            [&[&small, &empty, &ours, &small], &[b"small", &data, b"small"]],
            [&[&ours, &theirs, &tiny], &[&data, &data, b"tiny"]],
            [&[&theirs, &small], &[&data, b"small"]],
            [&[&tiny, &theirs, &tiny], &[b"tiny", &data, b"tiny"]],
            [&[&empty, &empty], &[]],
        ];
        for (n, [parts, plain]) in cases.into_iter().enumerate() {
            let padding = vec![0; 4 * MIB];
            let padded: &[&[u8]] = if codec == gzip() { &[&[], &[0], &padding] } else { &[&[]] };
            for zeros in padded {
                let back = read_back([&parts.concat()[..], zeros].concat(), codec).await;
                let back = back.unwrap_or_else(|error| panic!("case {n}, {} zeros: {error}", zeros.len()));
                assert!(back == plain.concat(), "case {n}, {} zeros", zeros.len());
                if codec == gzip() && !zeros.is_empty() {
                    let error = read_back([&parts.concat()[..], zeros, b"x"].concat(), codec).await;
                    assert_eq!(error.expect_err("something follows zeros").kind(), ErrorKind::Corrupt, "case {n}");
                }
            }
            if codec != gzip() {
                let error = read_back([&parts.concat()[..], &[0; 9]].concat(), codec).await;
                assert_eq!(error.expect_err("no frame").kind(), ErrorKind::Corrupt, "case {n}");
            }
        }
    }
}

/// A bit that flips on its way is no damage at rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_damaged_is_asked_for_again() {
    let data = data(30 * MIB);
    for (codec, len) in [(gzip(), 30 * MIB), (zstd(), 30 * MIB), (gzip(), 1000), (zstd(), 1000), (Codec::Plain, 1000)] {
        let plain = &data[..len];
        let whole = stored(codec, plain).await;
        for store in [FarStore::new(), FarStore::with_checksums()] {
            store.insert("a", whole.clone());
            let has_checksum = store.head(&key("a")).await.expect("there").checksum.is_some();
            if codec == Codec::Plain && !has_checksum {
                continue;
            }
            let bucket = bucket(&store, codec, 64 * MIB);
            let len = whole.len() as u64;
            // Of heads, of data, of the last mark; one after the other, and one twice.
            for damage in [&[0, len / 2][..], &[17], &[len / 3, len / 3], &[len - 30, len - 1], &[len - 9, len / 5]] {
                store.damage(damage);
                let mut reader = bucket.open(&key("a")).await.expect("open");
                let mut back = Vec::new();
                let read = reader.read_to_end(&mut back).await;
                read.unwrap_or_else(|error| panic!("{codec:?} {damage:?} of {len}: {error}"));
                assert!(back == plain, "{codec:?} {damage:?} of {len}");
                assert_eq!(store.undamaged(), 0, "{codec:?} {damage:?}");
                assert_eq!(reader.verified().expect("read").service_checksum, has_checksum);
            }
        }
    }
}

/// Every byte flipped, every length: an error, or the same data.
#[tokio::test]
async fn no_damage_gives_other_data() {
    let data = b"some words, some words again, and an end".repeat(20);
    for codec in [gzip(), zstd()] {
        let whole = stored(codec, &data).await;
        for at in 0..whole.len() {
            match read_back(flipped(&whole, at), codec).await {
                Ok(back) => assert!(back == data, "byte {at}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "byte {at}: {error}"),
            }
            let error = read_back(whole.slice(..at), codec).await.expect_err("cut");
            assert_eq!(error.kind(), ErrorKind::Corrupt, "cut to {at}: {error}");
        }
    }
}

/// Lengths that nobody wrote are refused before anything is allocated or waited for.
#[tokio::test]
async fn absurd_lengths_are_refused() {
    let with = |bytes: &[u8], at: usize, number: u32| {
        let mut bytes = bytes.to_vec();
        bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        Bytes::from(bytes)
    };
    let data = data(MIB / 2);
    let (member, frame) = (stored(gzip(), &data).await, stored(zstd(), &data).await);
    let isize_at = member.len() - gzip::END_LEN - 4;
    for (bytes, at) in [(&member, 16), (&member, isize_at), (&frame, 19), (&frame, 23)] {
        for number in [0, 1, 20, MIB as u32 + 1, 1 << 24, 1 << 31, u32::MAX] {
            let error = read_back(with(bytes, at, number), gzip()).await.expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{number} at {at}: {error}");
            assert!(error.to_string().contains("block at byte"), "{number} at {at}: {error}");
        }
    }
}

/// A member of gzip as other tools write it.
fn gzip_member(plain: &[u8]) -> Vec<u8> {
    let mut engine = libdeflater::Compressor::new(libdeflater::CompressionLvl::fastest());
    let mut member = vec![0; engine.gzip_compress_bound(plain.len())];
    let len = engine.gzip_compress(plain, &mut member).expect("compressed");
    member.truncate(len);
    member
}

/// Longer than all that is read ahead, of one member and of several.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gzip_and_zstd_of_others_is_read_and_its_damage_found() {
    let data = data(20 * MIB);
    let member = gzip_member;
    let frame = |plain: &[u8]| ::zstd::encode_all(plain, 1).expect("compressed");
    let parts = [&data[..7 * MIB], &[], &data[7 * MIB..7 * MIB + 3], &data[7 * MIB + 3..]];
    let foreign = [
        member(&data),
        parts.iter().flat_map(|plain| member(plain)).collect(),
        frame(&data),
        parts.iter().flat_map(|plain| frame(plain)).collect(),
        // Not ours from its start, so nothing of ours is asked of it.
        [member(&data[..5]), stored(gzip(), &data[5..]).await.to_vec()].concat(),
        [frame(&data[..5]), stored(zstd(), &data[5..]).await.to_vec()].concat(),
    ];
    for (n, bytes) in foreign.into_iter().enumerate() {
        for budget in [16 * MIB, 64 * MIB] {
            let (_store, bucket) = holding(bytes.clone(), gzip(), budget);
            let back = read(&bucket, "a").await.expect("readable");
            let same = back.iter().zip(&data).take_while(|(a, b)| a == b).count();
            assert!(back == data, "stream {n}: {} of {} bytes, the first {same} are the same", back.len(), data.len());
        }
        for damaged in [bytes[..bytes.len() - 3].to_vec(), bytes[..MIB].to_vec(), [&bytes[..], b"xyz"].concat()] {
            let error = read_back(damaged, gzip()).await.expect_err("damaged");
            assert_eq!(error.kind(), ErrorKind::Corrupt, "stream {n}: {error}");
            assert!(error.to_string().contains("at or before byte"), "stream {n}: {error}");
        }
    }
}

#[tokio::test]
async fn zstd_that_looks_far_back_is_refused_and_said_why() {
    use std::io::Write;
    let mut encoder = ::zstd::stream::write::Encoder::new(Vec::new(), 1).expect("made");
    encoder.window_log(25).expect("valid");
    encoder.write_all(&data(2 * MIB)).expect("written");
    let error = read_back(encoder.finish().expect("whole"), zstd()).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
    assert!(error.to_string().contains("8 MiB") && error.to_string().contains("--codec none"), "{error}");
}

#[tokio::test]
async fn a_range_is_what_is_stored_and_only_the_whole_is_held_against_a_checksum() {
    let data = data(9 * MIB);
    for codec in [gzip(), Codec::Plain] {
        let store = FarStore::with_checksums();
        let bucket = bucket(&store, codec, 16 * MIB);
        bucket.put(&key("a"), data.clone().into(), IfExists::Fail).await.expect("stored");
        let stored = store.object("a").expect("visible");
        let len = stored.len() as u64;
        for range in [0..0, 0..1, 5..len - 5, len - 1..len, len..len, 0..len] {
            let mut reader = bucket.open_stored_range(&key("a"), range.clone()).await.expect("opened");
            let mut read = Vec::new();
            reader.read_to_end(&mut read).await.expect("readable");
            assert!(read == stored[range.start as usize..range.end as usize], "{range:?}");
            let verified = reader.verified().expect("at its end");
            assert_eq!(verified.by_checksum(), range == (0..len), "{range:?}");
        }
        for range in [5..len + 1, len..len - 1, len + 1..len + 1] {
            let refused = bucket.open_stored_range(&key("a"), range.clone()).await.expect_err("beyond the object");
            assert_eq!(refused.kind(), ErrorKind::InvalidConfig, "{range:?}");
        }
        // What came damaged is noticed of the whole, and cannot be of a part.
        store.damage(&[7]);
        let mut part = bucket.open_stored_range(&key("a"), 5..=8).await.expect("opened");
        let mut read = Vec::new();
        part.read_to_end(&mut read).await.expect("readable");
        assert!(read[..] != stored[5..9]);
        store.damage(&[7]);
        let mut whole = bucket.open_stored_range(&key("a"), ..).await.expect("opened");
        whole.read_to_end(&mut Vec::new()).await.expect_err("it is damaged");
    }
}

#[tokio::test]
async fn bytes_are_stored_in_one_call_or_not_at_all() {
    let store = FarStore::new();
    let bucket = bucket(&store, gzip(), 16 * MIB);
    let sealed = bucket.put(&key("a"), "first".into(), IfExists::Fail).await.expect("stored");
    assert_eq!((sealed.bytes_in, sealed.parts), (5, 1));
    let refused = bucket.put(&key("a"), "second".into(), IfExists::Fail).await.expect_err("it is there");
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    assert!(read(&bucket, "a").await.expect("readable") == b"first");
    bucket.put(&key("empty"), Bytes::new(), IfExists::Fail).await.expect("stored");
    assert!(read(&bucket, "empty").await.expect("readable").is_empty());
}

#[test]
fn a_reader_can_be_shared() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Reader>();
}
