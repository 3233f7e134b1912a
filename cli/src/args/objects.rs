//! What is said of objects: to store, read, list, move and remove them.

use super::at_once::at_once;
use super::{StorageArgs, time};
use clap::{Args, ValueEnum};
use jiff::SignedDuration;
use std::num::NonZeroUsize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Put {
    /// The object's name below the storage's prefix, or its whole URL. With --folder or --files-from what the names of
    /// all begin with.
    pub(crate) name: Option<String>,
    /// Store each file below this folder as NAME/PATH, many at a time. Links are followed.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["files_from", "files_from0"])]
    pub(crate) folder: Option<PathBuf>,
    /// Store each file that FILE lists, one path a line, as NAME/PATH, many at a time; `-` is standard input. The list is
    /// read to its end first: two paths that give one name are an error, and nothing is stored.
    #[arg(long, value_name = "FILE", conflicts_with = "files_from0")]
    pub(crate) files_from: Option<PathBuf>,
    /// The same with a zero byte after each path, as `find -print0` writes them.
    #[arg(long, value_name = "FILE")]
    pub(crate) files_from0: Option<PathBuf>,
    /// Leave out the files whose object is there already, so that a run can be repeated (with --folder or --files-from).
    #[arg(long)]
    pub(crate) skip_existing: bool,
    /// End with the first file that cannot be stored (with --folder or --files-from). Without it the others are stored,
    /// and each that is not is named.
    #[arg(long)]
    pub(crate) fail_fast: bool,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The object's name below the storage's prefix, or its whole URL.
    pub(crate) name: Option<String>,
    /// The command and its arguments. It is started directly, without a shell.
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) producer: Vec<std::ffi::OsString>,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The object's name below the storage's prefix, or its whole URL. With --folder what the names of all begin with, as
    /// `ls` takes it.
    #[arg(required_unless_present = "folder")]
    pub(crate) name: Option<String>,
    /// Write to this file, which appears only when everything was read and agrees with every checksum there is; one that
    /// is there keeps its mode and its owner. Devices and pipes are written to as they are; `-` is standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write each object below NAME to a file below this folder, many at a time, called as the object is below NAME. Each
    /// appears only when all of it was read and verified. A name that would lead out of the folder is refused.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["output", "version_id"])]
    pub(crate) folder: Option<PathBuf>,
    /// Leave out the objects whose file is there already, so that a run can be repeated (with --folder).
    #[arg(long, requires = "folder")]
    pub(crate) skip_existing: bool,
    /// End with the first object that cannot be read (with --folder). Without it the others are, and each that is not is
    /// named.
    #[arg(long, requires = "folder")]
    pub(crate) fail_fast: bool,
    /// This version of the object, in a bucket that keeps versions: S3's version id, Google's generation, Azure's version id.
    #[arg(long, value_name = "ID")]
    pub(crate) version_id: Option<String>,
    /// Fail where nothing keeps a checksum of the object: no service, no metadata, and not the stream itself.
    #[arg(long)]
    pub(crate) require_checksum: bool,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Only the object of this name and those below the folder of this name; or a whole URL.
    #[arg(default_value = "")]
    pub(crate) name: String,
    /// Only the names, one a line.
    #[arg(long)]
    pub(crate) names: bool,
    /// The newest first, the largest first, or by name. Without it they are told by name, as they come; by time or size, or
    /// with --reverse, they are told when all have come, which takes about 300 bytes of memory an object.
    #[arg(long, value_name = "BY", conflicts_with = "aptos")]
    pub(crate) sort: Option<SortArg>,
    /// The other way round.
    #[arg(long, short, conflicts_with = "aptos")]
    pub(crate) reverse: bool,
    /// Sizes as people read them: 1.5 MiB.
    #[arg(long, visible_alias = "human-readable", conflicts_with_all = ["aptos", "names"])]
    pub(crate) human: bool,
    /// How many objects there are, and how many bytes they hold, in a last line.
    #[arg(long, conflicts_with_all = ["aptos", "names"])]
    pub(crate) total: bool,
    /// Show what the archive of an Aptos node's backups below this name covers, what it lacks, and what a restore reaches,
    /// by its metadata alone.
    #[arg(long, conflicts_with = "names")]
    pub(crate) aptos: bool,
    /// How many metadata files are read at a time (with --aptos) [default: 128; 16 through commands].
    #[arg(long, value_name = "N", value_parser = at_once, requires = "aptos")]
    pub(crate) concurrent_downloads: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

/// By what a listing is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortArg {
    Time,
    Size,
    Name,
}

#[derive(Debug, Args)]
pub(crate) struct Stat {
    /// The object's name below the storage's prefix, or its whole URL.
    pub(crate) name: String,
    /// This version of the object, in a bucket that keeps versions: S3's version id, Google's generation, Azure's version id.
    #[arg(long, value_name = "ID")]
    pub(crate) version_id: Option<String>,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Rm {
    /// The objects' names below the storage's prefix, or their whole URLs, all of one storage.
    #[arg(required = true)]
    pub(crate) names: Vec<String>,
    /// Remove the object of this one name and all below the folder of this name, as `ls` lists them.
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Only list what --recursive would remove.
    #[arg(long, requires = "recursive")]
    pub(crate) dry_run: bool,
    /// How many are removed at a time. S3 removes up to 1,000 by each of four requests with --recursive.
    #[arg(long, default_value = "64", value_name = "N", value_parser = at_once)]
    pub(crate) concurrent_removals: NonZeroUsize,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Mv {
    /// The object's name below the storage's prefix, or its whole URL.
    pub(crate) from: String,
    /// Its new name below the storage's prefix, or the whole URL of that, in the same storage. What is there is replaced.
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Sweep {
    /// Only of the object of this name and below the folder of this name; or a whole URL.
    #[arg(default_value = "")]
    pub(crate) name: String,
    /// Leave alone what something happened to more recently. An upload counts from its latest part.
    #[arg(long, default_value = "24h", value_name = "TIME", value_parser = time)]
    pub(crate) older_than: SignedDuration,
    /// Remove what is listed, instead of only listing it.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Also uploads that are not marked as Sealift's. Sealift's own are not either on services without full-object
    /// checksums.
    #[arg(long)]
    pub(crate) foreign: bool,
    /// Also sealed files of an Aptos archive's backups that no metadata line and no manifest leads to, in folders into which
    /// nothing was written for that time: of backups that were interrupted and not gone on with.
    #[arg(long)]
    pub(crate) aptos: bool,
    /// How many are removed at a time.
    #[arg(long, default_value = "64", value_name = "N", value_parser = at_once)]
    pub(crate) concurrent_removals: NonZeroUsize,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

/// How to write.
#[derive(Debug, Args)]
#[command(next_help_heading = "Writing")]
pub(crate) struct WriteArgs {
    /// In place of NAME a name by the time when the command starts, in UTC: db/{date}.sql.gz. {date} is 2026-11-28, {datetime}
    /// 20261128T031500Z, {timestamp} the seconds since 1970; {year} {month} {day} {hour} {minute} {second} are two digits, the
    /// year four. `prune --group-by` reads the same.
    #[arg(long, value_name = "TEMPLATE", conflicts_with = "name")]
    pub(crate) name_template: Option<String>,
    /// Fail if the object exists, decided by the service at the commit.
    #[arg(long)]
    pub(crate) if_absent: bool,
    /// Store an object even if the input is empty; with --folder or a list, be content with no file at all.
    #[arg(long)]
    pub(crate) allow_empty: bool,
}
