//! What follows from the findings: which commands work, how far, and why not.

use super::report::verdict;
use crate::examined::{Capability, Finding, Verdict};

/// Whether something works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It does.
    Yes,
    /// It does, with less than there could be.
    Less,
    /// It does not.
    No,
    /// It was not found out.
    Unknown,
}

impl Answer {
    /// Its word in a report.
    pub fn word(self) -> &'static str {
        match self {
            Answer::Yes => "yes",
            Answer::Less => "less",
            Answer::No => "no",
            Answer::Unknown => "unknown",
        }
    }
}

/// A command, or an option of one, and whether it works here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Feature {
    /// What it is called on the command line.
    pub name: &'static str,
    /// Whether it works.
    pub answer: Answer,
    /// Why.
    pub why: String,
}

/// What credentials and a bucket that are set up so are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetUp {
    /// All that Sealift does can be done.
    Full,
    /// Objects can be listed, looked at and read, and nothing can be stored.
    ReadOnly,
    /// Objects can be stored, and neither looked at nor read nor removed.
    WriteOnly,
    /// Objects can be stored, listed, looked at and read, and not removed.
    WriteOnce,
    /// Something is missing that is not missing on purpose in a set-up that is known.
    Partial,
    /// Nothing can be done.
    Nothing,
    /// It was not found out.
    Unknown,
}

impl SetUp {
    /// Its word in a report.
    pub fn word(self) -> &'static str {
        match self {
            SetUp::Full => "full",
            SetUp::ReadOnly => "read-only",
            SetUp::WriteOnly => "write-only",
            SetUp::WriteOnce => "write-once",
            SetUp::Partial => "partial",
            SetUp::Nothing => "nothing",
            SetUp::Unknown => "unknown",
        }
    }

    /// What it is, in words that follow "this is".
    pub fn words(self) -> &'static str {
        match self {
            SetUp::Full => "a full set-up: objects are stored, listed, read and removed",
            SetUp::ReadOnly => "a read-only set-up: for get, ls, stat and verify; nothing can be stored with it",
            SetUp::WriteOnly => {
                "a write-only set-up: for put and run; who has these credentials can neither read nor remove what is there"
            }
            SetUp::WriteOnce => {
                "a set-up without removal: for put, run, get, ls, verify and backup; what is stored stays"
            }
            SetUp::Partial => "a set-up in which something is missing",
            SetUp::Nothing => "no set-up for anything: these credentials may do nothing here",
            SetUp::Unknown => "a set-up of which not enough could be tried",
        }
    }

    /// Whether what it lacks may be meant.
    pub fn is_whole(self) -> bool {
        matches!(self, SetUp::Full | SetUp::ReadOnly | SetUp::WriteOnly | SetUp::WriteOnce)
    }
}

const READING: [Capability; 3] = [Capability::List, Capability::Look, Capability::Read];
const STORING: [Capability; 4] = [Capability::Put, Capability::Start, Capability::Part, Capability::Complete];

/// What the findings make of the whole.
pub(super) fn set_up(findings: &[Finding]) -> SetUp {
    let works = |capability: &Capability| verdict(findings, *capability) == Some(&Verdict::Works);
    let denied = |capability: &Capability| matches!(verdict(findings, *capability), Some(Verdict::Missing(_)));
    let (stores, reads) = (STORING.iter().all(works), READING.iter().all(works));
    let may_not_store = denied(&Capability::Put);
    let removes = works(&Capability::Delete);
    let unread = |capability: &Capability| {
        matches!(verdict(findings, *capability), Some(Verdict::Missing(_) | Verdict::Unknown) | None)
    };
    match (stores, reads, removes) {
        (true, true, true) => SetUp::Full,
        (true, true, false) if denied(&Capability::Delete) => SetUp::WriteOnce,
        (true, false, false) if denied(&Capability::Delete) && READING[1..].iter().all(denied) => SetUp::WriteOnly,
        // Where there is no object, nothing could be looked at or read.
        (false, _, _)
            if may_not_store
                && works(&Capability::List)
                && READING[1..].iter().all(|c| works(c) || verdict(findings, *c) == Some(&Verdict::Unknown)) =>
        {
            SetUp::ReadOnly
        }
        (false, false, _) if may_not_store && READING.iter().all(unread) => SetUp::Nothing,
        (false, _, _) if verdict(findings, Capability::Put).is_none_or(|put| *put == Verdict::Unknown) => {
            SetUp::Unknown
        }
        _ => SetUp::Partial,
    }
}

/// What follows for each command.
pub(super) fn features(findings: &[Finding]) -> Vec<Feature> {
    let all = Following { findings };
    vec![
        all.put(),
        all.if_absent(),
        all.needing("get", &[Capability::Look, Capability::Read, Capability::ReadRange]),
        all.needing("stat", &[Capability::Look]),
        all.needing("ls", &[Capability::List]),
        all.rm(),
        all.mv(),
        all.sweep(),
        all.verify(),
        all.backup(),
        all.lost_answers(),
    ]
}

/// A command that needs all of these.
pub(super) fn needing(findings: &[Finding], name: &'static str, needed: &[Capability]) -> Feature {
    Following { findings }.needing(name, needed)
}

struct Following<'a> {
    findings: &'a [Finding],
}

