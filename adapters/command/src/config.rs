//! The YAML in which operators say what their commands are: the Aptos backup tools' format, and time limits.

use jiff::SignedDuration;
use sealift::{Error, ErrorKind, Result};
use serde::de::{self, Error as _, SeqAccess, Visitor, value};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// A configuration: variables, commands, and how long each may stand still.
///
/// Fields that are not known are passed over, as the Aptos tools do. Those take `env_vars` only as a list; a single
/// variable in its place, and none at all, are understood here too.
#[derive(Debug, Clone, Deserialize)]
pub struct CommandConfig {
    /// Added to this process's environment for every command. Values are taken as they are, nothing in them is replaced.
    #[serde(default, deserialize_with = "one_or_many")]
    pub env_vars: Vec<EnvVar>,
    /// The commands.
    pub commands: Commands,
    /// How long each command may keep us waiting at a time: to put out or take in more, or to end. No limit by default.
    #[serde(default)]
    pub time_limits: TimeLimits,
}

/// A variable of the environment. Its value may be a secret and is never shown.
#[derive(Clone, Deserialize)]
pub struct EnvVar {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl fmt::Debug for EnvVar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvVar").field("key", &self.key).finish_non_exhaustive()
    }
}

/// The commands. Each is run by `bash -c` with nounset, errexit and pipefail set.
#[derive(Debug, Clone, Deserialize)]
pub struct Commands {
    /// Opens a group of files named `$BACKUP_NAME`, and puts out its handle.
    pub create_backup: String,
    /// Stores its input as the file `$FILE_NAME` of `$BACKUP_HANDLE`; before that puts out the file's handle and closes
    /// its standard output.
    pub create_for_write: String,
    /// Puts out the file `$FILE_HANDLE`.
    pub open_for_read: String,
    /// Stores its input as the metadata file `$FILE_NAME`, and may put out its handle.
    pub save_metadata_line: String,
    /// Puts out the handles of all metadata files, a line each.
    pub list_metadata_files: String,
    /// Moves the metadata file `$FILE_NAME` to where it is kept but not listed.
    #[serde(default)]
    pub backup_metadata_file: Option<String>,
}

/// One of the commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandName {
    /// `create_backup`
    CreateBackup,
    /// `create_for_write`
    CreateForWrite,
    /// `open_for_read`
    OpenForRead,
    /// `save_metadata_line`
    SaveMetadataLine,
    /// `list_metadata_files`
    ListMetadataFiles,
    /// `backup_metadata_file`
    BackupMetadataFile,
}

impl fmt::Display for CommandName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CommandName::CreateBackup => "create_backup",
            CommandName::CreateForWrite => "create_for_write",
            CommandName::OpenForRead => "open_for_read",
            CommandName::SaveMetadataLine => "save_metadata_line",
            CommandName::ListMetadataFiles => "list_metadata_files",
            CommandName::BackupMetadataFile => "backup_metadata_file",
        })
    }
}

/// A time limit for each command, by its name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeLimits {
    create_backup: Limit,
    create_for_write: Limit,
    open_for_read: Limit,
    save_metadata_line: Limit,
    list_metadata_files: Limit,
    backup_metadata_file: Limit,
}

impl TimeLimits {
    pub(crate) fn of(&self, command: CommandName) -> Option<Duration> {
        let limit = match command {
            CommandName::CreateBackup => self.create_backup,
            CommandName::CreateForWrite => self.create_for_write,
            CommandName::OpenForRead => self.open_for_read,
            CommandName::SaveMetadataLine => self.save_metadata_line,
            CommandName::ListMetadataFiles => self.list_metadata_files,
            CommandName::BackupMetadataFile => self.backup_metadata_file,
        };
        limit.0
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Limit(Option<Duration>);

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = text.parse::<SignedDuration>().ok().and_then(|limit| Duration::try_from(limit).ok());
        match parsed.filter(|limit| !limit.is_zero()) {
            Some(limit) => Ok(Limit(Some(limit))),
            None => Err(D::Error::custom(format!("{text:?} is not a time such as 90s or 1h 30m"))),
        }
    }
}

impl CommandConfig {
    /// The configuration in the file at `path`. Blocks.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] when it cannot be read or is not a configuration; says where and why.
    pub fn load(path: &Path) -> Result<Self> {
        let unreadable = |error: std::io::Error| {
            Error::new(
                ErrorKind::InvalidConfig,
                "read the configuration",
                path.display().to_string(),
                error.to_string(),
            )
            .with_hint("name the YAML file that has the commands; `sealift command-config` prints one")
            .with_source(error)
        };
        let yaml = std::fs::read_to_string(path).map_err(unreadable)?;
        CommandConfig::from_yaml(&yaml, &path.display().to_string())
    }

