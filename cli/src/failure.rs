//! Why a command failed, and which exit code says so. The codes are listed in the help and in the README.

use crate::interrupt::Signal;
use sealift::{Error, ErrorKind};
use std::fmt;

/// Everything that ends a command other than success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Storage said no.
    Storage(Error),
    /// The arguments do not fit together.
    Usage(String),
    /// The producer did not exit with 0.
    Producer(String),
    /// Nothing came in.
    EmptyInput(String),
    /// A signal asked to stop. The text says what became of the object.
    Interrupted(Signal, String),
    /// Something is left in the storage, on top of why the command ended.
    LeftBehind(String),
    /// One of these, after something that has to be told with it.
    After(String, Box<Failure>),
    /// Anything else.
    Other(anyhow::Error),
}

impl Failure {
    /// The exit code for this failure.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::Storage(error) if !error.left_behind().is_empty() => 10,
            Failure::Storage(error) => match error.kind() {
                ErrorKind::InvalidName | ErrorKind::InvalidConfig => 2,
                ErrorKind::NotFound | ErrorKind::NoSuchBucket => 3,
                ErrorKind::Denied => 4,
                ErrorKind::AlreadyExists => 5,
                ErrorKind::Unreachable | ErrorKind::TimedOut | ErrorKind::WrongRegion => 6,
                ErrorKind::Corrupt => 7,
                _ => 1,
            },
            Failure::Usage(_) => 2,
            Failure::Producer(_) => 8,
            Failure::EmptyInput(_) => 9,
            Failure::LeftBehind(_) => 10,
            Failure::Interrupted(signal, _) => signal.exit_code(),
            Failure::After(_, failure) => failure.code(),
            Failure::Other(_) => 1,
        }
    }

    /// This failure, after something that has to be told with it.
    pub(crate) fn after(self, text: String) -> Self {
        Failure::After(text, Box::new(self))
    }

    /// An error of a stream, which may carry one of the storage's.
    pub(crate) fn from_io(error: std::io::Error, doing: &str) -> Self {
        match Error::from_io(&error) {
            Some(storage) => Failure::Storage(storage.clone()),
            None => Failure::Other(anyhow::Error::new(error).context(doing.to_owned())),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Storage(error) => error.fmt(f),
            Failure::Usage(text)
            | Failure::Producer(text)
            | Failure::EmptyInput(text)
            | Failure::Interrupted(_, text)
            | Failure::LeftBehind(text) => f.write_str(text),
            Failure::After(text, failure) => write!(f, "{text}: {failure}"),
            Failure::Other(error) => write!(f, "{error:#}"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Storage(error)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::Other(error)
    }
}
