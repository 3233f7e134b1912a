//! What is varied: the cells of the matrix, and by which rules some of the combinations are none.

use sealift_tests::cloud::{Cloud, Field, Spoiled, Step};
use std::fmt;

/// What Sealift is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Task {
    /// Store a small object.
    Put,
    /// Store three parts.
    Upload,
    /// Look at an object.
    Stat,
    /// List objects.
    List,
    /// Read an object.
    Get,
    /// Move an object.
    Move,
    /// Remove an object.
    Remove,
    /// Find and remove an upload that another left.
    Sweep,
}

/// How a task comes to make a request that it does not make when all goes well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Cause {
    /// It makes it anyway.
    Always,
    /// The answer to the commit has no checksum.
    NoChecksum,
    /// It fails with parts stored, or is given up.
    Aborting,
    /// The answer to the start was lost.
    StartLost,
    /// The answer to the first part was lost.
    PartLost,
}

/// A request of a task, which the fault is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Call {
    pub(crate) task: Task,
    pub(crate) step: Step,
    pub(crate) cause: Cause,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Refused,
    Reset,
    ResetMidBody,
    ReplyLost,
    AppliedLater,
    AppliedLaterClientWaits,
    Failed,
    FailedButApplied,
    Busy,
    TooMany,
    Expired,
    Missing,
    MissingPage,
    ErrorInside,
    Unreadable,
    UnreadableButApplied,
    Empty,
    EmptyButApplied,
    Truncated,
    Stall,
    AppliedThenStall,
    Drip,
    Spoils(Field, Spoiled),
}

pub(crate) const KINDS: [Kind; 28] = [
    Kind::Refused,
    Kind::Reset,
    Kind::ResetMidBody,
    Kind::ReplyLost,
    Kind::AppliedLater,
    Kind::AppliedLaterClientWaits,
    Kind::Failed,
    Kind::FailedButApplied,
    Kind::Busy,
    Kind::TooMany,
    Kind::Expired,
    Kind::Missing,
    Kind::MissingPage,
    Kind::ErrorInside,
    Kind::Unreadable,
    Kind::UnreadableButApplied,
    Kind::Empty,
    Kind::EmptyButApplied,
    Kind::Truncated,
    Kind::Stall,
    Kind::AppliedThenStall,
    Kind::Drip,
    Kind::Spoils(Field::Checksum, Spoiled::Wrong),
    Kind::Spoils(Field::Checksum, Spoiled::Missing),
    Kind::Spoils(Field::Etag, Spoiled::Wrong),
    Kind::Spoils(Field::Etag, Spoiled::Missing),
    Kind::Spoils(Field::Length, Spoiled::Wrong),
    Kind::Spoils(Field::Length, Spoiled::Missing),
];

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Often {
    Once,
    Always,
}

/// What is at the name, and who else writes there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Over {
    /// Nothing, and it would be replaced.
    Nothing,
    /// An older object of the same size, to be replaced.
    Old,
    /// Nothing, and it must not be replaced.
    Absent,
    /// Another writer replaces it at the moment of the fault.
    Rival,
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Ending {
    /// By itself.
    Itself,
    /// What does it is dropped in the moment of the fault.
    Dropped,
    /// Everything is asked to stop in that moment.
    Stopped,
}

/// One combination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Cell {
    pub(crate) call: Call,
    pub(crate) kind: Kind,
    pub(crate) often: Often,
    pub(crate) over: Over,
    pub(crate) ending: Ending,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cell { call: Call { task, step, .. }, kind, often, over, ending } = self;
        write!(f, "{task:?}/{step:?}/{kind:?}/{often:?}/{over:?}/{ending:?}")
    }
}

/// A combination that is none, and why.
pub(crate) type NotApplicable = (Cell, &'static str);

/// All cells of a cloud, and all that are none.
pub(crate) fn all<C: Cloud>(calls: &[Call]) -> (Vec<Cell>, Vec<NotApplicable>) {
    let (mut cells, mut none) = (Vec::new(), Vec::new());
    for &call in calls {
        for kind in KINDS {
            for often in [Often::Once, Often::Always] {
                for over in [Over::Nothing, Over::Old, Over::Absent, Over::Rival] {
                    for ending in [Ending::Itself, Ending::Dropped, Ending::Stopped] {
                        let cell = Cell { call, kind, often, over, ending };
                        match why_not::<C>(&cell) {
                            None => cells.push(cell),
                            Some(why) => none.push((cell, why)),
                        }
                    }
                }
            }
        }
    }
    (cells, none)
}

/// Why a combination is none.
fn why_not<C: Cloud>(cell: &Cell) -> Option<&'static str> {
    let Cell { call: Call { task, step, cause }, kind, often, over, ending } = *cell;
    let changes = matches!(
        step,
        Step::Put | Step::Start | Step::Part(_) | Step::Complete | Step::Abort | Step::Copy | Step::Delete
    );
    let stores = matches!(task, Task::Put | Task::Upload);
    match kind {
        Kind::ResetMidBody if !matches!(step, Step::Put | Step::Part(_) | Step::Complete) => {
            return Some("the request has no body");
        }
        Kind::AppliedLater
        | Kind::AppliedLaterClientWaits
        | Kind::FailedButApplied
        | Kind::UnreadableButApplied
        | Kind::EmptyButApplied
            if !changes =>
        {
            return Some("a request that only reads applies nothing");
        }
        Kind::Missing
            if matches!(step, Step::Abort | Step::Delete)
                || (task, step, often) == (Task::Sweep, Step::ListParts, Often::Always) =>
        {
            return Some("the service says that what is to go is gone, and is believed");
        }
        Kind::Spoils(Field::Length | Field::Checksum, Spoiled::Wrong)
            if stores && step == Step::Look && often == Often::Always =>
        {
            return Some("the service shows a damaged object whenever it is looked at, and is believed");
        }
        Kind::Truncated | Kind::Drip if !C::has_body(step) => return Some("the answer has no body"),
        Kind::Empty | Kind::EmptyButApplied if changes && !C::has_body(step) && step_says_all_in_its_status(step) => {
            return Some("an empty answer is the right one");
        }
        Kind::Spoils(field, how) if C::spoiled(step, field, how).is_none() => {
            return Some("the answer has no such field");
        }
        Kind::Refused if matches!(step, Step::Part(number) if number > 1) => {
            return Some("parts go at once, so no moment is before one of them");
        }
        Kind::Stall | Kind::AppliedThenStall if ending != Ending::Itself && often == Often::Once => {
            return Some("what is held is held once: the same as always");
        }
        _ => {}
    }
    match (task, over, ending) {
        (Task::Stat | Task::List | Task::Get | Task::Remove | Task::Sweep, _, Ending::Dropped | Ending::Stopped) => {
            Some("it is one step, and leaves nothing of its own")
        }
        (
            Task::Stat | Task::List | Task::Get | Task::Remove | Task::Sweep,
            Over::Old | Over::Absent | Over::Rival,
            _,
        ) => Some("nothing is written"),
        (Task::Move, Over::Absent, _) => Some("a move always replaces"),
        (_, Over::Rival, _) if stores && cause == Cause::Aborting => Some("nothing was committed, so nobody competes"),
        _ => None,
    }
}