impl Following<'_> {
    fn verdict(&self, capability: Capability) -> &Verdict {
        verdict(self.findings, capability).unwrap_or(&Verdict::Unknown)
    }

    fn works(&self, capability: Capability) -> bool {
        *self.verdict(capability) == Verdict::Works
    }

    /// Why one of these is not there; `None` where all work.
    fn lacking(&self, needed: &[Capability]) -> Option<(Answer, String)> {
        let missing: Vec<_> = needed.iter().filter(|capability| !self.works(**capability)).collect();
        let said = |capability: &&Capability| match self.verdict(**capability) {
            Verdict::Missing(permission) => format!("{} needs {permission}", capability.name()),
            Verdict::Fails => format!("{} fails", capability.name()),
            Verdict::Ignored => format!("{} is ignored", capability.name()),
            Verdict::Absent => format!("there is no {}", capability.name()),
            _ => format!("{} was not found out", capability.name()),
        };
        let unknown = missing.iter().all(|capability| *self.verdict(**capability) == Verdict::Unknown);
        let why = missing.iter().map(said).collect::<Vec<_>>().join("; ");
        match missing.is_empty() {
            true => None,
            false => Some((if unknown { Answer::Unknown } else { Answer::No }, why)),
        }
    }

    fn needing(&self, name: &'static str, needed: &[Capability]) -> Feature {
        let works = || (Answer::Yes, needed.iter().map(|needed| needed.name()).collect::<Vec<_>>().join(", "));
        let (answer, why) = self.lacking(needed).unwrap_or_else(works);
        Feature { name, answer, why }
    }

    fn put(&self) -> Feature {
        let name = "put";
        if let Some((answer, why)) = self.lacking(&STORING) {
            return match (self.works(Capability::Put), answer) {
                (true, Answer::No) => Feature { name, answer: Answer::Less, why: format!("short objects only: {why}") },
                _ => Feature { name, answer, why },
            };
        }
        let mut less = Vec::new();
        if [Capability::PutChecksum, Capability::PartChecksum, Capability::WholeChecksum]
            .iter()
            .any(|capability| *self.verdict(*capability) == Verdict::Ignored)
        {
            less.push(
                "what arrives damaged is stored all the same: the service does not compare its checksum".to_owned(),
            );
        }
        if matches!(self.verdict(Capability::UnequalParts), Verdict::Fails) {
            less.push("parts have to be of one size: see --part-size and --expected-size".to_owned());
        }
        if let Some((Answer::No, why)) = self.lacking(&[Capability::Abort]) {
            less.push(format!("an upload that is given up stays until something ends it: {why}"));
        }
        match less.is_empty() {
            true => Feature { name, answer: Answer::Yes, why: "in one request, and in parts".to_owned() },
            false => Feature { name, answer: Answer::Less, why: less.join("; ") },
        }
    }

    fn if_absent(&self) -> Feature {
        let name = "--if-absent";
        match self.lacking(&[Capability::ConditionalPut, Capability::ConditionalComplete]) {
            None => {
                Feature { name, answer: Answer::Yes, why: "safe: proven by two puts at once, as said above".to_owned() }
            }
            Some((answer, why)) => Feature { name, answer, why },
        }
    }

    fn rm(&self) -> Feature {
        let mut rm = self.needing("rm", &[Capability::Delete]);
        if rm.answer == Answer::Yes && matches!(self.verdict(Capability::DeleteVersion), Verdict::Missing(_)) {
            rm.answer = Answer::Less;
            rm.why = "what is removed stays as an earlier version".to_owned();
        }
        rm
    }

    fn mv(&self) -> Feature {
        match self.works(Capability::Rename) {
            true => self.needing("mv", &[Capability::Rename]),
            false => self.needing("mv", &[Capability::Look, Capability::Copy, Capability::Delete]),
        }
    }

    fn sweep(&self) -> Feature {
        match self.verdict(Capability::ListUploads) {
            Verdict::Absent => Feature {
                name: "sweep",
                answer: Answer::Yes,
                why: "there is nothing to do: what is unfinished cannot be seen, and ends by itself".to_owned(),
            },
            _ => self.needing("sweep", &[Capability::ListUploads, Capability::ListParts, Capability::Abort]),
        }
    }

    fn verify(&self) -> Feature {
        let mut verify = self.needing("verify", &[Capability::List, Capability::Look, Capability::Read]);
        if verify.answer == Answer::Yes && !self.works(Capability::KeptChecksum) {
            verify.answer = Answer::Less;
            verify.why = "no checksum is told without a download: --depth stored compares sizes".to_owned();
        }
        verify
    }

    fn backup(&self) -> Feature {
        let needed =
            [&STORING[..], &[Capability::ConditionalPut, Capability::ConditionalComplete], &READING[..]].concat();
        self.needing("backup", &needed)
    }

    fn lost_answers(&self) -> Feature {
        let name = "a lost answer";
        match self.lacking(&[Capability::Look, Capability::Metadata]) {
            None => Feature { name, answer: Answer::Yes, why: "is settled by a look at the object".to_owned() },
            Some((answer, why)) => Feature {
                name,
                answer,
                why: format!("cannot be settled ({why}): a put whose answer is lost ends with exit code 10"),
            },
        }
    }
}
