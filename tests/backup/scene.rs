//! A node with a small chain, the storages that it is backed up into, and what an archive holds, seen from outside.

use sealift_node::{Chain, Node, Recipe};
use sealift_tests::cli::{self, Ended, run, run_with_input};
use sealift_tests::cloud::{Cloud, piped};
use sealift_tests::s3::TestBucket;
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;
use tokio::process::Command;

/// The last epoch that has ended in [`chain`].
pub(crate) const LAST_EPOCH: u64 = 3;
/// The size of chunks: all kinds of backup have several.
pub(crate) const MAX_CHUNK: u32 = 1500;

/// A chain of so many epochs after genesis. A longer one begins with a shorter one.
pub(crate) fn chain(epochs: u64) -> Chain {
    Chain::generate(&Recipe { epochs, state_items: 300, ..Recipe::default() })
}

pub(crate) async fn node() -> Node {
    Node::start(chain(LAST_EPOCH)).await
}

/// A storage for an archive.
pub(crate) enum Storage {
    Folder(TempDir),
    S3(TestBucket),
    /// Shell commands that store into a folder.
    Commands(TempDir),
}

/// A command adapter's configuration that stores into its own folder. Files whose names match the pattern FAIL are read
/// to their end, and then refused.
pub(crate) fn configuration(folder: &Path, fail: &str) {
    let yaml = format!(
        r#"
env_vars: [{{key: FOLDER, value: {folder:?}}}, {{key: FAIL, value: {fail:?}}}]
commands:
  create_backup: 'echo "$BACKUP_NAME"'
  create_for_write: |
    echo "$BACKUP_HANDLE/$FILE_NAME"; exec 1>&-
    mkdir -p "$FOLDER/$BACKUP_HANDLE"
    temporary=$(mktemp "$FOLDER/.XXXXXXXX")
    gzip -c > "$temporary"
    case $FILE_NAME in $FAIL) rm "$temporary"; echo "no room for $FILE_NAME" >&2; exit 3;; esac
    mv "$temporary" "$FOLDER/$BACKUP_HANDLE/$FILE_NAME"
  open_for_read: 'gzip -cd "$FOLDER/$FILE_HANDLE"'
  save_metadata_line: |
    echo "metadata/$FILE_NAME"; exec 1>&-
    temporary=$(mktemp "$FOLDER/.XXXXXXXX")
    mkdir -p "$FOLDER/metadata"; gzip -c > "$temporary"; mv "$temporary" "$FOLDER/metadata/$FILE_NAME"
  list_metadata_files: 'mkdir -p "$FOLDER/metadata"; cd "$FOLDER"; ls -d metadata/* || true'
"#
    );
    std::fs::write(folder.join("config.yaml"), yaml).expect("written");
}

impl Storage {
    pub(crate) fn folder() -> Self {
        Storage::Folder(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) async fn s3() -> Self {
        Storage::S3(TestBucket::new("backup").await)
    }

    pub(crate) fn commands() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        configuration(folder.path(), "");
        Storage::Commands(folder)
    }

    /// `sealift backup`, of this node into this storage, in chunks of this size.
    pub(crate) fn backup(&self, node: &Node, max_chunk: u32, arguments: &[&str]) -> Command {
        let mut command = self.command(&[&["backup"], arguments].concat());
        command.args(["--backup-service-address", &node.endpoint()]);
        command.args(["--max-chunk-size", &max_chunk.to_string()]);
        command
    }

    /// `sealift` with these arguments, on this storage.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = cli::command(arguments);
        match self {
            Storage::Folder(folder) => command.arg("--storage=local-fs").arg("--local-fs-dir").arg(folder.path()),
            Storage::S3(bucket) => {
                command.arg("--storage").arg(bucket.url()).envs(TestBucket::variables(bucket.endpoint()))
            }
            Storage::Commands(folder) => {
                let config = folder.path().join("config.yaml");
                command.arg("--storage=command-adapter").arg("--command-adapter-config").arg(config)
            }
        };
        command
    }

    pub(crate) async fn backed_up(&self, node: &Node, max_chunk: u32, arguments: &[&str]) -> Ended {
        run(self.backup(node, max_chunk, &[arguments, &["--json"]].concat())).await.expect_code(0)
    }

    /// What is there that is no file: uploads that are not complete, temporary files; of commands their processes, since
    /// a shell that is killed leaves its own temporary file.
    pub(crate) async fn unfinished(&self) -> Vec<String> {
        match self {
            Storage::S3(bucket) => {
                bucket.unfinished().await.into_iter().map(|(key, id)| format!("{key} {id}")).collect()
            }
            Storage::Commands(folder) => commands_of(folder.path()),
            Storage::Folder(folder) => {
                let mut files = BTreeMap::new();
                collect(folder.path(), folder.path(), &mut files);
                let hidden = |handle: &String| handle.split('/').any(|name| name.starts_with('.'));
                files.into_keys().filter(hidden).collect()
            }
        }
    }

    /// Whether a file is there, also while others are written.
    pub(crate) async fn holds(&self, handle: &str) -> bool {
        match self {
            Storage::Folder(folder) | Storage::Commands(folder) => folder.path().join(handle).exists(),
            Storage::S3(bucket) => bucket.objects().await.iter().any(|key| key == handle),
        }
    }

    /// Every file by its handle, not compressed.
    pub(crate) async fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        match self {
            Storage::Folder(folder) => collect(folder.path(), folder.path(), &mut files),
            Storage::Commands(folder) => {
                collect(folder.path(), folder.path(), &mut files);
                // A command that was killed leaves what it was writing under a name of its own.
                files.retain(|handle, _| handle != "config.yaml" && !handle.starts_with('.'));
                for stored in files.values_mut() {
                    *stored = gunzip(stored).await;
                }
            }
            Storage::S3(bucket) => {
                for key in bucket.objects().await {
                    let stored = bucket.get(&key).await.expect("there");
                    files.insert(key, gunzip(&stored).await);
                }
            }
        }
        files
    }
}

/// Processes whose environment names the folder: the commands, wherever they are by now.
fn commands_of(folder: &Path) -> Vec<String> {
    let mark = format!("FOLDER={}", folder.display());
    let processes = std::fs::read_dir("/proc").expect("/proc").filter_map(|entry| {
        let entry = entry.ok()?;
        let environment = std::fs::read(entry.path().join("environ")).ok()?;
        let is_one = environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes());
        is_one.then(|| format!("process {}", entry.file_name().display()))
    });
    processes.collect()
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
