//! What can be said about a restore that is tried.

use super::StorageArgs;
use super::at_once::at_once;
use clap::Args;
use sealift_aptos::chain::Waypoint;
use std::num::NonZeroUsize;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Drill {
    /// Only the object of this name and those below the folder of this name; or a whole URL.
    #[arg(default_value = "")]
    pub(crate) name: String,
    /// Restore so many objects, one after the other.
    #[arg(long, default_value = "1", value_name = "N", conflicts_with = "aptos")]
    pub(crate) count: NonZeroUsize,
    /// Choose as a run did that has told this number, while the same objects, or versions, are there [default: a random
    /// one].
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Choose among names below NAME that match one of these patterns: `*` is any text without a slash, `**` any text. May
    /// be said several times.
    #[arg(long, value_name = "GLOB", conflicts_with = "aptos")]
    pub(crate) include: Vec<String>,
    /// Choose none of the names below NAME that match one of these. May be said several times.
    #[arg(long, value_name = "GLOB", conflicts_with = "aptos")]
    pub(crate) exclude: Vec<String>,
    /// Fail where nothing keeps a checksum of the object: no service, no metadata, and not the stream itself.
    #[arg(long, conflicts_with = "aptos")]
    pub(crate) require_checksum: bool,
    /// Restore into a throw-away folder below this one, which is there [default: the system's folder for temporary files].
    #[arg(long, value_name = "FOLDER")]
    pub(crate) into: Option<PathBuf>,
    /// It is an archive of an Aptos node's backups: copy what a restore to one version needs, and verify that, as
    /// docs/RESTORE.md does. A node is not run.
    #[arg(long)]
    pub(crate) aptos: bool,
    /// The version, or `random`: any of those that the archive's metadata says it can be restored to (with --aptos).
    #[arg(long, visible_alias = "version", default_value = "random", value_name = "VERSION", value_parser = to_version, requires = "aptos")]
    pub(crate) to_version: ToVersion,
    /// A waypoint that is known from elsewhere, VERSION:HASH, such as the network's genesis (with --aptos). May be said
    /// several times.
    #[arg(long, value_name = "WAYPOINT", requires = "aptos")]
    pub(crate) trust_waypoint: Vec<Waypoint>,
    /// How many files are read at a time, where memory allows it (with --aptos).
    #[arg(long, default_value = "16", value_name = "N", value_parser = at_once, requires = "aptos")]
    pub(crate) concurrent_downloads: NonZeroUsize,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

/// Which version is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ToVersion {
    Random,
    This(u64),
}

fn to_version(text: &str) -> Result<ToVersion, String> {
    match text {
        "random" => Ok(ToVersion::Random),
        text => text.parse().map(ToVersion::This).map_err(|_| "a version is a number, or random".to_owned()),
    }
}

const AFTER: &str = "\
What is restored is removed again, also after a failure. Its exit code is that of the first failure: 7 for what is damaged,
3 where nothing is there, 1 where there is not enough room for it.

  sealift drill db --storage s3://my-bucket --into /var/tmp --json >> /var/log/drills.jsonl";
