//! The objects of one bucket, each copied to another by itself, many at a time.

use super::choice::{Choice, listed};
use super::told::{Did, Tally};
use crate::args::Copy;
use crate::commands::failures::{AfterFailure, Failures, NotDone};
use crate::failure::Failure;
use crate::report;
use crate::storages::Pair;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use sealift::copy::{Compared, Copying, Due, Existing, Names};
use sealift::{Error, ErrorKind, IfExists, Key, ObjectInfo, Removal};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};

/// What is copied, and how.
pub(super) struct Objects<'a> {
    pair: Pair,
    names: Names,
    copying: Copying,
    choice: Choice,
    list: Option<PathBuf>,
    at_once: usize,
    after_failure: AfterFailure,
    sync: Sync,
    really: Really,
    tally: &'a Tally,
}

/// What becomes of what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sync {
    /// Everything is copied.
    No,
    Missing,
    /// The same, and what the source has not is removed.
    Exactly,
}

/// Whether anything is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Really {
    Done,
    /// With `--dry-run`.
    Told,
}

/// An object that is to be copied.
struct Item {
    key: String,
    /// As it was listed; not known of what was named.
    size: Option<u64>,
}

/// What is at the target.
enum There {
    /// All there is, as it was listed before the source was.
    Listed(BTreeMap<String, ObjectInfo>),
    /// It is asked for each.
    Asked,
    /// Nobody wants to know.
    Unasked,
}

impl<'a> Objects<'a> {
    pub(super) fn new(pair: Pair, args: &Copy, choice: Choice, tally: &'a Tally) -> Self {
        let names = Names::new(pair.from.within(), pair.to.within());
        let if_exists = if args.if_absent { IfExists::Fail } else { IfExists::Replace };
        let existing = match (args.sync, args.size_only) {
            (false, _) => Existing::Copied(if_exists),
            (true, false) => Existing::Synced(Compared::Content),
            (true, true) => Existing::Synced(Compared::Size),
        };
        let copying = Copying::new(pair.from.bucket.clone(), pair.to.bucket.clone(), existing);
        Objects {
            pair,
            names,
            copying,
            choice,
            list: args.from_list.clone(),
            at_once: args.concurrent_copies.get(),
            after_failure: if args.fail_fast { AfterFailure::End } else { AfterFailure::GoOn },
            sync: match (args.sync, args.delete) {
                (false, _) => Sync::No,
                (true, false) => Sync::Missing,
                (true, true) => Sync::Exactly,
            },
            really: if args.dry_run { Really::Told } else { Really::Done },
            tally,
        }
    }

    /// Copies all of them, and then removes what is to be removed.
    pub(super) async fn copy(&self) -> Result<(), Failure> {
        self.pair.from.check_folder().await?;
        let there = self.there().await?;
        let seen = Mutex::new(BTreeSet::new());
        if self.copy_all(&there, &seen).await? == Found::Nothing {
            let error = Error::new(ErrorKind::NotFound, "copy", self.pair.from.location_within(), "there is nothing");
            return Err(error.with_hint("check the bucket and the prefix").into());
        }
        match there {
            There::Listed(there) if self.sync == Sync::Exactly => {
                let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
                self.remove_others(there, &seen).await
            }
            _ => Ok(()),
        }
    }

    /// Copies all of them. One that cannot be copied is told and left out, and is the failure in the end.
    async fn copy_all(&self, there: &There, seen: &Mutex<BTreeSet<String>>) -> Result<Found, Failure> {
        let mut items = pin!(self.items().await?.peekable());
        if let Some(Ok(first)) = items.as_mut().peek().await {
            self.look_at_the_target(first, there).await?;
        }
        let results = items.map(|item| async {
            let item = item.map_err(|failure| (Ends::All, failure))?;
            if self.sync == Sync::Exactly {
                seen.lock().unwrap_or_else(PoisonError::into_inner).insert(item.key.clone());
            }
            match self.choice.takes(self.names.relative(&item.key)) {
                true => self.one(&item, there).await.map_err(|failure| (Ends::One, failure)),
                false => Ok(()),
            }
        });
        let mut results = pin!(results.buffer_unordered(self.at_once));
        let mut failed = Failures::new(NotDone::ObjectNotCopied, self.after_failure);
        let mut found = Found::Nothing;
        while let Some(result) = results.next().await {
            found = Found::Something;
            match result {
                Ok(()) => failed.done(),
                // What a listing did not tell, nobody knows.
                Err((Ends::All, failure)) => return Err(failure),
                Err((Ends::One, failure)) => {
                    if failed.add(failure) == ControlFlow::Break(()) {
                        break;
                    }
                }
            }
        }
        failed.end().map(|()| found)
    }

    /// Or many would be under way when the first is told that there is no bucket.
    async fn look_at_the_target(&self, first: &Item, there: &There) -> Result<(), Failure> {
        match (there, self.names.target(&first.key)) {
            (There::Unasked | There::Asked, Ok(key)) if self.really == Really::Done => {
                Ok(self.pair.to.bucket.check_writable(&key, IfExists::Replace).await?)
            }
            _ => Ok(()),
        }
    }

