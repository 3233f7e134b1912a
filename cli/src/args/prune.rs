//! What can be said about the removal of superfluous backups.

use super::StorageArgs;
use super::at_once::at_once;
use super::time::time;
use clap::Args;
use jiff::SignedDuration;
use std::num::NonZeroUsize;

/// Which backups are superfluous.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Prune {
    /// How backups of one thing are named, as `put --name-template` names them: db/{date}.sql.gz. {date}, {datetime},
    /// {timestamp}, or {year} {month} {day} {hour} {minute} {second} are the time, in UTC; {any-other-word} tells one thing
    /// from another; {*} is anything. Without a time in it, the time is that of the object's last modification. May be a whole
    /// URL. Names that are not of this form are left alone.
    #[arg(long, value_name = "TEMPLATE", required_unless_present = "aptos", conflicts_with = "aptos")]
    pub(crate) group_by: Option<String>,
    /// Keep the last N.
    #[arg(long, value_name = "N", help_heading = KEEP)]
    pub(crate) keep_last: Option<NonZeroUsize>,
    /// Keep the newest of each of the last N days that have any (UTC).
    #[arg(long, value_name = "N", help_heading = KEEP)]
    pub(crate) keep_daily: Option<NonZeroUsize>,
    /// Keep the newest of each of the last N weeks that have any (from Monday on).
    #[arg(long, value_name = "N", help_heading = KEEP)]
    pub(crate) keep_weekly: Option<NonZeroUsize>,
    /// Keep the newest of each of the last N months that have any.
    #[arg(long, value_name = "N", help_heading = KEEP)]
    pub(crate) keep_monthly: Option<NonZeroUsize>,
    /// Keep the newest of each of the last N years that have any.
    #[arg(long, value_name = "N", help_heading = KEEP)]
    pub(crate) keep_yearly: Option<NonZeroUsize>,
    /// Keep what is at most so much older than the newest (30d).
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = KEEP)]
    pub(crate) keep_within: Option<SignedDuration>,
    /// Keep the object of this name, whatever else is said. May be said several times.
    #[arg(long, value_name = "NAME", help_heading = KEEP)]
    pub(crate) keep: Vec<String>,
    /// The backups are an Aptos archive: remove what no version within the recovery window needs.
    #[arg(long, requires = "recovery_window")]
    pub(crate) aptos: bool,
    /// From where on every version of the archive stays restorable: so many versions before the newest that is (1000000), or
    /// what was backed up within a time before the newest backup (30d).
    #[arg(long, value_name = "VERSIONS|TIME", requires = "aptos")]
    pub(crate) recovery_window: Option<String>,
    /// Print for each snapshot that is kept what its versions need, and remove nothing.
    #[arg(long, requires = "aptos", conflicts_with = "yes")]
    pub(crate) show_needs: bool,
    /// How long the files of an archive's backup stay once nothing makes it known any more: who has read the metadata before
    /// may be reading them.
    #[arg(long, default_value = "24h", value_name = "TIME", value_parser = time, requires = "aptos")]
    pub(crate) grace: SignedDuration,
    /// How many metadata files are read at a time (with --aptos) [default: 128].
    #[arg(long, value_name = "N", value_parser = at_once, requires = "aptos")]
    pub(crate) concurrent_downloads: Option<NonZeroUsize>,
    /// Let backups that `sealift verify` has not read to their end count too. Without it only verified ones make others
    /// superfluous.
    #[arg(long)]
    pub(crate) unverified_counts: bool,
    /// Where the record of `sealift verify --work URL` is [default: beside what was verified].
    #[arg(long, value_name = "URL")]
    pub(crate) work: Option<String>,
    /// Remove what is listed, instead of only listing it.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

const KEEP: &str = "What is kept (of each group, what any of these wants)";

const AFTER: &str = "\
Only backups that `sealift verify` has read to their end, and that are the same since, make others superfluous; the newest of
them is always kept. When anything cannot be listed or read, nothing is removed.

  sealift verify db && sealift prune --group-by 'db/{date}.sql.gz' --keep-daily 7 --keep-monthly 12 --yes";
