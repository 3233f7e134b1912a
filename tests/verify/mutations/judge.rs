//! What verification says of an archive: the steps of the command, in this process.

use super::scene::Scene;
use super::store::Objects;
use sealift::verify::{
    Check, Choice, Class, Depth, Objects as ObjectsCheck, Piece, Plan, Record, Report, Verdict, Work, merge,
};
use sealift_aptos::verify::{ChainCheck, Settings, survey};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A verification that was done.
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    pub(crate) report: Report,
    plan: Plan,
}

/// How sure it is that something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sure {
    Wrong,
    /// There is what this version does not know.
    Unknown,
    Nothing,
}

impl Judged {
    pub(crate) fn sure(&self) -> Sure {
        let findings = &self.verdict.findings;
        match self.verdict.class() {
            None => Sure::Nothing,
            Some(Class::Wrong) => Sure::Wrong,
            // What could not be verified for any other reason is no answer.
            Some(_) => match findings.iter().all(|finding| finding.rule == "unknown-variant") {
                true => Sure::Unknown,
                false => Sure::Nothing,
            },
        }
    }
}

/// How much is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it, as the command does.
    Whole,
    /// What may differ from the clean archive. The rest is taken from there: that is what a piece by itself means.
    Touched,
}

/// Whether a piece may differ from the clean archive.
struct Touched<'a> {
    clean: &'a Plan,
    changed: BTreeSet<&'a String>,
    /// All pieces read endings.
    endings: Endings,
}

#[derive(PartialEq, Eq)]
enum Endings {
    Changed,
    Same,
}

impl<'a> Touched<'a> {
    fn of(scene: &'a Scene, objects: &'a Objects, depth: Depth) -> Self {
        let names: BTreeSet<&String> = scene.objects.keys().chain(objects.keys()).collect();
        let changed: BTreeSet<&String> =
            names.into_iter().filter(|name| scene.objects.get(*name) != objects.get(*name)).collect();
        let endings = match changed.iter().any(|name| name.starts_with("epoch_ending")) {
            true => Endings::Changed,
            false => Endings::Same,
        };
        Touched { clean: &scene.clean[&depth].plan, changed, endings }
    }

    fn has(&self, piece: &Piece, plan: &Plan) -> bool {
        self.endings == Endings::Changed
            || plan.settings != self.clean.settings
            || !self.clean.pieces.contains(piece)
            || piece.files.iter().any(|file| self.changed.contains(&file.name))
    }
}

pub(crate) async fn verify(scene: &Scene, objects: Objects, depth: Depth, extent: Extent) -> Judged {
    let shelf = scene.storage.shelf(objects.clone());
    let files = Arc::new(scene.storage.files(&shelf));
    let surveyed = survey(&files, scene.settings.clone(), 4).await.expect("it can be listed");
    let settings = serde_json::to_value(&surveyed.settings).expect("JSON");
    let (choice, none) = (Choice::default(), Record::default());
    let plan = Plan::new("shelf:".into(), surveyed.survey, depth, settings, &choice, &none, &|_| true);
    let check: Arc<dyn Check> = match depth {
        Depth::Chain => Arc::new(ChainCheck::new(&as_planned(&plan), 16 << 20)),
        _ => Arc::new(ObjectsCheck::new(depth, surveyed.listed, Arc::clone(&scene.record))),
    };
    let due = match extent {
        Extent::Whole => plan.pieces.clone(),
        Extent::Touched => {
            let touched = Touched::of(scene, &objects, depth);
            plan.pieces.iter().filter(|piece| touched.has(piece, &plan)).cloned().collect()
        }
    };
    let partial = Plan { pieces: due, ..plan.clone() };
    let mut work = Work::new(&partial, files, check);
    work.at_once = 2;
    let mut report = work.run().await;
    for piece in &plan.pieces {
        if !report.pieces.contains_key(&piece.name) {
            let before = &scene.clean[&depth].report.pieces[&piece.name];
            report.pieces.insert(piece.name.clone(), before.clone());
        }
    }
    let verdict = merge(&plan, vec![report.clone()]).expect("all of the plan");
    Judged { verdict, report, plan }
}

/// A shard has its settings from the plan.
fn as_planned(plan: &Plan) -> Settings {
    serde_json::from_value(plan.settings.clone()).expect("settings")
}
