//! Files of an archive, by their handles: what a command adapter has, and what a restore needs. Each is read to its end, with
//! every check there is, and sealed by the other storage under the same handle, for manifests name files by it.

use super::choice::{Choice, listed};
use super::told::{Did, FileProof, Tally};
use crate::args::Copy;
use crate::commands::by_command;
use crate::commands::failures::{AfterFailure, Failures, NotDone};
use crate::failure::Failure;
use crate::report;
use crate::storages::{Sides, is_command_adapter, open_side};
use futures::stream::{self, StreamExt};
use sealift::{
    Archive, BackupHandle, BackupStorage, Bucket, Budget, Checksum, ChecksumAlgorithm, Error, ErrorKind, FileHandle,
    ShellSafeName,
};
use sealift_aptos::{Known, Subset};
use sealift_command::CommandStorage;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::pin::pin;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How much is read at a time.
const READ: usize = 256 << 10;
/// How much one checksum is computed over.
const CHECKED: usize = 1 << 20;

/// An archive, on one side of a copy.
pub(in crate::commands) enum Side {
    Bucket(Archive),
    Commands(CommandStorage),
}

impl Side {
    pub(in crate::commands) fn storage(&self) -> &dyn BackupStorage {
        match self {
            Side::Bucket(archive) => archive,
            Side::Commands(commands) => commands,
        }
    }

    /// Where it is, for people.
    pub(in crate::commands) fn location(&self) -> String {
        match self {
            Side::Bucket(archive) => {
                format!("{}/{}", archive.bucket().url(), archive.prefix()).trim_end_matches('/').into()
            }
            Side::Commands(_) => "the command adapter's archive".to_owned(),
        }
    }

    pub(in crate::commands) fn bucket(&self) -> Option<&Bucket> {
        match self {
            Side::Bucket(archive) => Some(archive.bucket()),
            Side::Commands(_) => None,
        }
    }

    /// Waits until nothing of it is under way, where that are processes.
    pub(super) async fn close(&self) {
        if let Side::Commands(commands) = self {
            commands.close().await;
        }
    }
}

/// How files are copied.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands) struct How {
    /// What is there and the same is left as it is.
    pub(in crate::commands) sync: bool,
    pub(in crate::commands) if_absent: bool,
    pub(in crate::commands) dry_run: bool,
    pub(in crate::commands) after_failure: AfterFailure,
    pub(in crate::commands) at_once: NonZeroUsize,
}

impl How {
    fn of(args: &Copy) -> Self {
        let after_failure = if args.fail_fast { AfterFailure::End } else { AfterFailure::GoOn };
        let Copy { sync, if_absent, dry_run, concurrent_copies: at_once, .. } = *args;
        How { sync, if_absent, dry_run, after_failure, at_once }
    }
}

/// Both sides.
pub(in crate::commands) struct Files<'a> {
    pub(in crate::commands) from: Side,
    pub(in crate::commands) to: Side,
    pub(in crate::commands) how: How,
    pub(in crate::commands) tally: &'a Tally,
}

/// Opens both sides.
pub(super) async fn open<'a>(args: &Copy, tally: &'a Tally) -> Result<Files<'a>, Failure> {
    let mut sides = Sides::of(args)?;
    // Each as the archives of that storage are, if nothing else is said.
    sides.from.codec = args.source.from_codec;
    sides.to.codec = args.storage.codec;
    let budget = Budget::new(args.storage.memory.as_u64())?;
    let from = side(&sides.from, &args.from, budget.clone()).await?;
    let to = side(&sides.to, &args.to, budget).await?;
    Ok(Files { from, to, how: How::of(args), tally })
}

async fn side(args: &crate::args::StorageArgs, name: &str, budget: Budget) -> Result<Side, Failure> {
    match is_command_adapter(name) {
        true => by_command::open(args).map(Side::Commands),
        false => {
            let opened = open_side(args, name, budget).await?;
            opened.into_archive().map(Side::Bucket)
        }
    }
}

