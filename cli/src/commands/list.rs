//! `ls`: what there is, as it comes, or sorted when all of it has come.

use crate::args::{Ls, SortArg};
use crate::failure::Failure;
use crate::report::{self, Sizes};
use crate::storages::Opened;
use futures::{StreamExt, TryStreamExt};
use sealift::ObjectInfo;
use std::cmp::Reverse;

/// The most lines that are written at once.
const PAGE: usize = 1000;

pub(super) async fn run(args: Ls) -> Result<(), Failure> {
    let opened = Opened::below(&args.storage, &args.name).await?;
    opened.check_folder().await?;
    let objects = opened.bucket.list(&opened.within()).boxed();
    let mut listed = Listed { args: &args, opened: &opened, lines: Vec::new(), count: 0, bytes: 0 };
    // Storages list by name.
    let by = args.sort.filter(|by| args.reverse || *by != SortArg::Name).or(args.reverse.then_some(SortArg::Name));
    match by {
        None => {
            // What comes with one page is written at once.
            let mut pages = objects.ready_chunks(PAGE);
            while let Some(page) = pages.next().await {
                let told = page.into_iter().try_for_each(|info| info.map(|info| listed.tell(&info)));
                listed.write();
                told?;
            }
        }
        Some(by) => {
            let mut all: Vec<ObjectInfo> = objects.try_collect().await?;
            sort(&mut all, by);
            if args.reverse {
                all.reverse();
            }
            for page in all.chunks(PAGE) {
                page.iter().for_each(|info| listed.tell(info));
                listed.write();
            }
        }
    }
    listed.end();
    Ok(())
}

/// The newest first, the largest first, or by name, as ls(1) has it. Who are alike stay by name.
fn sort(all: &mut [ObjectInfo], by: SortArg) {
    match by {
        SortArg::Time => all.sort_by_key(|info| Reverse(info.modified)),
        SortArg::Size => all.sort_by_key(|info| Reverse(info.size)),
        SortArg::Name => all.sort_by(|one, other| one.key.cmp(&other.key)),
    }
}

/// What was told so far.
struct Listed<'a> {
    args: &'a Ls,
    opened: &'a Opened,
    /// What is not written yet.
    lines: Vec<String>,
    count: u64,
    bytes: u64,
}

impl Listed<'_> {
    fn sizes(&self) -> Sizes {
        if self.args.human { Sizes::Human } else { Sizes::Bytes }
    }

    fn tell(&mut self, info: &ObjectInfo) {
        let name = self.opened.name_of(&info.key);
        self.count += 1;
        self.bytes += info.size;
        self.lines.push(match self.args.storage.json {
            true => report::object_json(&name, info, self.opened.bucket.checksum_algorithm()).to_string(),
            false if self.args.names => report::pasted(&name).to_string(),
            false => report::object(&name, info, self.sizes()).to_string(),
        });
    }

    fn write(&mut self) {
        if !self.lines.is_empty() {
            report::line(self.lines.join("\n"));
            self.lines.clear();
        }
    }

    fn end(&self) {
        match (self.args.total, self.args.storage.json) {
            (true, true) => report::line(report::total_json(self.count, self.bytes)),
            (true, false) => report::line(report::total(self.count, self.bytes, self.sizes())),
            (false, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    #[test]
    fn the_newest_and_the_largest_are_first() {
        let object = |key: &str, size: u64, age: u64| {
            let mut info = ObjectInfo::new(key, size);
            info.modified = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1000 - age));
            info
        };
        let sorted = |by| {
            let mut all = vec![object("a", 1, 5), object("b", 3, 9), object("c", 3, 1)];
            sort(&mut all, by);
            all.into_iter().map(|info| info.key).collect::<String>()
        };
        assert_eq!([SortArg::Time, SortArg::Size, SortArg::Name].map(sorted), ["cab", "bca", "abc"]);
    }
}
