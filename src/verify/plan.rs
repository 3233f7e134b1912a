//! Plans: everything that one verification does, written down, so that any number of machines can do it.

use super::choice::Choice;
use super::depth::Depth;
use super::finding::Finding;
use super::piece::{Facts, Piece};
use super::record::{Record, Recorded};
use super::seconds;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::SystemTime;

/// What there is to verify.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// The pieces, in the order of the data.
    pub pieces: Vec<Piece>,
    /// What is wrong with the whole: nothing that a single piece could show.
    pub findings: Vec<Finding>,
    /// What whoever reads the report should know.
    pub notes: Vec<String>,
}

/// A verification, written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The form of plans, [`Plan::FORMAT`].
    pub format: u32,
    /// A random name, which reports repeat.
    pub id: String,
    /// Who made it.
    pub tool: String,
    /// When, in seconds since 1970.
    pub made_at: u64,
    /// The URL of what is verified, without credentials.
    pub of: String,
    /// How deep.
    pub depth: Depth,
    /// What the check of this kind of data was asked for: its own affair.
    pub settings: Value,
    /// What is to be verified.
    pub pieces: Vec<Piece>,
    /// What the record says of other pieces.
    pub earlier: Vec<Earlier>,
    /// What is not verified this time.
    pub left_out: LeftOut,
    /// What was found wrong already.
    pub findings: Vec<Finding>,
    /// What whoever reads the report should know.
    pub notes: Vec<String>,
}

/// A piece that was verified before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Earlier {
    /// Its name.
    pub piece: String,
    /// How many bytes are stored of it.
    pub bytes: u64,
    /// When, in seconds since 1970.
    pub at: u64,
    /// What it rested on and proved.
    pub facts: Facts,
}

impl Earlier {
    pub(super) fn of(piece: &Piece, recorded: Recorded) -> Self {
        Earlier { piece: piece.name.clone(), bytes: piece.bytes(), at: recorded.at, facts: recorded.facts }
    }
}

/// What is not verified this time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeftOut {
    /// How many pieces.
    pub pieces: u64,
    /// How many bytes are stored of them.
    pub bytes: u64,
    /// How many of the pieces were never verified so deep, as they are now.
    pub never_verified: u64,
    /// The first of those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_never_verified: Option<String>,
}

impl LeftOut {
    pub(super) fn add(&mut self, piece: &Piece, recorded: Option<&Recorded>) {
        self.pieces += 1;
        self.bytes += piece.bytes();
        if recorded.is_none() {
            self.never_verified += 1;
            self.first_never_verified.get_or_insert_with(|| piece.name.clone());
        }
    }
}

impl Plan {
    /// The form of plans that is written and read.
    pub const FORMAT: u32 = 1;

    /// A plan for what is due of `survey`. `enough` says whether a line of the record was made under conditions that hold
    /// today.
    pub fn new(
        of: String,
        survey: Survey,
        depth: Depth,
        settings: Value,
        choice: &Choice,
        record: &Record,
        enough: &dyn Fn(&Recorded) -> bool,
    ) -> Self {
        let made_at = seconds(SystemTime::now());
        let chosen = choice.divide(survey.pieces, depth, record, enough, made_at);
        Plan {
            format: Plan::FORMAT,
            id: format!("{:032x}", rand::random::<u128>()),
            tool: tool(),
            made_at,
            of,
            depth,
            settings,
            pieces: chosen.now,
            earlier: chosen.earlier,
            left_out: chosen.left_out,
            findings: survey.findings,
            notes: survey.notes,
        }
    }

    /// How many bytes are stored of what is to be verified.
    pub fn bytes(&self) -> u64 {
        self.pieces.iter().map(Piece::bytes).sum()
    }
}

/// This program, for the record.
pub(super) fn tool() -> String {
    format!("sealift {}", env!("CARGO_PKG_VERSION"))
}
