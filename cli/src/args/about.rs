//! What can be said about sealift itself: its configuration, its help, its manual.

use clap::{Args, Subcommand};
use clap_complete::Shell;
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show the values that a command would take, and where each is from; without a command, what is in the file.
    Show(ConfigShow),
}

#[derive(Debug, Args)]
pub(crate) struct ConfigShow {
    /// One JSON document a line instead of text. Before COMMAND.
    #[arg(long)]
    pub(crate) json: bool,
    /// The command, and what else would be said to it.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell. What is printed belongs where this shell looks for completions: for bash in
    /// ~/.local/share/bash-completion/completions/sealift.
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder in which the pages are written; for `man` it is one called man1. It is made if it is not there.
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Help {
    /// A topic (storage, names, config, exit-codes), or a command.
    #[arg(value_name = "TOPIC|COMMAND")]
    pub(crate) of: Vec<String>,
}
