//! What is wrong, or could not be told.

use crate::error::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// One thing that is wrong, or that could not be verified.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// In which object.
    pub file: String,
    /// In which record of it, counted from 0, where it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
    /// Which rule is broken, in one word with dashes; docs/VERIFY.md lists them.
    pub rule: Cow<'static, str>,
    /// What is there, in words.
    pub found: String,
    /// What should be there, where that can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// How bad it is.
    pub class: Class,
}

/// How bad a finding is. The first is the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// What is stored is not what it should be, or is not there.
    Wrong,
    /// It could not be verified: the credentials do not allow it.
    Denied,
    /// It could not be verified: the service cannot be reached, or is too slow.
    Unreachable,
    /// It could not be verified, for another reason.
    Unverified,
}

impl Finding {
    /// Something is wrong with `file`.
    pub fn wrong(file: impl Into<String>, rule: &'static str, found: impl Into<String>) -> Self {
        Finding {
            file: file.into(),
            record: None,
            rule: Cow::Borrowed(rule),
            found: found.into(),
            expected: None,
            class: Class::Wrong,
        }
    }

    /// `file` could not be read, or not as it should be.
    pub fn of_error(file: impl Into<String>, error: &Error) -> Self {
        let (rule, class) = match error.kind() {
            ErrorKind::NotFound => ("missing", Class::Wrong),
            ErrorKind::Corrupt => ("damaged", Class::Wrong),
            ErrorKind::Denied => ("unread", Class::Denied),
            ErrorKind::Unreachable | ErrorKind::TimedOut | ErrorKind::WrongRegion => ("unread", Class::Unreachable),
            _ => ("unread", Class::Unverified),
        };
        let hint = error.hint().map_or(String::new(), |hint| format!("; {hint}"));
        let found = format!("{}: {}{hint}", error.operation(), error.reason());
        Finding { class, ..Finding::wrong(file, rule, found) }
    }

    /// The same, in this record.
    #[must_use]
    pub fn in_record(self, record: u64) -> Self {
        Finding { record: Some(record), ..self }
    }

    /// The same, with what should be there.
    #[must_use]
    pub fn expecting(self, expected: impl fmt::Display) -> Self {
        Finding { expected: Some(expected.to_string()), ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if let Some(record) = self.record {
            write!(f, "record {record}: ")?;
        }
        f.write_str(&self.found)?;
        if let Some(expected) = &self.expected {
            write!(f, " (expected: {expected})")?;
        }
        write!(f, " [{}]", self.rule)
    }
}
