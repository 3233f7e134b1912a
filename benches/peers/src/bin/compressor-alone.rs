//! The compressor alone: a file through libdeflate or libzstd in blocks of 1 MiB on all cores, the output thrown away.
//! What an upload with compression could reach at best.

use anyhow::Context;
use clap::{Parser, ValueEnum};
use std::fs::File;
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// As large as the blocks that Sealift compresses.
const BLOCK: u64 = 1 << 20;

/// Compress FILE, and print how many bytes come out.
#[derive(Debug, Parser)]
struct Options {
    /// Which compressor.
    #[arg(long, value_enum, default_value_t = Codec::Gzip)]
    codec: Codec,
    /// Its level [default: Sealift's, 5 for gzip and 3 for zstd].
    #[arg(long)]
    level: Option<i32>,
    /// How many threads [default: one a core].
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// What is compressed.
    file: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Codec {
    Gzip,
    Zstd,
}

enum Compressor {
    Gzip(libdeflater::Compressor),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Compressor {
    fn new(codec: Codec, level: Option<i32>) -> anyhow::Result<Self> {
        match codec {
            Codec::Gzip => {
                let level = libdeflater::CompressionLvl::new(level.unwrap_or(5)).ok();
                let level = level.context("the level is not one of 1 to 12")?;
                Ok(Compressor::Gzip(libdeflater::Compressor::new(level)))
            }
            Codec::Zstd => {
                let mut compressor = zstd::bulk::Compressor::new(level.unwrap_or(3))?;
                compressor.include_checksum(true)?;
                Ok(Compressor::Zstd(compressor))
            }
        }
    }

    fn bound(&mut self, plain: usize) -> usize {
        match self {
            Compressor::Gzip(compressor) => compressor.gzip_compress_bound(plain),
            Compressor::Zstd(_) => zstd::zstd_safe::compress_bound(plain),
        }
    }

    fn compress(&mut self, plain: &[u8], out: &mut [u8]) -> anyhow::Result<usize> {
        match self {
            Compressor::Gzip(compressor) => Ok(compressor.gzip_compress(plain, out)?),
            Compressor::Zstd(compressor) => Ok(compressor.compress_to_buffer(plain, out)?),
        }
    }
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let file = File::open(&options.file).with_context(|| format!("open {}", options.file.display()))?;
    let size = file.metadata()?.len();
    let threads = options.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let next = AtomicU64::new(0);
    let stored = thread::scope(|scope| {
        let work = || compress(&file, size, Compressor::new(options.codec, options.level)?, &next);
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let each = running.into_iter().map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?);
        each.sum::<anyhow::Result<u64>>()
    })?;
    println!("{stored}");
    Ok(())
}

/// Takes the next block until none is left.
fn compress(file: &File, size: u64, mut compressor: Compressor, next: &AtomicU64) -> anyhow::Result<u64> {
    let mut plain = vec![0; BLOCK as usize];
    let mut out = vec![0; compressor.bound(plain.len())];
    let mut stored = 0;
    loop {
        let at = next.fetch_add(BLOCK, Ordering::Relaxed);
        if at >= size {
            return Ok(stored);
        }
        let block = &mut plain[..BLOCK.min(size - at) as usize];
        file.read_exact_at(block, at)?;
        stored += compressor.compress(block, &mut out)? as u64;
    }
}