    async fn there(&self) -> Result<There, Failure> {
        Ok(match (self.sync, &self.list) {
            (Sync::No, _) => There::Unasked,
            (Sync::Missing | Sync::Exactly, Some(_)) => There::Asked,
            (Sync::Missing | Sync::Exactly, None) => {
                let listed = self.pair.to.bucket.list(self.names.to());
                There::Listed(listed.map_ok(|info| (info.key.clone(), info)).try_collect().await?)
            }
        })
    }

    /// What there is, or what was named.
    async fn items(&self) -> Result<BoxStream<'_, Result<Item, Failure>>, Failure> {
        let Some(list) = &self.list else {
            let listed = self.pair.from.bucket.list(self.names.from());
            let item = |info: ObjectInfo| Item { key: info.key, size: Some(info.size) };
            return Ok(listed.map_ok(item).map_err(Failure::from).boxed());
        };
        let names = listed(list.clone()).await?;
        let key = |name: String| match self.names.from().trim_end_matches('/') {
            "" => name,
            from => format!("{from}/{name}"),
        };
        Ok(stream::iter(names.into_iter().map(move |name| Ok(Item { key: key(name), size: None }))).boxed())
    }

    /// Copies one, if it is due.
    async fn one(&self, item: &Item, there: &There) -> Result<(), Failure> {
        let (from, to) = (Key::existing(&item.key)?, self.names.target(&item.key)?);
        let due = self.due(&from, item, &to, there).await.map_err(|error| self.of(&from, error))?;
        let why = match due {
            Due::Same(how) => {
                self.tally.add(Did::Same(how));
                return Ok(());
            }
            Due::Copy(why) => why,
        };
        if self.really == Really::Told {
            let (shown, location) = (self.pair.from.location(&from), self.pair.to.location(&to));
            self.tally.add(Did::Told(format!(
                "would copy {} to {}: {why}",
                report::pasted(&shown),
                report::pasted(&location)
            )));
            return Ok(());
        }
        let copied = self.copying.copy(&from, &to).await.map_err(|error| self.of(&from, error))?;
        self.tally.add(Did::Copied(copied));
        Ok(())
    }

    /// An error with the name of what was to be copied, where it is not of the source itself.
    fn of(&self, from: &Key, error: Error) -> Failure {
        let location = self.pair.from.location(from);
        match error.location() == location {
            true => error.into(),
            false => error.within("copy", location).into(),
        }
    }

    async fn due(&self, from: &Key, item: &Item, to: &Key, there: &There) -> sealift::Result<Due> {
        let (asked, size);
        let listed = match there {
            There::Unasked => None,
            There::Listed(there) => there.get(to.as_ref()),
            There::Asked => match self.pair.to.bucket.stat(to).await {
                Ok(info) => {
                    asked = info;
                    Some(&asked)
                }
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            },
        };
        size = match (item.size, there) {
            (Some(size), _) => size,
            (None, There::Asked) => self.pair.from.bucket.stat(from).await?.size,
            (None, _) => 0,
        };
        self.copying.due(from, size, to, listed).await
    }

    /// Removes what is at the target and not at the source.
    async fn remove_others(&self, there: BTreeMap<String, ObjectInfo>, seen: &BTreeSet<String>) -> Result<(), Failure> {
        let others = there.into_iter().filter(|(key, _)| {
            let source = self.names.source(key);
            source.is_some_and(|source| !seen.contains(&source) && self.choice.takes(self.names.relative(&source)))
        });
        let results = stream::iter(others).map(|(key, info)| self.remove(key, info)).buffer_unordered(self.at_once);
        let (mut results, mut failed) = (pin!(results), Failures::new(NotDone::ObjectNotRemoved, self.after_failure));
        while let Some(result) = results.next().await {
            match result {
                Ok(()) => failed.done(),
                Err(failure) => {
                    if failed.add(failure) == ControlFlow::Break(()) {
                        break;
                    }
                }
            }
        }
        failed.end()
    }

    async fn remove(&self, key: String, info: ObjectInfo) -> Result<(), Failure> {
        let key = Key::existing(&key)?;
        let location = self.pair.to.location(&key);
        if self.really == Really::Told {
            let told = format!("would remove {}: the source has no such object", report::pasted(&location));
            self.tally.add(Did::Told(told));
            return Ok(());
        }
        match self.pair.to.bucket.remove_only(&key, &info).await? {
            Removal::Gone => self.tally.add(Did::Removed),
            Removal::Another => {
                report::note(format_args!("sealift: {location} was replaced since it was listed, and is left"))
            }
        }
        Ok(())
    }
}

/// Whether there was anything to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Something,
}

/// What a failure ends.
enum Ends {
    /// The copy of one object.
    One,
    /// All of it: a listing that failed tells nothing of what would have followed.
    All,
}