fn step_says_all_in_its_status(step: Step) -> bool {
    matches!(step, Step::Abort | Step::Delete)
}

/// The calls of each cloud.
pub(crate) mod calls {
    use super::{Call, Cause, Task};
    use sealift_tests::cloud::Step;

    const fn call(task: Task, step: Step, cause: Cause) -> Call {
        Call { task, step, cause }
    }

    pub(crate) const S3: &[Call] = &[
        call(Task::Put, Step::Put, Cause::Always),
        call(Task::Put, Step::Look, Cause::NoChecksum),
        call(Task::Upload, Step::Start, Cause::Always),
        call(Task::Upload, Step::Part(1), Cause::Always),
        call(Task::Upload, Step::Part(2), Cause::Always),
        call(Task::Upload, Step::Part(3), Cause::Always),
        call(Task::Upload, Step::Complete, Cause::Always),
        call(Task::Upload, Step::Look, Cause::NoChecksum),
        call(Task::Upload, Step::Abort, Cause::Aborting),
        call(Task::Upload, Step::ListParts, Cause::Aborting),
        call(Task::Upload, Step::ListUploads, Cause::StartLost),
        call(Task::Stat, Step::Look, Cause::Always),
        call(Task::List, Step::List, Cause::Always),
        call(Task::Get, Step::Look, Cause::Always),
        call(Task::Get, Step::Read, Cause::Always),
        call(Task::Move, Step::Look, Cause::Always),
        call(Task::Move, Step::Copy, Cause::Always),
        call(Task::Move, Step::Delete, Cause::Always),
        call(Task::Remove, Step::Delete, Cause::Always),
        call(Task::Sweep, Step::ListUploads, Cause::Always),
        call(Task::Sweep, Step::ListParts, Cause::Always),
        call(Task::Sweep, Step::Abort, Cause::Always),
    ];

    pub(crate) const AZURE: &[Call] = &[
        call(Task::Put, Step::Put, Cause::Always),
        call(Task::Put, Step::Look, Cause::Always),
        call(Task::Upload, Step::Part(1), Cause::Always),
        call(Task::Upload, Step::Part(2), Cause::Always),
        call(Task::Upload, Step::Part(3), Cause::Always),
        call(Task::Upload, Step::Complete, Cause::Always),
        call(Task::Upload, Step::Look, Cause::Always),
        call(Task::Upload, Step::Abort, Cause::Aborting),
        call(Task::Upload, Step::ListParts, Cause::Aborting),
        call(Task::Stat, Step::Look, Cause::Always),
        call(Task::List, Step::List, Cause::Always),
        call(Task::Get, Step::Look, Cause::Always),
        call(Task::Get, Step::Read, Cause::Always),
        call(Task::Move, Step::Look, Cause::Always),
        call(Task::Move, Step::Copy, Cause::Always),
        call(Task::Move, Step::Delete, Cause::Always),
        call(Task::Remove, Step::Delete, Cause::Always),
        call(Task::Sweep, Step::ListUploads, Cause::Always),
        call(Task::Sweep, Step::ListParts, Cause::Always),
        call(Task::Sweep, Step::Abort, Cause::Always),
    ];

    pub(crate) const GCS: &[Call] = &[
        call(Task::Put, Step::Put, Cause::Always),
        call(Task::Put, Step::Look, Cause::NoChecksum),
        call(Task::Upload, Step::Start, Cause::Always),
        call(Task::Upload, Step::Part(1), Cause::Always),
        call(Task::Upload, Step::Part(2), Cause::Always),
        call(Task::Upload, Step::ListParts, Cause::PartLost),
        call(Task::Upload, Step::Complete, Cause::Always),
        call(Task::Upload, Step::Look, Cause::NoChecksum),
        call(Task::Upload, Step::Abort, Cause::Aborting),
        call(Task::Stat, Step::Look, Cause::Always),
        call(Task::List, Step::List, Cause::Always),
        call(Task::Get, Step::Look, Cause::Always),
        call(Task::Get, Step::Read, Cause::Always),
        call(Task::Move, Step::Look, Cause::Always),
        call(Task::Move, Step::Copy, Cause::Always),
        call(Task::Move, Step::Delete, Cause::Always),
        call(Task::Remove, Step::Delete, Cause::Always),
    ];
}
