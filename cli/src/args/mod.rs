//! The command line: what can be said, with which defaults, and the help for it. Nothing here does anything.

mod about;
mod backup;
mod compact;
mod copy;
mod doctor;
mod drill;
mod metrics;
mod output;
mod prune;
mod query;
mod service;
mod storage;
mod time;
mod verify;

pub(crate) use about::{Completions, ConfigCommand, ConfigShow, Help, Man};
pub(crate) use backup::{
    ArchiveArgs, Backup, BackupCommand, Continuously, EpochEnding, MetadataArgs, NodeArgs, Once, StateSnapshot,
    Transaction, TransactionFormatArg,
};
use clap::{Args, Parser, Subcommand, ValueEnum};
pub(crate) use compact::{BackupMaintenance, Compact};
pub(crate) use copy::{Copy, FromArgs};
pub(crate) use doctor::Doctor;
pub(crate) use drill::{Drill, ToVersion};
use jiff::SignedDuration;
pub(crate) use metrics::MetricsArgs;
pub(crate) use output::{LogFormatArg, OutputArgs, ProgressArg};
pub(crate) use prune::Prune;
pub(crate) use query::{BackupStorageState, NodeState, Query};
pub(crate) use service::ServiceArgs;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
pub(crate) use storage::{
    AddressingArg, AzureArgs, ChecksumsArg, CodecArg, ConditionalWritesArg, GcsArgs, LOCATION, S3Args, StorageArgs,
    Summary, of_a_cloud,
};
pub(crate) use time::time;
pub(crate) use verify::{ChainArgs, DepthArg, DueArgs, MergeArgs, PlanArgs, Verify, VerifyStep, WhatArgs, WorkArgs};

/// Streams backups into object storage: a file is sealed (complete, verified, visible) or it never existed.
#[derive(Debug, Parser)]
#[command(name = "sealift", version = VERSION, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// The time that the whole command has (90s, 2h). When it is over, it stops and cleans up as after a SIGTERM
    /// [default: none].
    #[arg(long, value_name = "TIME", global = true, value_parser = time)]
    pub(crate) deadline: Option<SignedDuration>,
    /// The configuration file [default: ~/.config/sealift/config.toml, or else /etc/sealift/config.toml]. Named as nothing
    /// (--config=), it is none. `sealift help config` says what is in it.
    #[arg(long, env = "SEALIFT_CONFIG", value_name = "FILE", global = true)]
    pub(crate) config: Option<OsString>,
    /// The profile of the configuration file that is taken [default: none].
    #[arg(long, env = "SEALIFT_PROFILE", value_name = "NAME", global = true)]
    pub(crate) profile: Option<OsString>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) metrics: MetricsArgs,
}

impl Cli {
    /// Whether no summary is asked for, and nothing else that need not be said.
    pub(crate) fn is_quiet(&self) -> bool {
        self.command.storage().is_some_and(|storage| storage.quiet)
    }
}

/// The release, and, in parentheses, what it was built of: the commit, where that is known, and the clouds.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("SEALIFT_BUILD"), ")");

pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    another failure; the service does not do what backups need (doctor); there is no room (drill)
  2    wrong arguments, name or configuration
  3    the object or the bucket does not exist; there is no archive there (ls --aptos, compact,
       prune --aptos, drill --aptos); no name is of the template (prune); there is no object (drill)
  4    refused: credentials or permissions; a permission is missing (doctor)
  5    the object exists and was not to be replaced; a backup of the same, or of some of it, is known
  6    the service is unreachable, in another region, or too slow
  7    what is stored is damaged or incomplete (verify: something is wrong with it; copy --aptos: it cannot be
       restored; drill: it could not be restored), or has no checksum (get, drill --require-checksum)
  8    the producer failed (run)
  9    the input was empty (put, run)
  10   something was left behind; the message names it
  11   the node has pruned what was to be backed up (backup)
  124  the --deadline has passed
  130  interrupted (SIGINT), 143 terminated (SIGTERM), 129 hung up (SIGHUP)";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Store standard input as NAME, or many files below NAME.
    Put(Put),
    /// Run a command and store its standard output as NAME, only if it exits with 0.
    Run(Run),
    /// Write the object NAME to standard output or a file.
    Get(Get),
    /// List objects, or with --aptos what an archive of backups covers.
    Ls(Ls),
    /// Show what is stored as NAME.
    Stat(Stat),
    /// Remove objects.
    Rm(Rm),
    /// Move an object within the storage, without its bytes passing through here.
    Mv(Mv),
    /// Copy objects from one storage to another, with their content proven.
    Copy(Box<Copy>),
    /// List, and with --yes remove, what crashes left: incomplete uploads and temporary files.
    Sweep(Sweep),
    /// Try out what the storage, and these credentials, can do, and say what follows for each command.
    Doctor(Doctor),
    /// Tell whether what is stored can be trusted: that it is there, is what was written, and proves itself.
    Verify(Box<Verify>),
    /// Restore a random object, or with --aptos an archive's random version, into a throw-away place, and say what was
    /// verified and how long it took.
    Drill(Box<Drill>),
    /// Back up an Aptos node's data into an archive that the Aptos tools restore.
    #[command(subcommand)]
    Backup(BackupCommand),
    /// Put the lines of many metadata files of an Aptos archive into few, so that it is read faster.
    Compact(Box<Compact>),
    /// List, and with --yes remove, backups that are superfluous by a policy.
    Prune(Box<Prune>),
    /// The same, where aptos-db-tool has it.
    #[command(subcommand)]
    BackupMaintenance(BackupMaintenance),
    /// Print a configuration with which the Aptos tools' command adapter uses sealift for every command.
    CommandConfig(CommandConfig),
    /// Configurations of other tools.
    #[command(subcommand)]
    Storage(StorageCommand),
    /// The configuration file: which values there are, and who says them.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print what completes the command line in a shell.
    Completions(Completions),
    /// Write a manual page of each command.
    Man(Man),
    /// Explain a command, or a topic: storage, names, config, exit-codes.
    Help(Help),
}

