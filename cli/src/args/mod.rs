//! The command line: what can be said, with which defaults, and the help for it. Nothing here does anything.

mod about;
mod at_once;
mod backup;
mod compact;
mod copy;
mod doctor;
mod drill;
mod metrics;
mod objects;
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
use clap::{Args, Parser, Subcommand};
pub(crate) use compact::{BackupMaintenance, Compact};
pub(crate) use copy::{Copy, FromArgs};
pub(crate) use doctor::Doctor;
pub(crate) use drill::{Drill, ToVersion};
use jiff::SignedDuration;
pub(crate) use metrics::MetricsArgs;
pub(crate) use objects::{Get, Ls, Mv, Put, Rm, Run, SortArg, Stat, Sweep, WriteArgs};
pub(crate) use output::{LogFormatArg, OutputArgs, ProgressArg};
pub(crate) use prune::Prune;
pub(crate) use query::{BackupStorageState, NodeState, Query};
pub(crate) use service::ServiceArgs;
use std::ffi::OsString;
use std::path::PathBuf;
pub(crate) use storage::{
    AddressingArg, AzureArgs, ChecksumsArg, CodecArg, ConditionalWritesArg, GcsArgs, LOCATION, LevelArg, S3Args,
    StorageArgs, Summary, of_a_cloud,
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
            Command::Config(ConfigCommand::Show(args)) => args.json,
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
