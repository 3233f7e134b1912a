//! What a configuration file says: settings, each with the line it is in. A key that no command has is an error.

use crate::failure::Failure;
use clap::{Arg, ArgAction, Command};
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The table that holds the profiles.
const PROFILE: &str = "profile";
/// So alike two words are that one was meant by the other, as the parser of the command line has it.
const ALIKE: f64 = 0.7;
/// What a key has in it that would hold a secret.
const SECRETS: [&str; 8] =
    ["secret", "password", "passphrase", "token", "key", "sas", "connection-string", "credential"];
/// Options that are no settings, and why.
const NO_SETTINGS: [(&str, &str); 5] = [
    ("config", "it says which file is read"),
    ("profile", "say it on the command line, or as SEALIFT_PROFILE"),
    ("help", "it is no setting"),
    ("version", "it is no setting"),
    ("yes", "what removes is confirmed on the command line, each time"),
];

/// A configuration file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) settings: Vec<Setting>,
    pub(super) profiles: Vec<String>,
}

/// An option's value in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// Of which profile; of the file itself without one.
    pub(super) profile: Option<String>,
    /// Of which command, from its family to itself; of all without one.
    pub(super) command: Vec<String>,
    /// An option's long name.
    pub(super) key: String,
    pub(super) values: Vec<String>,
    pub(super) line: usize,
}

impl Setting {
    /// The table it is in, as it is written in the file; nothing for the beginning of it.
    pub(super) fn table(&self) -> String {
        let profile = self.profile.iter().flat_map(|profile| [PROFILE, profile]);
        let names: Vec<_> = profile.chain(self.command.iter().map(String::as_str)).collect();
        match names.is_empty() {
            true => String::new(),
            false => format!("[{}]", names.join(".")),
        }
    }
}

impl File {
    /// Reads the file's `text` by the options that `commands` have.
    pub(super) fn parse(path: &Path, text: &str, commands: &Command) -> Result<File, Failure> {
        // Not the parser's whole message, which shows the line: a secret may be in it.
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line(text, span.start));
            Failure::usage(format!("{}:{line}: {}", path.display(), error.message()))
        })?;
        let mut parsing = Parsing { path, text, settings: Vec::new() };
        let (mut profiles, mut rest) = (Vec::new(), Vec::new());
        for (key, value) in table.get_ref().iter() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                (PROFILE, DeValue::Table(tables)) => {
                    for (name, profile) in tables.iter() {
                        let DeValue::Table(settings) = profile.get_ref() else {
                            return parsing.refused(name, "a profile is a table: [profile.NAME]");
                        };
                        profiles.push(name.get_ref().to_string());
                        let scope = Scope { profile: Some(name.get_ref()), command: &[] };
                        parsing.table(commands, settings.iter(), scope)?;
                    }
                }
                _ => rest.push((key, value)),
            }
        }
        parsing.table(commands, rest, Scope { profile: None, command: &[] })?;
        Ok(File { path: path.to_owned(), settings: parsing.settings, profiles })
    }
}

/// The table that is read.
#[derive(Clone, Copy)]
struct Scope<'a> {
    profile: Option<&'a str>,
    command: &'a [String],
}

struct Parsing<'a> {
    path: &'a Path,
    text: &'a str,
    settings: Vec<Setting>,
}

type Key<'a> = Spanned<std::borrow::Cow<'a, str>>;

