//! Writes an archive of an Aptos chain of any size: epoch endings with signatures, state snapshots, all transactions. All of
//! it proves itself, as `sealift verify --depth chain` sees, and is the same for the same seed. What a node would not do is
//! to have state that its transactions did not bring about: verification does not replay them.
//!
//! It is made as it is written: memory does not grow with the size, but for what keeps the manifests.

mod contents;
mod items;
mod ledger;
mod mirror;
mod order;
mod output;
mod random;
mod snapshot;
mod transactions;

use anyhow::{Context, Result};
use clap::Parser;
use items::Items;
use ledger::Ledger;
use output::Output;
use sealift_aptos::chain::{
    BlockInfo, HashValue, Hasher, LedgerInfo, LedgerInfoWithSignatures, TransactionInfo, TransactionInfoWithProof,
    TransactionRecord,
};
use sealift_aptos::manifest::{EpochEndingBackup, EpochEndingChunk, StateSnapshotBackup};
use sealift_aptos::metadata::Metadata;
use sealift_bench_verify::Counts;
use sealift_node::{Chain, Recipe, Signers};
use std::path::PathBuf;
use transactions::{BLOCK, Backups, FORMAT};

/// Write an archive that proves itself.
#[derive(Debug, Parser)]
struct Args {
    /// The size of all records together in MiB, about.
    #[arg(long, default_value_t = 10_240)]
    mib: u64,
    /// How much of it is state, in percent; the rest are transactions.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..100))]
    state: u64,
    /// Into how many snapshots the state is divided, each of an epoch of its own.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    snapshots: u64,
    /// How many epochs there are after genesis; at least as many as snapshots.
    #[arg(long, default_value_t = 4)]
    epochs: u64,
    /// The validators of each epoch.
    #[arg(long, default_value_t = 100)]
    validators: usize,
    /// Another seed, another archive.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write it into this folder as it is.
    #[arg(long, value_name = "FOLDER")]
    plain: Option<PathBuf>,
    /// Write it into this folder with gzip, as it is in a cloud.
    #[arg(long, value_name = "FOLDER")]
    gzip: Option<PathBuf>,
    /// Write to this file which hashes its verification needs, for `bench-hashes`.
    #[arg(long, value_name = "FILE")]
    counts: Option<PathBuf>,
}

/// The mean length of the records, by which their numbers are chosen.
const ITEM: u64 = 237;
const TRANSACTION: u64 = 3170;

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let output = Output::new(args.plain.as_deref(), args.gzip.as_deref())?;
    let mut counts = Counts::default();
    let chain = Making::new(&args);
    let snapshots = chain.write_snapshots(&output, &mut counts).await?;
    chain.write_transactions(&output, &snapshots, &mut counts).await?;
    output.close().await?;
    args.counts.as_deref().map_or(Ok(()), |file| counts.write(file))
}

/// A chain while it is made.
struct Making<'a> {
    args: &'a Args,
    epochs: u64,
    /// The transactions of each epoch.
    transactions: u64,
    /// The items of each snapshot.
    items: u32,
}

/// What was written of a snapshot: all but what proves its root.
struct Half {
    backup: String,
    epoch: u64,
    snapshot: snapshot::Snapshot,
}

impl<'a> Making<'a> {
    fn new(args: &'a Args) -> Self {
        let epochs = args.epochs.max(args.snapshots);
        let state = (args.mib << 20) * args.state / 100;
        let transactions = ((args.mib << 20) - state) / TRANSACTION / epochs;
        let items = (state / ITEM / args.snapshots).clamp(1, u64::from(u32::MAX)) as u32;
        Making { args, epochs, transactions: transactions.max(1).next_multiple_of(BLOCK), items }
    }

    /// The last epochs have snapshots.
    async fn write_snapshots(&self, output: &Output, counts: &mut Counts) -> Result<Vec<Half>> {
        let mut written = Vec::new();
        for epoch in self.epochs - self.args.snapshots + 1..=self.epochs {
            let backup = format!("state_epoch_{epoch}_ver_{}.be7c", epoch * self.transactions);
            let items = Items { seed: self.args.seed << 20 | epoch };
            let snapshot = snapshot::write(output, &backup, items, self.items, counts).await?;
            written.push(Half { backup, epoch, snapshot });
        }
        Ok(written)
    }

