//! The library's one error type. Every message says what was tried, where, why it failed and what to do next.
//! Adapters translate their service's errors into it; nothing here knows a service.

use crate::left_behind::LeftBehind;
use crate::passing::Passing;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Result with Sealift's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure this is, for callers that decide by it (exit codes, retries).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A name or key that the archive format or the service does not take.
    InvalidName,
    /// Options that do not fit together or that the storage cannot serve.
    InvalidConfig,
    /// The object is not there.
    NotFound,
    /// The bucket, container or root folder is not there.
    NoSuchBucket,
    /// The object exists and was not to be replaced.
    AlreadyExists,
    /// The service refused: missing, wrong or expired credentials, or no permission.
    Denied,
    /// The bucket lives in another region than the one asked.
    WrongRegion,
    /// No connection, or the connection was lost.
    Unreachable,
    /// A time limit passed.
    TimedOut,
    /// What is stored, or what arrived, is not what was written.
    Corrupt,
    /// The object changed while it was being read.
    Changed,
    /// The stream is longer than the service takes with these settings.
    TooLarge,
    /// The operation was asked to stop.
    Cancelled,
    /// The source of a backup does not keep it any more.
    Pruned,
    /// The service failed or answered something unexpected.
    Service,
    /// The operating system failed.
    Io,
}

