//! The sample configurations of the command adapter, as they stand in the repository, with the tools that they name and
//! against the emulators.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod azure;
mod gcs;
mod local_folder;
mod s3;
mod scene;

use sealift_command::CommandConfig;
use std::process::Command;

#[test]
fn every_command_is_bash_and_has_a_time_limit() {
    for name in ["s3", "gcs", "azure", "local-folder"] {
        let config = CommandConfig::load(&scene::path(name)).expect("a configuration");
        assert!(!format!("{:?}", config.time_limits).contains("None"), "{name}: {:?}", config.time_limits);
        let commands = config.commands;
        let backup = commands.backup_metadata_file.expect("all six");
        for command in [
            commands.create_backup,
            commands.create_for_write,
            commands.open_for_read,
            commands.save_metadata_line,
            commands.list_metadata_files,
            backup,
        ] {
            let checked = Command::new("bash").args(["-n", "-c", &command]).output().expect("bash");
            let said = String::from_utf8_lossy(&checked.stderr);
            assert!(checked.status.success() && said.is_empty(), "{name}: {said}");
        }
    }
}
