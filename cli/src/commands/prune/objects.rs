//! Of plain objects, whose names, or times of modification, tell when they are of.

use super::super::rm::answered;
use super::super::{changing, stoppable};
use super::record::{Reading, Verified, without};
use super::seconds_now;
use crate::args::{Prune, Summary};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::outcome::Aftermath;
use crate::report::{self, Group, Pruning};
use crate::storages::{Opened, time_from_now};
use futures::{StreamExt, TryStreamExt};
use sealift::prune::{Backup, Counting, Decision, Hold, Period, Policy, Rule, Standing, Verdict, decide};
use sealift::verify::{Depth, FOLDER, Folder, Identity, Piece, PlannedFile, Record};
use sealift::{Bucket, Error, ErrorKind, Key, NameTemplate, ObjectInfo, Removal};
use std::collections::{BTreeMap, BTreeSet};
use std::time::UNIX_EPOCH;

pub(super) async fn run(args: &Prune, interrupt: &Interrupt) -> Result<(), Failure> {
    let policy = policy(args)?;
    let said = args.group_by.as_deref().unwrap_or_default();
    let (folder, template) = divided(said)?;
    let opened = stoppable(interrupt, Opened::below(&args.storage, folder)).await?;
    opened.check_folder().await?;
    let mut removed = 0;
    let work = prune(args, &policy, &opened, (folder, &template), interrupt, &mut removed);
    let done = changing(interrupt, &opened.bucket, work, |_| None).await;
    match args.yes {
        true => done.map_err(|failure| failure.and(Aftermath::Pruned(removed))),
        false => done,
    }
}

fn policy(args: &Prune) -> Result<Policy, Failure> {
    let each = [
        (Period::Day, args.keep_daily),
        (Period::Week, args.keep_weekly),
        (Period::Month, args.keep_monthly),
        (Period::Year, args.keep_yearly),
    ];
    let within = args.keep_within.map(|time| time_from_now("--keep-within", time)).transpose()?;
    let each = each.into_iter().filter_map(|(period, count)| Some(Rule::Each(period, count?)));
    let rules = args.keep_last.map(Rule::Last).into_iter().chain(each).chain(within.map(Rule::Within));
    Ok(Policy::new(rules.collect())?)
}

/// The folder that all names are in, which may be a whole URL, and the template of what comes after it.
fn divided(said: &str) -> Result<(&str, NameTemplate), Failure> {
    let whole: NameTemplate = said.parse()?;
    let (folder, rest) = said.split_at(whole.folder().len());
    let template: NameTemplate = rest.parse()?;
    match template.has_groups() {
        true => Ok((folder, template)),
        false => Err(Failure::usage(format!(
            "--group-by {said}: each name would be a group of its own: say where the time is ({{date}}), or {{*}}"
        ))),
    }
}

async fn prune(
    args: &Prune,
    policy: &Policy,
    opened: &Opened,
    (folder, template): (&str, &NameTemplate),
    interrupt: &Interrupt,
    removed: &mut u64,
) -> Result<(), Failure> {
    let mut found = stoppable(interrupt, Found::list(opened, template)).await?;
    if found.groups.is_empty() {
        let others = found.others;
        let reason = format!("no name is of the form {folder}{template}, of {others} that there are");
        let error = Error::new(ErrorKind::NotFound, "find backups in", opened.location_within(), reason);
        return Err(error.with_hint("check the template and the prefix").into());
    }
    stoppable(interrupt, found.verified(args, opened)).await?;
    found.hold(&args.keep)?;
    let counting = match args.unverified_counts {
        true => Counting::Sealed,
        false => Counting::Verified,
    };
    let now = seconds_now();
    let groups = std::mem::take(&mut found.groups).into_iter().map(|(words, backups)| Group {
        label: format!("{folder}{}", template.label(&words)),
        decisions: decide(policy, backups, counting, now),
    });
    let mut pruning = Pruning::new(opened.location_within(), groups.collect(), &found.sizes, found.others);
    if args.yes {
        for group in pruning.groups.clone() {
            let done = remove(&group, opened, &found.objects, interrupt, &mut pruning.removed).await;
            *removed = pruning.removed.len() as u64;
            done?;
        }
    }
    match (args.storage.summary(), args.yes) {
        (Summary::Json, _) => report::line(report::pruning_json(&pruning)),
        (Summary::Text, true) => report::line(report::pruned(&pruning)),
        (Summary::Text, false) => report::text(&report::would_prune(&pruning)),
        (Summary::None, _) => {}
    }
    Ok(())
}

