//! What the tests need: a folder, an adapter that stores into it, the control that does the same, and the account of
//! what was there before.

use crate::control::{self, NaiveWriter};
use sealift::{BackupStorage, FileWriter};
use sealift_command::{CommandConfig, CommandStorage};
use sealift_tests::leaks::Counts;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// What every script begins with: the handle is put out, and the output closed.
const HEAD: &str = "FILE_HANDLE=\"$BACKUP_HANDLE/$FILE_NAME\"; echo \"$FILE_HANDLE\"; exec 1>&-; ";

/// The real thing, with a folder in the place of the cloud. Like those tools, it stores when its input ends.
pub(crate) const GZIP_PIPELINE: &str =
    "gzip -c | (cat > \"$FOLDER/.$FILE_NAME\" && mv \"$FOLDER/.$FILE_NAME\" \"$FOLDER/$FILE_NAME\")";

pub(crate) struct Scene {
    before: Counts,
    pub(crate) folder: TempDir,
    pub(crate) storage: CommandStorage,
    script: String,
}

impl Scene {
    /// An adapter whose `create_for_write` ends in `store`.
    pub(crate) fn new(store: &str) -> Self {
        let before = Counts::now();
        let folder = tempfile::tempdir().expect("a folder");
        let script = format!("{HEAD}{store}");
        let config = serde_json::json!({
            "env_vars": [{ "key": "FOLDER", "value": folder.path() }],
            "commands": {
                "create_backup": "echo \"$BACKUP_NAME\"",
                "create_for_write": script,
                "open_for_read": "gzip -cd \"$FOLDER/${FILE_HANDLE##*/}\"",
                "save_metadata_line": "cat >/dev/null; sleep 1000",
                "list_metadata_files": "sleep 1000",
            },
        });
        // JSON is YAML.
        let config = CommandConfig::from_yaml(&config.to_string(), "test").expect("valid");
        Scene { before, folder, storage: CommandStorage::new(config), script }
    }

    pub(crate) async fn writer(&self, name: &str) -> FileWriter {
        let (backup, name) = ("backup".parse().expect("a handle"), name.parse().expect("a name"));
        self.storage.create_for_write(&backup, &name).await.expect("started").1
    }

    /// The same by the control.
    pub(crate) async fn naive_writer(&self, name: &str) -> NaiveWriter {
        let folder = self.folder.path().to_str().expect("UTF-8").to_owned();
        let variables = [("FOLDER", folder), ("BACKUP_HANDLE", "backup".to_owned()), ("FILE_NAME", name.to_owned())];
        control::create_for_write(&self.script, &variables).await
    }

    /// The files that are visible in the folder.
    pub(crate) fn visible(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
        names.filter(|name| !name.starts_with('.')).collect()
    }

    /// Closes the storage, and asserts that this process is as it was.
    pub(crate) async fn end(self) {
        timeout(Duration::from_secs(20), self.storage.close()).await.expect("closed");
        let Scene { before, folder, storage, .. } = self;
        drop((folder, storage));
        before.assert_as_before().await;
    }
}

/// What does not compress, so that something of it comes out of gzip before the end.
pub(crate) fn data(len: usize) -> Vec<u8> {
    use rand::{RngExt, SeedableRng};
    let mut data = vec![0; len];
    rand::rngs::SmallRng::seed_from_u64(len as u64).fill(data.as_mut_slice());
    data
}

/// Shuts down for at most this long, then drops the shutdown and the writer.
pub(crate) async fn shut_down_and_give_up(mut writer: impl AsyncWrite + Unpin, limit: Duration) {
    timeout(limit, writer.shutdown()).await.expect_err("the command does not end");
}
