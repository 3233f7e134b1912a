//! Archives of a small chain on every kind of storage, and the command that verifies them.

use sealift_node::{Chain, Node, Recipe};
use sealift_tests::cli::{self, Ended, run};
use sealift_tests::cloud::Cloud;
use serde_json::Value;
use std::any::Any;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::process::Command;

/// The last epoch that has ended in [`chain`].
pub(crate) const LAST_EPOCH: u64 = 3;
/// The size of chunks: all kinds of backup have several.
const MAX_CHUNK: &str = "4000";

/// A chain of so many epochs after genesis. A longer one begins with a shorter one.
pub(crate) fn chain(epochs: u64) -> Chain {
    Chain::generate(&Recipe { epochs, ..Recipe::default() })
}

/// A storage, as the command line names it.
pub(crate) struct Site {
    arguments: Vec<OsString>,
    variables: Vec<(&'static str, String)>,
    /// Where its files are, when they are in a folder.
    pub(crate) folder: Option<PathBuf>,
    _kept: Box<dyn Any + Send + Sync>,
}

impl Site {
    pub(crate) fn folder() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Site {
            arguments: vec!["--storage=local-fs".into(), "--local-fs-dir".into(), folder.path().into()],
            variables: Vec::new(),
            folder: Some(folder.path().to_owned()),
            _kept: Box::new(folder),
        }
    }

    pub(crate) async fn cloud<C: Cloud>() -> Self {
        let bucket = C::new("verify").await;
        Site {
            arguments: vec!["--storage".into(), format!("{}/an/archive", bucket.url()).into()],
            variables: C::variables(bucket.endpoint()),
            folder: None,
            _kept: Box::new(bucket),
        }
    }

    /// All of a bucket.
    pub(crate) fn of<C: Cloud>(bucket: &C) -> Self {
        Site::at(bucket, bucket.endpoint())
    }

    /// All of a bucket, through another address.
    pub(crate) fn at<C: Cloud>(bucket: &C, endpoint: &str) -> Self {
        Site {
            arguments: vec!["--storage".into(), bucket.url().into()],
            variables: C::variables(endpoint),
            folder: None,
            _kept: Box::new(()),
        }
    }

    /// Shell commands that store into a folder.
    pub(crate) fn commands() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("config.yaml");
        std::fs::write(&config, configuration(folder.path())).expect("written");
        Site {
            arguments: vec!["--storage=command-adapter".into(), "--command-adapter-config".into(), config.into()],
            variables: Vec::new(),
            folder: Some(folder.path().to_owned()),
            _kept: Box::new(folder),
        }
    }

    /// `sealift` with these arguments, on this storage.
    pub(crate) fn sealift(&self, arguments: &[&str]) -> Command {
        let mut command = cli::command(arguments);
        command.args(&self.arguments).envs(self.variables.clone());
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        run(self.sealift(arguments)).await
    }

    /// `sealift verify` with these arguments.
    pub(crate) async fn verify(&self, arguments: &[&str]) -> Ended {
        self.run(&[&["verify"], arguments].concat()).await
    }

    /// The verdict of a `sealift verify` that ends with this code.
    pub(crate) async fn verdict(&self, arguments: &[&str], code: i32) -> Value {
        self.verify(&[arguments, &["--json"]].concat()).await.expect_code(code).json()
    }

    /// Backs a part of the node up.
    pub(crate) async fn back_up(&self, node: &Node, kind: &[&str]) {
        let service = node.endpoint();
        let arguments = [&["backup"], kind, &["--backup-service-address", &service, "--max-chunk-size", MAX_CHUNK]];
        self.run(&arguments.concat()).await.expect_code(0);
    }

    /// Backs all of the node up: two backups of epoch endings, the state at the end of two epochs, two of transactions.
    pub(crate) async fn back_all_up(&self, node: &Node) {
        self.back_up(node, &["epoch-ending", "--start-epoch", "0", "--end-epoch", "2"]).await;
        self.back_up(node, &["epoch-ending", "--start-epoch", "2", "--end-epoch", "4"]).await;
        for epoch in ["1", "3"] {
            self.back_up(node, &["state-snapshot", "--state-snapshot-epoch", epoch]).await;
        }
        let rest = (node.chain().last_version() - 19).to_string();
        self.back_up(node, &["transaction", "--start-version", "0", "--num_transactions", "20"]).await;
        self.back_up(node, &["transaction", "--start-version", "20", "--num_transactions", &rest]).await;
    }

    /// The names of all files that end so, in a folder.
    pub(crate) fn files(&self, end: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        collect(self.folder.as_deref().expect("a folder"), &mut files);
        files.retain(|file| file.to_str().is_some_and(|file| file.ends_with(end)));
        files.sort();
        files
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => collect(&path, files),
            false => files.push(path),
        }
    }
}

/// An archive of a whole node in a folder.
pub(crate) async fn archive() -> (Site, Node) {
    let (site, node) = (Site::folder(), Node::start(chain(LAST_EPOCH)).await);
    site.back_all_up(&node).await;
    (site, node)
}

/// The rules that a verdict's findings break, in order.
pub(crate) fn rules(verdict: &Value) -> Vec<&str> {
    let findings = verdict["findings"].as_array().expect("findings");
    findings.iter().map(|finding| finding["rule"].as_str().expect("a rule")).collect()
}

/// What a verdict notes, and what it takes for granted.
pub(crate) fn said(verdict: &Value) -> String {
    format!("{} {}", verdict["notes"], verdict["trusts"])
}

/// A folder of its own for what verification keeps.
pub(crate) fn elsewhere() -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file://{}", folder.path().display());
    (folder, url)
}

fn configuration(folder: &Path) -> String {
    format!(
        r#"
env_vars: [{{key: FOLDER, value: {folder:?}}}]
commands:
  create_backup: 'echo "$BACKUP_NAME"'
  create_for_write: |
    echo "$BACKUP_HANDLE/$FILE_NAME"; exec 1>&-
    mkdir -p "$FOLDER/$BACKUP_HANDLE"; gzip -c > "$FOLDER/$BACKUP_HANDLE/$FILE_NAME"
  open_for_read: 'gzip -cd "$FOLDER/$FILE_HANDLE"'
  save_metadata_line: |
    echo "metadata/$FILE_NAME"; exec 1>&-
    mkdir -p "$FOLDER/metadata"; gzip -c > "$FOLDER/metadata/$FILE_NAME"
  list_metadata_files: 'mkdir -p "$FOLDER/metadata"; cd "$FOLDER"; ls -d metadata/* || true'
"#
    )
}