    async fn write_transactions(&self, output: &Output, snapshots: &[Half], counts: &mut Counts) -> Result<()> {
        let (seed, validators) = (self.args.seed, self.args.validators);
        let recipe = Recipe { seed, epochs: 0, open_transactions: 0, validators, format: FORMAT, ..Recipe::default() };
        let genesis = Chain::generate(&recipe);
        let record = genesis.transaction(0).context("no genesis")?;
        let mut endings = vec![genesis.epoch_ending(0).context("genesis ends no epoch")?.clone()];
        let (mut ledger, mut backups) = (Ledger::new()?, Backups::new(output));
        let parsed = TransactionRecord::parse(FORMAT, record)?;
        transactions::count(&parsed, counts)?;
        ledger.push(parsed.info.hash()?)?;
        backups.put(0, record, counts).await?;
        let mut ends: Vec<TransactionInfo> = Vec::new();
        for epoch in 1..=self.epochs {
            let last = epoch * self.transactions;
            let root = snapshots.iter().find(|half| half.epoch == epoch).map(|half| half.snapshot.root);
            for version in last - self.transactions + 1..=last {
                let root = root.filter(|_| version == last);
                let (record, info) = transactions::record(seed, version, epoch, root, counts)?;
                ledger.push(info.hash()?)?;
                backups.put(version, &record, counts).await?;
                if version == last {
                    ends.push(info);
                }
            }
            ledger.flush()?;
            endings.push(self.ending(epoch, last, ledger.root(last + 1)?));
        }
        backups.finish(&ledger, &endings, counts).await?;
        write_endings(output, &endings).await?;
        for half in snapshots {
            let at = half.epoch as usize;
            let ending = endings.get(at).context("the snapshot's epoch does not end")?;
            let info = ends.get(at - 1).context("the snapshot's epoch does not end")?.clone();
            let proof = ledger.proof(ending.version(), ending.version() + 1)?;
            write_root(output, half, TransactionInfoWithProof { proof, info }, ending).await?;
        }
        Ok(())
    }

    /// The ledger info that ends an epoch, signed by its validators.
    fn ending(&self, epoch: u64, version: u64, root: HashValue) -> LedgerInfoWithSignatures {
        let signers = |epoch| Signers::of_epoch(self.args.seed, epoch, self.args.validators);
        let commit_info = BlockInfo {
            epoch,
            round: epoch,
            id: Hasher::new("Block").update(epoch.to_le_bytes()).finish(),
            executed_state_id: root,
            version,
            timestamp_usecs: epoch * 7_200_000_000,
            next_epoch_state: Some(signers(epoch + 1).epoch_state()),
        };
        signers(epoch).sign(LedgerInfo { commit_info, consensus_data_hash: HashValue::ZERO })
    }
}

async fn write_endings(output: &Output, endings: &[LedgerInfoWithSignatures]) -> Result<()> {
    let (backup, first_epoch) = ("epoch_ending_0-.be7c", 0);
    let last_epoch = endings.len() as u64 - 1;
    let mut file = output.create(backup, "0-.chunk").await?;
    for ending in endings {
        file.put_record(&bcs::to_bytes(ending)?).await?;
    }
    let chunks = vec![EpochEndingChunk { first_epoch, last_epoch, ledger_infos: file.end().await? }];
    let waypoints = endings.iter().map(LedgerInfoWithSignatures::waypoint).collect::<Result<Vec<_>, _>>()?;
    let (first_version, last_version) = (0, endings.last().map_or(0, LedgerInfoWithSignatures::version));
    let manifest = EpochEndingBackup { first_epoch, last_epoch, waypoints, chunks };
    let line =
        |manifest| Metadata::EpochEndingBackup { first_epoch, last_epoch, first_version, last_version, manifest };
    output.announce(backup, "epoch_ending.manifest", &manifest, line).await
}

/// Completes a snapshot.
async fn write_root(
    output: &Output,
    half: &Half,
    proof: TransactionInfoWithProof,
    ending: &LedgerInfoWithSignatures,
) -> Result<()> {
    let (epoch, version) = (half.epoch, ending.version());
    let proof = output.write(&half.backup, "state.proof", &bcs::to_bytes(&(proof, ending))?).await?;
    let (root_hash, chunks) = (half.snapshot.root, half.snapshot.chunks.clone());
    let manifest = StateSnapshotBackup { version, epoch, root_hash, chunks, proof };
    let line = |manifest| Metadata::StateSnapshotBackup { epoch, version, manifest };
    output.announce(&half.backup, "state.manifest", &manifest, line).await
}
