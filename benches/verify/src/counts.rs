//! Which hashes the verification of an archive needs: how many there are of each length.

use anyhow::{Context, Result, anyhow};
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::path::Path;
use std::str::FromStr;

/// Which part of an archive a hash is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The state's items, and the nodes above them.
    State,
    /// The transactions with all they hold, and the nodes above them.
    Transactions,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::State => "state",
            Part::Transactions => "transactions",
        })
    }
}

impl FromStr for Part {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "state" => Ok(Part::State),
            "transactions" => Ok(Part::Transactions),
            _ => Err(anyhow!("{text:?} is neither state nor transactions")),
        }
    }
}

/// How many values of each length are hashed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    hashes: BTreeMap<(Part, usize), u64>,
    /// The bytes of all files of each part, before they are compressed.
    files: BTreeMap<Part, u64>,
}

impl Counts {
    /// Counts a hash over `length` bytes, those of its type not counted.
    pub fn hash(&mut self, part: Part, length: usize) {
        self.hashes(part, length, 1);
    }

    /// Counts `count` of them.
    pub fn hashes(&mut self, part: Part, length: usize, count: u64) {
        if count > 0 {
            *self.hashes.entry((part, length)).or_default() += count;
        }
    }

    /// Counts bytes of a file.
    pub fn stored(&mut self, part: Part, bytes: u64) {
        *self.files.entry(part).or_default() += bytes;
    }

    /// The bytes of all files of `parts`, before they are compressed.
    pub fn bytes(&self, parts: &[Part]) -> u64 {
        self.files.iter().filter(|(part, _)| parts.contains(part)).map(|(_, bytes)| bytes).sum()
    }

    /// The lengths that are hashed of `parts`, and how often.
    pub fn of<'a>(&'a self, parts: &'a [Part]) -> impl Iterator<Item = (usize, u64)> + 'a {
        let wanted = self.hashes.iter().filter(|((part, _), _)| parts.contains(part));
        wanted.map(|((_, length), count)| (*length, *count))
    }

    /// Writes them down, a line for each.
    ///
    /// # Errors
    /// The file's.
    pub fn write(&self, file: &Path) -> Result<()> {
        let mut text = String::new();
        for (part, bytes) in &self.files {
            writeln!(text, "files {part} {bytes}")?;
        }
        for ((part, length), count) in &self.hashes {
            writeln!(text, "{part} {length} {count}")?;
        }
        std::fs::write(file, text).with_context(|| format!("write {}", file.display()))
    }

    /// Reads what [`write`](Self::write) has written.
    ///
    /// # Errors
    /// The file's, and where it is something else.
    pub fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        let mut counts = Counts::default();
        for line in text.lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            match fields[..] {
                ["files", part, bytes] => counts.stored(part.parse()?, bytes.parse()?),
                [part, length, count] => counts.hashes(part.parse()?, length.parse()?, count.parse()?),
                _ => return Err(anyhow!("{line:?} is not a count")),
            }
        }
        Ok(counts)
    }
}
