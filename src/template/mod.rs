//! Names with times in them: what `put --name-template` writes and `prune --group-by` reads. Both are this one type, so what
//! one writes the other reads. All times are UTC.

mod matching;
mod parsing;
mod piece;
#[cfg(test)]
mod tests;

pub use matching::NameRead;
pub(crate) use piece::civil;

use self::piece::{Field, Piece, fields};
use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::str::FromStr;

/// A name in which `{…}` stands for something else.
///
/// | in the template | in a name |
/// |---|---|
/// | `{date}` | `2026-11-28` |
/// | `{datetime}` | `20261128T031500Z` |
/// | `{timestamp}` | seconds since 1970 |
/// | `{year}` `{month}` `{day}` `{hour}` `{minute}` `{second}` | `2026` `11` `28` `03` `15` `00` |
/// | `{*}` | anything but a slash, at least one character |
/// | `{any-other-word}` | the same, and names in which it differs are of different groups |
/// | `{{`, `}}` | `{`, `}` |
///
/// ```
/// use sealift::NameTemplate;
///
/// let template: NameTemplate = "db/{date}.sql.gz".parse().unwrap();
/// let name = template.name_at(1_795_836_000).unwrap();
/// assert_eq!(name, "db/2026-11-28.sql.gz");
/// assert_eq!(template.read(&name).unwrap().at, Some(1_795_824_000));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTemplate {
    text: String,
    pieces: Vec<Piece>,
}

impl NameTemplate {
    /// Whether names hold a time.
    pub fn has_time(&self) -> bool {
        fields(&self.pieces).next().is_some()
    }

    /// Whether two names can be of one group: they differ in a time, or in what `{*}` stands for.
    pub fn has_groups(&self) -> bool {
        self.has_time() || self.pieces.contains(&Piece::Any)
    }

    /// The folder that all names are in, with the slash at its end; empty where they may be in any.
    pub fn folder(&self) -> &str {
        // What comes before the first brace is literal.
        let literal = self.text.find(['{', '}']).map_or(self.text.as_str(), |end| &self.text[..end]);
        literal.rfind('/').map_or("", |slash| &literal[..=slash])
    }

    /// The name at a time, in seconds since 1970.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] where the template has something that only a name that is there can tell, or no time at
    /// all, by which names would differ; or when the year has more than four digits.
    pub fn name_at(&self, at: u64) -> Result<String> {
        if !self.has_time() {
            return Err(invalid(&self.text, "it has no time, so all names would be the same: {date}, {datetime}, …"));
        }
        let civil = civil(at).ok_or_else(|| invalid(&self.text, "the time is after the year 9999"))?;
        let texts = self.pieces.iter().map(|piece| match piece {
            Piece::Literal(text) => Ok(text.clone()),
            Piece::Time(field) => Ok(field.at(at, civil)),
            Piece::Word(word) => {
                let reason =
                    format!("nothing tells what {{{word}}} is to be: only times are known when a name is made");
                Err(invalid(&self.text, reason))
            }
            Piece::Any => Err(invalid(&self.text, "{*} is for names that are there already")),
        });
        texts.collect()
    }

    /// What a name says; `None` where it is not of this template, or could be read in more than one way.
    pub fn read(&self, name: &str) -> Option<NameRead> {
        matching::read(&self.pieces, name)
    }

    /// The template with what a group has in it, for people.
    pub fn label(&self, group: &[String]) -> String {
        let mut words = group.iter();
        let texts = self.pieces.iter().map(|piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Time(field) => {
                let word = Field::ALL.iter().find(|(_, known)| known == field).map_or("", |(word, _)| word);
                format!("{{{word}}}")
            }
            Piece::Word(_) => words.next().cloned().unwrap_or_default(),
            Piece::Any => "{*}".to_owned(),
        });
        texts.collect()
    }
}

impl FromStr for NameTemplate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let pieces = parsing::pieces(text).map_err(|reason| invalid(text, reason))?;
        Ok(NameTemplate { text: text.to_owned(), pieces })
    }
}

impl fmt::Display for NameTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn invalid(template: &str, reason: impl Into<String>) -> Error {
    let shown: String = template.chars().take(200).collect();
    Error::new(ErrorKind::InvalidConfig, "use the template", format!("{shown:?}"), reason.into())
        .with_hint("such as db/{date}.sql.gz; nothing was read or stored")
}
