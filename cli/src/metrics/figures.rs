//! What is known of a command in figures, at any moment.

use crate::args::{Command, StorageArgs};
use crate::failure::Failure;
use crate::service::Course;
use sealift::ActivitySnapshot;
use sealift_aptos::Client;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Figures of the one command of this process.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(super) labels: BTreeMap<&'static str, String>,
    pub(super) operation: &'static str,
    pub(super) started: SystemTime,
    clock: Instant,
    ended: OnceLock<Ended>,
}

/// What became of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(super) code: u8,
    pub(super) left: usize,
    pub(super) at: SystemTime,
}

/// What commands have noted of themselves.
#[derive(Debug, Default)]
struct Noted {
    course: Option<(Arc<Course>, Client)>,
    gaps: Option<usize>,
    verified: Option<Verified>,
}

/// What a verification has found, and what was verified when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verified {
    /// How much is wrong, or could not be told.
    pub(crate) findings: usize,
    /// How many pieces, as they are now, were never verified so deep.
    pub(crate) never: u64,
    /// When the piece was verified that was verified longest ago, in seconds since 1970. None where one never was.
    pub(crate) oldest: Option<u64>,
}

static NOTED: Mutex<Noted> = Mutex::new(Noted { course: None, gaps: None, verified: None });

fn noted() -> MutexGuard<'static, Noted> {
    NOTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has figures tell where continuous backups stand.
pub(crate) fn note_course(course: &Arc<Course>, client: &Client) {
    noted().course = Some((Arc::clone(course), client.clone()));
}

/// Has figures tell how many gaps an archive has.
pub(crate) fn note_gaps(gaps: usize) {
    noted().gaps = Some(gaps);
}

/// Has figures tell how far what is stored is verified.
pub(crate) fn note_verified(verified: Verified) {
    noted().verified = Some(verified);
}

impl Ended {
    pub(super) fn of(done: &Result<(), Failure>) -> Self {
        let (code, left) = done.as_ref().err().map_or((0, 0), |failure| (failure.code(), failure.left().len()));
        Ended { code, left, at: SystemTime::now() }
    }
}

impl Figures {
    pub(super) fn of(command: &Command, job: Option<String>) -> Self {
        let mut labels = BTreeMap::from([("operation", command.operation().to_owned())]);
        if let Some(args) = command.storage() {
            let (kind, bucket) = place(args, command.names().first().copied());
            labels.extend([("storage", kind), ("bucket", bucket)]);
        }
        labels.extend(job.map(|job| ("job_name", job)));
        let operation = command.operation();
        Figures { labels, operation, started: SystemTime::now(), clock: Instant::now(), ended: OnceLock::new() }
    }

    pub(super) fn end(&self, ended: Ended) {
        let _ = self.ended.set(ended);
    }

    pub(super) fn ended(&self) -> Option<Ended> {
        self.ended.get().copied()
    }

    pub(super) fn duration(&self) -> Duration {
        self.clock.elapsed()
    }

    /// What all buckets of the command did.
    pub(super) fn activity(&self) -> ActivitySnapshot {
        crate::activity::snapshot()
    }

    pub(super) fn course(&self) -> Option<(Arc<Course>, Client)> {
        noted().course.clone()
    }

    pub(super) fn gaps(&self) -> Option<usize> {
        noted().gaps
    }

    pub(super) fn verified(&self) -> Option<Verified> {
        noted().verified
    }
}

/// The kind of storage, and the bucket or the folder in it. What else a URL may hold is left out: it may be a secret.
fn place(args: &StorageArgs, name: Option<&str>) -> (String, String) {
    let said = args.storage.as_deref().unwrap_or_default();
    let url = name.into_iter().chain([said]).find_map(|text| text.split_once("://"));
    let folder = args.local_fs_dir.as_ref().map(|folder| folder.display().to_string());
    match url {
        Some(("file", path)) => ("local-fs".to_owned(), path.to_owned()),
        Some((scheme, rest)) => {
            let kind = match scheme {
                "s3" => "s3-native",
                "gs" => "gcs-native",
                "az" => "azure-native",
                _ => "other",
            };
            let bucket = rest.split(['/', '?', '#']).next().unwrap_or_default();
            (kind.to_owned(), bucket.rsplit('@').next().unwrap_or_default().to_owned())
        }
        None if said.is_empty() && args.command_adapter_config.is_some() => {
            ("command-adapter".to_owned(), String::new())
        }
        None if said.is_empty() && folder.is_some() => ("local-fs".to_owned(), folder.unwrap_or_default()),
        None => (said.to_owned(), args.bucket.clone().or(folder).unwrap_or_default()),
    }
}
