//! Two ends of a copy, seen from outside, and the command between them.

use async_trait::async_trait;
use bytes::Bytes;
use sealift_tests::cli::{self, Ended, run};
use sealift_tests::cloud::Cloud;
use sealift_tests::data::Pattern;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;
use tokio::process::Command;

/// Files by their names, and what is in those that are text.
pub(crate) type Files = BTreeMap<String, String>;

/// A bucket or a folder.
#[async_trait]
pub(crate) trait End: Send + Sync + 'static {
    async fn make() -> Self;
    /// For the command line.
    fn whole(&self) -> String;
    fn environment(&self) -> Vec<(&'static str, String)>;
    async fn store(&self, key: &str, bytes: Vec<u8>);
    async fn load(&self, key: &str) -> Option<Vec<u8>>;
    async fn keys(&self) -> Vec<String>;
    /// What nobody sees.
    async fn leftovers(&self) -> usize;
}

#[async_trait]
impl<C: Cloud> End for C {
    async fn make() -> Self {
        C::new("copy").await
    }

    fn whole(&self) -> String {
        self.url()
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        C::variables(self.endpoint())
    }

    async fn store(&self, key: &str, bytes: Vec<u8>) {
        self.put(key, Bytes::from(bytes)).await;
    }

    async fn load(&self, key: &str) -> Option<Vec<u8>> {
        self.get(key).await.map(Vec::from)
    }

    async fn keys(&self) -> Vec<String> {
        self.objects().await
    }

    async fn leftovers(&self) -> usize {
        self.unfinished().await.len()
    }
}

/// A folder on this machine.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

#[async_trait]
impl End for Folder {
    async fn make() -> Self {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    fn whole(&self) -> String {
        format!("file://{}", self.path().display())
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    async fn store(&self, key: &str, bytes: Vec<u8>) {
        let path = self.path().join(key);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, bytes).expect("written");
    }

    async fn load(&self, key: &str) -> Option<Vec<u8>> {
        std::fs::read(self.path().join(key)).ok()
    }

    async fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        below(self.path(), self.path(), &mut keys);
        keys.sort();
        keys
    }

    async fn leftovers(&self) -> usize {
        0
    }
}

fn below(root: &Path, folder: &Path, keys: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => below(root, &path, keys),
            false => keys.push(path.strip_prefix(root).expect("below").to_str().expect("UTF-8").to_owned()),
        }
    }
}

/// `sealift copy` from one to the other, with these arguments behind.
pub(crate) fn copy(from: &impl End, to: &impl End, arguments: &[&str]) -> Command {
    at((from, &from.whole()), (to, &to.whole()), arguments)
}

/// The same of these URLs.
pub(crate) fn at((from, source): (&impl End, &str), (to, target): (&impl End, &str), arguments: &[&str]) -> Command {
    let mut command = cli::command([&["copy", source, target], arguments].concat());
    command.envs(from.environment()).envs(to.environment());
    command
}

/// A copy in which nothing is to fail: a busy emulator has time to come back.
pub(crate) async fn copied(from: &impl End, to: &impl End, arguments: &[&str]) -> Value {
    let json = [arguments, &["--json", "--give-up-after=60s"]].concat();
    run(copy(from, to, &json)).await.expect_code(0).json()
}

pub(crate) async fn fails(from: &impl End, to: &impl End, arguments: &[&str], code: i32) -> Ended {
    run(copy(from, to, arguments)).await.expect_code(code)
}

/// Bytes that are told from all others of another length or seed.
pub(crate) fn data(len: usize, seed: u8) -> Vec<u8> {
    let mut data = vec![0; len];
    Pattern::new(len as u64).fill(&mut data);
    data.iter_mut().for_each(|byte| *byte = byte.wrapping_add(seed));
    data
}

/// Nothing, a little, what takes several ranges, what takes several parts, and names that are odd.
pub(crate) fn some() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("empty", Vec::new()),
        ("folder/a b+c%20&=?#.txt", data(100, 1)),
        ("folder/grüße/日本", data(3000, 2)),
        ("folder/middle", data(4 << 20, 3)),
        ("large", data(21 << 20, 4)),
        ("x'y\"z(1)[2]{3}!*;:@$,~", data(10, 5)),
    ]
}

pub(crate) async fn fill(end: &impl End, objects: &[(&str, Vec<u8>)]) {
    for (key, bytes) in objects {
        end.store(key, bytes.clone()).await;
    }
}

/// That there are these, byte by byte, and no others, and nothing unfinished.
pub(crate) async fn assert_has(end: &impl End, below: &str, objects: &[(&str, Vec<u8>)]) {
    let mut keys: Vec<String> = objects.iter().map(|(key, _)| format!("{below}{key}")).collect();
    keys.sort();
    assert_eq!(end.keys().await, keys);
    for (key, bytes) in objects {
        assert!(end.load(&format!("{below}{key}")).await.as_ref() == Some(bytes), "{key}");
    }
    assert_eq!(end.leftovers().await, 0);
}
