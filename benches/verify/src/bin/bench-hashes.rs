//! The ceiling of verification: the hashes alone. For every value that the verification of an archive hashes, as many
//! bytes are hashed by the same hasher, on all cores. Nothing is read, decompressed or taken apart, and no two results are put together: the
//! bytes come from a block of memory that is larger than the caches of a core.
//!
//! What is counted: of state, a hash each of key, value and leaf of every item, and of each node of the tree; of
//! transactions, a hash each of the transaction, every event and each node above the events, the write set, the auxiliary
//! info and the info of every transaction, and of each node of the accumulator. Not counted: the nodes of proofs, which
//! are a few dozen for each chunk, and signatures, of which there is one for each chunk.

use anyhow::{Result, anyhow};
use clap::Parser;
use sealift_aptos::chain::Hasher;
use sealift_bench_verify::{Counts, Part};
use std::io::Write;
use std::path::PathBuf;
use std::thread;
use std::time::Instant;

/// The hashes of an archive alone.
#[derive(Debug, Parser)]
struct Args {
    /// What `bench-archive` has counted.
    counts: PathBuf,
    /// Only of this part: state or transactions.
    #[arg(long)]
    part: Option<Part>,
    /// On how many threads; as many as there are cores unless told otherwise.
    #[arg(long)]
    threads: Option<usize>,
}

/// Memory to hash: larger than the caches of a core, so that the bytes come from as far as those that were just read.
const MEMORY: usize = 8 << 20;

fn main() -> Result<()> {
    let args = Args::parse();
    let counts = Counts::read(&args.counts)?;
    let parts = args.part.map_or(vec![Part::State, Part::Transactions], |part| vec![part]);
    let threads = args.threads.map_or_else(|| thread::available_parallelism().map(usize::from), Ok)?.max(1);
    let lengths: Vec<(usize, u64)> = counts.of(&parts).collect();
    let started = Instant::now();
    let hashed = thread::scope(|scope| {
        let share = |thread| move |(length, count): &(usize, u64)| (*length, share_of(*count, thread, threads));
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                let work: Vec<_> = lengths.iter().map(share(thread as u64)).collect();
                scope.spawn(move || hash(&work))
            })
            .collect();
        let ended = workers.into_iter().map(|worker| worker.join().map_err(|_| anyhow!("a thread failed")));
        ended.sum::<Result<u64>>()
    })?;
    let (seconds, files) = (started.elapsed().as_secs_f64(), counts.bytes(&parts));
    let rate = files as f64 / seconds / f64::from(1 << 20);
    writeln!(
        std::io::stdout(),
        "{files} bytes of files, {hashed} bytes hashed, {seconds:.2} s, {rate:.0} MiB/s of files"
    )?;
    Ok(())
}

fn share_of(count: u64, thread: u64, threads: usize) -> u64 {
    let threads = threads as u64;
    count / threads + u64::from(thread < count % threads)
}

/// Hashes so many values of each length, and tells how many bytes they had.
fn hash(work: &[(usize, u64)]) -> u64 {
    let longest = work.iter().map(|(length, _)| *length).max().unwrap_or_default();
    let memory: Vec<u8> = (0..MEMORY + longest).map(|at| (at % 251) as u8).collect();
    let hasher = Hasher::new("Bench");
    let (mut at, mut bytes, mut last) = (0, 0, 0u8);
    for &(length, count) in work {
        for _ in 0..count {
            let hash = hasher.clone().update(&memory[at..at + length]).finish();
            // So that no hash is left out.
            last ^= hash.as_bytes()[0];
            at = (at + length) % MEMORY;
        }
        bytes += length as u64 * count;
    }
    std::hint::black_box(last);
    bytes
}
