//! The steps: a plan, the work of a shard, the merge; and all of them in one process.

use super::progress::Progress;
use super::work::Place;
use super::{Memory, told, whether_found};
use crate::args::{ChainArgs, DepthArg, DueArgs, StorageArgs, Summary, WhatArgs};
use crate::failure::{Cause, Failure};
use crate::interrupt::Interrupt;
use crate::metrics::{Verified, note_verified};
use crate::report;
use crate::storages::{Opened, time_from_now};
use jiff::SignedDuration;
use sealift::verify::{
    Check, Choice, Depth, Event, Files, Folder, Identity, Limit, Objects, Plan, Record, Recorded, Report, Shard,
    Survey, Verdict, Work, gone, merge as merge_reports, pieces_of_objects,
};
use sealift::{Archive, BackupStorage, Error, ErrorKind, IfExists};
use sealift_aptos::verify::{ChainCheck, EpochEndings, Lagging, Settings, survey};
use sealift_command::CommandStorage;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;

/// Where what is verified is.
pub(super) enum Target {
    Bucket(Box<Opened>),
    Commands(Arc<CommandStorage>),
}

/// What is verified, and how.
pub(super) struct Verification<'a> {
    pub(super) target: Target,
    pub(super) what: &'a WhatArgs,
    /// Nothing where a plan says it.
    pub(super) due: Option<&'a DueArgs>,
    pub(super) storage: &'a StorageArgs,
    pub(super) interrupt: &'a Interrupt,
}

/// What a plan was made from, which the same process needs again.
struct Planned {
    plan: Plan,
    files: Arc<Files>,
    listed: Option<Arc<BTreeMap<String, Identity>>>,
    record: Arc<Record>,
}

/// Writes down what is to be verified.
pub(super) async fn plan(verification: &Verification<'_>, place: &Place, name: &str) -> Result<(), Failure> {
    let folder = place.plan(name)?;
    let Planned { plan, .. } = verification.until_stopped(verification.plan(place)).await?;
    folder.write_json(PLAN, &plan, IfExists::Fail).await?;
    match verification.storage.summary() {
        Summary::Json => report::line(told::planned_json(&plan)),
        Summary::Text => report::text(&told::planned(name, &plan, &folder)),
        Summary::None => {}
    }
    Ok(())
}

/// Verifies one part of a plan, and seals its report. What is found is the merge's affair: a part that has done its work must
/// not be done again.
pub(super) async fn shard(
    verification: &Verification<'_>,
    place: &Place,
    name: &str,
    shard: Shard,
) -> Result<(), Failure> {
    let folder = place.plan(name)?;
    let plan = read_plan(&folder).await?;
    let kind = verification.kind_of(&plan).await?;
    let files = Arc::new(verification.files(&kind)?);
    let listed = match plan.depth {
        Depth::Exists => verification.until_stopped(async { Ok(files.list().await?) }).await?.map(Arc::new),
        _ => None,
    };
    let record = match plan.depth {
        Depth::Stored => Arc::new(place.read_record().await?),
        _ => Arc::default(),
    };
    let planned = Planned { plan, files, listed, record };
    let report = verification.work(&planned, shard, place, None).await?;
    folder.write_json(&report_name(shard), &report, IfExists::Replace).await?;
    match verification.storage.summary() {
        Summary::Json => report::line(told::sealed_json(&report)),
        Summary::Text => report::line(told::sealed(&report, name)),
        Summary::None => {}
    }
    Ok(())
}

/// Makes a verdict of all reports of a plan.
pub(super) async fn merge(place: &Place, name: &str, summary: Summary) -> Result<(), Failure> {
    let folder = place.plan(name)?;
    let plan = read_plan(&folder).await?;
    let mut reports = Vec::new();
    for file in folder.list().await?.iter().filter(|file| file.starts_with(REPORT)) {
        reports.push(folder.read_json::<Report>(file).await?);
    }
    let verdict = merge_reports(&plan, reports)
        .map_err(|wrong| Failure::new(Cause::Incomplete(wrong)).while_doing(format!("merge the reports of {name}")))?;
    tell(&verdict, summary)
}

/// All of it.
pub(super) async fn all(
    verification: &Verification<'_>,
    place: &Place,
    max_time: Option<SignedDuration>,
) -> Result<(), Failure> {
    let until = max_time.map(|time| time_from_now("--max-time", time)).transpose()?.map(|time| Instant::now() + time);
    tell(&verdict(verification, place, until).await?, verification.storage.summary())
}

