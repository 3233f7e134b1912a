//! The promise as a model: what was said of one run, against what is really there. One function, [`violations`], for the
//! library and for the command line.

use crate::cli::Ended;
use crate::cloud::Cloud;
use bytes::Bytes;
use sealift::{Error, LeftBehind, Remnant};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// A way in which the promise is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Violation {
    /// A success, and what was asked for is not exactly what is there.
    FalseSuccess,
    /// "Nothing was stored", and something is there.
    FalseNothing,
    /// Something is named, and not this object, which is there.
    UnnamedObject,
    /// An upload is there that nobody names.
    UnnamedUpload,
    /// What was there before is gone, and nothing of ours is in its place.
    LostData,
    /// Another writer's object or upload is gone.
    ForeignDeleted,
    /// A read gave something else than what is there.
    FalseReading,
    /// It took longer than its limit.
    Hang,
    /// The client broke the service's protocol.
    Misuse,
    /// The fault was not done, so nothing was tested.
    NotFired,
}

/// All of them, in the order in which they are shown.
pub const VIOLATIONS: [Violation; 10] = [
    Violation::FalseSuccess,
    Violation::FalseNothing,
    Violation::UnnamedObject,
    Violation::UnnamedUpload,
    Violation::LostData,
    Violation::ForeignDeleted,
    Violation::FalseReading,
    Violation::Hang,
    Violation::Misuse,
    Violation::NotFired,
];

/// What was said of a run.
#[derive(Debug, Clone)]
pub struct Said {
    /// Whether it was called a success.
    pub success: bool,
    /// What it named as left.
    pub named: Named,
    /// All of it, for a person.
    pub words: String,
    /// How long it took to say it.
    pub took: Duration,
}

/// What is named as left.
#[derive(Debug, Clone)]
pub enum Named {
    /// By the library.
    Things(Vec<LeftBehind>),
    /// By the command line.
    Text(String),
}

impl Said {
    /// What the library said: a result, and the errors of closing its bucket.
    pub fn by_library(success: bool, left: Vec<LeftBehind>, errors: &[Error], took: Duration) -> Self {
        let named = left.iter().chain(errors.iter().flat_map(Error::left_behind)).cloned().collect();
        let mut words: Vec<String> = errors.iter().map(ToString::to_string).collect();
        words.extend(left.iter().map(|left| format!("left: {left}")));
        Said { success, named: Named::Things(named), words: words.join(" | "), took }
    }

    /// What the command line said: 0 is a success.
    pub fn by_command(ended: &Ended, took: Duration) -> Self {
        let words = format!("exit {:?}: {}", ended.code, ended.stderr);
        Said { success: ended.code == Some(0), named: Named::Text(ended.stderr.clone()), words, took }
    }
}

impl Named {
    fn nothing(&self) -> bool {
        match self {
            Named::Things(left) => left.is_empty(),
            Named::Text(text) => !text.contains("the object ") && !text.contains("upload"),
        }
    }

    fn object(&self, location: &str) -> bool {
        match self {
            Named::Things(left) => {
                left.iter().any(|left| matches!(left.remnant(), Remnant::Object(named) if named == location))
            }
            Named::Text(text) => text.contains(&format!("the object {location}")),
        }
    }

    fn upload(&self, location: &str, id: &str) -> bool {
        match self {
            Named::Things(left) => left.iter().any(|left| match left.remnant() {
                Remnant::Upload { location: at, id: Some(named) } => at == location && named == id,
                Remnant::Upload { location: at, id: None } => at == location,
                _ => false,
            }),
            Named::Text(text) => {
                text.contains(id) || text.contains(&format!("an upload of {location} whose id is unknown"))
            }
        }
    }
}

/// What is in a bucket, seen from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct World {
    /// The objects that everybody sees.
    pub objects: BTreeMap<String, Bytes>,
    /// The keys and ids of uploads.
    pub uploads: BTreeSet<(String, String)>,
}

impl World {
    /// What is there now.
    pub async fn of<C: Cloud>(cloud: &C) -> Self {
        let mut objects = BTreeMap::new();
        for key in cloud.objects().await {
            if let Some(bytes) = cloud.get(&key).await {
                objects.insert(key, bytes);
            }
        }
        World { objects, uploads: cloud.unfinished().await.into_iter().collect() }
    }
}

