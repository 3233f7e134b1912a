//! The counts, for a person.

use crate::cells::{Cell, NotApplicable};
use crate::stage::Outcome;
use sealift_tests::promise::{VIOLATIONS, Violation};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The counts of one cloud, by call.
#[derive(Default)]
pub(crate) struct Table {
    rows: BTreeMap<String, Row>,
    not_applicable: BTreeMap<&'static str, usize>,
    stories: Vec<String>,
}

#[derive(Default)]
struct Row {
    combinations: usize,
    fired: usize,
    violations: BTreeMap<Violation, usize>,
}

impl Table {
    pub(crate) fn exclude(&mut self, none: &[NotApplicable]) {
        for (_, why) in none {
            *self.not_applicable.entry(why).or_default() += 1;
        }
    }

    pub(crate) fn add(&mut self, cloud: &str, cell: &Cell, outcome: Outcome) {
        let row = self.rows.entry(format!("{cloud} {:?}/{:?}", cell.call.task, cell.call.step)).or_default();
        row.combinations += 1;
        row.fired += outcome.fired;
        for violation in &outcome.violations {
            *row.violations.entry(*violation).or_default() += 1;
        }
        if !outcome.violations.is_empty() {
            let kinds: Vec<String> = outcome.violations.iter().map(ToString::to_string).collect();
            // At once too: all of them take an hour.
            let story = format!("{cloud}/{cell}: {}\n      {}", kinds.join(", "), outcome.story);
            println!("  {story}");
            self.stories.push(story);
        }
    }

    pub(crate) fn broken(&self) -> usize {
        self.stories.len()
    }

    /// The table, the combinations that are none, and the story of each violation.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{:28} {:>12} {:>12}", "", "combinations", "faults fired");
        for violation in VIOLATIONS {
            let _ = write!(text, " | {violation}");
        }
        text.push('\n');
        let mut total = Row::default();
        for (name, row) in &self.rows {
            row.write(name, &mut text);
            total.combinations += row.combinations;
            total.fired += row.fired;
            for (violation, count) in &row.violations {
                *total.violations.entry(*violation).or_default() += count;
            }
        }
        total.write("all", &mut text);
        text.push_str("not applicable, by rule:\n");
        for (why, count) in &self.not_applicable {
            let _ = writeln!(text, "  {count:>6} {why}");
        }
        for story in &self.stories {
            let _ = writeln!(text, "  {story}");
        }
        text
    }
}

impl Row {
    fn write(&self, name: &str, text: &mut String) {
        let _ = write!(text, "{name:28} {:>12} {:>12}", self.combinations, self.fired);
        for violation in VIOLATIONS {
            let width = violation.to_string().len();
            let _ = write!(text, " | {:>width$}", self.violations.get(&violation).copied().unwrap_or_default());
        }
        text.push('\n');
    }
}