/// The same, without telling it.
pub(super) async fn verdict(
    verification: &Verification<'_>,
    place: &Place,
    until: Option<Instant>,
) -> Result<Verdict, Failure> {
    let planned = verification.until_stopped(verification.plan(place)).await?;
    let report = verification.work(&planned, Shard::WHOLE, place, until).await?;
    merge_reports(&planned.plan, vec![report]).map_err(|wrong| Failure::new(Cause::Incomplete(wrong)))
}

const PLAN: &str = "plan.json";
const REPORT: &str = "report-";

fn report_name(shard: Shard) -> String {
    format!("{REPORT}{:05}-of-{:05}.json", shard.number(), shard.of())
}

async fn read_plan(folder: &Folder) -> Result<Plan, Failure> {
    let plan: Plan = folder.read_json(PLAN).await.map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            error.with_hint("`sealift verify plan` writes it; check the name of the plan, and --work")
        }
        _ => error,
    })?;
    match plan.format {
        Plan::FORMAT => Ok(plan),
        format => Err(Failure::usage(format!("the plan is of form {format}, which a newer version of Sealift wrote"))),
    }
}

fn tell(verdict: &Verdict, summary: Summary) -> Result<(), Failure> {
    note_verified(Verified {
        findings: verdict.findings.len(),
        never: verdict.left_out.never_verified,
        oldest: verdict.longest_ago.as_ref().map(|oldest| oldest.at),
    });
    match summary {
        Summary::Json => report::line(told::verdict_json(verdict)),
        Summary::Text => report::text(&told::verdict(verdict)),
        Summary::None => {}
    }
    whether_found(verdict)
}

/// What is in what is verified.
enum Kind {
    Objects,
    Archive,
}