/// What there is.
struct Found {
    groups: BTreeMap<Vec<String>, Vec<Backup>>,
    objects: BTreeMap<String, ObjectInfo>,
    sizes: BTreeMap<String, u64>,
    /// How many names are not of the template.
    others: u64,
}

impl Found {
    /// Lists everything, to its end: of a list that is not whole nothing can be said.
    async fn list(opened: &Opened, template: &NameTemplate) -> Result<Self, Failure> {
        let within = opened.within();
        let folder = match within.trim_end_matches('/') {
            "" => String::new(),
            within => format!("{within}/"),
        };
        let mut found = Found { groups: BTreeMap::new(), objects: BTreeMap::new(), sizes: BTreeMap::new(), others: 0 };
        let mut objects = opened.bucket.list(&folder).boxed();
        while let Some(info) = objects.try_next().await? {
            let name = info.key.strip_prefix(&folder).unwrap_or(&info.key);
            if is_record(&info.key) {
                continue;
            }
            let Some(read) = template.read(name) else {
                found.others += 1;
                continue;
            };
            let Some(at) = read.at.or_else(|| modified(&info)) else {
                let error =
                    Error::new(ErrorKind::Corrupt, "list", opened.bucket.url(), "it does not say when it was changed");
                return Err(Failure::from(error).while_doing(info.key));
            };
            let standing = if info.size == 0 { Standing::Empty } else { Standing::Unverified };
            let backup = Backup::new(opened.name_of(&info.key), at, standing);
            found.sizes.insert(backup.name.clone(), info.size);
            found.objects.insert(backup.name.clone(), info);
            found.groups.entry(read.group).or_default().push(backup);
        }
        Ok(found)
    }

    /// Finds out which of them are verified as they are now.
    async fn verified(&mut self, args: &Prune, opened: &Opened) -> Result<(), Failure> {
        let within = opened.within();
        let (mut verified, mut refused) = (BTreeSet::new(), None);
        match &args.work {
            Some(url) => {
                let (record, missing) = Reading::elsewhere(args, url).await?.known();
                refused = missing;
                let below = within.strip_suffix(opened.names().first().map_or("", String::as_str)).unwrap_or("");
                self.add_verified(&record, below, &mut verified);
            }
            None => {
                for below in folders_to(&within) {
                    let folder = Folder::new(opened.bucket.clone(), &below).below(FOLDER);
                    let (record, missing) = Reading::of(&folder).await?.known();
                    refused = refused.or(missing);
                    self.add_verified(&record, &below, &mut verified);
                }
            }
        }
        for backup in self.groups.values_mut().flatten() {
            if backup.standing == Standing::Unverified && verified.contains(&backup.name) {
                backup.standing = Standing::Verified;
            }
        }
        match (refused, verified.is_empty()) {
            (Some(error), true) => without(args, error, Verified::Nothing),
            (Some(error), false) => without(args, error, Verified::Something),
            (None, _) => Ok(()),
        }
    }

    /// Adds those that a record has, as they are now, of what was verified below the folder `below`.
    fn add_verified(&self, record: &Record, below: &str, verified: &mut BTreeSet<String>) {
        let here = self.objects.iter().filter(|(name, info)| {
            let Some(piece) = info.key.strip_prefix(below).map(|name| piece(name, info)) else { return false };
            !verified.contains(*name) && record.of(&piece, Depth::Content, |_| true).is_some()
        });
        let names: Vec<String> = here.map(|(name, _)| name.clone()).collect();
        verified.extend(names);
    }

