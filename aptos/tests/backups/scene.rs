//! A node, a folder, and backups from one into the other.

use crate::node::{Ledger, Node};
use crate::records::state;
use crate::storage::Watched;
use sealift_aptos::{Backups, Client, ClientOptions, Options};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// The largest chunk of most tests, in bytes: a few state items or one ledger info.
pub(crate) const CHUNK: u64 = 100;

pub(crate) struct Scene {
    pub(crate) node: Node,
    pub(crate) storage: Arc<Watched>,
    folder: TempDir,
}

impl Scene {
    /// A node with 23 state items.
    pub(crate) async fn new() -> Scene {
        Scene::with(Ledger::new(state(23))).await
    }

    pub(crate) async fn with(ledger: Ledger) -> Scene {
        // Files are synced one by one, which takes most of the time on a disk and none in memory.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let storage = Arc::new(Watched::new(folder.path()));
        Scene { node: Node::start(ledger).await, storage, folder }
    }

    pub(crate) fn client(&self, options: ClientOptions) -> Client {
        Client::new(self.node.address.parse().unwrap(), options).unwrap()
    }

    pub(crate) fn backups(&self, options: Options) -> Backups {
        Backups::new(self.client(quick()), self.storage.clone(), options).unwrap()
    }

    /// Every file of the archive by its handle, once uploads and aborts have ended.
    pub(crate) async fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let begun = std::time::Instant::now();
        // Aborts run in the background; what they leave is looked at when they have ended.
        while !self.storage.bucket.under_way().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", self.storage.bucket.under_way());
            tokio::task::yield_now().await;
        }
        let mut files = BTreeMap::new();
        read_all(self.folder.path(), PathBuf::new(), &mut files);
        files
    }

    /// Where a file of the archive lies.
    pub(crate) fn path(&self, handle: &str) -> PathBuf {
        self.folder.path().join(handle)
    }

    /// The file of the only backup, by its name without the backup's.
    pub(crate) async fn file(&self, name: &str) -> Vec<u8> {
        let files = self.files().await;
        let mut found = files.iter().filter(|(file, _)| file.rsplit('/').next() == Some(name));
        match (found.next(), found.next()) {
            (Some((_, content)), None) => content.clone(),
            (None, _) => panic!("no {name} among {:?}", files.keys()),
            _ => panic!("several {name} among {:?}", files.keys()),
        }
    }

    /// Asserts that no metadata line makes anything known.
    pub(crate) async fn nothing_is_known(&self) {
        let files = self.files().await;
        assert!(!files.keys().any(|file| file.starts_with("metadata")), "{:?}", files.keys());
    }
}

fn read_all(root: &Path, below: PathBuf, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(root.join(&below)).unwrap() {
        let path = below.join(entry.unwrap().file_name());
        match root.join(&path).is_dir() {
            true => read_all(root, path, files),
            false => {
                files.insert(path.to_str().unwrap().to_owned(), std::fs::read(root.join(&path)).unwrap());
            }
        }
    }
}

/// Short pauses, and few attempts; still long enough for a loaded machine to answer in.
pub(crate) fn quick() -> ClientOptions {
    ClientOptions {
        attempts: 3,
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(2),
        ..ClientOptions::default()
    }
}

/// Small chunks and requests, several at a time.
pub(crate) fn small() -> Options {
    Options { max_chunk_size: CHUNK, items_per_request: 5, concurrent_data_requests: 3, ..Options::default() }
}
