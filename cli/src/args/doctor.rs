//! What can be said about an examination.

use super::StorageArgs;
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Below the folder of this name; or a whole URL. Scratch objects are made in `sealift-doctor/` there, and removed.
    #[arg(default_value = "")]
    pub(crate) name: String,
    /// Set a lifecycle rule that ends incomplete uploads after a week, where there is none for all (s3-native). All other
    /// rules are kept. It is asked first, on a terminal.
    #[arg(long)]
    pub(crate) fix: bool,
    /// Do not ask: set the rule (with --fix), and make scratch objects also in a bucket that keeps what is removed from it.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}
