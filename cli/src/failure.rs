//! Why a command failed, as values: its cause, what is known to be because of it, and what is left. The sentence and the
//! exit code are made from these, here and nowhere else. The codes are listed in the help and in docs/exit-codes.md, and the messages in docs/errors.md.

use crate::interrupt::Stop;
use crate::outcome::Aftermath;
use sealift::verify::Class;
use sealift::{Error, ErrorKind, LeftBehind, Remnant};
use std::fmt;
use std::io;
use std::path::Path;

/// Everything that ends a command other than success.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What was being done, where the cause does not say it.
    doing: Option<String>,
    cause: Cause,
    aftermath: Option<Box<Aftermath>>,
    left: Vec<LeftBehind>,
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Cause {
    /// Storage said no.
    Storage(Error),
    /// The arguments do not fit together.
    Usage(String),
    /// The command line cannot be read.
    CommandLine { wrong: String, hint: String },
    /// The producer did not exit with 0.
    Producer(String),
    /// Nothing came in.
    EmptyInput,
    /// A signal asked to stop, or the deadline.
    Interrupted(Stop),
    /// Nothing keeps a checksum of what was read, and one was asked for.
    NoChecksum,
    /// The command has done its work, and something else is left.
    LeftBehind,
    /// A verification has found something, the worst of it of this class.
    Found { class: Class, count: usize },
    /// An examination has found that something is missing, for these reasons: permissions, or what the service does.
    Lacks { permissions: Vec<String>, service: Vec<String> },
    /// Reports that are not all of a plan, for these reasons.
    Incomplete(Vec<String>),
    /// Anything else.
    Other(anyhow::Error),
}

impl Failure {
    pub(crate) fn new(cause: Cause) -> Self {
        // What is left is told once, and decides about the exit code.
        let left = match &cause {
            Cause::Storage(error) => error.left_behind().to_vec(),
            _ => Vec::new(),
        };
        Failure { doing: None, cause, aftermath: None, left }
    }

    /// The arguments do not fit together.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Failure::new(Cause::Usage(text.into()))
    }

    /// A signal asked to stop, or the deadline.
    pub(crate) fn interrupted(by: Stop) -> Self {
        Failure::new(Cause::Interrupted(by))
    }

    /// An error of a stream, which may carry one of the storage's.
    pub(crate) fn from_io(error: io::Error, doing: &str) -> Self {
        match Error::from_io(&error) {
            Some(storage) => storage.clone().into(),
            None => anyhow::Error::new(error).context(doing.to_owned()).into(),
        }
    }

    /// The same, with what was being done.
    pub(crate) fn while_doing(self, doing: impl Into<String>) -> Self {
        let doing = doing.into();
        Failure {
            doing: Some(match self.doing {
                Some(inner) => format!("{doing}: {inner}"),
                None => doing,
            }),
            ..self
        }
    }

    /// The same, with what is known to be because of it. What was said before is kept.
    pub(crate) fn and(self, aftermath: Aftermath) -> Self {
        Failure { aftermath: self.aftermath.or_else(|| Some(Box::new(aftermath))), ..self }
    }

    /// The same, with what else is left, each thing once.
    pub(crate) fn with_left(mut self, left: impl IntoIterator<Item = LeftBehind>) -> Self {
        for left in left {
            if !self.left.contains(&left) {
                self.left.push(left);
            }
        }
        self
    }

    /// The same without what was left in a folder that is gone, with everything in it. Its name is of no other.
    pub(crate) fn without_left_in(mut self, folder: &Path) -> Self {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        self.left.retain(|left| match left.remnant() {
            Remnant::Object(place) | Remnant::File(place) | Remnant::Upload { location: place, .. } => {
                name.is_empty() || !place.contains(&*name)
            }
            _ => true,
        });
        self
    }

    /// What was being done, where the cause does not say it.
    pub(crate) fn doing(&self) -> Option<&str> {
        self.doing.as_deref()
    }

    /// What is known to be because of it.
    pub(crate) fn aftermath(&self) -> Option<&Aftermath> {
        self.aftermath.as_deref()
    }

    /// One word for why, for programs.
    pub(crate) fn kind(&self) -> &'static str {
        self.cause.kind()
    }

    /// Why.
    pub(crate) fn cause(&self) -> &Cause {
        &self.cause
    }

    /// What is left.
    pub(crate) fn left(&self) -> &[LeftBehind] {
        &self.left
    }

    /// The exit code for this failure.
    pub(crate) fn code(&self) -> u8 {
        match &self.cause {
            _ if !self.left.is_empty() => 10,
            Cause::Storage(error) => match error.kind() {
                ErrorKind::InvalidName | ErrorKind::InvalidConfig => 2,
                ErrorKind::NotFound | ErrorKind::NoSuchBucket => 3,
                ErrorKind::Denied => 4,
                ErrorKind::AlreadyExists => 5,
                ErrorKind::Unreachable | ErrorKind::TimedOut | ErrorKind::WrongRegion => 6,
                ErrorKind::Corrupt => 7,
                ErrorKind::Pruned => 11,
                _ => 1,
            },
            Cause::Usage(_) | Cause::CommandLine { .. } => 2,
            Cause::NoChecksum | Cause::Incomplete(_) => 7,
            Cause::Found { class, .. } => match class {
                Class::Wrong => 7,
                Class::Denied => 4,
                Class::Unreachable => 6,
                Class::Unverified => 1,
            },
            Cause::Lacks { permissions, .. } if !permissions.is_empty() => 4,
            Cause::Lacks { .. } => 1,
            Cause::Producer(_) => 8,
            Cause::EmptyInput => 9,
            Cause::LeftBehind => 10,
            Cause::Interrupted(by) => by.exit_code(),
            Cause::Other(error) if is_refusal(error) => 4,
            Cause::Other(_) => 1,
        }
    }
}

