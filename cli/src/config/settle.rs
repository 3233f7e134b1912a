//! What of the file a command line takes: each setting becomes a default of its option, unless the command line or the
//! environment say something else that it would stand against.

use super::file::{File, Setting, is_called};
use super::place;
use crate::args::{Cli, LOCATION, of_a_cloud};
use crate::failure::Failure;
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// A command line by itself.
#[derive(Debug)]
pub(super) struct Said {
    /// As it was read by: it cannot be changed any more.
    command: Command,
    /// The command, from its family to itself.
    pub(super) path: Vec<String>,
    /// What was said for it.
    pub(super) matches: ArgMatches,
}

/// A command line together with what the file says for it.
#[derive(Debug)]
pub(super) struct Settled {
    /// With the settings as defaults.
    pub(super) command: Command,
    pub(super) path: Vec<String>,
    pub(super) file: Option<PathBuf>,
    pub(super) profile: Option<String>,
    pub(super) profiles: Vec<String>,
    /// Settings that are taken, by the option's id.
    pub(super) taken: BTreeMap<String, Setting>,
    /// All settings of the file and of the profile.
    pub(super) settings: Vec<Setting>,
}

/// Reads the command line for what it says at all. What it gets wrong, who reads it in earnest says; only help and the
/// version end here.
pub(super) fn said(command: Command, arguments: &[OsString]) -> Result<Said, clap::Error> {
    let mut command = command.ignore_errors(true);
    let mut matches = command.try_get_matches_from_mut(arguments)?;
    let mut path = Vec::new();
    while let Some((name, below)) = matches.remove_subcommand() {
        path.push(name);
        matches = below;
    }
    Ok(Said { command: command.ignore_errors(false), path, matches })
}

impl Said {
    fn leaf(&self) -> &Command {
        below(&self.command, &self.path)
    }

    /// What names the file or the profile.
    fn text(&self, id: &str) -> Option<&OsStr> {
        self.matches.try_get_one::<OsString>(id).ok().flatten().map(OsString::as_os_str)
    }

    /// Whether the command line or the environment say the option.
    fn is_said(&self, option: &Arg) -> bool {
        let by_matches = match self.matches.try_contains_id(option.get_id().as_str()) {
            Ok(true) => self.matches.value_source(option.get_id().as_str()),
            Ok(false) | Err(_) => None,
        };
        // A command line that is wrong is read up to there, and the environment after it.
        let by_environment = option.get_env().is_some_and(|name| std::env::var_os(name).is_some());
        by_environment || matches!(by_matches, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
    }

    /// What is said in place of names: each NAME.
    fn names(&self) -> Vec<String> {
        let named = |option: &&Arg| option.is_positional() && !option.is_last_set() && self.is_said(option);
        let raw = |option: &Arg| self.matches.try_get_raw(option.get_id().as_str()).ok().flatten();
        let names = self.leaf().get_arguments().filter(named).filter_map(raw).flatten();
        names.map(|name| name.to_string_lossy().into_owned()).collect()
    }
}

impl Settled {
    /// Nothing of any file.
    pub(super) fn without_file(said: Said) -> Settled {
        let (taken, settings) = (BTreeMap::new(), Vec::new());
        Settled {
            command: Cli::command(),
            path: said.path,
            file: None,
            profile: None,
            profiles: Vec::new(),
            taken,
            settings,
        }
    }

    /// What the file says for this command line: which file, and which profile, it says itself.
    pub(super) fn of(said: Said) -> Result<Settled, Failure> {
        let profile =
            said.text("profile").filter(|name| !name.is_empty()).map(|name| name.to_string_lossy().into_owned());
        let found = place::find(said.text("config"))?;
        let file = match (found, &profile) {
            (Some((path, text)), _) => File::parse(&path, &text, &said.command)?,
            (None, None) => return Ok(Settled::without_file(said)),
            (None, Some(profile)) => {
                let places = place::usual(|name| std::env::var_os(name).map(PathBuf::from));
                let places: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
                return Err(Failure::usage(format!(
                    "--profile {profile}: there is no configuration file; it would be --config FILE, {}",
                    places.join(" or ")
                )));
            }
        };
        if let Some(profile) = profile.as_ref().filter(|profile| !file.profiles.contains(profile)) {
            let there = match file.profiles.as_slice() {
                [] => "no profiles".to_owned(),
                profiles => format!("only {}", profiles.join(", ")),
            };
            let path = file.path.display();
            return Err(Failure::usage(format!("--profile {profile}: there is no such profile; {path} has {there}")));
        }
        Ok(Settled::with(said, file, profile))
    }

    fn with(said: Said, file: File, profile: Option<String>) -> Settled {
        let File { path: file, mut settings, profiles } = file;
        settings.retain(|setting| setting.profile.is_none() || setting.profile == profile);
        let taken = taken(&said, &settings);
        let (mut command, path) = (Cli::command(), said.path);
        for (id, setting) in &taken {
            command = with_default(command, &path, id, &setting.values);
        }
        Settled { command, path, file: Some(file), profile, profiles, taken, settings }
    }

