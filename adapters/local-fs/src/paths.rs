//! Names on disk: keys as paths below the root, temporary files, and `file://` URLs.

use crate::disk::Disk;
use crate::failure::failed;
use sealift::{Error, ErrorKind, Key, Result, Token};
use std::borrow::Cow;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder of temporary files, below the root. Not beside their targets: other tools that read a folder such as
/// `metadata/` would take them for objects.
pub(crate) const TEMPORARY_FOLDER: &str = ".sealift-tmp";

/// How the name of a file begins that `sealift get -o` has not finished (cli/src/output.rs).
const UNFINISHED_READ: &str = ".sealift-get-";

/// How the name of a folder begins into which `sealift drill` restores (cli/src/scratch.rs).
const DRILL: &str = ".sealift-drill-";

/// What ends the name of every temporary file.
const TEMPORARY_SUFFIX: &str = ".sealift";

/// The longest segment of a key, in bytes: what the common file systems take.
const LONGEST_SEGMENT: usize = 255;

/// The longest name of a temporary file before it is continued in a folder. Even file systems that encrypt names
/// take this many bytes.
const LONGEST_PIECE: usize = 140;

/// Whether a file of this name is one that `sealift get -o` has not finished.
pub(crate) fn is_unfinished_read(name: &str) -> bool {
    name.starts_with(UNFINISHED_READ)
}

/// Whether a folder of this name is one into which `sealift drill` restores.
pub(crate) fn is_drill(name: &str) -> bool {
    name.starts_with(DRILL)
}

/// What becomes of a folder below the root whose last file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptiedFolders {
    /// It goes too, as in storages of objects, which have no folders.
    Removed,
    /// It stays: for a root that is not Sealift's alone.
    Kept,
}

/// The folder that holds everything, and the disk it is on.
#[derive(Debug)]
pub(crate) struct Root {
    emptied: EmptiedFolders,
    path: PathBuf,
    url: String,
    disk: Arc<dyn Disk>,
}

impl Root {
    /// The root at `path`, which need not exist.
    pub(crate) fn new(path: &Path, disk: Arc<dyn Disk>) -> Result<Root> {
        let absolute = std::path::absolute(path).map_err(|error| {
            Error::new(ErrorKind::InvalidConfig, "open the storage in folder", format!("{path:?}"), error.to_string())
                .with_hint("give the path of a folder; it is created when something is written")
                .with_source(error)
        })?;
        // Without a slash at its end.
        let absolute: PathBuf = absolute.components().collect();
        let url = format!("file://{}", percent_encoded(absolute.as_os_str().as_bytes()));
        Ok(Root { emptied: EmptiedFolders::Removed, path: absolute, url, disk })
    }

    /// The same root, with what becomes of folders that are emptied.
    pub(crate) fn with_emptied(self, emptied: EmptiedFolders) -> Root {
        Root { emptied, ..self }
    }

    /// The folder above which nothing is removed and synced when the file at `path` came or went.
    pub(crate) fn top_of<'a>(&'a self, path: &'a Path) -> &'a Path {
        match self.emptied {
            EmptiedFolders::Removed => &self.path,
            EmptiedFolders::Kept => path.parent().unwrap_or(&self.path),
        }
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The disk.
    pub(crate) fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    /// The folder as a URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The folder of temporary files.
    pub(crate) fn temporary_folder(&self) -> PathBuf {
        self.path.join(TEMPORARY_FOLDER)
    }

    /// The file, folder or prefix `key` as a URL, for messages.
    pub(crate) fn location(&self, key: &str) -> String {
        format!("{}/{}", self.url.strip_suffix('/').unwrap_or(&self.url), percent_encoded(key.as_bytes()))
    }

    /// The file of `key`.
    pub(crate) fn path_of(&self, operation: impl Into<Cow<'static, str>>, key: &Key) -> Result<PathBuf> {
        let key = key.as_ref();
        let refuse = |reason: &str, hint: &'static str| {
            Error::new(ErrorKind::InvalidName, operation, self.location(key), reason).with_hint(hint)
        };
        if key.split('/').next() == Some(TEMPORARY_FOLDER) {
            return Err(refuse(
                "this folder is kept for temporary files",
                "choose a key that does not begin with `.sealift-tmp`",
            ));
        }
        if key.split('/').any(|segment| matches!(segment, "" | "." | "..")) || key.contains('\0') {
            return Err(refuse(
                "this is no path below the root",
                "between its slashes a key has neither nothing, nor `.` or `..`, and no zero bytes",
            ));
        }
        if key.split('/').any(|segment| segment.len() > LONGEST_SEGMENT) {
            return Err(refuse(
                "a file system takes at most 255 bytes between two slashes",
                "choose a shorter name, or put slashes into it",
            ));
        }
        Ok(self.path.join(key))
    }

