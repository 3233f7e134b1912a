//! What is said while a command works, and how it looks.

use clap::{ArgAction, Args, ValueEnum};

#[derive(Debug, Args)]
#[command(next_help_heading = "Messages")]
pub(crate) struct OutputArgs {
    /// Show on standard error how far it is: on a terminal as a line that is gone in the end, elsewhere as a line of the log
    /// each minute. `auto` shows it on a terminal, and elsewhere with -v; not with --quiet.
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub(crate) progress: ProgressArg,
    /// How the log looks. Where standard error goes to systemd's journal, text has its level as a prefix and no time.
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    pub(crate) log_format: LogFormatArg,
    /// Log more: what is done (-v), and each step of it (-vv). SEALIFT_LOG says it crate by crate, and is stronger.
    #[arg(long, short, action = ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
}

/// When progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressArg {
    Auto,
    Always,
    Never,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormatArg {
    Text,
    Json,
}
