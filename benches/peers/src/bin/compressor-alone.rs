//! The compressor alone: a file through libdeflate in blocks of 1 MiB on all cores, the output thrown away. What an
//! upload with compression could reach at best.

use anyhow::Context;
use clap::Parser;
use libdeflater::{CompressionLvl, Compressor};
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
    /// From 1 (fastest) to 12 (smallest).
    #[arg(long, default_value_t = 5)]
    level: i32,
    /// How many threads [default: one a core].
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// What is compressed.
    file: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let level = CompressionLvl::new(options.level).ok().context("the level is not one of 1 to 12")?;
    let file = File::open(&options.file).with_context(|| format!("open {}", options.file.display()))?;
    let size = file.metadata()?.len();
    let threads = options.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let next = AtomicU64::new(0);
    let stored = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(|| compress(&file, size, level, &next))).collect();
        let each = running.into_iter().map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?);
        each.sum::<anyhow::Result<u64>>()
    })?;
    println!("{stored}");
    Ok(())
}

/// Takes the next block until none is left.
fn compress(file: &File, size: u64, level: CompressionLvl, next: &AtomicU64) -> anyhow::Result<u64> {
    let mut compressor = Compressor::new(level);
    let mut plain = vec![0; BLOCK as usize];
    let mut out = vec![0; compressor.gzip_compress_bound(plain.len())];
    let mut stored = 0;
    loop {
        let at = next.fetch_add(BLOCK, Ordering::Relaxed);
        if at >= size {
            return Ok(stored);
        }
        let block = &mut plain[..BLOCK.min(size - at) as usize];
        file.read_exact_at(block, at)?;
        stored += compressor.gzip_compress(block, &mut out)? as u64;
    }
}
