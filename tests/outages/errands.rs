//! What a command is asked to do, the calls that it makes for it, and what is right afterwards.

use bytes::Bytes;
use sealift_tests::cli::Ended;
use sealift_tests::cloud::{Cloud, Step};
use sealift_tests::data::noise;
use std::fmt;
use std::sync::OnceLock;

pub(crate) const KEY: &str = "backups/file";
pub(crate) const TARGET: &str = "backups/moved";
const THEIR_UPLOAD: &str = "backups/theirs-open";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Errand {
    /// An object of one request.
    Put,
    /// An object of several parts.
    Upload,
    Read,
    List,
    Stat,
    Move,
    Remove,
    Sweep,
}

/// A call of an errand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) errand: Errand,
    pub(crate) step: Step,
}

const fn call(errand: Errand, step: Step) -> Call {
    Call { errand, step }
}

pub(crate) const CALLS: [Call; 14] = [
    call(Errand::Put, Step::Put),
    call(Errand::Upload, Step::Start),
    call(Errand::Upload, Step::Part(1)),
    call(Errand::Upload, Step::Part(2)),
    call(Errand::Upload, Step::Complete),
    call(Errand::Read, Step::Look),
    call(Errand::Read, Step::Read),
    call(Errand::List, Step::List),
    call(Errand::Stat, Step::Look),
    call(Errand::Move, Step::Copy),
    call(Errand::Move, Step::Delete),
    call(Errand::Remove, Step::Delete),
    call(Errand::Sweep, Step::ListUploads),
    call(Errand::Sweep, Step::Abort),
];

impl Call {
    /// Whether the command makes it on this cloud.
    pub(crate) fn is_made<C: Cloud>(self) -> bool {
        match (self.errand, self.step) {
            (_, Step::Start) => C::starts_uploads(),
            (Errand::Sweep, _) => C::lists_uploads(),
            _ => true,
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {:?}", self.errand, self.step)
    }
}

/// What has to be there before.
pub(crate) async fn prepare<C: Cloud>(cloud: &C, errand: Errand) {
    match errand {
        Errand::Put | Errand::Upload => {}
        Errand::Sweep => cloud.leave_unfinished(THEIR_UPLOAD).await,
        _ => cloud.put(KEY, small()).await,
    }
}

/// What a verdict was worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// Success, and so it is.
    Done,
    /// It is so, and what may still come beside it was named.
    InDoubt,
    /// Failure, and nothing of it is there, or what is there was named.
    Failed,
    /// Success, and it is not so.
    FalseSuccess,
    /// Failure, and something is there that was not named.
    Unnamed,
}

/// Holds what the command said against what is there.
pub(crate) async fn judge<C: Cloud>(cloud: &C, errand: Errand, ended: &Ended) -> Verdict {
    let success = ended.code == Some(0);
    let done = match errand {
        Errand::Put => cloud.get(KEY).await == Some(small()),
        Errand::Upload => cloud.get(KEY).await == Some(large()),
        Errand::Read => ended.stdout == small(),
        Errand::List => ended.text().contains("file"),
        Errand::Stat => ended.text().contains("1000") || ended.text().contains("1.0"),
        Errand::Move => cloud.get(KEY).await.is_none() && cloud.get(TARGET).await == Some(small()),
        Errand::Remove => cloud.get(KEY).await.is_none(),
        Errand::Sweep => cloud.unfinished().await.is_empty(),
    };
    match success {
        true if done => Verdict::Done,
        true => Verdict::FalseSuccess,
        false if done && names(ended) => Verdict::InDoubt,
        false if names(ended) || nothing_is_left(cloud, errand).await => Verdict::Failed,
        false => Verdict::Unnamed,
    }
}

/// Whether a command that failed says what there may be.
fn names(ended: &Ended) -> bool {
    ["left behind", "not known", "removed before"].iter().any(|word| ended.stderr.contains(word))
}

async fn nothing_is_left<C: Cloud>(cloud: &C, errand: Errand) -> bool {
    match errand {
        Errand::Put | Errand::Upload => cloud.objects().await.is_empty() && cloud.unfinished().await.is_empty(),
        Errand::Move | Errand::Remove => cloud.objects().await == [KEY],
        Errand::Sweep => !cloud.unfinished().await.is_empty(),
        Errand::Read | Errand::List | Errand::Stat => true,
    }
}

/// What is on standard input.
pub(crate) fn input(errand: Errand) -> Bytes {
    match errand {
        Errand::Put => small(),
        Errand::Upload => large(),
        _ => Bytes::new(),
    }
}

/// 1000 bytes.
pub(crate) fn small() -> Bytes {
    static DATA: OnceLock<Bytes> = OnceLock::new();
    DATA.get_or_init(|| noise(1000)).clone()
}

/// Three parts of 5 MiB.
fn large() -> Bytes {
    static DATA: OnceLock<Bytes> = OnceLock::new();
    DATA.get_or_init(|| noise(12 << 20)).clone()
}
