//! Archives of small made-up files, and plain objects, on every kind of storage, seen from outside.

use sealift_tests::azure::TestContainer;
use sealift_tests::cli::{self, Ended, run, run_with_input};
use sealift_tests::cloud::{Cloud, piped};
use sealift_tests::{gcs, s3};
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;
use tokio::process::Command;

/// Files by their names, and what is in them.
pub(crate) type Files = BTreeMap<String, String>;

/// A storage.
pub(crate) enum Site {
    Folder(TempDir),
    S3(s3::TestBucket),
    Azure(TestContainer),
    Gcs(gcs::TestBucket),
}

impl Site {
    pub(crate) fn folder() -> Self {
        Site::Folder(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) async fn s3() -> Self {
        Site::S3(s3::TestBucket::new("prune").await)
    }

    pub(crate) async fn azure() -> Self {
        Site::Azure(TestContainer::new("prune").await)
    }

    pub(crate) async fn gcs() -> Self {
        Site::Gcs(gcs::TestBucket::new("prune").await)
    }

    /// With these files.
    pub(crate) async fn filled(self, files: &Files) -> Self {
        match &self {
            Site::Folder(folder) => write(folder.path(), files),
            _ => {
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
        }
        self
    }

    /// `sealift` with these arguments, on this storage.
    pub(crate) fn sealift(&self, arguments: &[&str]) -> Command {
        let endpoint = match self {
            Site::Folder(_) => "",
            Site::S3(bucket) => bucket.endpoint(),
            Site::Azure(container) => container.endpoint(),
            Site::Gcs(bucket) => bucket.endpoint(),
        };
        self.sealift_at(endpoint, arguments)
    }

    /// The same through another address.
    pub(crate) fn sealift_at(&self, endpoint: &str, arguments: &[&str]) -> Command {
        let mut command = cli::command(arguments);
        match self {
            Site::Folder(folder) => command.arg("--storage=local-fs").arg("--local-fs-dir").arg(folder.path()),
            Site::S3(bucket) => command
                .args(["--storage", &bucket.url(), "--conditional-writes=honoured"])
                .envs(s3::TestBucket::variables(endpoint)),
            Site::Azure(it) => command.args(["--storage", &it.url()]).envs(TestContainer::variables(endpoint)),
            Site::Gcs(it) => command.args(["--storage", &it.url()]).envs(gcs::TestBucket::variables(endpoint)),
        };
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        run(self.sealift(arguments)).await
    }

    /// Reads everything of an archive to its end, and records it.
    pub(crate) async fn verify(&self) {
        self.run(&["verify", "--aptos", "--depth=content", "--quiet"]).await.expect_code(0);
    }

    /// `sealift prune` of an archive.
    pub(crate) async fn prune(&self, window: &str, arguments: &[&str]) -> Ended {
        self.run(&[&["prune", "--aptos", "--recovery-window", window], arguments].concat()).await
    }

    /// Every file by its name, not compressed, but for those of verification.
    pub(crate) async fn files(&self) -> Files {
        let mut stored = BTreeMap::new();
        match self {
            Site::Folder(folder) => {
                collect(folder.path(), folder.path(), &mut stored);
                stored.retain(|name, _| !name.starts_with('.'));
            }
            Site::S3(bucket) => objects(bucket, &mut stored).await,
            Site::Azure(container) => objects(container, &mut stored).await,
            Site::Gcs(bucket) => objects(bucket, &mut stored).await,
        }
        stored.retain(|name, _| !name.contains("sealift-verify/"));
        let mut files = Files::new();
        for (name, stored) in stored {
            let text = match self {
                Site::Folder(_) => stored,
                _ => gunzip(&stored).await,
            };
            files.insert(name, String::from_utf8(text).expect("UTF-8"));
        }
        files
    }

    /// The names of all files, but for those of verification and of metadata that was moved away.
    pub(crate) async fn names(&self) -> Vec<String> {
        self.files().await.into_keys().filter(|name| !name.starts_with("metadata_backup/")).collect()
    }

    pub(crate) async fn clear(&self) {
        match self {
            Site::Folder(_) => {}
            Site::S3(bucket) => bucket.clear().await,
            Site::Azure(container) => container.clear().await,
            Site::Gcs(bucket) => bucket.clear().await,
        }
    }
}

async fn objects<C: Cloud>(cloud: &C, stored: &mut BTreeMap<String, Vec<u8>>) {
    for key in cloud.objects().await {
        if !key.contains("sealift-verify/") {
            stored.insert(key.clone(), cloud.get(&key).await.expect("there").to_vec());
        }
    }
}

pub(crate) fn write(root: &Path, files: &Files) {
    for (name, text) in files {
        let path = root.join(name);
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
                let name = path.strip_prefix(root).expect("below").to_str().expect("UTF-8").to_owned();
                files.insert(name, std::fs::read(&path).expect("read"));
            }
        }
    }
}

async fn gunzip(stored: &[u8]) -> Vec<u8> {
    let mut gzip = piped("gzip");
    gzip.arg("-dc");
    run_with_input(gzip, stored).await.expect_code(0).stdout
}

/// Of what a backup is.
#[derive(Clone, Copy)]
pub(crate) enum Of {
    Epochs(u64, u64),
    /// Epoch `e` ends at version `10 * e`.
    State(u64),
    Versions(u64, u64),
}

