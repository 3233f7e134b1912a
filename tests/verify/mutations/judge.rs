//! What verification says of an archive: the steps of the command, in this process.

use super::scene::Scene;
use super::store::Objects;
use sealift::verify::{
    Check, Choice, Class, Depth, Event, Objects as ObjectsCheck, Piece, Plan, Record, Report, Shard, Verdict, Work, merge,
};
use sealift_aptos::verify::{ChainCheck, Settings, survey};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A verification that was done.
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    pub(crate) report: Report,
    plan: Plan,
}

impl Judged {
    pub(crate) fn is_wrong(&self) -> bool {
        self.verdict.class() == Some(Class::Wrong)
    }
}

/// Verifies all of it.
pub(crate) async fn whole(scene: &Scene, objects: Objects, depth: Depth) -> Judged {
    verify(scene, objects, depth, &|_, _| true).await
}

/// Verifies what may differ from the clean archive, and takes the rest from there: that is what a piece by itself means.
pub(crate) async fn touched(scene: &Scene, objects: Objects, depth: Depth) -> Judged {
    let names: BTreeSet<&String> = scene.objects.keys().chain(objects.keys()).collect();
    let changed: BTreeSet<String> =
        names.into_iter().filter(|name| scene.objects.get(*name) != objects.get(*name)).cloned().collect();
    let clean = &scene.clean[&depth].plan;
    // All pieces read endings.
    let endings = changed.iter().any(|name| name.starts_with("epoch_ending"));
    let is_due = |piece: &Piece, settings: &Value| {
        endings
            || *settings != clean.settings
            || !clean.pieces.contains(piece)
            || piece.files.iter().any(|file| changed.contains(&file.name))
    };
    verify(scene, objects, depth, &is_due).await
}

type IsDue<'a> = dyn Fn(&Piece, &Value) -> bool + Sync + 'a;

async fn verify(scene: &Scene, objects: Objects, depth: Depth, is_due: &IsDue<'_>) -> Judged {
    let shelf = scene.storage.shelf(objects);
    let files = Arc::new(scene.storage.files(&shelf));
    let surveyed = survey(&files, scene.settings.clone(), 4).await.expect("it can be listed");
    let settings = serde_json::to_value(&surveyed.settings).expect("JSON");
    let (choice, none) = (Choice::default(), Record::default());
    let plan = Plan::new("shelf:".into(), surveyed.survey, depth, settings, &choice, &none, &|_| true);
    let check: Arc<dyn Check> = match depth {
        Depth::Chain => Arc::new(ChainCheck::new(&as_planned(&plan), 16 << 20)),
        _ => Arc::new(ObjectsCheck::new(depth, surveyed.listed, Arc::clone(&scene.record))),
    };
    let due = plan.pieces.iter().filter(|piece| is_due(piece, &plan.settings)).cloned().collect();
    let partial = Plan { pieces: due, ..plan.clone() };
    let tell = |_: Event<'_>| {};
    let work = Work {
        plan: &partial,
        shard: Shard::WHOLE,
        files,
        check,
        at_once: 2,
        record: None,
        until: None,
        stop: CancellationToken::new(),
        tell: &tell,
    };
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
