//! Credentials that may not do everything: each task does what they let it do, and says what it could not. The proxy
//! refuses what a set does not allow, as the service would.

use crate::cells::Task;
use crate::stage::{KEY, Run, Stage, THEIR_UPLOAD, large, parsed, said, small};
use crate::verbs::{TARGET, perform_task};
use crate::writes::write;
use sealift::{Error, ErrorKind, IfExists};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::promise::{Errand, Violation, World};
use sealift_tests::proxy::Fault;
use std::fmt;
use std::time::{Duration, Instant};

/// What credentials may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permissions {
    /// Store, and nothing else: what careful people give a backup job.
    Write,
    /// Store what is not there yet.
    Create,
    /// Everything but removing objects.
    NoDelete,
    /// Everything but listing.
    NoList,
}

pub(crate) const PERMISSIONS: [Permissions; 4] =
    [Permissions::Write, Permissions::Create, Permissions::NoDelete, Permissions::NoList];

/// What is done with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Put,
    Upload,
    /// A small object over one that is there.
    Replace,
    /// An upload that is given up with parts stored.
    GiveUp,
    Move,
    Remove,
    Sweep,
}

pub(crate) const DEEDS: [Deed; 7] =
    [Deed::Put, Deed::Upload, Deed::Replace, Deed::GiveUp, Deed::Move, Deed::Remove, Deed::Sweep];

/// What came of one.
pub(crate) struct Row {
    permissions: Permissions,
    deed: Deed,
    words: String,
    pub(crate) wrong: Vec<String>,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{:?}: {}", self.permissions, self.deed, self.words)?;
        self.wrong.iter().try_for_each(|wrong| write!(f, "\n      WRONG: {wrong}"))
    }
}

impl Permissions {
    fn forbid(self) -> &'static [Step] {
        match self {
            Permissions::Write | Permissions::Create => &[
                Step::Look,
                Step::Read,
                Step::List,
                Step::ListUploads,
                Step::ListParts,
                Step::Abort,
                Step::Copy,
                Step::Delete,
            ],
            Permissions::NoDelete => &[Step::Delete],
            Permissions::NoList => &[Step::List, Step::ListUploads, Step::ListParts],
        }
    }

    /// What has to come of a deed, where that is one thing on every cloud.
    fn expect(self, deed: Deed) -> Expected {
        match (self, deed) {
            (Permissions::Create, Deed::Replace) => Expected::Denied,
            (_, Deed::Put | Deed::Upload | Deed::Replace) => Expected::Success,
            (Permissions::NoList, Deed::Move | Deed::Remove) => Expected::Success,
            (_, Deed::Move | Deed::Remove) => Expected::Denied,
            (Permissions::Write | Permissions::Create | Permissions::NoList, Deed::Sweep) => Expected::Denied,
            (Permissions::NoDelete, Deed::Sweep) | (_, Deed::GiveUp) => Expected::Anything,
        }
    }
}

#[derive(PartialEq, Eq)]
enum Expected {
    Success,
    Denied,
    /// The model says whether it is right.
    Anything,
}

pub(crate) async fn run<C: Cloud>(permissions: Permissions, deed: Deed) -> Row {
    let stage = Stage::<C>::new().await;
    if matches!(deed, Deed::Replace | Deed::Move | Deed::Remove) {
        stage.store(KEY, &small()).await;
    }
    if deed == Deed::Sweep {
        stage.cloud.leave_unfinished(THEIR_UPLOAD).await;
    }
    let before = stage.world().await;
    for step in permissions.forbid() {
        stage.proxy.on(C::on(*step), C::problem(Problem::Denied));
    }
    if permissions == Permissions::Create && deed == Deed::Replace {
        for step in [Step::Put, Step::Complete] {
            stage.proxy.on(C::on(step), C::problem(Problem::Denied));
        }
    }

    let begun = Instant::now();
    let (result, left) = done(&stage, deed).await;
    let mut errors: Vec<Error> = result.err().into_iter().collect();
    let success = errors.is_empty() && deed != Deed::GiveUp;
    errors.extend(stage.bucket.close().await.err().unwrap_or_default());
    let settled = stage.world().await;

    let mut wrong = Vec::new();
    match permissions.expect(deed) {
        Expected::Success if !success => wrong.push("it has to be a success".to_owned()),
        Expected::Denied if !errors.iter().any(|error| error.kind() == ErrorKind::Denied) => {
            wrong.push("it has to say that it is not allowed".to_owned());
        }
        _ => {}
    }
    let run = Run {
        said: said(success, left, &errors, begun),
        errand: errand(deed, &before),
        before,
        foreign: World::default(),
        now: settled.clone(),
        settled,
        limit: Duration::from_secs(60),
        fired: 1,
        false_reading: false,
    };
    let outcome = run.judge(&stage);
    wrong.extend(outcome.violations.iter().map(Violation::to_string));
    stage.end().await;
    Row { permissions, deed, words: outcome.story, wrong }
}

async fn done<C: Cloud>(stage: &Stage<C>, deed: Deed) -> (Result<(), Error>, Vec<sealift::LeftBehind>) {
    let bucket = stage.bucket.clone();
    let (content, if_exists) = match deed {
        Deed::Put => (small(), IfExists::Fail),
        Deed::Replace => (large().slice(..1000), IfExists::Replace),
        Deed::Upload => (large(), IfExists::Fail),
        Deed::GiveUp => {
            let held = stage.proxy.on(C::on(Step::Part(2)), Fault::Stall);
            let mut writing = Box::pin(write(bucket, IfExists::Replace, large()));
            tokio::select! {
                () = held.wait_fired(1) => {}
                written = &mut writing => return (written.map(drop), Vec::new()),
            }
            return (Ok(()), Vec::new());
        }
        Deed::Move => return (perform_task(bucket, Task::Move).await, Vec::new()),
        Deed::Remove => return (perform_task(bucket, Task::Remove).await, Vec::new()),
        Deed::Sweep => return (perform_task(bucket, Task::Sweep).await, Vec::new()),
    };
    match write(bucket, if_exists, content).await {
        Ok(sealed) => (Ok(()), sealed.left_behind),
        Err(error) => (Err(error), Vec::new()),
    }
}

fn errand(deed: Deed, before: &World) -> Errand {
    let store = |content| Errand::Store { key: KEY.to_owned(), content };
    match deed {
        Deed::Put => store(small()),
        Deed::Replace => store(large().slice(..1000)),
        Deed::Upload | Deed::GiveUp => store(large()),
        Deed::Move => Errand::Move { from: parsed(KEY).to_string(), to: TARGET.to_owned() },
        Deed::Remove => Errand::Remove { key: KEY.to_owned() },
        Deed::Sweep => Errand::Sweep { upload: before.uploads.first().expect("one was left").clone() },
    }
}
