//! Names: what an archive's parts and a storage's objects may be called. Parsing happens here and nowhere else;
//! a value of these types is valid.

use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::str::FromStr;

/// A name that is safe in any shell, file system and object key: `[a-zA-Z0-9][a-zA-Z0-9._-]{2,126}`.
///
/// The pattern is the Aptos archive format's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShellSafeName(String);

impl ShellSafeName {
    /// The shortest and the longest name, in bytes.
    pub const LENGTH: std::ops::RangeInclusive<usize> = 3..=127;
}

impl FromStr for ShellSafeName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let valid = Self::LENGTH.contains(&name.len())
            && name.bytes().all(allowed)
            && name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        match valid {
            true => Ok(ShellSafeName(name.to_owned())),
            false => Err(invalid(
                name,
                "a name has 3 to 127 of the characters a-z A-Z 0-9 . _ - and begins with a letter or digit",
            )),
        }
    }
}

/// One line of text: what a metadata file holds, without the newline that ends it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextLine(String);

impl FromStr for TextLine {
    type Err = Error;

    fn from_str(line: &str) -> Result<Self> {
        match line.contains(['\n', '\r']) {
            false => Ok(TextLine(line.to_owned())),
            true => Err(invalid(line, "a metadata line holds no line break")),
        }
    }
}

/// The handle of a backup: the text that groups its files, as [`create_backup`](crate::BackupStorage::create_backup)
/// returned it. Only the storage that made it knows what it means; most return the backup's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackupHandle(String);

impl FromStr for BackupHandle {
    type Err = Error;

    fn from_str(handle: &str) -> Result<Self> {
        one_line(handle).map(BackupHandle)
    }
}

/// The handle of a file, stored as it is in manifests: `<backup handle>/<file name>` in every storage known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileHandle(String);

impl FromStr for FileHandle {
    type Err = Error;

    fn from_str(handle: &str) -> Result<Self> {
        one_line(handle).map(FileHandle)
    }
}

/// What any handle is: 1 to 4,096 bytes without control characters. The limit keeps what is not a handle (a page of
/// somebody's output) out of manifests.
fn one_line(handle: &str) -> Result<String> {
    match (1..=4096).contains(&handle.len()) && !handle.chars().any(char::is_control) {
        true => Ok(handle.to_owned()),
        false => Err(invalid(handle, "a handle is one line of 1 to 4096 bytes")),
    }
}

/// The full key of an object in its bucket: 1 to 1,024 bytes of UTF-8, the limit of S3 and GCS. Azure counts characters, so
/// what is there may have more bytes.
///
/// Parsing is for objects that are to be written, and strict: `/`-separated segments, none of them empty, `.` or `..`, and
/// without control characters, so that the key is also a path that stays below its root. Other programs are not as
/// strict, so what is there already is named by [`existing`](Self::existing), which no write takes.
///
/// ```
/// use sealift::Key;
///
/// assert!("backups/1.gz".parse::<Key>().is_ok());
/// assert!("backups//1.gz".parse::<Key>().is_err());
/// assert!(Key::existing("backups//1.gz").is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// The longest key that is stored anew, in bytes; of what is there, in characters.
    pub const MAX_LENGTH: usize = 1024;

    /// The key of an object that is there, whoever named it: to look at, to read, to move away, to remove.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] when it is empty or longer than any service takes.
    pub fn existing(key: &str) -> Result<Key> {
        match (1..=Self::MAX_LENGTH).contains(&key.chars().count()) {
            true => Ok(Key(key.to_owned())),
            false => Err(invalid(key, "a key has 1 to 1024 characters")),
        }
    }

    /// Whether an object may be written by this name.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] when it may not, with the rule.
    pub fn check_new(&self) -> Result<()> {
        if self.0.len() > Self::MAX_LENGTH {
            return Err(invalid(&self.0, "a key has 1 to 1024 bytes"));
        }
        if self.0.chars().any(char::is_control) {
            return Err(invalid(&self.0, "a key holds no control characters"));
        }
        match self.0.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            true => Err(invalid(
                &self.0,
                "no part of a key between its slashes is empty, `.` or `..`, and it neither begins nor ends with a slash",
            )),
            false => Ok(()),
        }
    }

    /// This key below `prefix`, which may be empty.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] when the whole is not a valid key (it may be too long).
    pub fn below(&self, prefix: &str) -> Result<Key> {
        match prefix.trim_matches('/') {
            "" => Ok(self.clone()),
            prefix => format!("{prefix}/{self}").parse(),
        }
    }

    /// Whether this is `name`, or below the folder of that name: `a/b` is within `a`, `ab` is not. Everything is within the
    /// empty name.
    pub(crate) fn is_within(key: &str, name: &str) -> bool {
        match key.strip_prefix(name) {
            Some(rest) => name.is_empty() || name.ends_with('/') || rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }
}