/// What a run was to do, and what was there.
#[derive(Debug)]
pub struct Facts {
    /// The bucket's URL.
    pub url: String,
    /// The errand.
    pub errand: Errand,
    /// What was there before.
    pub before: World,
    /// What another writer put there while it ran.
    pub foreign: World,
    /// What is there when all has been said.
    pub now: World,
    /// What is there when everything that was held on its way has arrived.
    pub settled: World,
    /// How many commits of this run the service has carried out.
    pub commits: usize,
    /// The time it has.
    pub limit: Duration,
}

/// What was to be done.
#[derive(Debug, Clone)]
pub enum Errand {
    /// This content was to be stored under this key.
    Store {
        /// The key.
        key: String,
        /// What is stored of it.
        content: Bytes,
    },
    /// An object was to be moved.
    Move {
        /// From this key.
        from: String,
        /// To this.
        to: String,
    },
    /// An object was to be removed.
    Remove {
        /// This one.
        key: String,
    },
    /// An upload that another left was to be removed.
    Sweep {
        /// Its key and id.
        upload: (String, String),
    },
    /// Something was to be looked at, and `Said::success` says that what was read is what is there.
    Read,
}

/// Holds what was said against what is there.
pub fn violations(said: &Said, facts: &Facts) -> BTreeSet<Violation> {
    let mut found = BTreeSet::new();
    match &facts.errand {
        Errand::Store { key, content } => store(said, facts, key, content, &mut found),
        Errand::Move { from, to } => moved(said, facts, from, to, &mut found),
        Errand::Remove { key } => {
            if said.success && facts.settled.objects.contains_key(key) && !facts.foreign.objects.contains_key(key) {
                found.insert(Violation::FalseSuccess);
            }
        }
        Errand::Sweep { upload } => {
            if said.success && facts.settled.uploads.contains(upload) {
                found.insert(Violation::FalseSuccess);
            }
        }
        Errand::Read => {
            if facts.settled != facts.before {
                found.insert(Violation::LostData);
            }
        }
    }
    unnamed_objects(said, facts, &mut found);
    unnamed_uploads(said, facts, &mut found);
    bystanders(facts, &mut found);
    if said.took > facts.limit {
        found.insert(Violation::Hang);
    }
    found
}

fn store(said: &Said, facts: &Facts, key: &str, content: &Bytes, found: &mut BTreeSet<Violation>) {
    let old = facts.before.objects.get(key);
    let rival = facts.foreign.objects.get(key);
    let is_ours = |world: &World| world.objects.get(key) == Some(content);
    let rivals_stands = rival.is_some() && facts.settled.objects.get(key) == rival;
    if said.success {
        // Another writer may have replaced ours, if ours was there.
        if !(is_ours(&facts.settled) || rivals_stands && facts.commits > 0) {
            found.insert(Violation::FalseSuccess);
        }
        return;
    }
    if is_ours(&facts.now) || is_ours(&facts.settled) {
        let location = format!("{}/{key}", facts.url);
        match (said.named.nothing(), said.named.object(&location)) {
            (true, _) => drop(found.insert(Violation::FalseNothing)),
            (false, false) => drop(found.insert(Violation::UnnamedObject)),
            (false, true) => {}
        }
        return;
    }
    let there = facts.settled.objects.get(key);
    match (rival, old) {
        (Some(_), _) if !rivals_stands => drop(found.insert(Violation::ForeignDeleted)),
        (None, Some(old)) if there != Some(old) => drop(found.insert(Violation::LostData)),
        // Something of ours that is not the object, such as a mark.
        (None, None) if there.is_some() && said.named.nothing() => drop(found.insert(Violation::FalseNothing)),
        _ => {}
    }
}

