//! `config show`: each value, and who says it.

use super::file::Setting;
use super::settle::{self, Settled, below};
use crate::args::{Cli, ConfigShow};
use crate::failure::Failure;
use crate::report;
use crate::storages::may_be_shown;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory};
use serde_json::{Value, json};
use std::ffi::{OsStr, OsString};

/// What is not shown, since it may hold a secret.
const HIDDEN: &str = "(not shown)";

/// Shows what a command would take, or what is in the file.
pub(crate) fn run(args: &ConfigShow, config: Option<&OsStr>, profile: Option<&OsStr>) -> Result<(), Failure> {
    let settled = settled(args, config, profile)?;
    if args.command.is_empty() {
        for line in file(&settled, args.json) {
            report::line(line);
        }
        return Ok(());
    }
    let leaf = below(&settled.command, &settled.path);
    if settled.path.is_empty() || leaf.is_subcommand_required_set() {
        let below: Vec<_> = leaf.get_subcommands().map(Command::get_name).collect();
        let said = args.command.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        return Err(Failure::usage(format!("config show {said}: say one of its commands: {}", below.join(", "))));
    }
    let arguments = arguments(args, config, profile);
    let said = settle::said(settled.command.clone(), &arguments).map_err(|_| help())?;
    for option in leaf.get_arguments().chain(settled.command.get_arguments()) {
        let Some(shown) = shown(option, &said.matches, &settled) else { continue };
        match args.json {
            true => report::line(shown.json()),
            false => report::line(shown),
        }
    }
    Ok(())
}

fn help() -> Failure {
    Failure::usage("config show: say the command and its options, without --help")
}

/// The command line that is asked about. What is said before `config show` holds for it, unless it says other.
fn arguments(args: &ConfigShow, config: Option<&OsStr>, profile: Option<&OsStr>) -> Vec<OsString> {
    let mut arguments = vec![OsString::from("sealift")];
    for (option, value) in [("--config", config), ("--profile", profile)] {
        let is_said = |word: &OsString| word.to_string_lossy().split('=').next() == Some(option);
        if let Some(value) = value.filter(|_| !args.command.iter().any(is_said)) {
            arguments.extend([option.into(), value.to_owned()]);
        }
    }
    arguments.extend(args.command.iter().cloned());
    arguments
}

fn settled(args: &ConfigShow, config: Option<&OsStr>, profile: Option<&OsStr>) -> Result<Settled, Failure> {
    Settled::of(settle::said(Cli::command(), &arguments(args, config, profile)).map_err(|_| help())?)
}

/// What there is in the file, for everybody and of the profile.
fn file(settled: &Settled, as_json: bool) -> Vec<String> {
    let path = settled.file.as_ref().map(|path| path.display().to_string());
    if as_json {
        let settings = settled.settings.iter().map(|setting| {
            let Setting { key, line, profile, command, .. } = setting;
            json!({ "option": key, "value": text(setting), "file": path, "line": line, "profile": profile, "command": command.join(" ") })
        });
        let settings: Vec<_> = settings.collect();
        let (profile, profiles) = (&settled.profile, &settled.profiles);
        return vec![
            json!({ "file": path, "profile": profile, "profiles": profiles, "settings": settings }).to_string(),
        ];
    }
    let Some(path) = path else { return vec!["# no configuration file".to_owned()] };
    let profiles = match settled.profiles.as_slice() {
        [] => String::new(),
        profiles => format!(", with the profiles {}", profiles.join(", ")),
    };
    let mut lines = vec![format!("# {path}{profiles}")];
    lines.extend(settled.settings.iter().map(|setting| {
        let shown = format!("{} = {}", setting.key, text(setting));
        format!("{shown}  # line {} {}", setting.line, setting.table()).trim_end().to_owned()
    }));
    lines
}

fn text(setting: &Setting) -> String {
    match setting.values.iter().all(|value| may_be_shown(value)) {
        true => setting.values.join(", "),
        false => HIDDEN.to_owned(),
    }
}

/// An option's value.
struct Shown {
    option: String,
    value: String,
    from: String,
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} = {}  # {}", self.option, self.value, self.from)
    }
}

impl Shown {
    fn json(&self) -> Value {
        json!({ "option": self.option, "value": self.value, "from": self.from })
    }
}

/// What the option has come to be; nothing of one that has no value.
fn shown(option: &Arg, matches: &ArgMatches, settled: &Settled) -> Option<Shown> {
    let long = option.get_long()?;
    if matches!(option.get_action(), ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version)
    {
        return None;
    }
    let id = option.get_id().as_str();
    let values: Vec<_> = matches.try_get_raw(id).ok()??.map(|value| value.to_string_lossy().into_owned()).collect();
    let value = match values.iter().all(|value| may_be_shown(value)) {
        true => values.join(", "),
        false => HIDDEN.to_owned(),
    };
    let from = match (matches.value_source(id)?, settled.taken.get(id)) {
        (ValueSource::CommandLine, _) => "the command line".to_owned(),
        (ValueSource::EnvVariable, _) => format!("the environment, {}", option.get_env()?.to_string_lossy()),
        (_, Some(setting)) => {
            let path = settled.file.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
            format!("{path}:{} {}", setting.line, setting.table()).trim_end().to_owned()
        }
        (_, None) => "default".to_owned(),
    };
    Some(Shown { option: long.to_owned(), value, from })
}
