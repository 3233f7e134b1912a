//! What failed of a command that does the same to many: told one by one, and all together in the end; and when it is no use
//! to go on.

use crate::failure::{Cause, Failure};
use crate::report;
use sealift::{ErrorKind, LeftBehind};
use std::ops::ControlFlow;

/// So many failures of the storage, without a success between them, are not about the one they are told of.
const IN_A_ROW: usize = 10;

/// What was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotDone {
    FileNotStored,
    /// Not looked at, or not removed.
    LeftoverNotSwept,
    ObjectNotCopied,
    ObjectNotRemoved,
    ObjectNotRestored,
    ObjectNotRead,
}

impl NotDone {
    fn word(self) -> &'static str {
        match self {
            NotDone::FileNotStored => "not stored",
            NotDone::LeftoverNotSwept => "not swept",
            NotDone::ObjectNotCopied => "not copied",
            NotDone::ObjectNotRemoved => "not removed",
            NotDone::ObjectNotRestored => "not restored",
            NotDone::ObjectNotRead => "not read",
        }
    }

    fn one(self) -> &'static str {
        match self {
            NotDone::FileNotStored => "a file was not stored",
            NotDone::LeftoverNotSwept => "a leftover was not swept",
            NotDone::ObjectNotCopied => "an object was not copied",
            NotDone::ObjectNotRemoved => "an object was not removed",
            NotDone::ObjectNotRestored => "an object was not restored",
            NotDone::ObjectNotRead => "an object was not read",
        }
    }

    fn many(self, count: usize) -> String {
        match self {
            NotDone::FileNotStored => format!("{count} files were not stored"),
            NotDone::LeftoverNotSwept => format!("{count} leftovers were not swept"),
            NotDone::ObjectNotCopied => format!("{count} objects were not copied"),
            NotDone::ObjectNotRemoved => format!("{count} objects were not removed"),
            NotDone::ObjectNotRestored => format!("{count} objects were not restored"),
            NotDone::ObjectNotRead => format!("{count} objects were not read"),
        }
    }
}

/// What is done after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterFailure {
    /// The same to the others.
    GoOn,
    /// The command ends (`--fail-fast`).
    End,
    /// The command ends, since less than all is of no use.
    EndForAllAreNeeded,
}

/// Those so far.
#[derive(Debug)]
pub(super) struct Failures {
    what: NotDone,
    after: AfterFailure,
    first: Option<Failure>,
    count: usize,
    in_a_row: usize,
    left: Vec<LeftBehind>,
    ended: Option<&'static str>,
}

impl Failures {
    pub(super) fn new(what: NotDone, after: AfterFailure) -> Self {
        Failures { what, after, first: None, count: 0, in_a_row: 0, left: Vec::new(), ended: None }
    }

    /// One was done.
    pub(super) fn done(&mut self) {
        self.in_a_row = 0;
    }

    /// One was not, which says nothing of the others.
    pub(super) fn add_alone(&mut self, failure: Failure) {
        // One request for many fails for all of them in the same words.
        if self.first.as_ref().is_none_or(|first| first.to_string() != failure.to_string()) {
            report::note(format_args!("sealift: {}: {failure}", self.what.word()));
        }
        self.count += 1;
        self.left.extend_from_slice(failure.left());
        self.first.get_or_insert(failure);
    }

