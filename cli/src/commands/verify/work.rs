//! Where verification keeps what is its own: the record, plans and reports.

use crate::args::{StorageArgs, Verify, VerifyStep, WorkArgs};
use crate::failure::Failure;
use crate::storages::Opened;
use sealift::verify::{FOLDER, Folder, Record};
use sealift::{Bucket, Budget, ErrorKind};

/// The memory for plans, reports and the record, where they are in another storage.
const MEMORY: u64 = 32 << 20;

/// Where verification keeps what is its own.
#[derive(Debug)]
pub(super) struct Place {
    folder: Option<Folder>,
    is: Where,
    recorded: bool,
}

/// Where that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    /// In the storage that is verified.
    Beside,
    /// In another.
    Elsewhere,
}

impl Place {
    /// Where nothing is to be remembered.
    pub(super) fn nowhere() -> Self {
        Place { folder: None, is: Where::Elsewhere, recorded: false }
    }

    /// Beside what is verified, unless told otherwise.
    pub(super) async fn beside(opened: &Opened, args: &Verify) -> Result<Self, Failure> {
        let elsewhere = Place::elsewhere(args).await?;
        let within = opened.within();
        let own = || Folder::new(opened.bucket.clone(), within.trim_end_matches('/')).below(FOLDER);
        Ok(match elsewhere.folder {
            Some(_) => elsewhere,
            None => Place { folder: Some(own()), is: Where::Beside, ..elsewhere },
        })
    }

    /// Only where it is said.
    pub(super) async fn elsewhere(args: &Verify) -> Result<Self, Failure> {
        let (work, storage) = work_args(args);
        let folder = match &work.work {
            None => None,
            Some(url) if url.contains("://") => {
                let opened = Opened::elsewhere(storage, url, Budget::new(MEMORY)?).await?;
                Some(Folder::new(opened.bucket.clone(), &opened.within()))
            }
            Some(name) => return Err(Failure::usage(format!("--work {name}: say a whole URL"))),
        };
        Ok(Place { folder, is: Where::Elsewhere, recorded: !work.no_record })
    }

    /// The bucket of its own that it is in, which has to be closed.
    pub(super) fn other_bucket(&self) -> Option<&Bucket> {
        self.folder.as_ref().filter(|_| self.is == Where::Elsewhere).map(Folder::bucket)
    }

    /// The folder of a plan.
    pub(super) fn plan(&self, name: &str) -> Result<Folder, Failure> {
        match &self.folder {
            Some(folder) => Ok(folder.below("plans").below(name)),
            None => Err(Failure::usage("a command adapter has no place for plans and reports: say one by --work URL")),
        }
    }

    /// The folder of the record, where there is one.
    pub(super) fn record(&self) -> Option<Folder> {
        self.folder.as_ref().filter(|_| self.recorded).map(|folder| folder.below(Record::FOLDER))
    }

    /// What was verified before. Where that may not be read, nothing was.
    pub(super) async fn read_record(&self) -> Result<Record, Failure> {
        let Some(folder) = self.record() else { return Ok(Record::default()) };
        match Record::read(&folder).await {
            Err(error) if matches!(error.kind(), ErrorKind::Denied | ErrorKind::NoSuchBucket) => {
                tracing::warn!("what was verified before is not known: {error}");
                Ok(Record::default())
            }
            read => Ok(read?),
        }
    }
}

fn work_args(args: &Verify) -> (&WorkArgs, &StorageArgs) {
    match &args.step {
        Some(VerifyStep::Plan(args)) => (&args.what.work, &args.storage),
        Some(VerifyStep::Merge(args)) => (&args.work, &args.storage),
        None => (&args.what.work, &args.storage),
    }
}
