//! What can be said about copies from one storage to another.

use super::at_once::at_once;
use super::{CodecArg, StorageArgs};
use clap::Args;
use std::num::NonZeroUsize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// What is copied: a whole URL, or a name below --storage. The object of this name, and all below the folder of this
    /// name. Or `command-adapter`, with --from-command-adapter-config and --from-list or --aptos.
    pub(crate) from: String,
    /// Where to: a whole URL, or a name below --storage; what is called FROM/PATH becomes TO/PATH. One object becomes TO, or
    /// TO/NAME where TO ends with a slash or is a bucket or a folder of files. Or `command-adapter`, with
    /// --command-adapter-config.
    pub(crate) to: String,
    /// Copy only what is missing or differs. Two are the same if a checksum of one kind is kept of both and equal; where
    /// there is none, they are read and compared.
    #[arg(long)]
    pub(crate) sync: bool,
    /// Take what has the same size for the same, without a look at its content (with --sync).
    #[arg(long, requires = "sync")]
    pub(crate) size_only: bool,
    /// Afterwards remove from TO what FROM has not (with --sync). Not after any failure, and not of what --include, --exclude
    /// or --shard leave out.
    #[arg(long, requires = "sync", conflicts_with = "from_list")]
    pub(crate) delete: bool,
    /// Fail for each object that exists already, decided by the service at the commit.
    #[arg(long, conflicts_with = "sync")]
    pub(crate) if_absent: bool,
    /// FROM is an archive of an Aptos node's backups: copy just what a restore to --to-version needs, as an archive of its own.
    /// Files become what TO's archives hold: as they are in a folder, gzip in a bucket, or as --codec says.
    #[arg(long, requires = "to_version", conflicts_with_all = ["delete", "size_only", "from_list", "include", "exclude", "shard"])]
    pub(crate) aptos: bool,
    /// The version to which it is to be restored (with --aptos).
    #[arg(long, value_name = "VERSION", requires = "aptos")]
    pub(crate) to_version: Option<u64>,
    /// Say what would be done, and why, and do none of it. With --sync that may read what has no checksums.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Copy only what FILE lists, one name below FROM a line; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) from_list: Option<PathBuf>,
    /// Only names below FROM that match one of these patterns: `*` is any text without a slash, `**` any text. May be said
    /// several times.
    #[arg(long, value_name = "GLOB")]
    pub(crate) include: Vec<String>,
    /// No names below FROM that match one of these. May be said several times.
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Only one of N parts, K/N from 1/N to N/N, for many machines; or auto, as `verify --shard` takes it. An object's part
    /// is told by its name alone.
    #[arg(long, value_name = "K/N")]
    pub(crate) shard: Option<String>,
    /// Into how many parts, for --shard auto where the environment does not say it.
    #[arg(long, value_name = "N", requires = "shard")]
    pub(crate) shards: Option<u32>,
    /// How many objects are copied at a time, where memory allows it.
    #[arg(long, default_value = "32", value_name = "N", value_parser = at_once)]
    pub(crate) concurrent_copies: NonZeroUsize,
    /// End with the first object that cannot be copied. Without it the others are, and each that is not is named.
    #[arg(long)]
    pub(crate) fail_fast: bool,
    #[command(flatten)]
    pub(crate) source: FromArgs,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

/// What is particular to FROM. Everything else about storages is said of TO, and of FROM too where both are of one cloud.
#[derive(Debug, Args)]
#[command(next_help_heading = "Storage of FROM")]
pub(crate) struct FromArgs {
    /// As --endpoint-url, for FROM.
    #[arg(long, value_name = "URL")]
    pub(crate) from_endpoint_url: Option<String>,
    /// As --region, for FROM.
    #[arg(long, value_name = "REGION")]
    pub(crate) from_region: Option<String>,
    /// As --account-name, for FROM.
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) from_account_name: Option<String>,
    /// As --sas-file, for FROM.
    #[arg(long, value_name = "FILE")]
    pub(crate) from_sas_file: Option<PathBuf>,
    /// As --credentials-file, for FROM.
    #[arg(long, value_name = "FILE")]
    pub(crate) from_credentials_file: Option<PathBuf>,
    /// As --anonymous, for FROM.
    #[arg(long)]
    pub(crate) from_anonymous: bool,
    /// How what is at FROM is compressed, for --aptos, or with --codec [default: it is told by its first bytes; archives in a
    /// folder are not].
    #[arg(long)]
    pub(crate) from_codec: Option<CodecArg>,
    /// As --command-adapter-config, for FROM.
    #[arg(long, value_name = "FILE")]
    pub(crate) from_command_adapter_config: Option<PathBuf>,
}
