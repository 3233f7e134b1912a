//! The import of a command adapter's configuration: what it prints is for a shell, so each option is one word of it,
//! with nothing in it that a shell would run.
//!
//! The command line is a program and no library, so its module is compiled into this target.
#![no_main]

#[path = "../../cli/src/import/mod.rs"]
mod import;

use import::{Native, native};
use libfuzzer_sys::fuzz_target;
use sealift_command::{CommandConfig, Commands, EnvVar};

/// Between the parts of the input.
const SEPARATOR: char = '\u{1e}';

// create_for_write, open_for_read, list_metadata_files, and any number of NAME=VALUE.
fuzz_target!(|input: &str| {
    let mut parts = input.split(SEPARATOR).map(str::to_owned);
    let mut next = || parts.next().unwrap_or_default();
    let commands = Commands {
        create_backup: "echo $BACKUP_NAME".to_owned(),
        create_for_write: next(),
        open_for_read: next(),
        save_metadata_line: String::new(),
        list_metadata_files: next(),
        backup_metadata_file: None,
    };
    let variable = |text: String| {
        let (key, value) = text.split_once('=')?;
        // As a configuration's must be.
        let fits = !key.is_empty() && !text.contains('\0');
        fits.then(|| EnvVar { key: key.to_owned(), value: value.to_owned() })
    };
    let env_vars = parts.filter_map(variable).collect();
    let config = CommandConfig { env_vars, commands, time_limits: Default::default() };
    let Ok(Native { flags, notes: _ }) = native(&config, |_| None) else { return };
    for flag in &flags {
        assert!(is_one_word(flag), "{flag:?}");
    }
});

/// Whether a shell takes `flag` as one word, of which it replaces nothing but plain variables.
fn is_one_word(flag: &str) -> bool {
    if !flag.starts_with("--") {
        return false;
    }
    match flag.split_once("=\"").and_then(|(name, quoted)| Some((name, quoted.strip_suffix('"')?))) {
        Some((name, quoted)) if !name.contains('\'') => is_plain(quoted),
        _ => shlex::split(flag).is_some_and(|words| words.len() == 1),
    }
}

/// Whether what stands in double quotes has nothing that a shell acts on but `${NAME}`.
fn is_plain(quoted: &str) -> bool {
    let mut rest = quoted;
    while let Some(at) = rest.find(['"', '`', '$', '\\']) {
        let special = &rest[at..];
        let after = match special.strip_prefix('\\') {
            // Whatever is escaped is itself.
            Some(escaped) if escaped.starts_with(['"', '`', '$', '\\']) => &escaped[1..],
            Some(other) => other,
            None => {
                let variable = special.strip_prefix("${").and_then(|rest| rest.split_once('}'));
                match variable {
                    Some((name, after)) if is_name(name) => after,
                    _ => return false,
                }
            }
        };
        rest = after;
    }
    true
}

fn is_name(name: &str) -> bool {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}
