//! What can be said about verification. Options that aptos-db-tool has keep their names.

use super::StorageArgs;
use super::at_once::at_once;
use super::time::time;
use bytesize::ByteSize;
use clap::{Args, Subcommand, ValueEnum};
use jiff::SignedDuration;
use sealift_aptos::chain::Waypoint;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// What the options are listed under that share the work.
const MANY: &str = "Many machines";

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Verify {
    #[command(subcommand)]
    pub(crate) step: Option<VerifyStep>,
    #[command(flatten)]
    pub(crate) what: WhatArgs,
    #[command(flatten)]
    pub(crate) due: DueArgs,
    /// Verify one part of a plan that `verify plan` has written, and seal a report of it, instead of all at once.
    #[arg(long, value_name = "NAME", requires = "shard", conflicts_with_all = ["DueArgs", "max_time"], help_heading = MANY)]
    pub(crate) plan: Option<String>,
    /// Which part: K/N from 1/N to N/N; or auto, which takes both from Kubernetes (JOB_COMPLETION_INDEX, with --shards),
    /// AWS Batch (AWS_BATCH_JOB_ARRAY_INDEX), Cloud Run (CLOUD_RUN_TASK_INDEX) or Slurm (SLURM_ARRAY_TASK_ID).
    #[arg(long, value_name = "K/N", requires = "plan", help_heading = MANY)]
    pub(crate) shard: Option<String>,
    /// Into how many parts, for --shard auto where the environment does not say it.
    #[arg(long, value_name = "N", requires = "shard", help_heading = MANY)]
    pub(crate) shards: Option<u32>,
    /// Begin nothing more after so long. What was not verified by then is left for the next run.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) max_time: Option<SignedDuration>,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum VerifyStep {
    /// Write down all that is to be verified, so that many machines can share it.
    Plan(PlanArgs),
    /// Make one verdict of the reports of all parts of a plan, and prove that nothing was passed over.
    Merge(MergeArgs),
}

impl Verify {
    /// Where what is verified is.
    pub(crate) fn storage(&self) -> &StorageArgs {
        match &self.step {
            Some(VerifyStep::Plan(args)) => &args.storage,
            Some(VerifyStep::Merge(args)) => &args.storage,
            None => &self.storage,
        }
    }

    /// What it is called there.
    pub(crate) fn name(&self) -> &str {
        match &self.step {
            Some(VerifyStep::Plan(args)) => &args.what.name,
            Some(VerifyStep::Merge(args)) => &args.name,
            None => &self.what.name,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The plan's name, by which the other steps find it.
    #[arg(long, value_name = "NAME")]
    pub(crate) plan: String,
    #[command(flatten)]
    pub(crate) what: WhatArgs,
    #[command(flatten)]
    pub(crate) due: DueArgs,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// As the plan was made for.
    #[arg(default_value = "", value_name = "PREFIX")]
    pub(crate) name: String,
    /// The plan's name.
    #[arg(long, value_name = "NAME")]
    pub(crate) plan: String,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

/// What is verified, and how deep.
#[derive(Debug, Args)]
pub(crate) struct WhatArgs {
    /// Only the folder of this name below the storage; or a whole URL.
    #[arg(default_value = "", value_name = "PREFIX")]
    pub(crate) name: String,
    /// exists: what is named is there. stored: and has the size and checksum that are known of it, without a download.
    /// content: and can be read to its end, with every checksum there is. chain: and what is in it proves itself (Aptos
    /// archives) [default: chain for an Aptos archive, otherwise content].
    #[arg(long)]
    pub(crate) depth: Option<DepthArg>,
    /// It is an archive of an Aptos chain. Without this, that is told by its metadata files.
    #[arg(long, conflicts_with = "objects")]
    pub(crate) aptos: bool,
    /// It is plain objects, even if they look like an archive.
    #[arg(long)]
    pub(crate) objects: bool,
    /// How many files are read at a time, where memory allows it.
    #[arg(long, default_value = "16", value_name = "N", value_parser = at_once)]
    pub(crate) concurrent_downloads: NonZeroUsize,
    /// Taken so that a command line of aptos-db-tool works here, and not used: nothing is cached.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) metadata_cache_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) chain: ChainArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

/// What of an Aptos archive is verified, and what is taken for granted.
#[derive(Debug, Args)]
#[command(next_help_heading = "Aptos")]
pub(crate) struct ChainArgs {
    /// A waypoint that is known from elsewhere, VERSION:HASH, such as the network's genesis. May be said several times.
    #[arg(long, value_name = "WAYPOINT")]
    pub(crate) trust_waypoint: Vec<Waypoint>,
    /// Leave out transactions before this version, backup by backup; `max` leaves out all.
    #[arg(long, default_value = "0", value_name = "VERSION", value_parser = version)]
    pub(crate) start_version: u64,
    /// Leave out transactions after this version, backup by backup.
    #[arg(long, default_value = "max", value_name = "VERSION", value_parser = version)]
    pub(crate) end_version: u64,
    /// Only one state snapshot: the newest of this version or before [default: all].
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub(crate) state_snapshot_before_version: Option<u64>,
    /// Do not look at epoch endings, and so at no signature.
    #[arg(long)]
    pub(crate) skip_epoch_endings: bool,
    /// Be content where the archive does not have the ending of the epoch before, and nobody can tell who should have
    /// signed.
    #[arg(long)]
    pub(crate) allow_lagging_endings: bool,
}

/// Which of it is due.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is due")]
#[group(id = "DueArgs", multiple = true)]
pub(crate) struct DueArgs {
    /// Leave out what was verified so deep within this time (30d, 12h), and is the same since.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) unverified_for: Option<SignedDuration>,
    /// Verify no more than so many stored bytes: what was never verified first, then what was verified longest ago.
    #[arg(long, value_name = "SIZE", conflicts_with = "sample")]
    pub(crate) max_bytes: Option<ByteSize>,
    /// The same as a part of all stored bytes (5%): twenty such runs have verified everything.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) sample: Option<f64>,
}

/// Where verification keeps what is its own.
#[derive(Debug, Args)]
#[command(next_help_heading = "Record")]
pub(crate) struct WorkArgs {
    /// Where the record of what was verified, plans and reports are: a whole URL [default: sealift-verify/ below what is
    /// verified].
    #[arg(long, value_name = "URL")]
    pub(crate) work: Option<String>,
    /// Neither read nor write the record of what was verified.
    #[arg(long)]
    pub(crate) no_record: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DepthArg {
    Exists,
    Stored,
    Content,
    Chain,
}

fn version(text: &str) -> Result<u64, String> {
    match text {
        "max" => Ok(u64::MAX),
        text => text.parse().map_err(|_| "a version is a number, or max".to_owned()),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse().ok();
    number.filter(|number| *number > 0.0 && *number <= 100.0).ok_or_else(|| "a part of all is 5%, or 100%".to_owned())
}
