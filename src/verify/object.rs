//! Verification of objects whose content means nothing here: that they are there, stored as they were, and can be read.

use super::depth::Depth;
use super::files::{Files, How, Identity, of_io};
use super::finding::Finding;
use super::piece::{Check, Outcome, Piece, PlannedFile, VerifiedFile};
use super::record::Record;
use crate::error::Result;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::io::AsyncBufReadExt;

/// What a piece is that is an object by itself.
const OBJECT: &str = "object";

/// Each object as a piece.
pub fn pieces_of_objects(listed: &BTreeMap<String, Identity>) -> Vec<Piece> {
    let piece = |(name, identity): (&String, &Identity)| Piece {
        name: name.clone(),
        kind: OBJECT.into(),
        files: vec![PlannedFile { name: name.clone(), identity: Some(identity.clone()) }],
    };
    listed.iter().map(piece).collect()
}

/// What was verified once, and is not there any more. Nothing says that it should be, so it is a note.
pub fn gone(listed: &BTreeMap<String, Identity>, record: &Record) -> Option<String> {
    let mut gone = record.pieces().filter(|piece| !listed.contains_key(*piece));
    let first = gone.next()?;
    let count = gone.count() + 1;
    Some(format!("{count} objects that were verified before are not there any more; the first: {first}"))
}

/// Verifies every file of a piece by itself, up to [`Depth::Content`].
#[derive(Debug, Clone)]
pub struct Objects {
    depth: Depth,
    /// What there is, where the storage can list it. Only [`Depth::Exists`] asks.
    listed: Option<Arc<BTreeMap<String, Identity>>>,
    record: Arc<Record>,
}

impl Objects {
    /// Verifies so deep; a deeper one than [`Depth::Content`] is that.
    pub fn new(depth: Depth, listed: Option<Arc<BTreeMap<String, Identity>>>, record: Arc<Record>) -> Self {
        Objects { depth, listed, record }
    }

    async fn file(&self, piece: &Piece, name: &str, files: &Files) -> Outcome {
        let verified = match (self.depth, &self.listed) {
            (Depth::Exists, Some(listed)) => match listed.get(name) {
                Some(identity) => {
                    let identity = Some(identity.clone());
                    Ok(VerifiedFile { how: How::Listed, identity, checksum: None })
                }
                None => return Outcome::of(Finding::wrong(name, "missing", "it is not there")),
            },
            (Depth::Exists, None) => open(name, files).await,
            (Depth::Stored, _) => match files.look(name).await {
                Ok(Some(info)) => return self.stored(piece, name, &VerifiedFile::of(How::StoredSizeOnly, &info)),
                Ok(None) => open(name, files).await,
                Err(error) => Err(error),
            },
            (Depth::Content | Depth::Chain, _) => read(name, files).await,
        };
        match verified {
            Ok(verified) => outcome(name, verified),
            Err(error) => Outcome::of(Finding::of_error(name, &error)),
        }
    }

    /// Holds what the service says against what was read once.
    fn stored(&self, piece: &Piece, name: &str, now: &VerifiedFile) -> Outcome {
        let recorded = self.record.of_file(&piece.name, name);
        // An object may have been replaced since. A backup's files are written once: what is there now was not verified.
        if piece.kind != OBJECT
            && let Some((then, at)) = recorded
            && let Some(finding) = replaced(name, then, at, now)
        {
            return Outcome::of(finding);
        }
        let then = recorded.filter(|(then, _)| then.identity == now.identity);
        let how = match (then, &now.checksum) {
            (Some((then, at)), _) if then.checksum.is_some() && then.checksum != now.checksum => {
                let is = now.checksum.as_deref().unwrap_or("none");
                let found = format!(
                    "the service says its checksum is {is}, and that it is the same content that was verified {at} seconds \
                     after 1970"
                );
                let finding = Finding::wrong(name, "stored-checksum", found);
                return Outcome::of(finding.expecting(then.checksum.as_deref().unwrap_or_default()));
            }
            (Some(_), _) => How::StoredAsVerified,
            (None, Some(_)) => How::StoredWithChecksum,
            (None, None) => How::StoredSizeOnly,
        };
        outcome(name, VerifiedFile { how, ..now.clone() })
    }
}

/// Whether what the service says of a file is surely of another one than was verified.
fn replaced(name: &str, then: &VerifiedFile, at: u64, now: &VerifiedFile) -> Option<Finding> {
    let size = |file: &VerifiedFile| file.identity.as_ref().map(|identity| identity.size);
    let since =
        format!("it is another than was verified {at} seconds after 1970; --depth content tells whether it is good");
    if let (Some(then), Some(now)) = (size(then), size(now))
        && then != now
    {
        return Some(Finding::wrong(name, "stored-size", format!("it has {now} bytes: {since}")).expecting(then));
    }
    let (then, now) = (then.checksum.as_deref()?, now.checksum.as_deref()?);
    let finding = Finding::wrong(name, "stored-checksum", format!("its checksum is {now}: {since}"));
    (then != now).then(|| finding.expecting(then))
}

#[async_trait]
impl Check for Objects {
    async fn check(&self, piece: &Piece, files: &Files) -> Outcome {
        check_files(self, piece, files).await
    }
}

/// Verifies every file of a piece by itself.
///
/// # Cancel safety
/// It only reads: dropped, it leaves nothing.
pub async fn check_files(objects: &Objects, piece: &Piece, files: &Files) -> Outcome {
    let mut outcome = Outcome::default();
    for file in &piece.files {
        outcome.add(objects.file(piece, &file.name, files).await);
    }
    outcome
}

fn outcome(name: &str, verified: VerifiedFile) -> Outcome {
    Outcome { files: BTreeMap::from([(name.to_owned(), verified)]), ..Outcome::default() }
}

/// Opens a file of which nothing else can be had, and reads its beginning.
async fn open(name: &str, files: &Files) -> Result<VerifiedFile> {
    let mut file = files.open(name).await?;
    file.fill_buf().await.map_err(|error| of_io(name, error))?;
    Ok(VerifiedFile { how: How::Opened, ..file.verified() })
}

/// Reads a file to its end.
async fn read(name: &str, files: &Files) -> Result<VerifiedFile> {
    let mut file = files.open(name).await?;
    loop {
        let count = file.fill_buf().await.map_err(|error| of_io(name, error))?.len();
        if count == 0 {
            return Ok(file.verified());
        }
        file.consume(count);
    }
}
