//! A folder, without a prefix and without compression, as the command line opens it by default.

use async_trait::async_trait;
use sealift::{Archive, BackupStorage, Codec, Error};
use sealift_conformance::{Backend, Traits};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

const TEMPORARY: &str = ".sealift-tmp";

pub(crate) struct LocalFs {
    folder: TempDir,
    archive: Archive,
}

#[async_trait]
impl Backend for LocalFs {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = sealift_local_fs::LocalFs::open(folder.path()).expect("a root");
        LocalFs { archive: super::archive(store, Codec::Plain, ""), folder }
    }

    fn traits(&self) -> Traits {
        // What it hands over at a time.
        Traits { part: Some(8 << 20), takes_back: false, cleans_up_without_runtime: false, ..Traits::ALL }
    }

    fn storage(&self) -> Arc<dyn BackupStorage> {
        Arc::new(self.archive.clone())
    }

    async fn close(&self) -> Result<(), Vec<Error>> {
        self.archive.bucket().close().await
    }

    async fn is_idle(&self) -> bool {
        super::is_idle(self.archive.bucket())
    }

    async fn files(&self) -> Vec<String> {
        let mut files = entries(self.folder.path(), "");
        files.retain(|name| !name.ends_with('/') && !name.starts_with(TEMPORARY));
        files
    }

    async fn stored_len(&self, file: &str) -> usize {
        std::fs::metadata(self.folder.path().join(file)).expect("there").len() as usize
    }

    async fn unfinished(&self) -> Vec<String> {
        let all = entries(self.folder.path(), "");
        let inhabited = |folder: &str| all.iter().any(|name| !name.ends_with('/') && name.starts_with(folder));
        let unfinished = |name: &String| name.starts_with(TEMPORARY) || (name.ends_with('/') && !inhabited(name));
        all.iter().filter(|name| unfinished(name)).cloned().collect()
    }
}

/// Everything below `folder`, in order; the names of folders end in a slash. What goes away meanwhile is not there.
fn entries(folder: &Path, base: &str) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        let name = format!("{base}{}", entry.file_name().into_string().expect("UTF-8"));
        match entry.path().is_dir() {
            true => {
                found.extend(self::entries(&entry.path(), &format!("{name}/")));
                found.push(name + "/");
            }
            false => found.push(name),
        }
    }
    found.sort_unstable();
    found
}
