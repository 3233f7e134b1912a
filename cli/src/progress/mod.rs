//! How far a command is, for whoever waits for it: two lines at the terminal, which are gone in the end, or a line of the log
//! each minute. `headway` is what commands tell of their own; all else is counted by their buckets.

mod headway;
mod line;

use crate::activity;
use crate::args::{Cli, ProgressArg};
use crate::stderr;
pub(crate) use headway::{Objects, Whole, objects, whole};
use indicatif::ProgressBar;
use line::View;
use sealift::{ActivitySnapshot, WaitsFor};
use std::collections::VecDeque;
use std::io::IsTerminal;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// What has ended by then is not worth a line.
const FIRST: Duration = Duration::from_millis(500);
/// How often the line at the terminal is made anew.
const EVERY: Duration = Duration::from_millis(250);
/// How often a line is logged.
const LOGGED_EVERY: Duration = Duration::from_secs(60);
/// Over how long rates are taken at the terminal.
const RATES_OVER: Duration = Duration::from_secs(5);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Never,
    AtTheTerminal,
    InTheLog,
}

impl Progress {
    /// As the arguments say, and where it is shown is.
    pub(crate) fn of(cli: &Cli, shown_on: &impl IsTerminal) -> Self {
        let is_terminal = shown_on.is_terminal();
        let is_wanted = match cli.output.progress {
            ProgressArg::Never => false,
            ProgressArg::Always => true,
            ProgressArg::Auto => !cli.is_quiet() && (is_terminal || cli.output.verbose > 0),
        };
        match is_wanted && cli.command.may_take_long() {
            false => Progress::Never,
            true if is_terminal => Progress::AtTheTerminal,
            true => Progress::InTheLog,
        }
    }

    /// Does `work` to its end, and shows meanwhile how far it is.
    pub(crate) async fn beside<T>(self, work: impl Future<Output = T>) -> T {
        self.logging(work, |line| stderr::say(stderr::Severity::Info, &line)).await
    }

    /// The same, with the lines of the log told to `log`.
    async fn logging<T>(self, work: impl Future<Output = T>, mut log: impl FnMut(String)) -> T {
        let (first, every) = match self {
            Progress::Never => return work.await,
            Progress::AtTheTerminal => (FIRST, EVERY),
            Progress::InTheLog => (LOGGED_EVERY, LOGGED_EVERY),
        };
        let mut samples = Samples::begin();
        let mut ticks = interval_at(samples.began + first, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut bar = None;
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => {
                    bar.inspect(|bar: &&ProgressBar| bar.finish_and_clear());
                    return done;
                }
                _ = ticks.tick() => {
                    let Some([done, goes]) = samples.lines() else { continue };
                    match self {
                        Progress::AtTheTerminal => {
                            bar.get_or_insert_with(stderr::begin_progress).set_message(format!("{done}\n{goes}"));
                        }
                        Progress::InTheLog | Progress::Never => log(format!("sealift: {done}, {goes}")),
                    }
                }
            }
        }
    }
}

/// What was seen lately.
struct Samples {
    began: Instant,
    lately: VecDeque<(Instant, ActivitySnapshot)>,
}

impl Samples {
    fn begin() -> Self {
        let now = Instant::now();
        Samples { began: now, lately: VecDeque::from([(now, activity::snapshot())]) }
    }

    /// The lines for this moment; none before there is anything to tell.
    fn lines(&mut self) -> Option<[String; 2]> {
        let (now, snapshot) = (Instant::now(), activity::snapshot());
        // One that is older stays, so that there is always something to compare with.
        while self.lately.get(1).is_some_and(|(time, _)| now.duration_since(*time) >= RATES_OVER) {
            self.lately.pop_front();
        }
        let (then, before) = *self.lately.front()?;
        self.lately.push_back((now, snapshot));
        let headway = headway::now();
        let since_whole = headway.since.map(|since| now.duration_since(since));
        let view = View {
            now: snapshot,
            before,
            over: now.duration_since(then),
            waits_for: self.waits_for(),
            elapsed: now.duration_since(self.began),
            objects: headway.objects,
            whole: headway.whole.zip(since_whole),
        };
        view.lines()
    }

    /// What most streams waited for most of the time: one that is fast waits for this and that in turn.
    fn waits_for(&self) -> Option<WaitsFor> {
        let mut waiting = sealift::Waiting::default();
        self.lately.iter().for_each(|(_, snapshot)| waiting += snapshot.waiting);
        let counts = [
            (waiting.service, WaitsFor::Service),
            (waiting.source, WaitsFor::Source),
            (waiting.codec, WaitsFor::Codec),
            (waiting.target, WaitsFor::Target),
        ];
        counts.into_iter().rev().max_by_key(|(count, _)| *count).filter(|(count, _)| *count > 0).map(|(_, what)| what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::fs::File;
    use tokio::time::sleep;

    /// What these arguments have where standard error is no terminal.
    fn without_a_terminal(arguments: &str) -> Progress {
        let cli = Cli::try_parse_from(arguments.split(' ')).expect("a command line");
        Progress::of(&cli, &File::open("/dev/null").expect("there"))
    }

    #[test]
    fn without_a_terminal_it_is_logged_where_that_is_asked_for() {
        for logged in ["put x -v", "get x -vv", "put x --progress always", "put x --progress always --quiet"] {
            assert_eq!(without_a_terminal(&format!("sealift {logged}")), Progress::InTheLog, "{logged}");
        }
        for silent in ["put x", "put x -v --quiet", "put x -v --progress never", "ls x -v"] {
            assert_eq!(without_a_terminal(&format!("sealift {silent}")), Progress::Never, "{silent}");
        }
    }

    /// The clock goes on by itself as soon as all wait for it.
    #[tokio::test(start_paused = true)]
    async fn a_line_is_logged_each_minute_and_none_before_or_afterwards() {
        let mut told = Vec::new();
        let began = Instant::now();
        let work = async {
            for count in 1..=5 {
                objects(Objects { done: "stored", count, there_already: 0 });
                sleep(Duration::from_secs(25)).await;
            }
            "done"
        };
        let done = Progress::InTheLog.logging(work, |line| told.push((began.elapsed().as_secs(), line))).await;
        let line = |line: &str| line.to_owned();
        let expected = [(60, line("sealift: stored 3 objects, 1:00")), (120, line("sealift: stored 5 objects, 2:00"))];
        assert_eq!((done, told.as_slice()), ("done", expected.as_slice()));
        let mut told = Vec::new();
        Progress::Never.logging(sleep(Duration::from_secs(150)), |line| told.push(line)).await;
        assert_eq!(told, Vec::<String>::new());
    }
}