impl Verification<'_> {
    async fn plan(&self, place: &Place) -> Result<Planned, Failure> {
        let kind = self.kind().await?;
        let depth = self.depth(&kind)?;
        let files = Arc::new(self.files(&kind)?);
        let record = Arc::new(place.read_record().await?);
        let at_once = self.what.concurrent_downloads.get();
        let (survey, settings, listed) = match kind {
            Kind::Objects => {
                let listed = files.list().await?.unwrap_or_default();
                let notes = gone(&listed, &record).into_iter().collect();
                let survey = Survey { pieces: pieces_of_objects(&listed), notes, ..Survey::default() };
                (survey, None, Some(Arc::new(listed)))
            }
            Kind::Archive => {
                let surveyed = survey(&files, settings(&self.what.chain)?, at_once).await?;
                (surveyed.survey, Some(surveyed.settings), surveyed.listed)
            }
        };
        if survey.pieces.is_empty() && survey.findings.is_empty() {
            let error = Error::new(ErrorKind::NotFound, "verify", self.location(), "there is nothing");
            return Err(error.with_hint("check the bucket and the prefix").into());
        }
        // What was taken for granted then has to be granted now.
        let enough = |recorded: &Recorded| {
            let granted = |said: &String| settings.as_ref().is_some_and(|settings| settings.grants(said));
            recorded.facts.trusts.iter().all(granted)
        };
        let choice = choice(self.due)?;
        let told = settings.as_ref().map_or(Ok(Value::Null), to_value)?;
        let plan = Plan::new(self.location(), survey, depth, told, &choice, &record, &enough);
        Ok(Planned { plan, files, listed, record })
    }

    async fn work(
        &self,
        planned: &Planned,
        shard: Shard,
        place: &Place,
        until: Option<Instant>,
    ) -> Result<Report, Failure> {
        let Planned { plan, files, listed, record } = planned;
        let check: Arc<dyn Check> = match (plan.depth, serde_json::from_value::<Settings>(plan.settings.clone())) {
            (Depth::Chain, Ok(settings)) => Arc::new(ChainCheck::new(&settings, Memory::of(self.storage)?.records)),
            _ => Arc::new(Objects::new(plan.depth, listed.clone(), Arc::clone(record))),
        };
        let progress = Progress::of(plan, shard, files);
        let tell = |event: Event<'_>| progress.tell(&event);
        let mut work = Work::new(plan, Arc::clone(files), check);
        work.shard = shard;
        work.at_once = self.what.concurrent_downloads.get();
        work.record = place.record();
        work.until = until;
        work.tell = &tell;
        let stop = work.stop.clone();
        let work = work.run();
        let mut work = std::pin::pin!(work);
        let mut ticks = progress.ticks();
        loop {
            tokio::select! {
                biased;
                report = &mut work => return Ok(report),
                _ = self.interrupt.requested() => break,
                _ = ticks.tick() => progress.tick(files),
            }
        }
        stop.cancel();
        work.await;
        let by = self.interrupt.requested().await;
        Err(Failure::interrupted(by))
    }

    async fn until_stopped<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        super::super::stoppable(self.interrupt, work).await
    }

    /// What is in it, as it is said, or as its metadata files tell.
    async fn kind(&self) -> Result<Kind, Failure> {
        match &self.target {
            Target::Commands(_) if self.what.objects => {
                Err(Failure::usage("--objects: a command adapter is an archive, and has no others"))
            }
            Target::Commands(_) => Ok(Kind::Archive),
            _ if self.what.aptos => Ok(Kind::Archive),
            _ if self.what.objects => Ok(Kind::Objects),
            Target::Bucket(opened) => {
                opened.check_folder().await?;
                let archive = Archive::new(opened.bucket.clone(), &opened.within())?;
                match archive.list_metadata_files().await?.is_empty() {
                    true => Ok(Kind::Objects),
                    false => Ok(Kind::Archive),
                }
            }
        }
    }

    /// What a plan was made for.
    async fn kind_of(&self, plan: &Plan) -> Result<Kind, Failure> {
        match plan.settings {
            Value::Null => Ok(Kind::Objects),
            _ => Ok(Kind::Archive),
        }
    }

    fn depth(&self, kind: &Kind) -> Result<Depth, Failure> {
        match (self.what.depth, kind, &self.target) {
            (Some(DepthArg::Chain), Kind::Objects, _) => Err(Failure::usage(
                "--depth chain is for an Aptos archive, and there are no metadata files here; --aptos says that it is one",
            )),
            (Some(DepthArg::Stored), _, Target::Commands(_)) => Err(Failure::usage(
                "--depth stored: a command adapter cannot say what is stored, only read it; use --depth content, or exists",
            )),
            (Some(DepthArg::Exists), ..) => Ok(Depth::Exists),
            (Some(DepthArg::Stored), ..) => Ok(Depth::Stored),
            (Some(DepthArg::Content), ..) | (None, Kind::Objects, _) => Ok(Depth::Content),
            (Some(DepthArg::Chain), ..) | (None, Kind::Archive, _) => Ok(Depth::Chain),
        }
    }

    fn files(&self, kind: &Kind) -> Result<Files, Failure> {
        let at_once = self.what.concurrent_downloads.get();
        Ok(match (&self.target, kind) {
            (Target::Commands(storage), _) => Files::of_storage(Arc::clone(storage) as Arc<dyn BackupStorage>, at_once),
            (Target::Bucket(opened), Kind::Objects) => {
                Files::of_objects(opened.bucket.clone(), &opened.within(), at_once)
            }
            (Target::Bucket(opened), Kind::Archive) => {
                Files::of_archive(Archive::new(opened.bucket.clone(), &opened.within())?, at_once)
            }
        })
    }

    fn location(&self) -> String {
        match &self.target {
            Target::Bucket(opened) => {
                format!("{}/{}", opened.bucket.url(), opened.within()).trim_end_matches('/').into()
            }
            Target::Commands(_) => "the command adapter's archive".to_owned(),
        }
    }
}

fn settings(args: &ChainArgs) -> Result<Settings, Failure> {
    let mut trust = args.trust_waypoint.clone();
    trust.sort_by_key(|waypoint| waypoint.version);
    if let Some(pair) = trust.windows(2).find(|pair| pair[0].version == pair[1].version) {
        return Err(Failure::usage(format!("--trust-waypoint is said twice for version {}", pair[0].version)));
    }
    Ok(Settings {
        trust,
        start_version: args.start_version,
        end_version: args.end_version,
        state_snapshot_before_version: args.state_snapshot_before_version,
        epoch_endings: if args.skip_epoch_endings { EpochEndings::Skipped } else { EpochEndings::Verified },
        lagging: if args.allow_lagging_endings { Lagging::Allowed } else { Lagging::Wrong },
        endings: Vec::new(),
    })
}

fn to_value(settings: &Settings) -> Result<Value, Failure> {
    serde_json::to_value(settings).map_err(|error| anyhow::Error::new(error).context("write the plan").into())
}

fn choice(due: Option<&DueArgs>) -> Result<Choice, Failure> {
    let Some(due) = due else { return Ok(Choice::default()) };
    let limit = match (due.max_bytes, due.sample) {
        (Some(bytes), _) => Some(Limit::Bytes(bytes.as_u64())),
        (None, sample) => sample.map(Limit::Percent),
    };
    let unverified_for = due.unverified_for.map(|time| time_from_now("--unverified-for", time)).transpose()?;
    Ok(Choice { unverified_for, limit })
}
