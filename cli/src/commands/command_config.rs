//! `command-config`: a configuration for the Aptos tools' command adapter in which every command is sealift itself. An
//! unchanged tool gets the native adapters by it, with one process a file instead of a shell, a compressor and a cloud's
//! command line.

use crate::args::{
    AddressingArg, AzureArgs, ChecksumsArg, CodecArg, CommandConfig, ConditionalWritesArg, GcsArgs, S3Args, StorageArgs,
};
use crate::failure::Failure;
use crate::machine;
use crate::report;
use crate::storages;
use clap::ValueEnum;
use shlex::try_quote;
use std::path::Path;
use std::time::Duration;

/// What a `put` exits with when the object exists and was not to be replaced.
const EXISTS: u8 = 5;

pub(super) fn run(args: &CommandConfig, deadline: Option<Duration>) -> Result<(), Failure> {
    if args.storage.storage.as_deref() == Some("command-adapter") || args.storage.command_adapter_config.is_some() {
        return Err(Failure::usage("command-config is for native storage; a command adapter has a configuration"));
    }
    storages::check(&args.storage)?;
    let program = match &args.program {
        Some(program) => program.clone(),
        None => std::env::current_exe().map_err(|error| anyhow::Error::new(error).context("find this program"))?,
    };
    report::text(&yaml(&text_of(&program)?, &flags(&args.storage, deadline)?));
    Ok(())
}

/// The configuration. A string in JSON's form is YAML too.
fn yaml(program: &str, flags: &str) -> String {
    let program = serde_json::Value::from(program);
    format!(
        r##"# The Aptos tools' command adapter with sealift in every command: --command-adapter-config THIS_FILE
# Credentials come from the environment, as sealift finds them there; there are none in this file.
# A pipe cannot tell a tool that has finished from one that was killed: if the tool dies in the middle of a file, what it
# wrote is stored. No manifest names such a file, and the next run writes a new one.
env_vars:
  - key: "SEALIFT"
    value: {program}
commands:
  create_backup: |
    echo "$BACKUP_NAME"
  create_for_write: |
    FILE_HANDLE="$BACKUP_HANDLE/$FILE_NAME"
    echo "$FILE_HANDLE"
    exec 1>&-
    exec "$SEALIFT" put "$FILE_HANDLE" --allow-empty {flags}
  open_for_read: |
    exec "$SEALIFT" get "$FILE_HANDLE" {flags}
  save_metadata_line: |
    # A file of that name is kept as it is, and the line is read all the same.
    FILE_HANDLE="metadata/$FILE_NAME"
    echo "$FILE_HANDLE"
    exec 1>&-
    "$SEALIFT" put "$FILE_HANDLE" --if-absent {flags} || (test $? -eq {EXISTS} && cat >/dev/null)
  list_metadata_files: |
    exec "$SEALIFT" ls metadata/ --names {flags}
  backup_metadata_file: |
    exec "$SEALIFT" mv "metadata/$FILE_NAME" "metadata_backup/$FILE_NAME" {flags}
"##
    )
}

/// The options that say which storage, and how to use it, for a shell. What is as by default is left out.
fn flags(args: &StorageArgs, deadline: Option<Duration>) -> Result<String, Failure> {
    let StorageArgs {
        storage,
        bucket,
        prefix,
        local_fs_dir,
        command_adapter_config: _,
        endpoint_url,
        region,
        ca_file,
        anonymous,
        s3: S3Args { conditional_writes, addressing },
        azure: AzureArgs { account_name, sas_file },
        gcs: GcsArgs { credentials_file, parallel_stream },
        checksums,
        codec,
        level,
        compress_threads,
        memory,
        part_size,
        expected_size,
        give_up_after,
        json: _,
        quiet: _,
    } = args;
    let local_fs_dir = local_fs_dir.as_deref().map(text_of).transpose()?;
    let ca_file = ca_file.as_deref().map(text_of).transpose()?;
    let sas_file = sas_file.as_deref().map(text_of).transpose()?;
    let credentials_file = credentials_file.as_deref().map(text_of).transpose()?;
    let bytes = |size: &bytesize::ByteSize| size.as_u64().to_string();
    let options = [
        ("--storage", storage.clone()),
        ("--bucket", bucket.clone()),
        ("--prefix", Some(prefix.clone()).filter(|prefix| !prefix.is_empty())),
        ("--local-fs-dir", local_fs_dir),
        ("--endpoint-url", endpoint_url.clone()),
        ("--region", region.clone()),
        ("--ca-file", ca_file),
        ("--addressing", addressing.as_ref().and_then(name_of::<AddressingArg>)),
        ("--conditional-writes", conditional_writes.as_ref().and_then(name_of::<ConditionalWritesArg>)),
        ("--account-name", account_name.clone()),
        ("--sas-file", sas_file),
        ("--credentials-file", credentials_file),
        ("--checksums", checksums.as_ref().and_then(name_of::<ChecksumsArg>)),
        ("--codec", codec.as_ref().and_then(name_of::<CodecArg>)),
        ("--level", level.map(|level| level.to_string())),
        ("--compress-threads", compress_threads.map(|threads| threads.to_string())),
        ("--memory", (*memory != machine::memory()).then(|| bytes(memory))),
        ("--part-size", part_size.as_ref().map(bytes)),
        ("--expected-size", expected_size.as_ref().map(bytes)),
        ("--deadline", deadline.map(|time| format!("{}ms", time.as_millis()))),
        ("--give-up-after", give_up_after.map(|time| format!("{}ms", time.as_millis()))),
    ];
    let mut flags = vec!["--quiet".to_owned()];
    if *anonymous {
        flags.push("--anonymous".into());
    }
    if *parallel_stream {
        flags.push("--parallel-stream".into());
    }
    for (name, value) in options.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        // It becomes a part of a line.
        let quoted = Some(&value).filter(|value| !value.contains(['\n', '\r'])).and_then(|value| try_quote(value).ok());
        match quoted {
            Some(quoted) => flags.push(format!("{name}={quoted}")),
            None => return Err(Failure::usage(format!("{name}: {value:?} cannot be written to a configuration"))),
        }
    }
    Ok(flags.join(" "))
}

fn name_of<T: ValueEnum>(value: &T) -> Option<String> {
    value.to_possible_value().map(|value| value.get_name().to_owned())
}

fn text_of(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| {
        Failure::usage(format!("{}: only paths in UTF-8 can be written to a configuration", path.display()))
    })
}
