//! What is known to be verified: the record of verification, beside what was verified or elsewhere, and what follows where it
//! may not be read.

use crate::args::Prune;
use crate::failure::Failure;
use crate::report;
use crate::storages::Opened;
use sealift::verify::{Folder, Record};
use sealift::{Budget, Error, ErrorKind};

/// The memory for a record that is in another storage.
const MEMORY: u64 = 32 << 20;

/// A record, as far as it may be read.
#[derive(Debug)]
pub(super) enum Reading {
    Read(Record),
    Refused(Error),
}

impl Reading {
    /// The record in a folder of verification's.
    pub(super) async fn of(folder: &Folder) -> Result<Self, Failure> {
        match Record::read(&folder.below(Record::FOLDER)).await {
            Err(error) if matches!(error.kind(), ErrorKind::Denied | ErrorKind::NoSuchBucket) => {
                Ok(Reading::Refused(error))
            }
            read => Ok(Reading::Read(read?)),
        }
    }

    /// The record in another storage.
    pub(super) async fn elsewhere(args: &Prune, url: &str) -> Result<Self, Failure> {
        if !url.contains("://") {
            return Err(Failure::usage(format!("--work {url}: say a whole URL")));
        }
        let other = Opened::elsewhere(&args.storage, url, Budget::new(MEMORY)?).await?;
        let record = Reading::of(&Folder::new(other.bucket.clone(), &other.within())).await;
        // It was only read from.
        let _ = other.bucket.close().await;
        record
    }

    /// What was read, with why something was not.
    pub(super) fn known(self) -> (Record, Option<Error>) {
        match self {
            Reading::Read(record) => (record, None),
            Reading::Refused(error) => (Record::default(), Some(error)),
        }
    }
}

/// What is known to be verified of what is pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verified {
    Nothing,
    Something,
}

/// Says what follows from a record that may not be read.
///
/// Where nothing counts without it, a removal that was asked for is refused: whoever has it done every night would not hear
/// that nothing goes any more.
pub(super) fn without(args: &Prune, error: Error, verified: Verified) -> Result<(), Failure> {
    let remedy = "let these credentials list and read it, or say with --work where it is, or --unverified-counts";
    match (args.unverified_counts, args.yes, verified) {
        // What is verified decides nothing then.
        (true, ..) => tracing::info!("what is verified is not known from there: {error}"),
        (false, true, Verified::Nothing) => {
            let location = error.location().to_owned();
            let error = error.within("find out what is verified in", location);
            return Err(error.with_hint(format!("nothing counts as verified without it: {remedy}")).into());
        }
        (false, _, verified) => {
            let follows = match verified {
                Verified::Nothing => "nothing counts as verified without it, so nothing is superfluous",
                Verified::Something => "what only it has does not count, so more may be kept",
            };
            report::note(format_args!(
                "sealift: the record of what is verified may not be read: {error}; {follows}: {remedy}"
            ));
        }
    }
    Ok(())
}
