//! What is known to be, once a command has failed: the one place with sentences about what exists. One that says that
//! nothing does can only be made from the proof of it.

use crate::failure::{Cause, Failure};
use crate::report::Counts;
use sealift::{Bucket, Error, LeftBehind};
use std::fmt;
use std::path::PathBuf;

/// What is known to be because of a command that failed.
#[derive(Debug)]
pub(crate) enum Aftermath {
    /// Nothing of the object.
    NothingStored(Clean),
    /// So many files, of many.
    FilesStored(u64),
    /// So many files were written, each whole and verified.
    FilesWritten(u64),
    /// So many objects were copied, of many, and so many removed.
    Copied { copied: u64, removed: u64 },
    /// No backup but those that were told.
    NoBackupKnown(Clean),
    /// The storage's command was given up, and was ended while its input was open.
    CommandGivenUp,
    /// The storage's command had all of its input when it was given up.
    CommandHadAll,
    /// This file is as it was before.
    NotWritten(PathBuf),
    /// This has what was read.
    PassedOn { to: String },
    /// These objects were removed, and perhaps those.
    Removed { removed: Vec<String>, unknown: Vec<String> },
    /// So many objects below a name were removed, and of so many it is not known.
    RemovedBelow { removed: u64, unknown: u64 },
    /// So many leftovers were removed.
    Swept(u64),
    /// So many superfluous backups were removed.
    Pruned(u64),
    /// So much of a compaction was done.
    Compacted(Counts),
    /// The object is where it was.
    NotMoved(Clean),
    /// What the work that was asked to stop has said.
    Said(Error),
}

/// Proof that everything that was begun has ended, and left nothing. Only [`Closed`] makes it.
#[derive(Debug)]
pub(crate) struct Clean(());

/// What [`Bucket::close`] has returned: everything that was begun has ended, and left this.
#[derive(Debug)]
#[must_use]
pub(crate) struct Closed(Vec<LeftBehind>);

impl Closed {
    /// Stops what is under way in `bucket`, and waits for the end of all of it.
    pub(crate) async fn of(bucket: &Bucket) -> Self {
        Closed::told(bucket.close().await)
    }

    fn told(closed: Result<(), Vec<Error>>) -> Self {
        let of_one = |error: &Error| -> Vec<LeftBehind> {
            let why = |left: &LeftBehind| match left.reason() {
                Some(_) => left.clone(),
                None => left.clone().because(error.reason().to_owned()),
            };
            error.left_behind().iter().map(why).collect()
        };
        Closed(closed.err().iter().flatten().flat_map(of_one).collect())
    }

    /// How a command ended that was `done` before. `aftermath` is what is known where nothing is left at all.
    pub(crate) fn settle<T>(
        self,
        done: Result<T, Failure>,
        aftermath: impl FnOnce(Clean) -> Option<Aftermath>,
    ) -> Result<T, Failure> {
        let Closed(left) = self;
        let failure = match done {
            Ok(done) if left.is_empty() => return Ok(done),
            Ok(_) => Failure::new(Cause::LeftBehind),
            Err(failure) => failure,
        };
        let failure = failure.with_left(left);
        match failure.left().is_empty().then(|| aftermath(Clean(()))).flatten() {
            Some(aftermath) => Err(failure.and(aftermath)),
            None => Err(failure),
        }
    }
}