impl FromStr for Key {
    type Err = Error;

    fn from_str(key: &str) -> Result<Self> {
        let key = Key::existing(key)?;
        key.check_new()?;
        Ok(key)
    }
}

impl TryFrom<&FileHandle> for Key {
    type Error = Error;

    /// The key that a handle is, in storages of objects.
    fn try_from(handle: &FileHandle) -> Result<Key> {
        handle.0.parse()
    }
}

fn invalid(name: &str, rule: &'static str) -> Error {
    let shown: String = name.chars().take(200).collect();
    Error::new(ErrorKind::InvalidName, "use the name", format!("{shown:?}"), rule)
        .with_hint("choose another name; nothing was read or stored")
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}
as_text!(ShellSafeName, TextLine, BackupHandle, FileHandle, Key);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_safe_names_keep_to_the_pattern() {
        for good in ["abc", "0.1", "a-_.", &"x".repeat(127), "epoch_ending_0-.0f3a"] {
            assert!(ShellSafeName::from_str(good).is_ok(), "{good}");
        }
        for bad in ["", "ab", ".abc", "-abc", "_abc", "a b", "a/b", "abc\n", "aéc", "a$(b)", &"x".repeat(128)] {
            assert!(ShellSafeName::from_str(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn keys_stay_below_their_root() {
        for good in ["a", "a/b", "metadata/x.meta", "ü/ß", "a..b/.c"] {
            assert!(Key::from_str(good).is_ok(), "{good}");
        }
        for bad in ["", "/a", "a/", "a//b", "../a", "a/../b", "a/.", "a\nb", "a\0", &"x".repeat(1025)] {
            assert!(Key::from_str(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_there_may_have_any_name_and_is_told_by_whole_names() {
        for name in ["/a", "a/", "a//b", "..", "a\nb", &"x".repeat(1024)] {
            assert!(Key::existing(name).expect("a key").check_new().is_err() || name.len() == 1024, "{name:?}");
        }
        assert!(Key::existing("").is_err() && Key::existing(&"x".repeat(1025)).is_err());
        assert!(Key::existing(&"\u{fc}".repeat(600)).expect("on Azure").check_new().is_err());
        for (key, name) in [("a", "a"), ("a/b", "a"), ("a/", "a"), ("a/b", "a/"), ("a", ""), ("/a", "")] {
            assert!(Key::is_within(key, name), "{key} {name}");
        }
        for (key, name) in [("ab", "a"), ("a", "a/"), ("b/a", "a"), ("a-/b", "a")] {
            assert!(!Key::is_within(key, name), "{key} {name}");
        }
    }

    #[test]
    fn a_prefix_is_joined_with_one_slash() {
        let key: Key = "b/c".parse().expect("valid");
        assert_eq!(key.below("").expect("valid").as_ref(), "b/c");
        assert_eq!(key.below("/a/").expect("valid").as_ref(), "a/b/c");
        assert!(key.below("..").is_err());
    }

    #[test]
    fn a_handle_is_any_one_line() {
        for good in ["a", "/var/backups/x", "s3://bucket/a b"] {
            assert!(FileHandle::from_str(good).is_ok(), "{good}");
        }
        for bad in ["", "a\nb", &"x".repeat(4097)] {
            assert!(BackupHandle::from_str(bad).is_err(), "{bad:?}");
        }
        assert!(Key::try_from(&FileHandle::from_str("../a").expect("one line")).is_err());
    }

    #[test]
    fn a_metadata_line_is_one_line() {
        assert!(TextLine::from_str("{\"a\": 1}").is_ok());
        assert!(TextLine::from_str("a\nb").is_err());
        assert!(TextLine::from_str("a\r").is_err());
    }
}
