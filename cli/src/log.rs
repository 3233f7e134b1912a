//! The log: what is logged (`-v`, `SEALIFT_LOG`), and how a line of it looks.

use crate::args::Cli;
use crate::failure::Failure;
use crate::report::one_line;
use crate::stderr::{self, Colour, Form, Severity};
use serde_json::{Map, Value};
use std::fmt::{self, Write as _};
use std::io;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

const VARIABLE: &str = "SEALIFT_LOG";

/// Sealift's own crates. The SDK's would log whole requests and answers; what matters of them is in our errors.
const OURS: [&str; 7] =
    ["sealift", "sealift_aptos", "sealift_azure", "sealift_command", "sealift_gcs", "sealift_local_fs", "sealift_s3"];

/// What tells of work that never ends, which is heard also where no more is asked for.
const CONTINUOUS: &str = "sealift::commands::continuously";

/// Begins to log as the arguments and the environment say.
pub(crate) fn begin(cli: &Cli) -> Result<(), Failure> {
    let said = std::env::var_os(VARIABLE).filter(|said| !said.is_empty());
    let filter = match said {
        Some(said) => said_filter(&said.to_string_lossy())?,
        None => EnvFilter::new(by_default(cli.output.verbose, cli.is_quiet())),
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Log).event_format(Lines);
    // Nobody else begins one.
    let _ = log.try_init();
    Ok(())
}

/// By how often `-v` was said.
fn by_default(verbose: u8, is_quiet: bool) -> String {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let ours: Vec<String> = OURS.iter().map(|target| format!("{target}={level}")).collect();
    let continuous = if is_quiet || verbose > 0 { String::new() } else { format!(",{CONTINUOUS}=info") };
    format!("off,{}{continuous}", ours.join(","))
}

/// What the variable says. The parser ends the process over some of what is not ASCII, which no target and no level is; and
/// takes a word that is no level for the name of a crate, so that a misspelt level would log nothing.
fn said_filter(said: &str) -> Result<EnvFilter, Failure> {
    let wrong = |why: String| {
        Failure::usage(format!(
            "{VARIABLE}={said}: {why}; write a level (off, error, warn, info, debug, trace), or TARGET=LEVEL, several of \
             them with commas: warn,sealift_s3=debug"
        ))
    };
    if !said.is_ascii() {
        return Err(wrong("it is not ASCII".to_owned()));
    }
    let directives: Vec<&str> = said.split(',').map(str::trim).filter(|directive| !directive.is_empty()).collect();
    for directive in &directives {
        let is_level = directive.parse::<LevelFilter>().is_ok();
        if !is_level && !directive.contains('=') && !OURS.contains(&directive.split("::").next().unwrap_or_default()) {
            return Err(wrong(format!("{directive} is no level")));
        }
    }
    EnvFilter::try_new(directives.join(",")).map_err(|error| wrong(error.to_string()))
}

/// Lines on their way to standard error.
struct Log;

impl io::Write for Log {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        stderr::whole(lines);
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One event is one line, whatever others have put into it.
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut line: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut said = Said::default();
        event.record(&mut said);
        let (level, target) = (severity(*event.metadata().level()), event.metadata().target());
        match stderr::form() {
            Form::Json => {
                let mut fields = said.fields;
                for (name, value) in [
                    ("time", stderr::now()),
                    ("level", level.word().to_owned()),
                    ("target", target.to_owned()),
                    ("message", said.message),
                ] {
                    fields.insert(name.to_owned(), Value::String(value));
                }
                writeln!(line, "{}", Value::Object(fields))
            }
            Form::Journal => writeln!(line, "<{}>{target}: {}", level as u8, one_line(&said.text())),
            Form::Text(colour) => {
                let (on, off) = colours(level, colour);
                writeln!(line, "{} {on}{:>5}{off} {target}: {}", stderr::now(), level.word(), one_line(&said.text()))
            }
        }
    }
}

fn severity(level: Level) -> Severity {
    match level {
        Level::ERROR => Severity::Error,
        Level::WARN => Severity::Warning,
        Level::INFO => Severity::Info,
        Level::DEBUG | Level::TRACE => Severity::Debug,
    }
}

/// What turns the colour of a level on and off.
fn colours(level: Severity, colour: Colour) -> (&'static str, &'static str) {
    match (colour, level) {
        (Colour::Plain, _) => ("", ""),
        (Colour::Coloured, Severity::Error) => ("\x1b[31m", "\x1b[0m"),
        (Colour::Coloured, Severity::Warning) => ("\x1b[33m", "\x1b[0m"),
        (Colour::Coloured, Severity::Notice | Severity::Info) => ("\x1b[32m", "\x1b[0m"),
        (Colour::Coloured, Severity::Debug) => ("\x1b[34m", "\x1b[0m"),
    }
}

/// What an event says.
#[derive(Default)]
struct Said {
    message: String,
    fields: Map<String, Value>,
}

impl Said {
    fn text(&self) -> String {
        let mut text = self.message.clone();
        for (name, value) in &self.fields {
            let value = value.as_str().unwrap_or_default();
            let _ = write!(text, " {name}={value}");
        }
        text
    }
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => drop(self.fields.insert(name.to_owned(), Value::String(format!("{value:?}")))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_the_log_is_taken_or_refused_and_ends_nothing() {
        for said in ["debug", "sealift=debug", "warn, sealift_s3=trace", "off", "sealift", "aws_config=info", ","] {
            assert!(said_filter(said).is_ok(), "{said}");
        }
        for odd in ["\t\u{85}Z\u{85}\r\u{202e}=", "degub", "no such level", "[{", "\u{e9}=debug", "sealift=degub", "=x"]
        {
            let refused = said_filter(odd).expect_err(odd);
            assert_eq!(refused.code(), 2);
            assert!(refused.to_string().contains("write a level"), "{refused}");
        }
    }

    #[test]
    fn the_default_is_a_filter() {
        for verbose in 0..4 {
            for is_quiet in [true, false] {
                assert!(EnvFilter::try_new(by_default(verbose, is_quiet)).is_ok());
            }
        }
    }
}
