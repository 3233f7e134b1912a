//! How fast each stage is by itself: `cargo bench --manifest-path benches/Cargo.toml -p sealift-bench-stages`.

#![allow(missing_docs, reason = "what criterion's macros make")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sealift::{Bucket, Budget, Checksum, ChecksumAlgorithm, Codec, Compressor, IfExists, Key, Level};
use sealift_bench_stages::{InProcess, Keep};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

/// How much goes through a stage at a time, in bytes: several parts.
const SIZE: usize = 32 << 20;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// A sample that every machine has: this program, code and text of debug information. DEFLATE looks back by 32 KiB, so
/// where the program is shorter and comes again, that makes nothing easier.
fn sample() -> Outcome<Vec<u8>> {
    let program = std::fs::read(std::env::current_exe()?)?;
    Ok(program.iter().copied().cycle().take(SIZE).collect())
}

fn bucket(codec: Codec, keep: Keep) -> Outcome<Bucket> {
    let compressor = Arc::new(Compressor::new(codec, None)?);
    Ok(Bucket::new(InProcess::new(keep), compressor, Budget::new(Budget::DEFAULT)?))
}

async fn write(bucket: &Bucket, key: &Key, data: &[u8]) -> Outcome<u64> {
    let mut sink = bucket.create(key, IfExists::Replace)?;
    for piece in data.chunks(256 << 10) {
        sink.write_all(piece).await?;
    }
    Ok(sink.seal().await?.bytes_stored)
}

async fn read(bucket: &Bucket, key: &Key) -> Outcome<u64> {
    let mut reader = bucket.open(key).await?;
    let (mut buffer, mut total) = (vec![0; 256 << 10], 0);
    loop {
        match reader.read(&mut buffer).await? {
            0 => return Ok(total),
            count => total += count as u64,
        }
    }
}

fn codecs() -> Outcome<Vec<(String, Codec)>> {
    let mut codecs = vec![("none".to_owned(), Codec::Plain)];
    for level in [1, 3, 5, 6, 9] {
        codecs.push((format!("gzip-{level}"), Codec::Gzip(Level::new(level)?)));
    }
    Ok(codecs)
}

/// Through the sink to a store that throws everything away, on all cores; and from a store to a reader.
fn streams(criterion: &mut Criterion) -> Outcome<()> {
    let (runtime, data, key) = (Runtime::new()?, sample()?, "sample".parse::<Key>()?);
    let mut group = criterion.benchmark_group("write");
    group.throughput(Throughput::Bytes(SIZE as u64));
    for (name, codec) in codecs()? {
        let bucket = bucket(codec, Keep::Nothing)?;
        let stored = runtime.block_on(write(&bucket, &key, &data))?;
        println!("{name} stores {:.1} %", stored as f64 * 100.0 / SIZE as f64);
        group.bench_function(name, |bencher| bencher.iter(|| runtime.block_on(write(&bucket, &key, &data)).is_ok()));
    }
    group.finish();
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Bytes(SIZE as u64));
    for (name, codec) in codecs()?.into_iter().filter(|(name, _)| name == "none" || name == "gzip-5") {
        let bucket = bucket(codec, Keep::Everything)?;
        runtime.block_on(write(&bucket, &key, &data))?;
        assert_eq!(runtime.block_on(read(&bucket, &key))?, SIZE as u64);
        group.bench_function(name, |bencher| bencher.iter(|| runtime.block_on(read(&bucket, &key)).is_ok()));
    }
    group.finish();
    Ok(())
}

/// Files of one block: what opening and sealing costs.
fn small_files(criterion: &mut Criterion) -> Outcome<()> {
    let (runtime, data, key) = (Runtime::new()?, sample()?, "sample".parse::<Key>()?);
    let bucket = bucket(Codec::Plain, Keep::Nothing)?;
    let mut group = criterion.benchmark_group("small");
    group.bench_function("1 KiB", |bencher| {
        bencher.iter(|| runtime.block_on(write(&bucket, &key, &data[..1 << 10])).is_ok());
    });
    group.finish();
    Ok(())
}

fn checksums(criterion: &mut Criterion) -> Outcome<()> {
    let data = sample()?;
    let mut group = criterion.benchmark_group("checksum");
    group.throughput(Throughput::Bytes(SIZE as u64));
    for (name, algorithm) in [("crc64nvme", ChecksumAlgorithm::Crc64Nvme), ("crc32c", ChecksumAlgorithm::Crc32c)] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(|| &data, |data| black_box(Checksum::of(algorithm, data)), BatchSize::LargeInput);
        });
    }
    group.finish();
    Ok(())
}

fn all(criterion: &mut Criterion) {
    let stages: [fn(&mut Criterion) -> Outcome<()>; 3] = [checksums, small_files, streams];
    for stage in stages {
        if let Err(error) = stage(criterion) {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}

fn short() -> Criterion {
    Criterion::default().sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3))
}

criterion_group! {
    name = benches;
    config = short();
    targets = all
}
criterion_main!(benches);
