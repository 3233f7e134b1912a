//! Which names are copied: patterns, shards, lists.

use crate::args::Copy;
use crate::commands::verify::shard;
use crate::failure::Failure;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use sealift::copy::is_in_shard;
use sealift::verify::Shard;
use std::io::{BufRead, BufReader, Read, stdin};
use std::path::{Path, PathBuf};

/// What is taken of what there is.
#[derive(Debug)]
pub(in crate::commands) struct Choice {
    /// Empty for all.
    include: Option<GlobSet>,
    exclude: GlobSet,
    shard: Shard,
}

impl Choice {
    pub(super) fn of(args: &Copy) -> Result<Self, Failure> {
        let shard = match &args.shard {
            Some(said) => shard::said(said, args.shards)?,
            None => Shard::WHOLE,
        };
        Ok(Choice { shard, ..Choice::by_patterns(&args.include, &args.exclude)? })
    }

    /// Of names alone.
    pub(in crate::commands) fn by_patterns(include: &[String], exclude: &[String]) -> Result<Self, Failure> {
        let include = (!include.is_empty()).then(|| patterns("--include", include)).transpose()?;
        Ok(Choice { include, exclude: patterns("--exclude", exclude)?, shard: Shard::WHOLE })
    }

    /// Whether what is called so below FROM is taken.
    pub(in crate::commands) fn takes(&self, relative: &str) -> bool {
        self.include.as_ref().is_none_or(|include| include.is_match(relative))
            && !self.exclude.is_match(relative)
            && is_in_shard(relative, self.shard)
    }
}

fn patterns(option: &str, said: &[String]) -> Result<GlobSet, Failure> {
    let wrong = |error: globset::Error| Failure::usage(format!("{option}: {error}"));
    let mut set = GlobSetBuilder::new();
    for pattern in said {
        set.add(GlobBuilder::new(pattern).literal_separator(true).build().map_err(wrong)?);
    }
    set.build().map_err(wrong)
}

/// The names that a list has, read on a thread of its own; `-` is standard input. Empty lines are none.
pub(super) async fn listed(list: PathBuf) -> Result<Vec<String>, Failure> {
    let read = tokio::task::spawn_blocking(move || {
        let shown = list.display().to_string();
        let input: std::io::Result<Box<dyn Read>> = match list == Path::new("-") {
            true => Ok(Box::new(stdin())),
            false => std::fs::File::open(&list).map(|file| Box::new(file) as Box<dyn Read>),
        };
        let names: std::io::Result<Vec<String>> = input.and_then(|input| BufReader::new(input).lines().collect());
        names.map_err(|error| Failure::from(anyhow::Error::new(error).context(format!("read the list {shown}"))))
    });
    let mut names = read.await.map_err(|error| anyhow::Error::new(error).context("read the list"))??;
    names.retain(|name| !name.is_empty());
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(include: &[&str], exclude: &[&str]) -> Choice {
        let set = |said: &[&str]| {
            patterns("--it", &said.iter().map(|&text| text.to_owned()).collect::<Vec<_>>()).expect("patterns")
        };
        Choice { include: (!include.is_empty()).then(|| set(include)), exclude: set(exclude), shard: Shard::WHOLE }
    }

    #[test]
    fn patterns_choose_names() {
        let all = choice(&[], &[]);
        assert!(all.takes("a") && all.takes("a/b"));
        let some = choice(&["*.gz", "logs/**"], &["**/tmp*"]);
        for (name, is) in
            [("a.gz", true), ("x/a.gz", false), ("logs/x/y", true), ("logs/tmp1", false), ("tmp.gz", false)]
        {
            assert_eq!(some.takes(name), is, "{name}");
        }
        assert!(patterns("--include", &["a{".to_owned()]).is_err());
    }
}