impl Parsing<'_> {
    fn refused<T>(&self, key: &Key<'_>, why: impl std::fmt::Display) -> Result<T, Failure> {
        let line = line(self.text, key.span().start);
        Err(Failure::usage(format!("{}:{line}: {}: {why}", self.path.display(), key.get_ref())))
    }

    /// Reads a table of settings of `command`, and of those below it.
    fn table<'t>(
        &mut self,
        command: &Command,
        entries: impl IntoIterator<Item = (&'t Key<'t>, &'t Spanned<DeValue<'t>>)>,
        scope: Scope<'_>,
    ) -> Result<(), Failure> {
        for (key, value) in entries {
            let name = key.get_ref().as_ref();
            match (value.get_ref(), command.find_subcommand(name), option(command, name)) {
                (DeValue::Table(table), Some(below), _) => {
                    let path = [scope.command, &[below.get_name().to_owned()]].concat();
                    self.table(below, table.iter(), Scope { command: &path, ..scope })?;
                }
                (DeValue::Table(_), None, Some(_)) => return self.refused(key, "it takes a value, and is no table"),
                (DeValue::Table(_), None, None) => {
                    let commands = command.get_subcommands().map(Command::get_name);
                    let hint = suggestion(name, commands.chain([PROFILE]));
                    return self.refused(key, format!("there is no such command{hint}"));
                }
                (_, Some(_), None) => return self.refused(key, "a command's settings are a table of its name"),
                (value, _, Some(option)) => {
                    if let Some((_, why)) =
                        NO_SETTINGS.iter().find(|(no_setting, _)| Some(*no_setting) == option.get_long())
                    {
                        return self.refused(key, format!("this cannot be set in a file: {why}"));
                    }
                    let values = match values(option, value) {
                        Ok(values) => values,
                        Err(why) => return self.refused(key, why),
                    };
                    self.settings.push(Setting {
                        profile: scope.profile.map(str::to_owned),
                        command: scope.command.to_vec(),
                        key: name.to_owned(),
                        values,
                        line: line(self.text, key.span().start),
                    });
                }
                (_, None, None) => return self.refused(key, unknown(command, name)),
            }
        }
        Ok(())
    }
}

/// The option of this long name that the command has, or one below it.
fn option<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    let own = command.get_arguments().find(|option| is_called(option, name));
    own.or_else(|| command.get_subcommands().find_map(|below| self::option(below, name)))
}

/// Whether this is a long name of the option.
pub(super) fn is_called(option: &Arg, name: &str) -> bool {
    option.get_long() == Some(name) || option.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
}

/// The long names of what the command, and those below it, have.
fn names(command: &Command) -> Vec<&str> {
    let own = command.get_arguments().filter_map(Arg::get_long);
    own.chain(command.get_subcommands().flat_map(names)).collect()
}

fn unknown(command: &Command, name: &str) -> String {
    let lower = name.to_ascii_lowercase().replace('_', "-");
    if SECRETS.iter().any(|secret| lower.contains(secret)) && !names(command).contains(&lower.as_str()) {
        return "secrets are not kept in this file: leave them to the environment, or to a file that sas-file or \
                credentials-file names"
            .to_owned();
    }
    let of = match command.get_name() {
        "sealift" => "there is no such option".to_owned(),
        command => format!("{command} has no such option"),
    };
    format!("{of}{}", suggestion(&lower, names(command)))
}

/// What was meant by `name`, perhaps.
fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let alike = known.into_iter().map(|known| (strsim::jaro_winkler(name, known), known));
    match alike.max_by(|(one, _), (other, _)| one.total_cmp(other)) {
        Some((likeness, known)) if likeness > ALIKE => format!("; did you mean {known}?"),
        _ => String::new(),
    }
}

/// The value as it would be said on a command line, if the option takes one like it.
fn values(option: &Arg, value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let is_many = matches!(option.get_action(), ArgAction::Append);
    match (option.get_action(), value) {
        (ArgAction::SetTrue | ArgAction::SetFalse, DeValue::Boolean(value)) => Ok(vec![value.to_string()]),
        (ArgAction::SetTrue | ArgAction::SetFalse, _) => Err("it is true or false".to_owned()),
        (_, DeValue::Array(values)) if is_many => values.iter().map(|value| scalar(value.get_ref())).collect(),
        (_, DeValue::Array(_)) => Err("it takes one value".to_owned()),
        (_, value) => scalar(value).map(|value| vec![value]),
    }
}

fn scalar(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Ok(number.to_string()),
            Err(_) => Err("the number is too large".to_owned()),
        },
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Datetime(time) => Ok(time.to_string()),
        DeValue::Boolean(_) => Err("it takes a value, in quotes".to_owned()),
        DeValue::Array(_) | DeValue::Table(_) => Err("it takes a text or a number".to_owned()),
    }
}

/// The line in which a byte of the text is, from 1.
fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
