//! The configuration file: which is read, what is stronger than what, what is refused, and what is told of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod refused;
mod strength;

use sealift_tests::cli::{self, run_with_input};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::process::Command;

/// A home with a configuration in its usual place.
struct Home(TempDir);

impl Home {
    fn with(configuration: &str) -> Home {
        let home = Home(tempfile::tempdir().expect("a folder"));
        home.write("config.toml", configuration);
        home
    }

    /// Writes a file beside the configuration.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(".config/sealift").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("set");
        path
    }

    fn file(&self) -> PathBuf {
        self.0.path().join(".config/sealift/config.toml")
    }

    /// A folder in it that is a storage.
    fn storage(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The URL of a storage in which nothing is.
    fn url(&self) -> String {
        let folder = self.storage("empty");
        fs::create_dir_all(&folder).expect("made");
        format!("file://{}", folder.display())
    }

    /// `sealift` at this home.
    fn sealift(&self, arguments: &[&str]) -> Command {
        let mut command = cli::command_of(cli::sealift());
        command.args(arguments).env("HOME", self.0.path());
        command
    }

    /// The same with something to store.
    async fn put(&self, command: Command) -> cli::Ended {
        run_with_input(command, b"something").await
    }
}

fn is_there(folder: &Path, name: &str) -> bool {
    folder.join(name).is_file()
}