    /// The failure that a setting is to blame for, if one is.
    pub(super) fn blamed(&self, error: &clap::Error) -> Option<Failure> {
        let Some(ContextValue::String(blamed)) = error.get(ContextKind::InvalidArg) else { return None };
        // Options are only told by name when all is built.
        let mut command = self.command.clone();
        command.build();
        let option = below(&command, &self.path).get_arguments().find(|option| option.to_string() == *blamed)?;
        let Setting { key, line, .. } = self.taken.get(option.get_id().as_str())?;
        let takes = match (error.get(ContextKind::ValidValue), std::error::Error::source(error)) {
            (Some(ContextValue::Strings(valid)), _) => format!("; it takes {}", valid.join(", ")),
            (_, Some(why)) => format!(": {why}"),
            _ => String::new(),
        };
        let path = self.file.as_deref().unwrap_or(std::path::Path::new("")).display();
        Some(Failure::usage(format!("{path}:{line}: {key}: this is no value for {blamed}{takes}")))
    }
}

/// The command that a path of names leads to.
pub(super) fn below<'a>(command: &'a Command, path: &[String]) -> &'a Command {
    path.iter().fold(command, |command, name| command.find_subcommand(name).unwrap_or(command))
}

/// Of each option the setting that is taken, the one that is most particular.
fn taken(said: &Said, settings: &[Setting]) -> BTreeMap<String, Setting> {
    let rank = |setting: &Setting| (setting.profile.is_some(), setting.command.len());
    let mut taken: BTreeMap<String, Setting> = BTreeMap::new();
    for setting in settings.iter().filter(|setting| said.path.starts_with(&setting.command)) {
        let own = said.leaf().get_arguments().chain(said.command.get_arguments());
        let Some(option) = own.into_iter().find(|option| is_called(option, &setting.key)) else { continue };
        let id = option.get_id().as_str();
        if taken.get(id).is_none_or(|known| rank(known) <= rank(setting)) {
            taken.insert(id.to_owned(), setting.clone());
        }
    }
    let stronger = Stronger::of(said, &taken);
    taken.retain(|id, _| stronger.leaves(id));
    taken
}

/// What the command line and the environment say, and what of a file that leaves no room for.
struct Stronger<'a> {
    said: &'a Said,
    options: Vec<&'a Arg>,
    /// Where the command works is said: what a file says of that is of another place.
    says_where: bool,
    /// What tells the clouds that the command is about.
    storages: Vec<String>,
}

impl<'a> Stronger<'a> {
    fn of(said: &'a Said, taken: &BTreeMap<String, Setting>) -> Self {
        let options: Vec<_> = said.leaf().get_arguments().filter(|option| said.is_said(option)).collect();
        let names = said.names();
        let by_url = !names.is_empty() && names.iter().all(|name| name.contains("://"));
        let by_option = options.iter().any(|option| option.get_id() == "storage");
        let said_storage = said.matches.try_get_one::<String>("storage").ok().flatten().cloned();
        let set = || taken.get("storage").and_then(|setting| setting.values.first()).cloned();
        let mut storages: Vec<_> = names.into_iter().filter(|name| name.contains("://")).collect();
        storages.extend(if by_url { None } else { said_storage.or_else(set) });
        Stronger { said, options, says_where: by_url || by_option, storages }
    }

    /// Whether the file's setting of this option is taken.
    fn leaves(&self, id: &str) -> bool {
        let leaf = self.said.leaf();
        let Some(option) = leaf.get_arguments().find(|option| option.get_id() == id) else {
            // One of all commands, which stands against no other.
            let all = self.said.command.get_arguments().find(|option| option.get_id() == id);
            return all.is_none_or(|option| !self.said.is_said(option));
        };
        if self.options.iter().any(|said| said.get_id() == id) || self.says_where && LOCATION.contains(&id) {
            return false;
        }
        let against =
            |one: &Arg, other: &Arg| leaf.get_arg_conflicts_with(one).iter().any(|arg| arg.get_id() == other.get_id());
        if self.options.iter().any(|said| against(said, option) || against(option, said)) {
            return false;
        }
        match leaf
            .get_groups()
            .find(|group| group.get_args().any(|arg| arg == id))
            .and_then(|group| of_a_cloud(group.get_id().as_str()))
        {
            Some(schemes) => {
                self.storages.iter().any(|storage| schemes.iter().any(|scheme| storage.starts_with(scheme)))
            }
            None => true,
        }
    }
}

/// The command with these values as the default of an option of the command that `path` leads to, or of its own.
fn with_default(command: Command, path: &[String], id: &str, values: &[String]) -> Command {
    let settle = |option: Arg| option.required(false).default_values(values.iter().cloned());
    if command.get_arguments().any(|option| option.get_id() == id) && (path.is_empty() || is_global(&command, id)) {
        return command.mut_arg(id, settle);
    }
    match path {
        [] => command,
        [first, rest @ ..] => command.mut_subcommand(first, |below| with_default(below, rest, id, values)),
    }
}

fn is_global(command: &Command, id: &str) -> bool {
    command.get_arguments().any(|option| option.get_id() == id && option.is_global_set())
}
