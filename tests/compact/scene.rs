//! Archives of metadata alone, on every kind of storage, seen from outside.

use sealift_tests::cli::{self, Ended, run, run_with_input};
use sealift_tests::cloud::{Cloud, piped};
use sealift_tests::s3::TestBucket;
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;
use tokio::process::Command;

/// Files by their handles, and their text.
pub(crate) type Texts = BTreeMap<String, String>;

/// A storage for an archive.
pub(crate) enum Site {
    Folder(TempDir),
    S3(TestBucket),
    /// Shell commands that store into a folder.
    Commands(TempDir),
}

/// How the command adapter moves a metadata file.
pub(crate) const MOVES: &str = "backup_metadata_file: 'mkdir -p \"$FOLDER/metadata_backup\"; mv \"$FOLDER/metadata/$FILE_NAME\" \"$FOLDER/metadata_backup/$FILE_NAME\"'";

impl Site {
    pub(crate) fn folder() -> Self {
        Site::Folder(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) async fn s3() -> Self {
        Site::S3(TestBucket::new("compact").await)
    }

    pub(crate) fn commands() -> Self {
        Site::commands_with(MOVES)
    }

    /// Commands, one of which is said here.
    pub(crate) fn commands_with(moves: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        let yaml = format!(
            r#"
env_vars: [{{key: FOLDER, value: {path:?}}}]
commands:
  create_backup: 'echo "$BACKUP_NAME"'
  create_for_write: 'exit 9'
  open_for_read: 'gzip -cd "$FOLDER/$FILE_HANDLE"'
  save_metadata_line: |
    echo "metadata/$FILE_NAME"; exec 1>&-
    temporary=$(mktemp "$FOLDER/.XXXXXXXX")
    mkdir -p "$FOLDER/metadata"; gzip -c > "$temporary"; mv "$temporary" "$FOLDER/metadata/$FILE_NAME"
  list_metadata_files: 'mkdir -p "$FOLDER/metadata"; cd "$FOLDER"; ls -d metadata/* || true'
  {moves}
"#
        );
        std::fs::write(path.join("config.yaml"), yaml).expect("written");
        Site::Commands(folder)
    }

    /// With these files.
    pub(crate) async fn filled(self, files: &Texts) -> Self {
        match &self {
            Site::Folder(folder) => write(folder.path(), files),
            Site::S3(_) => {
                let source = tempfile::tempdir().expect("a folder");
                write(source.path(), files);
                for folder in std::fs::read_dir(source.path()).expect("a folder") {
                    let folder = folder.expect("an entry");
                    let name = folder.file_name().into_string().expect("UTF-8");
                    let mut put = self.sealift(&["put", &name, "--allow-empty"]);
                    put.arg("--folder").arg(folder.path());
                    run(put).await.expect_code(0);
                }
            }
            Site::Commands(folder) => {
                write(folder.path(), files);
                for file in files.keys() {
                    let path = folder.path().join(file);
                    run({
                        let mut gzip = piped("gzip");
                        gzip.arg(&path);
                        gzip
                    })
                    .await
                    .expect_code(0);
                    std::fs::rename(format!("{}.gz", path.display()), path).expect("renamed");
                }
            }
        }
        self
    }

    /// `sealift` with these arguments, on this storage.
    pub(crate) fn sealift(&self, arguments: &[&str]) -> Command {
        let endpoint = match self {
            Site::S3(bucket) => bucket.endpoint().to_owned(),
            Site::Folder(_) | Site::Commands(_) => String::new(),
        };
        self.sealift_at(&endpoint, arguments)
    }

    /// The same through another address.
    pub(crate) fn sealift_at(&self, endpoint: &str, arguments: &[&str]) -> Command {
        let mut command = cli::command(arguments);
        match self {
            Site::Folder(folder) => command.arg("--storage=local-fs").arg("--local-fs-dir").arg(folder.path()),
            Site::S3(bucket) => command
                .args(["--storage", &bucket.url(), "--conditional-writes=honoured"])
                .envs(TestBucket::variables(endpoint)),
            Site::Commands(folder) => {
                let config = folder.path().join("config.yaml");
                command.arg("--storage=command-adapter").arg("--command-adapter-config").arg(config)
            }
        };
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        run(self.sealift(arguments)).await
    }

    /// `sealift compact` with one factor for all kinds and these arguments.
    pub(crate) async fn compact(&self, factor: usize, arguments: &[&str]) -> Ended {
        let factors = factors(factor);
        let factors: Vec<&str> = factors.iter().map(String::as_str).collect();
        self.run(&[&["compact"], &factors[..], arguments].concat()).await
    }

    /// Every file by its handle, not compressed.
    pub(crate) async fn files(&self) -> Texts {
        let mut stored = BTreeMap::new();
        match self {
            Site::Folder(folder) | Site::Commands(folder) => {
                collect(folder.path(), folder.path(), &mut stored);
                stored.retain(|handle, _| handle != "config.yaml" && !handle.starts_with('.'));
            }
            Site::S3(bucket) => {
                for key in bucket.objects().await {
                    let object = bucket.get(&key).await.expect("there");
                    stored.insert(key, object.to_vec());
                }
            }
        }
        let mut files = Texts::new();
        for (handle, stored) in stored {
            let text = match self {
                Site::Folder(_) => stored,
                Site::S3(_) | Site::Commands(_) => gunzip(&stored).await,
            };
            files.insert(handle, String::from_utf8(text).expect("UTF-8"));
        }
        files
    }
}

/// The options that say one factor for all kinds.
pub(crate) fn factors(factor: usize) -> Vec<String> {
    let kinds = ["epoch-ending", "state-snapshot", "transaction"];
    kinds.iter().map(|kind| format!("--{kind}-file-compact-factor={factor}")).collect()
}

fn write(root: &Path, files: &Texts) {
    for (handle, text) in files {
        let path = root.join(handle);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => collect(root, &path, files),
            false => {
                let handle = path.strip_prefix(root).expect("below").to_str().expect("UTF-8").to_owned();
                files.insert(handle, std::fs::read(&path).expect("read"));
            }
        }
    }
}

