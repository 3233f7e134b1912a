//! The record: what was verified, when, how deep, and what it was then. It is kept beside what is verified, in files that
//! are only ever added, so that any number of writers may add to it at once.

use super::depth::Depth;
use super::folder::Folder;
use super::piece::{Facts, Piece, VerifiedFile};
use super::seconds;
use crate::error::{Error, ErrorKind, Result};
use crate::object::IfExists;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// That a piece was verified, and nothing was wrong with it. A line of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The piece's name.
    pub piece: String,
    /// How deep.
    pub depth: Depth,
    /// When, in seconds since 1970.
    pub at: u64,
    /// How many nanoseconds of the next second had passed. Records of earlier versions have none.
    #[serde(default)]
    pub nanos: u32,
    /// By which version of Sealift.
    pub tool: String,
    /// What its files were.
    pub files: BTreeMap<String, VerifiedFile>,
    /// What it rested on, and what it proved.
    #[serde(default)]
    pub facts: Facts,
}

impl Recorded {
    /// When, as exactly as it is known.
    fn when(&self) -> (u64, u32) {
        (self.at, self.nanos)
    }

    /// Whether the piece is surely the same now: it has the same files, each with the same tag and size.
    pub fn is_of(&self, piece: &Piece) -> bool {
        let same = |(name, file): (&String, Option<&VerifiedFile>), planned: &super::piece::PlannedFile| {
            let then = file.and_then(|file| file.identity.as_ref());
            name == &planned.name && then.zip(planned.identity.as_ref()).is_some_and(|(then, now)| then.is_surely(now))
        };
        self.files.len() == piece.files.len()
            && piece.files.iter().all(|file| same((&file.name, self.files.get(&file.name)), file))
    }
}

/// All that was verified, of each piece and depth the newest.
#[derive(Debug, Clone, Default)]
pub struct Record {
    pieces: BTreeMap<String, BTreeMap<Depth, Recorded>>,
}

const SUFFIX: &str = ".jsonl";

impl Record {
    /// The folder of the record below what is verified.
    pub const FOLDER: &str = "record";

    /// Reads what there is in `folder`; an empty one where there is none yet. A file that is damaged is named in the log, and
    /// what it says is verified again.
    ///
    /// # Errors
    /// What the service says.
    ///
    /// # Cancel safety
    /// Cancel-safe.
    pub async fn read(folder: &Folder) -> Result<Self> {
        let mut record = Record::default();
        for name in folder.list().await?.iter().filter(|name| name.ends_with(SUFFIX)) {
            match read_lines(folder, name).await {
                Ok(lines) => lines.into_iter().for_each(|recorded| record.add(recorded)),
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    tracing::warn!("a file of the record is passed over, and what it says is verified again: {error}");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(record)
    }

    /// Adds what was verified to `folder`, as a file of its own.
    ///
    /// # Errors
    /// As those of a [`Sink`](crate::Sink).
    ///
    /// # Cancel safety
    /// Dropped, it leaves nothing.
    pub async fn append(folder: &Folder, verified: &[Recorded]) -> Result<()> {
        let mut lines = Vec::new();
        for recorded in verified {
            let line = serde_json::to_vec(recorded)
                .map_err(|error| Error::new(ErrorKind::Corrupt, "write", folder.url(), error.to_string()))?;
            lines.extend(line);
            lines.push(b'\n');
        }
        let name = format!("{:012}-{:016x}{SUFFIX}", seconds(SystemTime::now()), rand::random::<u64>());
        folder.write(&name, &lines, IfExists::Fail).await
    }

    /// Adds one, which replaces what is not newer. Of two of the same moment the one that is added later counts: whole seconds,
    /// which records of earlier versions have, do not tell which of them was first.
    pub fn add(&mut self, recorded: Recorded) {
        let depths = self.pieces.entry(recorded.piece.clone()).or_default();
        match depths.get(&recorded.depth) {
            Some(there) if there.when() > recorded.when() => {}
            _ => {
                depths.insert(recorded.depth, recorded);
            }
        }
    }

    /// The names of all pieces that were ever verified, in order.
    pub fn pieces(&self) -> impl Iterator<Item = &str> {
        self.pieces.keys().map(String::as_str)
    }

    /// The newest time when this piece, as it is now, was verified so deep or deeper, and that is good `enough`.
    pub fn of(&self, piece: &Piece, depth: Depth, enough: impl Fn(&Recorded) -> bool) -> Option<&Recorded> {
        let deep = self.pieces.get(&piece.name)?.range(depth..).map(|(_, recorded)| recorded);
        deep.filter(|recorded| recorded.is_of(piece) && enough(recorded)).max_by_key(|recorded| recorded.when())
    }

    /// What a file of a piece was when it was last read and verified.
    pub fn of_file(&self, piece: &str, file: &str) -> Option<(&VerifiedFile, u64)> {
        let read = self.pieces.get(piece)?.range(Depth::Content..).map(|(_, recorded)| recorded);
        let newest = read.max_by_key(|recorded| recorded.when())?;
        Some((newest.files.get(file)?, newest.at))
    }
}

/// The lines of a file of the record.
async fn read_lines(folder: &Folder, name: &str) -> Result<Vec<Recorded>> {
    let content = folder.read(name).await?;
    let lines = content.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    let parsed = lines.map(|(at, line)| {
        serde_json::from_slice(line).map_err(|error| {
            let location = format!("{}/{name}", folder.url());
            Error::new(ErrorKind::Corrupt, format!("read line {} of", at + 1), location, error.to_string())
                .with_hint("`sealift rm` removes it")
        })
    });
    parsed.collect()
}
