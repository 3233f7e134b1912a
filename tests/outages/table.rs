//! What came of it, for a person.

use crate::errands::Verdict;
use crate::outage::{Came, Cell};
use crate::programs::Program;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// What came of a cell.
pub(crate) struct Outcome {
    pub(crate) cloud: &'static str,
    pub(crate) cell: Cell,
    pub(crate) came: Came,
}

#[derive(Default)]
pub(crate) struct Table {
    results: Vec<Outcome>,
}

/// How many of how many were survived, and the false verdicts.
#[derive(Default)]
struct Count {
    of: usize,
    survived: usize,
    false_success: usize,
    unnamed: usize,
    longest: Duration,
}

impl Table {
    pub(crate) fn add(&mut self, result: Outcome) {
        if let Some(wrong) = result.cell.wrong(&result.came) {
            println!("{}: {wrong}", result.name());
        }
        self.results.push(result);
    }

    /// What is not as Sealift promises.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let wrong = |result: &Outcome| Some(format!("{}: {}", result.name(), result.cell.wrong(&result.came)?));
        self.results.iter().filter_map(wrong).collect()
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::from(
            "| program | outage | how | survived | success, and it was none | failure, and what is there was not named | longest |\n\
             |---|--:|---|--:|--:|--:|--:|\n",
        );
        let mut counts: BTreeMap<_, Count> = BTreeMap::new();
        for result in &self.results {
            let Cell { program, kind, lasts, .. } = result.cell;
            let Came::Ended { verdict, took, .. } = &result.came else { continue };
            let count = counts.entry((program, result.cloud, lasts, kind)).or_default();
            count.of += 1;
            count.survived += usize::from(matches!(verdict, Verdict::Done | Verdict::InDoubt));
            count.false_success += usize::from(*verdict == Verdict::FalseSuccess);
            count.unnamed += usize::from(*verdict == Verdict::Unnamed);
            count.longest = count.longest.max(*took);
        }
        for ((program, cloud, lasts, kind), count) in &counts {
            let Count { of, survived, false_success, unnamed, longest } = count;
            let _ = writeln!(
                text,
                "| {program}, {cloud} | {} s | {kind} | {survived} of {of} | {false_success} | {unnamed} | {:.0} s |",
                lasts.as_secs(),
                longest.as_secs_f64()
            );
        }
        self.tell_peers(&mut text);
        text
    }

    /// Each call that another program did not survive, in the shortest outage.
    fn tell_peers(&self, text: &mut String) {
        let mut shortest: BTreeMap<_, (Duration, &str)> = BTreeMap::new();
        for result in self.results.iter().filter(|result| result.cell.program != Program::Sealift) {
            let Cell { program, call, kind, lasts } = result.cell;
            match &result.came {
                Came::Ended { verdict, words, .. } if !matches!(verdict, Verdict::Done | Verdict::InDoubt) => {
                    let found = shortest.entry((program, call.to_string(), kind)).or_insert((lasts, words));
                    if lasts < found.0 {
                        *found = (lasts, words);
                    }
                }
                _ => {}
            }
        }
        for ((program, call, kind), (lasts, words)) in shortest {
            let words: String = words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(160).collect();
            let _ = writeln!(text, "{program}, {call}, {kind}, {} s: {words}", lasts.as_secs());
        }
    }
}

impl Outcome {
    fn name(&self) -> String {
        let Cell { program, call, kind, lasts } = self.cell;
        format!("{program}, {}, {call}, {kind} for {} s", self.cloud, lasts.as_secs())
    }
}