    /// The operating system's error at `key`, in words.
    pub(crate) fn failed(&self, operation: impl Into<Cow<'static, str>>, key: &Key, error: std::io::Error) -> Error {
        failed(operation, self.location(key.as_ref()), error)
    }

    /// The answer for a key under which there is no file.
    pub(crate) fn not_found(&self, operation: impl Into<Cow<'static, str>>, key: &Key) -> Error {
        Error::new(ErrorKind::NotFound, operation, self.location(key.as_ref()), "there is no such file")
            .with_hint("`sealift ls` shows what there is")
    }
}

/// The name of a temporary file for `key`, relative to the folder of temporary files: the key with its slashes as
/// `%2F`, a random value, and a suffix. A long one is cut into pieces, all but the last of which are folders, so that
/// the whole key can always be told from it.
pub(crate) fn temporary_id(key: &Key, unique: &Token) -> String {
    compose(key, unique.as_ref())
}

/// The key that a temporary file was to become; `None` when the name is not one of ours.
pub(crate) fn key_of_temporary(id: &str) -> Option<Key> {
    let name = id.replace('/', "");
    let (encoded, unique) = name.strip_suffix(TEMPORARY_SUFFIX)?.rsplit_once('.')?;
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if unique.len() != 32 || !unique.bytes().all(hexadecimal) {
        return None;
    }
    let key: Key = encoded.replace("%2F", "/").replace("%25", "%").parse().ok()?;
    (compose(&key, unique) == id).then_some(key)
}

fn compose(key: &Key, unique: &str) -> String {
    let encoded = key.as_ref().replace('%', "%25").replace('/', "%2F");
    let name = format!("{encoded}.{unique}{TEMPORARY_SUFFIX}");
    let mut id = String::with_capacity(name.len() + name.len() / LONGEST_PIECE);
    let mut rest = name.as_str();
    while rest.len() > LONGEST_PIECE {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(LONGEST_PIECE));
        id.push_str(piece);
        id.push('/');
        rest = after;
    }
    id.push_str(rest);
    id
}

fn percent_encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    fn root(path: &str) -> Result<Root> {
        Root::new(Path::new(path), Arc::new(RealDisk))
    }

    fn key(text: &str) -> Key {
        text.parse().expect("a valid key")
    }

    #[test]
    fn a_temporary_name_tells_its_key() {
        let token = Token::random();
        assert_eq!(
            temporary_id(&key("metadata/a%2Fb.meta"), &token),
            format!("metadata%2Fa%252Fb.meta.{token}.sealift")
        );
        let long = format!("{}/{}", "ü".repeat(120), "x".repeat(700));
        for text in ["a", "a/b", "%", "a%2Fb/%25", ".x.", "a.sealift", "日本/語", &long] {
            let id = temporary_id(&key(text), &token);
            assert_eq!(key_of_temporary(&id), Some(key(text)), "{id}");
            assert!(id.split('/').all(|piece| piece.len() <= LONGEST_PIECE), "{id}");
        }
    }

    #[test]
    fn only_names_of_ours_are_taken_for_temporary_files() {
        let token = Token::random();
        for foreign in [
            "a".to_owned(),
            format!("{token}.sealift"),
            format!(".{token}.sealift"),
            format!("a.{token}"),
            format!("a.{}.sealift", &token.as_ref()[1..]),
            format!("a.{}.sealift", "X".repeat(32)),
            format!("folder/a.{token}.sealift"),
            format!("../a.{token}.sealift"),
            format!("..%2Fa.{token}.sealift"),
            format!("a%2fb.{token}.sealift"),
            format!("/a.{token}.sealift"),
        ] {
            assert_eq!(key_of_temporary(&foreign), None, "{foreign}");
        }
    }

    #[test]
    fn urls_are_encoded() {
        let odd = root("/a b/ü").expect("absolute");
        assert_eq!(odd.url(), "file:///a%20b/%C3%BC");
        assert_eq!(root("/a b/ü//").expect("absolute").url(), odd.url());
        assert_eq!(odd.location("x/y#z"), "file:///a%20b/%C3%BC/x/y%23z");
        assert_eq!(root("/").expect("absolute").location("x"), "file:///x");
        let empty = root("").expect_err("no path");
        assert_eq!(empty.kind(), ErrorKind::InvalidConfig);
    }

    #[test]
    fn a_relative_root_is_made_absolute() {
        let root = root("folder").expect("absolute");
        assert!(root.path().is_absolute());
        assert!(root.path().ends_with("folder"));
    }
}