fn moved(said: &Said, facts: &Facts, from: &str, to: &str, found: &mut BTreeSet<Violation>) {
    let content = facts.before.objects.get(from).expect("it was there");
    let rival = facts.foreign.objects.get(from);
    // What another put there before the move began in earnest is moved like anything else.
    let moves_rivals = rival.is_some() && facts.settled.objects.get(to) == rival;
    let arrived = facts.settled.objects.get(to) == Some(content) || moves_rivals;
    let stands = facts.settled.objects.get(from) == Some(content);
    if rival.is_some() && facts.settled.objects.get(from) != rival && !moves_rivals {
        found.insert(Violation::ForeignDeleted);
    }
    if !arrived && !stands && rival.is_none() {
        found.insert(Violation::LostData);
    }
    if said.success && (!arrived || stands) {
        found.insert(Violation::FalseSuccess);
    }
    if !said.success && arrived && stands && !said.named.object(&format!("{}/{to}", facts.url)) {
        let nothing = said.named.nothing();
        found.insert(if nothing { Violation::FalseNothing } else { Violation::UnnamedObject });
    }
    // What was at the target before may be replaced by the copy only.
    let old = facts.before.objects.get(to);
    if !arrived && old.is_some() && facts.settled.objects.get(to) != old {
        found.insert(Violation::LostData);
    }
}

/// Whether a run was to do something with this key.
fn asked_for(facts: &Facts, key: &str) -> bool {
    match &facts.errand {
        Errand::Store { key: own, .. } | Errand::Remove { key: own } => key == own,
        Errand::Move { from, to } => key == from || key == to,
        Errand::Sweep { .. } | Errand::Read => false,
    }
}

/// Objects under names that nobody asked for.
fn unnamed_objects(said: &Said, facts: &Facts, found: &mut BTreeSet<Violation>) {
    for key in facts.settled.objects.keys() {
        let known = facts.before.objects.contains_key(key) || facts.foreign.objects.contains_key(key);
        if !known && !asked_for(facts, key) && !said.named.object(&format!("{}/{key}", facts.url)) {
            found.insert(Violation::UnnamedObject);
        }
    }
}

/// Uploads that were not there before, are not another's, and are not named.
fn unnamed_uploads(said: &Said, facts: &Facts, found: &mut BTreeSet<Violation>) {
    let others =
        |upload: &(String, String)| facts.before.uploads.contains(upload) || facts.foreign.uploads.contains(upload);
    for upload in facts.settled.uploads.iter().filter(|upload| !others(upload)) {
        let (key, id) = upload;
        if !said.named.upload(&format!("{}/{key}", facts.url), id) {
            found.insert(Violation::UnnamedUpload);
            if !said.success && said.named.nothing() {
                found.insert(Violation::FalseNothing);
            }
        }
    }
}

