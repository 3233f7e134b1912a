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
    let Some(mut rest) = flag.strip_prefix("--") else { return false };
    while let Some(first) = rest.chars().next() {
        let after = match first {
            '\'' => rest[1..].split_once('\'').map(|(_, after)| after),
            '"' => after_double_quotes(&rest[1..]),
            _ if first.is_whitespace() || first.is_control() || ";&|<>()$`*?[#~!\\{}".contains(first) => None,
            _ => Some(&rest[first.len_utf8()..]),
        };
        let Some(after) = after else { return false };
        rest = after;
    }
    true
}

/// What comes after the double quote that ends the one that `rest` is in, if until there a shell acts on `${NAME}` only.
fn after_double_quotes(mut rest: &str) -> Option<&str> {
    loop {
        let special = &rest[rest.find(['"', '`', '$', '\\'])?..];
        rest = match special.as_bytes() {
            [b'"', ..] => return Some(&special[1..]),
            // Whatever is escaped is itself.
            [b'\\', b'"' | b'`' | b'$' | b'\\', ..] => &special[2..],
            [b'\\', ..] => &special[1..],
            _ => {
                let (name, after) = special.strip_prefix("${")?.split_once('}')?;
                is_name(name).then_some(after)?
            }
        };
    }
}

fn is_name(name: &str) -> bool {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}