impl Command {
    /// Which storage it is about, if it is about one.
    pub(crate) fn storage(&self) -> Option<&StorageArgs> {
        match self {
            Command::Put(args) => Some(&args.storage),
            Command::Run(args) => Some(&args.storage),
            Command::Get(args) => Some(&args.storage),
            Command::Ls(args) => Some(&args.storage),
            Command::Stat(args) => Some(&args.storage),
            Command::Rm(args) => Some(&args.storage),
            Command::Mv(args) => Some(&args.storage),
            Command::Copy(args) => Some(&args.storage),
            Command::Sweep(args) => Some(&args.storage),
            Command::Prune(args) => Some(&args.storage),
            Command::Doctor(args) => Some(&args.storage),
            Command::Drill(args) => Some(&args.storage),
            Command::Verify(args) => Some(args.storage()),
            Command::Backup(args) => args.storage(),
            Command::Compact(args) | Command::BackupMaintenance(BackupMaintenance::Compact(args)) => {
                Some(&args.storage)
            }
            Command::CommandConfig(args) => Some(&args.storage),
            Command::Storage(_) | Command::Config(_) | Command::Completions(_) | Command::Man(_) | Command::Help(_) => {
                None
            }
        }
    }

    /// Whether programs read what it says.
    pub(crate) fn is_json(&self) -> bool {
        match self {
            Command::Storage(StorageCommand::Import(args)) => args.json,
            Command::Backup(BackupCommand::Query(Query::NodeState(args))) => args.json,
            command => command.storage().is_some_and(|storage| storage.json),
        }
    }

    /// Whether it may take so long that somebody wants to see how far it is.
    pub(crate) fn may_take_long(&self) -> bool {
        match self {
            Command::Put(_)
            | Command::Run(_)
            | Command::Get(_)
            | Command::Copy(_)
            | Command::Sweep(_)
            | Command::Verify(_)
            | Command::Drill(_)
            | Command::Compact(_)
            | Command::Prune(_)
            | Command::Backup(BackupCommand::Make(_))
            | Command::BackupMaintenance(BackupMaintenance::Compact(_)) => true,
            Command::Ls(_)
            | Command::Stat(_)
            | Command::Rm(_)
            | Command::Mv(_)
            | Command::Doctor(_)
            | Command::Backup(BackupCommand::Query(_))
            | Command::CommandConfig(_)
            | Command::Storage(_)
            | Command::Config(_)
            | Command::Completions(_)
            | Command::Man(_)
            | Command::Help(_) => false,
        }
    }

    /// What it does, in a word.
    pub(crate) fn operation(&self) -> &'static str {
        match self {
            Command::Put(_) => "put",
            Command::Run(_) => "run",
            Command::Get(_) => "get",
            Command::Ls(_) => "ls",
            Command::Stat(_) => "stat",
            Command::Rm(_) => "rm",
            Command::Mv(_) => "mv",
            Command::Copy(_) => "copy",
            Command::Sweep(_) => "sweep",
            Command::Doctor(_) => "doctor",
            Command::Verify(_) => "verify",
            Command::Drill(_) => "drill",
            Command::Backup(_) => "backup",
            Command::Compact(_) | Command::BackupMaintenance(_) => "compact",
            Command::Prune(_) => "prune",
            Command::CommandConfig(_) => "command-config",
            Command::Storage(_) => "storage",
            Command::Config(_) => "config",
            Command::Completions(_) => "completions",
            Command::Man(_) => "man",
            Command::Help(_) => "help",
        }
    }

    /// The NAMEs it is about, which may be whole URLs.
    pub(crate) fn names(&self) -> Vec<&str> {
        match self {
            Command::Put(args) => args.name.as_deref().or(args.write.name_template.as_deref()).into_iter().collect(),
            Command::Run(args) => args.name.as_deref().or(args.write.name_template.as_deref()).into_iter().collect(),
            Command::Prune(args) => args.group_by.as_deref().into_iter().collect(),
            Command::Get(args) => vec![args.name.as_deref().unwrap_or_default()],
            Command::Ls(args) => vec![&args.name],
            Command::Stat(args) => vec![&args.name],
            Command::Rm(args) => args.names.iter().map(String::as_str).collect(),
            Command::Mv(args) => vec![&args.from, &args.to],
            Command::Copy(args) => vec![&args.from, &args.to],
            Command::Sweep(args) => vec![&args.name],
            Command::Doctor(args) => vec![&args.name],
            Command::Drill(args) => vec![&args.name],
            Command::Verify(args) => vec![args.name()],
            Command::Backup(_)
            | Command::Compact(_)
            | Command::BackupMaintenance(_)
            | Command::CommandConfig(_)
            | Command::Storage(_)
            | Command::Config(_)
            | Command::Completions(_)
            | Command::Man(_)
            | Command::Help(_) => Vec::new(),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum StorageCommand {
    /// Read a command adapter's configuration, and say which options of sealift mean the same.
    Import(Import),
}

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
    /// How many metadata files are read at a time (with --aptos).
    #[arg(long, default_value = "16", value_name = "N", requires = "aptos")]
    pub(crate) concurrent_downloads: NonZeroUsize,
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
pub(crate) struct CommandConfig {
    /// The program that the commands call [default: this one, where it is now].
    #[arg(long, value_name = "PATH")]
    pub(crate) program: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The YAML file.
    pub(crate) file: PathBuf,
    /// One JSON document instead of text.
    #[arg(long)]
    pub(crate) json: bool,
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