impl Cause {
    /// One word for it.
    fn kind(&self) -> &'static str {
        match self {
            Cause::Storage(error) => word_of(error.kind()),
            Cause::Usage(_) | Cause::CommandLine { .. } => "usage",
            Cause::Producer(_) => "producer",
            Cause::EmptyInput => "empty_input",
            Cause::Interrupted(Stop::Signal(_)) => "interrupted",
            Cause::Interrupted(Stop::Deadline(_)) => "deadline",
            Cause::NoChecksum => "no_checksum",
            Cause::LeftBehind => "left_behind",
            Cause::Found { .. } => "found",
            Cause::Lacks { .. } => "lacks",
            Cause::Incomplete(_) => "incomplete",
            Cause::Other(error) if is_refusal(error) => word_of(ErrorKind::Denied),
            Cause::Other(_) => "other",
        }
    }

    /// What was being done, if storage said no.
    pub(crate) fn operation(&self) -> Option<&str> {
        match self {
            Cause::Storage(error) => Some(error.operation()),
            _ => None,
        }
    }

    /// Where, if storage said no.
    pub(crate) fn location(&self) -> Option<&str> {
        match self {
            Cause::Storage(error) => Some(error.location()),
            _ => None,
        }
    }

    /// Why, without what was being done and where.
    pub(crate) fn reason(&self) -> String {
        match self {
            Cause::Storage(error) => error.reason().to_owned(),
            cause => cause.to_string(),
        }
    }

    /// What to try next.
    pub(crate) fn hint(&self) -> Option<&str> {
        match self {
            Cause::Storage(error) => error.hint(),
            Cause::CommandLine { hint, .. } if !hint.is_empty() => Some(hint),
            Cause::Lacks { permissions, .. } if !permissions.is_empty() => {
                Some("allow it to these credentials, where the commands that need it, as said above, are to work")
            }
            Cause::Lacks { .. } => Some("what was seen, and which commands it is in the way of, is said above"),
            Cause::Other(error) if is_refusal(error) => {
                Some("give this user the right to it, or run it as one that has it")
            }
            Cause::EmptyInput => Some("if it is meant to be empty, say --allow-empty"),
            _ => None,
        }
    }
}

/// Whether this machine refuses it: a file or a folder that this user may not use.
fn is_refusal(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::PermissionDenied)
}

fn word_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidName => "invalid_name",
        ErrorKind::InvalidConfig => "invalid_config",
        ErrorKind::NotFound => "not_found",
        ErrorKind::NoSuchBucket => "no_such_bucket",
        ErrorKind::AlreadyExists => "already_exists",
        ErrorKind::Denied => "denied",
        ErrorKind::WrongRegion => "wrong_region",
        ErrorKind::Unreachable => "unreachable",
        ErrorKind::TimedOut => "timed_out",
        ErrorKind::Corrupt => "corrupt",
        ErrorKind::Changed => "changed",
        ErrorKind::TooLarge => "too_large",
        ErrorKind::Cancelled => "cancelled",
        ErrorKind::Pruned => "pruned",
        ErrorKind::Service => "service",
        ErrorKind::Io => "io",
        _ => "other",
    }
}

/// Without what is left and without the hint.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Storage(error) => write!(f, "{} {}: {}", error.operation(), error.location(), error.reason()),
            Cause::Usage(text) | Cause::Producer(text) | Cause::CommandLine { wrong: text, .. } => f.write_str(text),
            Cause::EmptyInput => f.write_str("the input was empty"),
            Cause::Interrupted(by) => write!(f, "stopped by {by}"),
            Cause::NoChecksum => f.write_str("nothing keeps a checksum of it, and --require-checksum asks for one"),
            Cause::Found { class: Class::Wrong, count: 1 } => f.write_str("something is wrong: the one finding above"),
            Cause::Found { class: Class::Wrong, count } => write!(f, "something is wrong: {count} findings, as listed"),
            Cause::Found { count, .. } => write!(f, "not all could be verified: {count} findings, as listed"),
            Cause::Lacks { permissions, service } => {
                let permissions = permissions.iter().map(|permission| format!("the permission {permission}"));
                let lacks: Vec<_> = permissions.chain(service.iter().cloned()).collect();
                match lacks.is_empty() {
                    true => f.write_str("not enough could be tried, as said above"),
                    false => write!(f, "what is missing: {}", lacks.join(", ")),
                }
            }
            Cause::Incomplete(why) => write!(f, "these are not the reports of a whole plan: {}", why.join("; ")),
            Cause::LeftBehind => f.write_str("it was done"),
            Cause::Other(error) => write!(f, "{error:#}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(doing) = &self.doing {
            write!(f, "{doing}: ")?;
        }
        write!(f, "{}", self.cause)?;
        if let Some(aftermath) = &self.aftermath {
            write!(f, "; {aftermath}")?;
        }
        for left in &self.left {
            write!(f, "; left behind: {left}")?;
        }
        match self.cause.hint() {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::new(Cause::Storage(error))
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::new(Cause::Other(error))
    }
}
