//! What may exist of an object: the one value that a commit, its settling, a retraction, the clean-up and the delivery
//! hand on, so that nobody says "nothing is left" who cannot prove it.

use crate::error::Error;
use crate::left_behind::LeftBehind;
use crate::object::Committed;
use std::fmt;

/// What may exist of an object that was to be stored.
#[derive(Debug, Clone)]
pub(crate) enum Existence {
    /// Nothing, and nothing can appear: none of it was sent, the service refused it, or it was removed and looked for.
    Nothing,
    /// The object is there, complete and visible.
    Ours(Box<Ours>),
    /// These may be there. Never empty.
    Perhaps(Vec<LeftBehind>),
}

/// An object of ours that is there.
#[derive(Debug, Clone)]
pub(crate) struct Ours {
    pub(crate) committed: Committed,
    pub(crate) confirmed: Confirmed,
}

/// How it is known that an object was stored as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Confirmed {
    /// The service computed a checksum over the whole object, and it is the one computed here.
    Checksum,
    /// The object was looked at: it has this commit's token and the right size. The service keeps no checksum of the
    /// whole.
    TokenAndSize,
    /// The object was looked at: it has the ETag of the service's answer and the right size. The service does not keep the
    /// token with it.
    EtagAndSize,
    /// The service answered that it has stored it. It could not be looked at, for this reason.
    Answer {
        /// Why it could not be looked at.
        unseen: String,
    },
    /// The service answered that it has stored it, and when it was looked at another writer had replaced it since.
    Replaced,
}

impl fmt::Display for Confirmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Confirmed::Checksum => f.write_str("confirmed by the service's checksum"),
            Confirmed::TokenAndSize => f.write_str("confirmed by a look at its token and size"),
            Confirmed::EtagAndSize => f.write_str("confirmed by a look at its ETag and size"),
            Confirmed::Answer { unseen } => {
                write!(f, "confirmed by the service's answer alone: it could not be looked at ({unseen})")
            }
            Confirmed::Replaced => {
                f.write_str("confirmed by the service's answer; another writer has replaced it since")
            }
        }
    }
}

impl Existence {
    /// `Perhaps` these, or nothing when there are none.
    pub(crate) fn of(left: Vec<LeftBehind>) -> Self {
        match left.is_empty() {
            true => Existence::Nothing,
            false => Existence::Perhaps(left),
        }
    }

    /// `error`, with what may be left after it. An object that stands although it was not wanted is left too.
    pub(crate) fn after(self, error: Error, location: &str) -> Error {
        match self {
            Existence::Nothing => error,
            Existence::Perhaps(left) => error.with_left_behind(left),
            Existence::Ours(_) => error.with_left_behind([LeftBehind::object(location)]),
        }
    }
}
