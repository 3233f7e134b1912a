//! Which backups of one thing are kept, and which are superfluous: from values alone. Nothing here reads or removes anything.
//!
//! A [`Policy`] is a list of rules, as restic has them: the newest of each of the last so many days, weeks, months or years;
//! the last so many; all within a time before the newest. A backup that any of them wants is kept. [`decide`] adds what makes
//! that safe: only backups that are known to be good make others superfluous.

mod decide;
mod policy;
#[cfg(test)]
mod tests;

pub use decide::{Backup, Counting, Decision, Hold, Standing, Verdict, decide};
pub use policy::{Miss, Period, Policy, Reason, Rule};

/// The folder of notes of what is about to be removed from an archive, beside its files.
pub const FOLDER: &str = "sealift-prune";
