//! How a cell's fault is set up at the proxy, and what makes the task come to the call that it is for.

use crate::cells::{Call, Cause, Cell, Ending, Kind, Often, Task};
use sealift_tests::cloud::{Cloud, Field, Problem, Spoiled, Step};
use sealift_tests::proxy::{Client, Fault, FaultHandle, FaultProxy, Match, Reply};
use std::time::Duration;

/// A cell's fault, set up.
pub(crate) struct Armed {
    /// Counts how often it was done.
    pub(crate) main: FaultHandle,
    /// Fires in the moment in which the task is dropped or stopped.
    trigger: FaultHandle,
    /// Fires when something is stored that an abort has to remove, where that is what the cell is about.
    stored: Option<FaultHandle>,
    at_giving_up: Then,
}

/// What happens to the proxy when the task is dropped or stopped.
#[derive(PartialEq, Eq)]
enum Then {
    Nothing,
    NobodyListens,
}

impl Armed {
    /// Waits for the moment in which the task is dropped or stopped.
    pub(crate) async fn given_up(&self, proxy: &FaultProxy) {
        self.trigger.wait_fired(1).await;
        self.something_stored().await;
        if self.at_giving_up == Then::NobodyListens {
            proxy.down().await;
            self.main.count_as_fired();
        }
    }

    /// Lets the failure go on that makes the task abort.
    pub(crate) async fn fail(&self) {
        self.something_stored().await;
        self.trigger.release();
    }

    async fn something_stored(&self) {
        if let Some(stored) = &self.stored {
            stored.wait_fired(1).await;
        }
    }
}

/// Sets up the fault of `cell`, after which the task may begin.
pub(crate) async fn arm<C: Cloud>(proxy: &FaultProxy, cell: &Cell) -> Armed {
    match cell.kind {
        Kind::Refused => arm_refused::<C>(proxy, cell).await,
        kind => {
            let times = if cell.often == Often::Once { 1 } else { usize::MAX };
            let main = proxy.on(on::<C>(cell.call.step).times(times), fault::<C>(cell.call.step, kind));
            let stored = something_stored::<C>(proxy, cell);
            let cause = cause::<C>(proxy, cell, |fault| fault);
            let trigger = cause.filter(|_| cell.call.cause == Cause::Aborting).unwrap_or_else(|| main.clone());
            Armed { main, trigger, stored, at_giving_up: Then::Nothing }
        }
    }
}

/// Counts when a part is stored, where the task is to fail after that.
fn something_stored<C: Cloud>(proxy: &FaultProxy, cell: &Cell) -> Option<FaultHandle> {
    (cell.call.cause == Cause::Aborting).then(|| proxy.on(C::on(Step::Part(1)).times(1), Fault::Pass))
}

/// Nobody listens when the call is made: from the answer before it on, or from the beginning.
async fn arm_refused<C: Cloud>(proxy: &FaultProxy, cell: &Cell) -> Armed {
    let stored = something_stored::<C>(proxy, cell);
    if cell.call.cause == Cause::Aborting && cell.ending != Ending::Itself {
        let trigger = cause::<C>(proxy, cell, |fault| fault).expect("it has one");
        let main = proxy.on(Match::new(|_| false), Fault::Pass);
        return Armed { main, trigger, stored, at_giving_up: Then::NobodyListens };
    }
    if let Some(main) = cause::<C>(proxy, cell, |fault| Fault::ThenDown(Box::new(fault))) {
        return Armed { trigger: main.clone(), main, stored, at_giving_up: Then::Nothing };
    }
    let Call { task, step, .. } = cell.call;
    let before = match (task, step) {
        (Task::Upload, Step::Part(1)) => C::on(Step::Start),
        (Task::Upload, Step::Complete) => {
            let parts = parts_before_the_completion::<C>();
            proxy.on(C::on(Step::AnyPart).times(parts - 1), Fault::Pass);
            C::on(Step::AnyPart)
        }
        (Task::Put | Task::Upload, Step::Look) => C::on(if task == Task::Put { Step::Put } else { Step::Complete }),
        (Task::Get, Step::Read) | (Task::Move, Step::Copy) => C::on(Step::Look),
        (Task::Move, Step::Delete) => {
            proxy.on(C::on(Step::Look).times(1), Fault::Pass);
            C::on(Step::Look)
        }
        (Task::Sweep, Step::ListParts | Step::Abort) => C::on(Step::ListUploads),
        _ => Match::new(|_| false),
    };
    let main = proxy.on(before.times(1), Fault::ThenDown(Box::new(Fault::Pass)));
    let first = matches!(
        (task, step),
        (Task::Put, Step::Put) | (Task::Upload, Step::Start) | (Task::Stat | Task::Get | Task::Move, Step::Look)
    ) || matches!(task, Task::List | Task::Remove)
        || (task == Task::Sweep && step == Step::ListUploads)
        || (task == Task::Upload && step == Step::Part(1) && !C::starts_uploads());
    if first {
        proxy.down().await;
        main.count_as_fired();
    }
    Armed { trigger: main.clone(), main, stored: None, at_giving_up: Then::Nothing }
}

