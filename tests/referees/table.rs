//! The table server × feature, in Markdown.

use crate::expected::Expected;
use crate::features::Feature;
use crate::outcome::Seen;
use std::fmt::Write;

/// What came of one server.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) cells: Vec<(Feature, Expected, Seen)>,
}

impl Column {
    /// Where it is not as its rows say, in words.
    pub(crate) fn differences(&self) -> Vec<String> {
        let other = self.cells.iter().filter(|(_, expected, seen)| !seen.is(*expected));
        other
            .map(|(feature, expected, seen)| {
                format!("{}, {}:\n  expected {expected:?}\n  seen     {seen:?}", self.name, feature.name())
            })
            .collect()
    }
}

/// The servers side by side, and below what Sealift answers where a feature is not there.
pub(crate) fn markdown(columns: &[Column]) -> String {
    let mut notes: Vec<&str> = Vec::new();
    let mut table = String::from("| |");
    for column in columns {
        let _ = write!(table, " {} |", column.name);
    }
    let _ = write!(table, "\n|---|{}\n", "---|".repeat(columns.len()));
    for (row, feature) in Feature::ALL.into_iter().enumerate() {
        let _ = write!(table, "| {} |", feature.name());
        for column in columns {
            let (_, expected, seen) = &column.cells[row];
            let _ = match seen.is(*expected) {
                true => write!(table, " {} |", cell(*expected, &mut notes)),
                false => write!(table, " not as expected |"),
            };
        }
        table.push('\n');
    }
    for (number, note) in notes.iter().enumerate() {
        let _ = write!(table, "\n{}. {note}", number + 1);
    }
    table
}

fn cell<'a>(expected: Expected, notes: &mut Vec<&'a str>) -> String
where
    'static: 'a,
{
    let mut note = |words: &'static str| match notes.iter().position(|known| *known == words) {
        Some(known) => known + 1,
        None => {
            notes.push(words);
            notes.len()
        }
    };
    match expected {
        Expected::Works => "yes".to_owned(),
        Expected::NotTried(why) => why.to_owned(),
        Expected::WorksOr(code, words) => format!("yes, or no: exit {code} ({})", note(words)),
        Expected::Less(words) => format!("less ({})", note(words)),
        Expected::Refused(code, words) => format!("no: exit {code} ({})", note(words)),
        Expected::Wrong(code, words, shows) => format!("**wrong**: exit {code} ({}), and {shows}", note(words)),
    }
}