    /// One was not; tells whether others are worth a try.
    pub(super) fn add(&mut self, failure: Failure) -> ControlFlow<()> {
        let is_read =
            matches!(self.what, NotDone::ObjectNotCopied | NotDone::ObjectNotRestored | NotDone::ObjectNotRead);
        let of_it_alone = is_of_the_file(&failure) || is_read && is_of_the_object(&failure);
        self.in_a_row = if of_it_alone { 0 } else { self.in_a_row + 1 };
        self.ended = match (self.after, failure.cause()) {
            (AfterFailure::End, _) => Some("--fail-fast"),
            (AfterFailure::EndForAllAreNeeded, _) => Some("less than all is of no use"),
            (_, Cause::Storage(error)) if is_of_all(error.kind()) => Some("it would be the same for all"),
            _ if self.in_a_row >= IN_A_ROW => Some("ten in a row failed"),
            _ => None,
        };
        self.add_alone(failure);
        match self.ended {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }

    /// The failure of the command, if there was any.
    pub(super) fn end(self) -> Result<(), Failure> {
        let Some(first) = self.first else { return Ok(()) };
        let (one, many) = (self.what.one(), self.what.many(self.count));
        let failure = match (self.count, self.ended) {
            (1, None) => first,
            (_, None) => first.while_doing(format!("{many}; the first")),
            (1, Some(why)) => first.while_doing(format!("{one}, and no other was tried after it ({why})")),
            (_, Some(why)) => first.while_doing(format!("{many}, and no others were tried ({why}); the first")),
        };
        Err(failure.with_left(self.left))
    }
}

/// Whether a failure says nothing of the storage.
fn is_of_the_file(failure: &Failure) -> bool {
    match failure.cause() {
        Cause::Storage(error) => matches!(
            error.kind(),
            ErrorKind::Changed
                | ErrorKind::InvalidName
                | ErrorKind::TooLarge
                | ErrorKind::AlreadyExists
                | ErrorKind::Io
        ),
        Cause::Other(_) => true,
        _ => false,
    }
}

/// Whether a failure is of an object that was read: that it is damaged, or not there any more.
fn is_of_the_object(failure: &Failure) -> bool {
    match failure.cause() {
        Cause::Storage(error) => matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotFound),
        _ => false,
    }
}

/// Whether every other file would fail the same way.
fn is_of_all(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NoSuchBucket | ErrorKind::WrongRegion | ErrorKind::InvalidConfig | ErrorKind::Cancelled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealift::Error;

    fn failure(kind: ErrorKind) -> Failure {
        Error::new(kind, "put", "s3://b/k", "told to").into()
    }

    fn tried(kinds: &[ErrorKind]) -> (usize, String) {
        let mut failed = Failures::new(NotDone::FileNotStored, AfterFailure::GoOn);
        let tried = kinds.iter().take_while(|kind| failed.add(failure(**kind)).is_continue()).count();
        (tried, failed.end().expect_err("files failed").to_string())
    }

    #[test]
    fn one_file_does_not_stop_the_others_unless_it_would_be_the_same_for_all() {
        let (tried_all, said) = tried(&[ErrorKind::Service, ErrorKind::Denied, ErrorKind::Io]);
        assert_eq!(tried_all, 3);
        assert!(said.starts_with("3 files were not stored; the first: put s3://b/k"), "{said}");
        assert_eq!(tried(&[ErrorKind::Service, ErrorKind::NoSuchBucket, ErrorKind::Io]).0, 1);
        assert_eq!(tried(&[ErrorKind::Denied; 20]).0, IN_A_ROW - 1);
        assert_eq!(tried(&[ErrorKind::Io; 20]).0, 20);
        let mut failed = Failures::new(NotDone::FileNotStored, AfterFailure::End);
        assert!(failed.add(failure(ErrorKind::Io)).is_break());
    }

    #[test]
    fn a_file_that_is_stored_between_them_says_that_the_storage_is_there() {
        let mut failed = Failures::new(NotDone::FileNotStored, AfterFailure::GoOn);
        for _ in 0..30 {
            assert!(failed.add(failure(ErrorKind::Service)).is_continue());
            failed.done();
        }
    }

    #[test]
    fn what_any_of_them_left_is_named_in_the_end() {
        let mut failed = Failures::new(NotDone::FileNotStored, AfterFailure::GoOn);
        let left = [LeftBehind::object("s3://b/second").perhaps()];
        assert!(failed.add(failure(ErrorKind::Service)).is_continue());
        let second =
            Failure::from(Error::new(ErrorKind::Service, "put", "s3://b/second", "500").with_left_behind(left));
        assert!(failed.add(second).is_continue());
        let end = failed.end().expect_err("two failed");
        assert_eq!((end.code(), end.left().len()), (10, 1), "{end}");
    }
}
