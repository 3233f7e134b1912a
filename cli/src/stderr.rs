//! Standard error, where messages, the log and the progress meet: the one way to it, so that none of them runs into another.

use crate::report::one_line;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::sync::OnceLock;

/// How messages look. Summaries look the same in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As text, for people.
    Text(Colour),
    /// As text with the prefixes by which the journal takes levels (sd-daemon(3)); it has the time by itself.
    Journal,
    /// As one JSON document a line.
    Json,
}

/// Whether levels are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    Coloured,
    Plain,
}

/// How much a message matters, as syslog(3) has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Error = 3,
    Warning = 4,
    Notice = 5,
    Info = 6,
    Debug = 7,
}

impl Severity {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Severity::Error => "ERROR",
            Severity::Warning => "WARN",
            Severity::Notice => "NOTICE",
            Severity::Info => "INFO",
            Severity::Debug => "DEBUG",
        }
    }
}

impl Form {
    /// What suits standard error, where nothing else is asked for.
    pub(crate) fn suitable() -> Self {
        match (is_the_journal(), std::io::stderr().is_terminal() && colours_are_wanted()) {
            (true, _) => Form::Journal,
            (false, true) => Form::Text(Colour::Coloured),
            (false, false) => Form::Text(Colour::Plain),
        }
    }
}

/// The form of this process's messages, which is chosen once.
static FORM: OnceLock<Form> = OnceLock::new();

/// Chooses how messages look from here on.
pub(crate) fn choose(form: Form) {
    let _ = FORM.set(form);
}

/// How messages look.
pub(crate) fn form() -> Form {
    *FORM.get_or_init(Form::suitable)
}

/// Says something to whoever reads the messages.
pub(crate) fn say(severity: Severity, text: &str) {
    match form() {
        Form::Text(_) => line(&one_line(text)),
        Form::Journal => line(&format!("<{}>{}", severity as u8, one_line(text))),
        Form::Json => line(&json!({ "time": now(), "level": severity.word(), "message": text }).to_string()),
    }
}

/// A line as it is.
pub(crate) fn line(text: &str) {
    whole(format!("{text}\n").as_bytes());
}

/// Whole lines as they are. When nobody can be told, nobody is.
pub(crate) fn whole(lines: &[u8]) {
    let _ = without_progress(|| std::io::stderr().write_all(lines));
}

/// A line when the process ends at once, which waits for nobody who writes.
pub(crate) fn last_word(text: &str) {
    // Below the progress, which stays.
    let apart = if BAR.get().is_some() { "\n" } else { "" };
    let _ = writeln!(std::io::stderr(), "{apart}{}", one_line(text));
}

/// The time, to the millisecond, in UTC.
pub(crate) fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// The line of progress at the terminal, once there is one.
static BAR: OnceLock<ProgressBar> = OnceLock::new();

/// Begins to show progress, and returns where.
pub(crate) fn begin_progress() -> &'static ProgressBar {
    BAR.get_or_init(|| {
        let bar = ProgressBar::new_spinner();
        bar.set_style(ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar
    })
}

/// Does what writes to the terminal while no progress is shown there. It is shown again when it is next told.
pub(crate) fn without_progress<T>(write: impl FnOnce() -> T) -> T {
    match BAR.get() {
        Some(bar) if !bar.is_finished() => {
            bar.set_message("");
            bar.suspend(write)
        }
        _ => write(),
    }
}

/// Whether standard error is a stream to the journal: JOURNAL_STREAM says which file that is, and is inherited also by those
/// whose standard error is another (systemd.exec(5)).
fn is_the_journal() -> bool {
    let Ok(said) = std::env::var("JOURNAL_STREAM") else { return false };
    let is = std::io::stderr().as_fd().try_clone_to_owned().and_then(|fd| std::fs::File::from(fd).metadata());
    is.is_ok_and(|is| is_named(&said, is.dev(), is.ino()))
}

fn is_named(said: &str, device: u64, inode: u64) -> bool {
    let Some((said_device, said_inode)) = said.split_once(':') else { return false };
    said_device.parse() == Ok(device) && said_inode.parse() == Ok(inode)
}

/// By <https://no-color.org>, and by what a terminal says that has none.
fn colours_are_wanted() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_known_by_device_and_inode() {
        assert!(is_named("8:1234", 8, 1234));
        for other in ["8:1235", "9:1234", "8", "", ":", "8:1234:5", "x:y"] {
            assert!(!is_named(other, 8, 1234), "{other}");
        }
    }
}