impl fmt::Display for Aftermath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Aftermath::NothingStored(Clean(())) => f.write_str("nothing was stored"),
            Aftermath::FilesWritten(1) => f.write_str("1 file was written"),
            Aftermath::FilesWritten(count) => write!(f, "{count} files were written"),
            Aftermath::FilesStored(1) => f.write_str("1 file was stored"),
            Aftermath::FilesStored(count) => write!(f, "{count} files were stored"),
            Aftermath::Copied { copied, removed } => {
                match copied {
                    1 => f.write_str("1 object was copied")?,
                    copied => write!(f, "{copied} objects were copied")?,
                }
                match removed {
                    0 => Ok(()),
                    removed => write!(f, ", and {removed} removed"),
                }
            }
            Aftermath::NoBackupKnown(Clean(())) => f.write_str(
                "no backup under way was made known, and chunks that are sealed are used by the next run of the same",
            ),
            Aftermath::CommandGivenUp => f.write_str("the storage's command was ended while its input was open"),
            Aftermath::CommandHadAll => {
                f.write_str("the storage's command had all of its input: the file is whole, or not there")
            }
            Aftermath::NotWritten(path) => write!(f, "{} was not written", path.display()),
            Aftermath::PassedOn { to } => write!(f, "what was read is on {to}, and nothing has checked it"),
            Aftermath::Removed { removed, unknown } => {
                let known = match removed.as_slice() {
                    [] => "nothing was removed".to_owned(),
                    removed => format!("removed: {}", removed.join(", ")),
                };
                let (unknown, verb) = match unknown.as_slice() {
                    [] => return f.write_str(&known),
                    [one] => (one.clone(), "was"),
                    more => (more.join(", "), "were"),
                };
                match removed.is_empty() {
                    true => write!(f, "whether {unknown} {verb} removed is not known"),
                    false => write!(f, "{known}; whether {unknown} {verb} removed is not known"),
                }
            }
            Aftermath::RemovedBelow { removed, unknown: 0 } => write!(f, "{removed} removed, and the rest stays"),
            Aftermath::RemovedBelow { removed, unknown } => {
                write!(f, "{removed} removed, of {unknown} more it is not known, and the rest stays")
            }
            Aftermath::Swept(count) => write!(f, "{count} removed before, as listed"),
            Aftermath::Pruned(count) => write!(f, "{count} removed before, and the rest stays"),
            Aftermath::Compacted(counts) => counts.fmt(f),
            Aftermath::NotMoved(Clean(())) => f.write_str("it was not moved"),
            Aftermath::Said(error) => write!(f, "{} {}: {}", error.operation(), error.location(), error.reason()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interrupt::{Signal, Stop};
    use sealift::ErrorKind;

    fn stopped() -> Result<(), Failure> {
        Err(Failure::interrupted(Stop::Signal(Signal::Interrupt)))
    }

    fn ended(done: Result<(), Failure>, closed: Result<(), Vec<Error>>) -> (u8, String) {
        let failure = Closed::told(closed).settle(done, |clean| Some(Aftermath::NothingStored(clean)));
        let failure = failure.expect_err("a failure");
        (failure.code(), failure.to_string())
    }

    fn left(error: Error) -> Error {
        error.with_left_behind([LeftBehind::object("s3://b/k").perhaps()])
    }

    #[test]
    fn nothing_was_stored_only_where_closing_has_found_nothing() {
        let abort = || Error::new(ErrorKind::Denied, "abort", "s3://b/k", "403");
        assert_eq!(ended(stopped(), Ok(())), (130, "stopped by SIGINT; nothing was stored".into()));
        let named = "stopped by SIGINT; left behind: perhaps the object s3://b/k: 403 (`sealift rm` removes it)";
        assert_eq!(ended(stopped(), Err(vec![left(abort())])), (10, named.into()));
        let (code, said) = ended(Err(left(abort()).into()), Ok(()));
        assert!(code == 10 && !said.contains("nothing was stored") && said.contains("left behind"), "{said}");
        let (code, said) = ended(Err(abort().with_hint("look").into()), Ok(()));
        assert_eq!((code, said.as_str()), (4, "abort s3://b/k: 403; nothing was stored; look"));
        let (code, said) = ended(Ok(()), Err(vec![left(abort())]));
        assert!(code == 10 && said.starts_with("it was done; left behind: perhaps the object"), "{said}");
    }

    #[test]
    fn what_is_left_is_told_once() {
        let error = || left(Error::new(ErrorKind::Denied, "abort", "s3://b/k", "403"));
        let failure = Failure::from(error()).with_left(error().left_behind().to_vec());
        assert_eq!(failure.to_string().matches("left behind").count(), 1);
    }

    #[test]
    fn of_a_removal_under_way_nothing_is_claimed() {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let removed = |removed: &[&str], unknown: &[&str]| {
            Aftermath::Removed { removed: owned(removed), unknown: owned(unknown) }.to_string()
        };
        assert_eq!(removed(&["a", "b"], &["c"]), "removed: a, b; whether c was removed is not known");
        assert_eq!(removed(&["a"], &["b", "c"]), "removed: a; whether b, c were removed is not known");
        assert_eq!(removed(&[], &["c"]), "whether c was removed is not known");
        assert_eq!(removed(&[], &[]), "nothing was removed");
    }
}