/// A failed operation: what, where, why, and what to do next. Cheap to clone; never holds a secret.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    operation: Cow<'static, str>,
    location: String,
    reason: String,
    hint: Option<Cow<'static, str>>,
    left_behind: Vec<LeftBehind>,
    passing: Option<Passing>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind` while doing `operation` (a verb phrase such as `"upload part 7"`) at `location`
    /// (a URL without credentials), because of `reason`.
    pub fn new(
        kind: ErrorKind,
        operation: impl Into<Cow<'static, str>>,
        location: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Error(Arc::new(Inner {
            kind,
            operation: operation.into(),
            location: location.into(),
            reason: reason.into(),
            hint: None,
            left_behind: Vec::new(),
            passing: None,
            source: None,
        }))
    }

    /// The error of something here and not of the storage: a pipe, a temporary file. Its kind is [`ErrorKind::Io`].
    pub fn io(operation: impl Into<Cow<'static, str>>, location: impl Into<String>, error: io::Error) -> Self {
        Error::new(ErrorKind::Io, operation, location, error.to_string()).with_source(error)
    }

    /// The error of a read of what is another, or not there, by now: for adapters. Its kind is [`ErrorKind::Changed`].
    pub fn changed_while_read(location: impl Into<String>) -> Self {
        Error::new(ErrorKind::Changed, "read", location, "it was replaced or removed while it was being read")
            .with_hint("what was read so far must not be used; read again")
    }

    /// Says what the reader of the message should try next.
    pub fn with_hint(self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.change(|inner| inner.hint = Some(hint.into()))
    }

    /// Keeps the underlying error for [`StdError::source`]. Its text is not added to the message.
    pub fn with_source(self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.change(|inner| inner.source = Some(Arc::new(source)))
    }

    /// Adds what may be left, each thing once.
    pub fn with_left_behind(self, left: impl IntoIterator<Item = LeftBehind>) -> Self {
        self.change(|inner| {
            for left in left {
                if !inner.left_behind.contains(&left) {
                    inner.left_behind.push(left);
                }
            }
        })
    }

    /// Says that the request may be sent again, and why: for adapters. Without this an error is final.
    pub fn with_passing(self, passing: Passing) -> Self {
        self.change(|inner| inner.passing = Some(passing))
    }

    /// The same after so many attempts in so long, and final.
    pub(crate) fn after_attempts(self, times: u32, lasting: Duration) -> Self {
        self.change(|inner| {
            inner.reason = format!("{} (tried {times} times in {} s)", inner.reason, lasting.as_secs());
            inner.passing = None;
        })
    }

    /// This error as the reason why something larger failed: `operation` at `location`. Its kind, its hint and what
    /// it left behind become the larger one's.
    pub fn within(self, operation: impl Into<Cow<'static, str>>, location: impl Into<String>) -> Self {
        let inner = &*self.0;
        let reason = format!("{} {}: {}", inner.operation, inner.location, inner.reason);
        Error(Arc::new(Inner {
            kind: inner.kind,
            operation: operation.into(),
            location: location.into(),
            reason,
            hint: inner.hint.clone(),
            left_behind: inner.left_behind.clone(),
            passing: inner.passing,
            source: Some(Arc::new(self)),
        }))
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// The kind of failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What was being done.
    pub fn operation(&self) -> &str {
        &self.0.operation
    }

    /// Where, as a URL without credentials.
    pub fn location(&self) -> &str {
        &self.0.location
    }

    /// Why, without what was being done and where.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// What to try next, when something is known to help.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Why the request may be sent again, if it may.
    pub fn passing(&self) -> Option<Passing> {
        self.0.passing
    }

    /// What may be left, each with what removes it. Empty only where it is proven that nothing is, and nothing can appear
    /// later.
    pub fn left_behind(&self) -> &[LeftBehind] {
        &self.0.left_behind
    }

    /// This error as an [`io::Error`], as the `AsyncRead` and `AsyncWrite` traits want it.
    /// [`Error::from_io`] gets it back.
    pub fn into_io(self) -> io::Error {
        let kind = match self.kind() {
            ErrorKind::InvalidName | ErrorKind::InvalidConfig => io::ErrorKind::InvalidInput,
            ErrorKind::NotFound | ErrorKind::NoSuchBucket => io::ErrorKind::NotFound,
            ErrorKind::AlreadyExists => io::ErrorKind::AlreadyExists,
            ErrorKind::Denied => io::ErrorKind::PermissionDenied,
            ErrorKind::TimedOut => io::ErrorKind::TimedOut,
            ErrorKind::Corrupt => io::ErrorKind::InvalidData,
            ErrorKind::TooLarge => io::ErrorKind::FileTooLarge,
            ErrorKind::Unreachable => io::ErrorKind::NotConnected,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, self)
    }

    /// The Sealift error inside an [`io::Error`] that came from one of its streams.
    pub fn from_io(error: &io::Error) -> Option<&Error> {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Error>())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        write!(f, "{} {}: {}", inner.operation, inner.location, inner.reason)?;
        for left in &inner.left_behind {
            write!(f, "; left behind: {left}")?;
        }
        match &inner.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {self})", self.kind())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_says_what_where_why_and_what_next() {
        let error = Error::new(ErrorKind::Denied, "upload part 7", "s3://b/k", "403 AccessDenied")
            .with_hint("check the credentials")
            .with_left_behind([LeftBehind::upload("s3://b/k", "U")]);
        assert_eq!(
            error.to_string(),
            "upload part 7 s3://b/k: 403 AccessDenied; left behind: the incomplete upload of s3://b/k, upload id U (`sealift sweep` removes it); check the credentials"
        );
    }

    #[test]
    fn a_larger_failure_takes_over_what_is_known_of_the_smaller() {
        let error = Error::new(ErrorKind::Denied, "upload part 7", "s3://b/k", "403")
            .with_hint("check the credentials")
            .with_left_behind([LeftBehind::upload("s3://b/k", "U")])
            .within("write the manifest", "backup/x");
        assert_eq!(
            error.to_string(),
            "write the manifest backup/x: upload part 7 s3://b/k: 403; left behind: the incomplete upload of s3://b/k, upload id U (`sealift sweep` removes it); check the credentials"
        );
        assert_eq!((error.kind(), error.left_behind().len()), (ErrorKind::Denied, 1));
    }

    #[test]
    fn survives_the_way_through_io_error() {
        let io = Error::new(ErrorKind::AlreadyExists, "commit", "s3://b/k", "exists").into_io();
        assert_eq!(io.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(Error::from_io(&io).map(Error::kind), Some(ErrorKind::AlreadyExists));
    }
}