    /// The configuration in the text `yaml`. `origin` is where it comes from, for messages.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] when it is not a configuration; says where and why.
    pub fn from_yaml(yaml: &str, origin: &str) -> Result<Self> {
        let invalid = |reason: String| {
            Error::new(ErrorKind::InvalidConfig, "read the configuration", origin, reason).with_hint(
                "it has `env_vars` (a list of `key` and `value`) and `commands` (create_backup, create_for_write, \
                 open_for_read, save_metadata_line, list_metadata_files, and optionally backup_metadata_file)",
            )
        };
        // Without the snippet of the text that the parser can show: there may be a secret in it.
        let options = serde_saphyr::options! { with_snippet: false };
        let config: CommandConfig =
            serde_saphyr::from_str_with_options(yaml, options).map_err(|error| invalid(error.to_string()))?;
        for EnvVar { key, value } in &config.env_vars {
            if key.is_empty() || key.contains(['=', '\0']) || value.contains('\0') {
                // Somebody may have written the value there too.
                let name = key.split('=').next().unwrap_or_default();
                return Err(invalid(format!("{name:?} cannot be a variable, or its value cannot be one's")));
            }
        }
        Ok(config)
    }

    pub(crate) fn command(&self, command: CommandName) -> Result<&str> {
        let commands = &self.commands;
        Ok(match command {
            CommandName::CreateBackup => &commands.create_backup,
            CommandName::CreateForWrite => &commands.create_for_write,
            CommandName::OpenForRead => &commands.open_for_read,
            CommandName::SaveMetadataLine => &commands.save_metadata_line,
            CommandName::ListMetadataFiles => &commands.list_metadata_files,
            CommandName::BackupMetadataFile => commands.backup_metadata_file.as_deref().ok_or_else(|| {
                let reason = "the configuration has no command backup_metadata_file";
                Error::new(ErrorKind::InvalidConfig, "back up", "a metadata file", reason)
                    .with_hint("add one: it moves metadata/$FILE_NAME to metadata_backup/$FILE_NAME")
            })?,
        })
    }
}

/// A list of variables, or a single one.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<EnvVar>, D::Error> {
    struct OneOrMany;
    impl<'de> Visitor<'de> for OneOrMany {
        type Value = Vec<EnvVar>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of variables, each with `key` and `value`")
        }

        // In place of the default, which shows the text: `NAME=value` is easily written there.
        fn visit_str<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
            Err(E::custom("a text where a list of variables is expected, each with `key` and `value`"))
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(value::SeqAccessDeserializer::new(seq))
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            EnvVar::deserialize(value::MapAccessDeserializer::new(map)).map(|one| vec![one])
        }
    }
    deserializer.deserialize_any(OneOrMany)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMANDS: &str = "
commands:
  create_backup: echo
  create_for_write: |
    a
    b
  open_for_read: 'c'
  save_metadata_line: \"d\"
  list_metadata_files: e
";

    fn parse(yaml: &str) -> Result<CommandConfig> {
        CommandConfig::from_yaml(yaml, "test")
    }

    #[test]
    fn variables_in_every_form_that_is_seen() {
        for (yaml, expected) in [
            ("env_vars: []\n", vec![]),
            ("", vec![]),
            ("env_vars:\n", vec![]),
            ("env_vars:\n- key: A\n  value: b c\n- {key: B, value: 1}\n", vec![("A", "b c"), ("B", "1")]),
            ("env_vars:\n  - key: \"A\"\n    # a comment\n    value: 'x'\n", vec![("A", "x")]),
            ("env_vars:\n  key: A\n  value: $HOME\n", vec![("A", "$HOME")]),
        ] {
            let config = parse(&format!("{yaml}{COMMANDS}")).expect(yaml);
            let found: Vec<_> = config.env_vars.iter().map(|var| (var.key.as_str(), var.value.as_str())).collect();
            assert_eq!(found, expected, "{yaml}");
            assert_eq!(config.commands.create_for_write, "a\nb\n");
            assert!(config.command(CommandName::BackupMetadataFile).is_err());
        }
    }

    #[test]
    fn what_is_not_known_is_passed_over() {
        assert!(parse(&format!("nv_vars:\n  - x\n{COMMANDS}  another: x\n")).is_ok());
    }

    #[test]
    fn time_limits_are_off_unless_set() {
        let config = parse(&format!("{COMMANDS}time_limits:\n  open_for_read: 1m 30s\n")).expect("valid");
        assert_eq!(config.time_limits.of(CommandName::OpenForRead), Some(Duration::from_secs(90)));
        assert_eq!(config.time_limits.of(CommandName::CreateForWrite), None);
        for wrong in ["open_for_read: soon", "open_for_read: 0s", "open_for_raed: 1s"] {
            assert!(parse(&format!("{COMMANDS}time_limits:\n  {wrong}\n")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn errors_say_where_and_show_no_value() {
        let secret = "env_vars:\n  - key: SAS\n    value: [a-secret]\n";
        let error = parse(&format!("{secret}{COMMANDS}")).expect_err("a list is no value");
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.to_string().contains("line 3"), "{error}");
        assert!(!error.to_string().contains("a-secret"), "{error}");
        for misplaced in
            ["env_vars: SAS=a-secret\n", "env_vars:\n- SAS=a-secret\n", "env_vars:\n- {key: SAS=a-secret, value: x}\n"]
        {
            let error = parse(&format!("{misplaced}{COMMANDS}")).expect_err(misplaced).to_string();
            assert!(!error.contains("a-secret"), "{error}");
        }
        let error = parse("commands:\n  create_backup: x\n").expect_err("more is needed");
        assert!(error.to_string().contains("create_for_write"), "{error}");
        let config = parse(&format!("env_vars:\n- key: SAS\n  value: a-secret\n{COMMANDS}")).expect("valid");
        assert!(!format!("{config:?}").contains("a-secret"));
    }
}