/// What was there and the run had nothing to do with.
fn bystanders(facts: &Facts, found: &mut BTreeSet<Violation>) {
    let touched = |key: &str| asked_for(facts, key);
    let swept = |upload: &(String, String)| matches!(&facts.errand, Errand::Sweep { upload: own } if own == upload);
    for others in [&facts.before, &facts.foreign] {
        for (key, bytes) in others.objects.iter().filter(|(key, _)| !touched(key)) {
            if facts.settled.objects.get(key) != Some(bytes) {
                found.insert(Violation::ForeignDeleted);
            }
        }
        if others.uploads.iter().any(|upload| !swept(upload) && !facts.settled.uploads.contains(upload)) {
            found.insert(Violation::ForeignDeleted);
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Violation::FalseSuccess => "false success",
            Violation::FalseNothing => "false \"nothing was stored\"",
            Violation::UnnamedObject => "unnamed object",
            Violation::UnnamedUpload => "unnamed upload",
            Violation::LostData => "lost data",
            Violation::ForeignDeleted => "another's data deleted",
            Violation::FalseReading => "false reading",
            Violation::Hang => "hang beyond its limit",
            Violation::Misuse => "misuse of the protocol",
            Violation::NotFired => "fault not fired",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "k";

    fn said(success: bool, left: Vec<LeftBehind>) -> Said {
        Said::by_library(success, left, &[], Duration::ZERO)
    }

    fn world(objects: &[(&str, &'static str)], uploads: &[&str]) -> World {
        World {
            objects: objects.iter().map(|(key, content)| ((*key).to_owned(), Bytes::from(*content))).collect(),
            uploads: uploads.iter().map(|id| (KEY.to_owned(), (*id).to_owned())).collect(),
        }
    }

    fn stored(before: World, now: World, settled: World) -> Facts {
        Facts {
            url: "s3://b".into(),
            errand: Errand::Store { key: KEY.into(), content: "new".into() },
            before,
            foreign: World::default(),
            now,
            settled,
            commits: 0,
            limit: Duration::from_secs(1),
        }
    }

    fn assert_found(said: &Said, facts: &Facts, expected: &[Violation]) {
        let found: Vec<_> = violations(said, facts).into_iter().collect();
        assert_eq!(found, expected, "{said:?} {facts:?}");
    }

    #[test]
    fn a_success_is_exactly_the_content() {
        let (nothing, old, new) = (World::default(), world(&[(KEY, "old")], &[]), world(&[(KEY, "new")], &[]));
        assert_found(&said(true, vec![]), &stored(old.clone(), new.clone(), new.clone()), &[]);
        for there in [&nothing, &old] {
            let facts = stored(old.clone(), there.clone(), there.clone());
            assert_found(&said(true, vec![]), &facts, &[Violation::FalseSuccess]);
        }
    }

    #[test]
    fn an_error_with_the_object_there_names_it() {
        let (nothing, new) = (World::default(), world(&[(KEY, "new")], &[]));
        let named = || said(false, vec![LeftBehind::object("s3://b/k").perhaps()]);
        let other = || said(false, vec![LeftBehind::upload("s3://b/k", "U")]);
        for now in [&nothing, &new] {
            let facts = stored(nothing.clone(), now.clone(), new.clone());
            assert_found(&named(), &facts, &[]);
            assert_found(&other(), &facts, &[Violation::UnnamedObject]);
            assert_found(&said(false, vec![]), &facts, &[Violation::FalseNothing]);
        }
        assert_found(&said(false, vec![]), &stored(nothing.clone(), nothing.clone(), nothing), &[]);
    }

    #[test]
    fn an_upload_that_is_left_is_named() {
        let left = world(&[], &["U"]);
        let facts = stored(World::default(), left.clone(), left);
        assert_found(&said(false, vec![LeftBehind::upload("s3://b/k", "U")]), &facts, &[]);
        assert_found(&said(false, vec![LeftBehind::unknown_upload("s3://b/k")]), &facts, &[]);
        let another = said(false, vec![LeftBehind::upload("s3://b/k", "V")]);
        assert_found(&another, &facts, &[Violation::UnnamedUpload]);
        assert_found(&said(false, vec![]), &facts, &[Violation::FalseNothing, Violation::UnnamedUpload]);
    }

    #[test]
    fn what_was_there_stays() {
        let (nothing, old) = (World::default(), world(&[(KEY, "old")], &["theirs"]));
        let facts = stored(old.clone(), nothing.clone(), nothing.clone());
        assert_found(&said(false, vec![]), &facts, &[Violation::LostData, Violation::ForeignDeleted]);
        let rivals =
            Facts { foreign: world(&[(KEY, "theirs")], &[]), ..stored(nothing.clone(), nothing.clone(), nothing) };
        assert_found(&said(false, vec![]), &rivals, &[Violation::ForeignDeleted]);
    }

    #[test]
    fn a_move_loses_nothing_and_names_a_copy_that_stands_beside() {
        let (from, to) = ("a".to_owned(), "b".to_owned());
        let facts = |settled: World| Facts {
            errand: Errand::Move { from: from.clone(), to: to.clone() },
            ..stored(world(&[("a", "new")], &[]), settled.clone(), settled)
        };
        assert_found(&said(true, vec![]), &facts(world(&[("b", "new")], &[])), &[]);
        assert_found(&said(true, vec![]), &facts(World::default()), &[Violation::FalseSuccess, Violation::LostData]);
        let both = facts(world(&[("a", "new"), ("b", "new")], &[]));
        assert_found(&said(true, vec![]), &both, &[Violation::FalseSuccess]);
        assert_found(&said(false, vec![]), &both, &[Violation::FalseNothing]);
        assert_found(&said(false, vec![LeftBehind::object("s3://b/b")]), &both, &[]);
    }

    #[test]
    fn what_takes_too_long_hangs() {
        let facts = stored(World::default(), World::default(), World::default());
        let late = Said { took: Duration::from_secs(2), ..said(false, vec![]) };
        assert_found(&late, &facts, &[Violation::Hang]);
    }
}