    /// Holds those that somebody named. A name that is none of them is a mistake, and would hold nothing.
    fn hold(&mut self, names: &[String]) -> Result<(), Failure> {
        for name in names {
            let held = self.groups.values_mut().flatten().find(|backup| backup.name == *name);
            match held {
                Some(backup) => backup.hold = Hold::Held,
                None => return Err(Failure::usage(format!("--keep {name}: there is no such backup"))),
            }
        }
        Ok(())
    }
}

/// Removes what is superfluous of a group, the oldest first, and ends with the first failure. Before anything of it goes,
/// those are looked at again that make it superfluous.
async fn remove(
    group: &Group,
    opened: &Opened,
    objects: &BTreeMap<String, ObjectInfo>,
    interrupt: &Interrupt,
    removed: &mut Vec<String>,
) -> Result<(), Failure> {
    let superfluous = || group.decisions.iter().rev().filter(|decision| decision.verdict.removes());
    if superfluous().next().is_none() {
        return Ok(());
    }
    let counted = group.decisions.iter().filter(|decision| matches!(decision.verdict, Verdict::Keep(_)));
    for Decision { backup, .. } in counted {
        let look = async { Ok(still_there(&opened.bucket, &objects[&backup.name]).await?) };
        if stoppable(interrupt, look).await?.is_none() {
            let location = format!("{}/{}", opened.bucket.url(), objects[&backup.name].key);
            let reason = "it makes others superfluous, and is not any more what was listed";
            return Err(Error::new(ErrorKind::Changed, "look again at", location, reason)
                .with_hint("nothing else of its group is removed: run the same again")
                .into());
        }
    }
    for Decision { backup, .. } in superfluous() {
        if let Some(stop) = interrupt.received() {
            return Err(Failure::interrupted(stop));
        }
        let info = &objects[&backup.name];
        let look = async { Ok(still_there(&opened.bucket, info).await?) };
        let Some(now) = stoppable(interrupt, look).await? else {
            report::note(format_args!("sealift: {} has changed, or is gone, and is left alone", backup.name));
            continue;
        };
        let key = Key::existing(&info.key)?;
        let removal = async { opened.bucket.remove_only(&key, &now).await };
        match answered(interrupt, removal).await? {
            Removal::Gone => removed.push(backup.name.clone()),
            Removal::Another => {
                report::note(format_args!("sealift: {} was replaced, and is left alone", backup.name));
            }
        }
    }
    Ok(())
}

/// What the service says of an object, if it is still what was listed.
async fn still_there(bucket: &Bucket, listed: &ObjectInfo) -> sealift::Result<Option<ObjectInfo>> {
    match bucket.stat(&Key::existing(&listed.key)?).await {
        Ok(now) if Identity::from(&now) == Identity::from(listed) => Ok(Some(now)),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The folders, each with its slash, that something in `within` may have been verified below.
fn folders_to(within: &str) -> Vec<String> {
    let ends = within.char_indices().filter(|(_, character)| *character == '/').map(|(at, _)| at + 1);
    let mut folders: Vec<String> = std::iter::once(0).chain(ends).map(|end| within[..end].to_owned()).collect();
    if !within.is_empty() && !within.ends_with('/') {
        folders.push(format!("{within}/"));
    }
    folders
}

/// An object as verification knows it.
fn piece(name: &str, info: &ObjectInfo) -> Piece {
    let file = PlannedFile { name: name.to_owned(), identity: Some(Identity::from(info)) };
    Piece { name: name.to_owned(), kind: "object".into(), files: vec![file] }
}

/// Whether an object is verification's own.
fn is_record(key: &str) -> bool {
    key.split('/').any(|part| part == FOLDER)
}

fn modified(info: &ObjectInfo) -> Option<u64> {
    info.modified?.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_looked_for_in_every_folder_above() {
        assert_eq!(folders_to(""), [""]);
        assert_eq!(folders_to("a/b/"), ["", "a/", "a/b/"]);
        assert_eq!(folders_to("a"), ["", "a/"]);
    }

    #[test]
    fn a_template_is_divided_at_its_last_folder() {
        let (folder, template) = divided("s3://b/db/{date}.gz").expect("a template");
        assert_eq!((folder, template.to_string().as_str()), ("s3://b/db/", "{date}.gz"));
        assert!(divided("db/{name}").is_err());
    }
}
