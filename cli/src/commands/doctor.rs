//! `doctor`: what the storage and these credentials can do, by doing it.

use super::{changing, owned, stoppable};
use crate::args::Doctor;
use crate::failure::{Cause, Failure};
use crate::interrupt::Interrupt;
use crate::report;
use crate::storages::Opened;
use sealift::doctor::{Answer, Capability, Examination, Finding, Lasting, Report, Verdict, examine_archive};
use sealift::{Error, ErrorKind, LeftBehind, ShellSafeName, Token};
use sealift_command::CommandStorage;
use std::io::{BufRead, IsTerminal, Write};
use std::sync::Arc;

/// What storage behind commands is called, which has no URL.
const BY_COMMAND: &str = "command-adapter:";

/// What a set-up needs that stores.
const NEEDED: [Capability; 11] = [
    Capability::List,
    Capability::Put,
    Capability::Look,
    Capability::Read,
    Capability::ReadRange,
    Capability::Delete,
    Capability::Start,
    Capability::Part,
    Capability::Complete,
    Capability::Abort,
    Capability::Clock,
];

pub(super) async fn run(args: Doctor, interrupt: &Interrupt) -> Result<(), Failure> {
    if args.fix && !args.yes && !std::io::stdin().is_terminal() {
        return Err(Failure::usage("--fix asks before it sets a rule, and there is no terminal to ask on: say --yes"));
    }
    let opened = stoppable(interrupt, Opened::below(&args.storage, &args.name)).await?;
    let mut plan = Examination::new(opened.within(), Arc::new(|name| std::env::var(name).ok()));
    plan.lasting = if args.yes { Lasting::Accepted } else { Lasting::Avoided };
    let work = async {
        let examined = owned(interrupt, &opened.bucket, opened.bucket.examine(plan)).await;
        let examined = examined.map_err(|error| stopped(interrupt, error))?;
        tell(&args, &examined);
        if args.fix {
            fix(&args, &opened, interrupt).await?;
        }
        verdict(&examined)
    };
    changing(interrupt, &opened.bucket, work, |_| None).await
}

/// The same of an archive behind commands, as far as it can be tried.
pub(super) async fn by_command(args: &Doctor, storage: &CommandStorage, interrupt: &Interrupt) -> Result<(), Failure> {
    if args.fix {
        return Err(Failure::usage("--fix: commands have no rules that end what is unfinished"));
    }
    let scratch: ShellSafeName = format!("sealift-doctor.{}", Token::random()).parse()?;
    let examined = async { Ok(examine_archive(storage, BY_COMMAND, args.yes.then_some(&scratch)).await?) };
    let examined = stoppable(interrupt, examined).await.map_err(|failure| match args.yes {
        // It may have been stored by then.
        true => failure.with_left([LeftBehind::object(format!("{BY_COMMAND}/{scratch}"))
            .perhaps()
            .with_remedy("nothing here removes what a command has stored: remove it with your own tool")]),
        false => failure,
    })?;
    tell(args, &examined);
    let fails = examined.findings.iter().filter(|finding| finding.verdict == Verdict::Fails);
    let service: Vec<_> =
        fails.map(|finding| format!("{} ({})", finding.capability.name(), finding.verdict.word())).collect();
    match service.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(Cause::Lacks { permissions: Vec::new(), service })),
    }
}

fn tell(args: &Doctor, examined: &Report) {
    match args.storage.json {
        true => report::line(report::examined_json(examined)),
        false => report::text(&report::examined(examined)),
    }
    report::left_beside(&examined.left_behind);
}

/// The failure of an examination that was stopped is that it was asked to.
fn stopped(interrupt: &Interrupt, error: Error) -> Failure {
    match interrupt.received() {
        Some(stop) if error.kind() == ErrorKind::Cancelled => {
            Failure::interrupted(stop).with_left(error.left_behind().to_vec())
        }
        _ => error.into(),
    }
}

async fn fix(args: &Doctor, opened: &Opened, interrupt: &Interrupt) -> Result<(), Failure> {
    if !args.yes && !asked(interrupt).await? {
        report::note("sealift: no rule was set");
        return Ok(());
    }
    let set = owned(interrupt, &opened.bucket, opened.bucket.end_incomplete_uploads()).await?;
    report::note(format_args!("sealift: {}", set.unwrap_or_else(|| "no rule has to be set".to_owned())));
    Ok(())
}

/// The answer of who is at the terminal.
async fn asked(interrupt: &Interrupt) -> Result<bool, Failure> {
    let question = tokio::task::spawn_blocking(|| {
        let _ = write!(std::io::stderr(), "Set a rule that ends incomplete uploads after a week? [y/N] ");
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer).map(|_| matches!(answer.trim(), "y" | "Y" | "yes"))
    });
    let answered = async {
        let answer = question.await.map_err(anyhow::Error::new)?;
        Ok(answer.map_err(|error| anyhow::Error::new(error).context("read the answer"))?)
    };
    stoppable(interrupt, answered).await
}

/// Nothing, where what is there is all there has to be: a set-up that is known, whose clock is right.
fn verdict(report: &Report) -> Result<(), Failure> {
    let clock_is_wrong = report.verdict(Capability::Clock) == Some(&Verdict::Fails);
    let is_whole = report.set_up.is_whole();
    let unsafe_backup = report.features.iter().any(|feature| feature.name == "backup" && feature.answer == Answer::No);
    let stores = report.verdict(Capability::Put) == Some(&Verdict::Works);
    let reads = report.verdict(Capability::Read) == Some(&Verdict::Works);
    if is_whole && !clock_is_wrong && !(stores && reads && unsafe_backup) {
        return Ok(());
    }
    let needed = |finding: &&Finding| {
        NEEDED.contains(&finding.capability)
            || matches!(finding.capability, Capability::ConditionalPut | Capability::ConditionalComplete)
    };
    let (mut permissions, mut service) = (Vec::new(), Vec::new());
    for finding in report.findings.iter().filter(needed) {
        match &finding.verdict {
            Verdict::Missing(permission) if !permissions.contains(permission) => permissions.push(permission.clone()),
            Verdict::Fails | Verdict::Ignored => {
                service.push(format!("{} ({})", finding.capability.name(), finding.verdict.word()));
            }
            _ => {}
        }
    }
    Err(Failure::new(Cause::Lacks { permissions, service }))
}