/// The parts that have requests of their own before the completion.
fn parts_before_the_completion<C: Cloud>() -> usize {
    if C::completes_with_the_last_part() { 2 } else { 3 }
}

/// What makes the task come to the call, with `changed` done to the fault that does.
fn cause<C: Cloud>(proxy: &FaultProxy, cell: &Cell, changed: impl Fn(Fault) -> Fault) -> Option<FaultHandle> {
    let commit = if cell.call.task == Task::Put { Step::Put } else { Step::Complete };
    match (cell.call.cause, cell.ending) {
        (Cause::Always, _) => None,
        (Cause::NoChecksum, _) => {
            let without = C::spoiled(commit, Field::Checksum, Spoiled::Missing).expect("a commit's answer has one");
            Some(proxy.on(C::on(commit), changed(Fault::Rewrite(without))))
        }
        (Cause::Aborting, Ending::Itself) => {
            // Not the first, so that something is stored that is to be removed.
            let refused = proxy.on(C::on(Step::Part(2)), changed(Fault::ReplyLater(C::refusal(Problem::Denied))));
            Some(refused)
        }
        (Cause::Aborting, Ending::Dropped | Ending::Stopped) => Some(proxy.on(C::on(Step::Part(2)), Fault::Stall)),
        (Cause::StartLost, _) => Some(proxy.on(C::on(Step::Start).times(1), changed(Fault::ApplyThenCut))),
        (Cause::PartLost, _) => Some(proxy.on(C::on(Step::Part(1)).times(1), changed(Fault::ApplyThenCut))),
    }
}

fn on<C: Cloud>(step: Step) -> Match {
    C::on(step)
}

fn fault<C: Cloud>(step: Step, kind: Kind) -> Fault {
    let success = C::success(step);
    // A page has a body.
    let page = if success == 204 || success == 499 { 200 } else { success };
    let failed = || C::refusal(Problem::Failed);
    match kind {
        Kind::Refused => unreachable!("set up on its own"),
        Kind::Reset => Fault::Reset,
        Kind::ResetMidBody => Fault::CutRequest {
            after_bytes: match step {
                Step::Put => 500,
                Step::Complete => 20,
                _ => 1 << 20,
            },
        },
        Kind::ReplyLost => Fault::ApplyThenCut,
        Kind::AppliedLater => Fault::ApplyLater(Client::IsCut),
        Kind::AppliedLaterClientWaits => Fault::ApplyLater(Client::Waits),
        Kind::Failed => Fault::Reply(failed()),
        Kind::FailedButApplied => Fault::ApplyThenReply(failed()),
        Kind::Busy => C::problem(Problem::Busy { retry_after: Duration::from_secs(1) }),
        Kind::TooMany => C::problem(Problem::TooMany),
        Kind::Expired => C::problem(Problem::Expired),
        Kind::Missing => C::problem(Problem::Missing),
        Kind::MissingPage => Fault::Reply(Reply::html(404)),
        Kind::ErrorInside => C::problem(Problem::Inside),
        Kind::Unreadable => Fault::Reply(Reply::html(page)),
        Kind::UnreadableButApplied => Fault::ApplyThenReply(Reply::html(page)),
        Kind::Empty => Fault::Reply(Reply::empty(success)),
        Kind::EmptyButApplied => Fault::ApplyThenReply(Reply::empty(success)),
        Kind::Truncated => Fault::CutReply { after_bytes: 10 },
        Kind::Stall => Fault::Stall,
        Kind::AppliedThenStall => Fault::ApplyThenStall,
        Kind::Drip => Fault::Drip { bytes: 300, pause: Duration::from_millis(2) },
        Kind::Spoils(field, how) => Fault::Rewrite(C::spoiled(step, field, how).expect("by the rules")),
    }
}