impl Files<'_> {
    /// Copies what a list names.
    pub(super) async fn copy_listed(&self, list: PathBuf, choice: &Choice) -> Result<(), Failure> {
        let names = listed(list).await?;
        let taken = names.iter().filter(|name| choice.takes(name)).map(|name| name.parse::<FileHandle>());
        self.copy_all(&taken.collect::<sealift::Result<Vec<_>>>()?).await
    }

    /// Copies what a restore to a version needs.
    pub(super) async fn copy_subset(&self, version: u64) -> Result<(), Failure> {
        let from = self.from.storage();
        let known = Known::read(from, self.at_once()).await?;
        if known.is_empty() {
            return Err(Known::no_archive(self.from.location()).into());
        }
        let subset = known.subset(version)?;
        let there = Known::read(self.to.storage(), self.at_once()).await?;
        there.takes(&subset)?;
        let files = subset.files(from, self.at_once()).await?;
        self.copy_chosen(&subset, &files, &there).await
    }

    /// Copies `files`, which are all that `subset` reads, to where `there` is known: first what is named, and then the lines
    /// that name it.
    pub(in crate::commands) async fn copy_chosen(
        &self,
        subset: &Subset,
        files: &[FileHandle],
        there: &Known,
    ) -> Result<(), Failure> {
        self.copy_all(files).await?;
        for (name, lines) in &subset.lines {
            if there.has_lines(lines) {
                continue;
            }
            if self.how.dry_run {
                self.tally.add(Did::Told(format!("would write metadata/{name}: {} lines", lines.len())));
                continue;
            }
            self.to.storage().save_new_metadata_lines(name, &Subset::text(lines)?).await?;
        }
        self.tally.add(Did::Restorable { version: subset.version, snapshot: subset.snapshot.version });
        Ok(())
    }

    /// So many at a time as have a place in memory on both sides.
    fn at_once(&self) -> NonZeroUsize {
        let places = |side: &Side| match side.bucket() {
            Some(bucket) => bucket.readers_at_once().min(bucket.writers_at_once()),
            None => usize::MAX,
        };
        let at_once = self.how.at_once.get().min(places(&self.from)).min(places(&self.to));
        NonZeroUsize::new(at_once).unwrap_or(NonZeroUsize::MIN)
    }

    async fn copy_all(&self, files: &[FileHandle]) -> Result<(), Failure> {
        self.create_backups(files).await?;
        let results = stream::iter(files).map(|file| self.one(file)).buffer_unordered(self.at_once().get());
        let (mut results, mut failed) =
            (pin!(results), Failures::new(NotDone::ObjectNotCopied, self.how.after_failure));
        while let Some(result) = results.next().await {
            match result {
                Ok(()) => failed.done(),
                Err(failure) => {
                    if failed.add(failure) == ControlFlow::Break(()) {
                        break;
                    }
                }
            }
        }
        failed.end()
    }

    /// Opens the groups of these files, where a storage wants that.
    async fn create_backups(&self, files: &[FileHandle]) -> Result<(), Failure> {
        let (Side::Commands(to), false) = (&self.to, self.how.dry_run) else { return Ok(()) };
        let mut groups = BTreeSet::new();
        for file in files {
            groups.insert(in_group(file)?.0);
        }
        for group in groups {
            let given = to.create_backup(&group.as_ref().parse()?).await?;
            if given != group {
                return Err(renamed(group.as_ref(), given.as_ref()).into());
            }
        }
        Ok(())
    }

    async fn one(&self, file: &FileHandle) -> Result<(), Failure> {
        if self.how.sync && self.is_there(file).await? {
            self.tally.add(Did::FileSame);
            return Ok(());
        }
        if self.how.dry_run {
            let (from, to) = (self.from.location(), self.to.location());
            self.tally.add(Did::Told(format!("would copy {} from {from} to {to}", report::pasted(file.as_ref()))));
            return Ok(());
        }
        let (group, name) = in_group(file)?;
        let mut reader = self.from.storage().open_for_read(file).await?;
        let to = self.to.storage();
        let (given, mut writer) = match self.how.if_absent {
            true => to.create_new(&group, &name).await?,
            false => to.create_for_write(&group, &name).await?,
        };
        if given != *file {
            return Err(renamed(file.as_ref(), given.as_ref()).into());
        }
        let (mut buffer, mut count) = (vec![0; READ], 0);
        loop {
            let failed = |error| Failure::from_io(error, &format!("copy {file}"));
            match reader.read(&mut buffer).await.map_err(failed)? {
                0 => break,
                read => writer.write_all(&buffer[..read]).await.map(|()| count += read as u64).map_err(failed)?,
            }
        }
        writer.shutdown().await.map_err(|error| Failure::from_io(error, &format!("seal the copy of {file}")))?;
        self.tally.add(Did::File { bytes: count, proof: self.proof() });
        Ok(())
    }

    /// What is known of a file that was read to its end.
    fn proof(&self) -> FileProof {
        match (&self.from, &self.to) {
            (Side::Bucket(_), Side::Bucket(_)) => FileProof::Sealed,
            (Side::Commands(_), Side::Bucket(_)) => FileProof::ReadByCommand,
            (_, Side::Commands(_)) => FileProof::WrittenByCommand,
        }
    }

    /// Whether the other side has the same, by reading both, one after the other: each reader has a place in memory. What
    /// cannot be read there is not the same.
    async fn is_there(&self, file: &FileHandle) -> Result<bool, Failure> {
        match checksum(self.to.storage(), file).await {
            Ok(theirs) => Ok(checksum(self.from.storage(), file).await? == theirs),
            Err(_) => Ok(false),
        }
    }
}

/// The checksum of all of a file.
async fn checksum(storage: &dyn BackupStorage, file: &FileHandle) -> Result<Checksum, Failure> {
    let mut reader = storage.open_for_read(file).await?;
    let mut whole = Checksum::empty(ChecksumAlgorithm::Crc64Nvme);
    // Checksums are combined, which costs, so not of too little at a time.
    let mut buffer = Vec::with_capacity(CHECKED);
    loop {
        buffer.clear();
        let read = (&mut reader).take(CHECKED as u64).read_to_end(&mut buffer).await;
        if read.map_err(|error| Failure::from_io(error, &format!("read {file}")))? == 0 {
            return Ok(whole);
        }
        whole = whole.then(Checksum::of(ChecksumAlgorithm::Crc64Nvme, &buffer));
    }
}

/// A file's group and its name in it.
pub(in crate::commands) fn in_group(file: &FileHandle) -> Result<(BackupHandle, ShellSafeName), Failure> {
    let Some((group, name)) = file.as_ref().rsplit_once('/') else {
        return Err(Failure::usage(format!("{file}: a file of an archive is named BACKUP/FILE")));
    };
    Ok((group.parse()?, name.parse()?))
}

/// A storage that gives names of its own holds no copy of an archive: manifests name files by the handles of the first.
fn renamed(asked: &str, given: &str) -> Error {
    let reason = format!("the storage calls it {given}, and manifests name it as it was");
    Error::new(ErrorKind::InvalidConfig, "copy", asked, reason)
        .with_hint("use commands that put out $BACKUP_NAME and $BACKUP_HANDLE/$FILE_NAME")
}