impl Of {
    pub(crate) fn group(self) -> String {
        match self {
            Of::Epochs(first, _) => format!("epoch_ending_{first}-.0a1b"),
            Of::State(epoch) => format!("state_epoch_{epoch}_ver_{}.0a1b", epoch * 10),
            Of::Versions(first, _) => format!("transaction_{first}-.0a1b"),
        }
    }

    /// The files of its group.
    pub(crate) fn files(self) -> Files {
        let (group, hash) = (self.group(), "ab".repeat(32));
        let (manifest, names) = match self {
            Of::Epochs(first, last) => {
                let waypoints: Vec<String> = (first..=last).map(|epoch| format!("\"{}:{hash}\"", epoch * 10)).collect();
                let waypoints = waypoints.join(",");
                let text = format!(
                    r#"{{"first_epoch":{first},"last_epoch":{last},"waypoints":[{waypoints}],"chunks":[{{"first_epoch":{first},"last_epoch":{last},"ledger_infos":"{group}/0-.chunk"}}]}}"#
                );
                (("epoch_ending.manifest", text), vec!["0-.chunk"])
            }
            Of::State(epoch) => {
                let version = epoch * 10;
                let text = format!(
                    r#"{{"version":{version},"epoch":{epoch},"root_hash":"{hash}","chunks":[{{"first_idx":0,"last_idx":0,"first_key":"{hash}","last_key":"{hash}","blobs":"{group}/0-.chunk","proof":"{group}/0-0.proof"}}],"proof":"{group}/state.proof"}}"#
                );
                (("state.manifest", text), vec!["0-.chunk", "0-0.proof", "state.proof"])
            }
            Of::Versions(first, last) => {
                let text = format!(
                    r#"{{"first_version":{first},"last_version":{last},"chunks":[{{"first_version":{first},"last_version":{last},"transactions":"{group}/0-.chunk","proof":"{group}/0-.proof"}}]}}"#
                );
                (("transaction.manifest", text), vec!["0-.chunk", "0-.proof"])
            }
        };
        let mut files: Files =
            names.into_iter().map(|name| (format!("{group}/{name}"), format!("{name} of {group}"))).collect();
        files.insert(format!("{group}/{}", manifest.0), manifest.1);
        files
    }

    /// Its line, with the name of a file of its own.
    pub(crate) fn line(self) -> (String, String) {
        let group = self.group();
        match self {
            Of::Epochs(first, last) => (
                format!("metadata/epoch_ending_{first}-{last}.meta"),
                format!(
                    r#"{{"EpochEndingBackup":{{"first_epoch":{first},"last_epoch":{last},"first_version":{},"last_version":{},"manifest":"{group}/epoch_ending.manifest"}}}}"#,
                    first * 10,
                    last * 10
                ) + "\n",
            ),
            Of::State(epoch) => (
                format!("metadata/state_snapshot_ver_{}.meta", epoch * 10),
                format!(
                    r#"{{"StateSnapshotBackup":{{"epoch":{epoch},"version":{},"manifest":"{group}/state.manifest"}}}}"#,
                    epoch * 10
                ) + "\n",
            ),
            Of::Versions(first, last) => (
                format!("metadata/transaction_{first}-{last}.meta"),
                format!(
                    r#"{{"TransactionBackup":{{"first_version":{first},"last_version":{last},"manifest":"{group}/transaction.manifest"}}}}"#
                ) + "\n",
            ),
        }
    }
}

/// An archive of these backups, each known by a file of its own.
pub(crate) fn archive(backups: &[Of]) -> Files {
    let mut files: Files = backups.iter().flat_map(|backup| backup.files()).collect();
    files.extend(backups.iter().map(|backup| backup.line()));
    files.insert("metadata/identity.meta".to_owned(), "{\"Identity\":{\"id\":\"0a\"}}\n".to_owned());
    files
}

/// Epochs 0 to 8, transactions 0 to 84, snapshots of five epochs. The lines of the first four are in one compacted file, and
/// the first is in a file of its own too.
pub(crate) fn compacted() -> Files {
    let states = [1, 3, 4, 6].map(Of::State);
    let others = [
        Of::Epochs(0, 3),
        Of::Epochs(4, 8),
        Of::State(8),
        Of::Versions(0, 39),
        Of::Versions(40, 69),
        Of::Versions(70, 84),
    ];
    let mut files = archive(&[&states[..], &others].concat());
    for state in &states[1..] {
        files.remove(&state.line().0);
    }
    let lines: String = states.iter().map(|state| state.line().1).collect();
    files.insert("metadata/state_snapshot_compacted_epoch_1_6.meta".to_owned(), lines);
    files
}

/// Fewer files of the same: three snapshots, of which the first two are superfluous.
pub(crate) fn few() -> Files {
    let states = [1, 3, 4].map(Of::State);
    let mut files = archive(&[&states[..], &[Of::Epochs(0, 8), Of::Versions(0, 84)]].concat());
    for state in &states[1..] {
        files.remove(&state.line().0);
    }
    let lines: String = states.iter().map(|state| state.line().1).collect();
    files.insert("metadata/state_snapshot_compacted_epoch_1_4.meta".to_owned(), lines);
    files
}

/// The versions that are to stay restorable of [`compacted`] and [`few`] with [`WINDOW`].
pub(crate) const KEPT: std::ops::RangeInclusive<u64> = 40..=84;
/// From version 50 on, which is restored from the snapshot at 40.
pub(crate) const WINDOW: &str = "34";