async fn gunzip(stored: &[u8]) -> Vec<u8> {
    let mut gzip = piped("gzip");
    gzip.arg("-dc");
    run_with_input(gzip, stored).await.expect_code(0).stdout
}

pub(crate) fn epochs(first: u64, last: u64) -> (String, String) {
    let (from, to) = (first * 10, last * 10);
    (
        format!("metadata/epoch_ending_{first}-{last}.meta"),
        format!(
            r#"{{"EpochEndingBackup":{{"first_epoch":{first},"last_epoch":{last},"first_version":{from},"last_version":{to},"manifest":"e{first}/m"}}}}"#
        ) + "\n",
    )
}

pub(crate) fn versions(first: u64, last: u64) -> (String, String) {
    (
        format!("metadata/transaction_{first}-{last}.meta"),
        format!(r#"{{"TransactionBackup":{{"first_version":{first},"last_version":{last},"manifest":"t{first}/m"}}}}"#)
            + "\n",
    )
}

pub(crate) fn state(epoch: u64, version: u64) -> (String, String) {
    (
        format!("metadata/state_snapshot_ver_{version}.meta"),
        format!(r#"{{"StateSnapshotBackup":{{"epoch":{epoch},"version":{version},"manifest":"s{epoch}/m"}}}}"#) + "\n",
    )
}

/// Transactions of ten versions each, each in a file of its own.
pub(crate) fn loose(lines: std::ops::Range<u64>) -> Texts {
    lines.map(|at| versions(at * 10, at * 10 + 9)).collect()
}

/// Something of everything: 3 epoch endings, 2 snapshots, 5 transactions, an identity.
pub(crate) fn mixed() -> Texts {
    let mut files = loose(0..5);
    files.extend([epochs(0, 0), epochs(1, 3), epochs(4, 4), state(1, 7), state(4, 40)]);
    files.extend([("metadata/identity.meta".to_owned(), "{\"Identity\":{\"id\":\"0a\"}}\n".to_owned())]);
    files
}

/// An archive in the middle of its life: three lines that were compacted long ago and are due to be moved, with a compacted
/// file of them; two that came since; a snapshot, an identity.
pub(crate) fn due() -> Texts {
    let mut files = loose(0..5);
    let compacted: String = loose(0..3).into_values().collect();
    files.extend([
        state(4, 40),
        ("metadata/transaction_compacted_0-29.meta".to_owned(), compacted),
        ("metadata/identity.meta".to_owned(), "{\"Identity\":{\"id\":\"0a\"}}\n".to_owned()),
    ]);
    let times: Vec<String> = loose(0..3).into_keys().map(|name| format!("\"{name}\":1000")).collect();
    let times = times.join(",");
    let line =
        format!(r#"{{"CompactionTimestamps":{{"file_compacted_at":2000,"compaction_timestamps":{{{times}}}}}}}"#);
    files.extend([("metadata/compaction_timestamps_2000.meta".to_owned(), line + "\n")]);
    files
}

/// The names of all files but those of timestamps.
pub(crate) fn names(files: &Texts) -> Vec<&str> {
    files.keys().map(String::as_str).filter(|name| !name.contains("timestamps")).collect()
}
