//! What an object is called where it is copied to.

use crate::checksum::{Checksum, ChecksumAlgorithm};
use crate::error::Result;
use crate::name::Key;
use crate::verify::Shard;

/// From the names of what is copied to the names of the copies: what an object is called below one name, it is called below
/// another.
///
/// ```
/// use sealift::copy::Names;
///
/// let names = Names::new("db", "old/db");
/// assert_eq!(names.target("db/monday/1.gz").expect("a key").as_ref(), "old/db/monday/1.gz");
/// assert_eq!(names.source("old/db/monday/1.gz"), Some("db/monday/1.gz".to_owned()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    from: String,
    to: String,
}

impl Names {
    /// What is `from`, or below the folder of that name, becomes `to`, or what is below that. Each may be empty, which is
    /// all there is. A `to` that ends with a slash, or is empty, is a folder also for a single object `from`.
    pub fn new(from: impl Into<String>, to: impl Into<String>) -> Self {
        Names { from: from.into(), to: to.into() }
    }

    /// Below what is copied.
    pub fn from(&self) -> &str {
        &self.from
    }

    /// Below what it is copied to.
    pub fn to(&self) -> &str {
        &self.to
    }

    /// What the object `key` is called below what is copied: patterns are held against this.
    pub fn relative<'a>(&self, key: &'a str) -> &'a str {
        let rest = key.strip_prefix(self.from.as_str()).unwrap_or(key);
        let rest = if self.from.is_empty() { rest } else { rest.strip_prefix('/').unwrap_or(rest) };
        match rest {
            "" => key.rsplit('/').next().unwrap_or(key),
            rest => rest,
        }
    }

    /// The name of the copy of the object `key`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`](crate::ErrorKind::InvalidName) for one by which nothing is stored.
    pub fn target(&self, key: &str) -> Result<Key> {
        let folder = self.to.is_empty() || self.to.ends_with('/');
        match key == self.from && !folder {
            true => self.to.parse(),
            false if self.to.is_empty() => self.relative(key).parse(),
            false => format!("{}/{}", self.to.trim_end_matches('/'), self.relative(key)).parse(),
        }
    }

    /// The object of which `key` would be the copy; none for what is no copy of anything. For what is copied as a folder.
    pub fn source(&self, key: &str) -> Option<String> {
        let rest = match self.to.trim_end_matches('/') {
            "" => key,
            to => key.strip_prefix(to)?.strip_prefix('/')?,
        };
        Some(match self.from.trim_end_matches('/') {
            "" => rest.to_owned(),
            from => format!("{from}/{rest}"),
        })
    }
}

/// Whether a shard has the object that is called `relative` below what is copied. Each object is in one, also when others come
/// and go meanwhile: it is told by its name alone.
pub fn is_in_shard(relative: &str, shard: Shard) -> bool {
    let hash = Checksum::of(ChecksumAlgorithm::Crc64Nvme, relative.as_bytes()).to_be_bytes();
    let hash = hash.iter().fold(0u64, |hash, byte| hash << 8 | u64::from(*byte));
    // The upper half: what differs in a last digit only is apart there, too.
    (hash >> 32) % u64::from(shard.of()) == u64::from(shard.number() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_what_is_below() {
        let target = |from: &str, to: &str, key: &str| Names::new(from, to).target(key).map(|key| key.to_string());
        for (from, to, key, expected) in [
            ("", "", "a/b", "a/b"),
            ("", "x", "a/b", "x/a/b"),
            ("", "x/", "a/b", "x/a/b"),
            ("a", "x", "a/b", "x/b"),
            ("a/", "x", "a/b", "x/b"),
            ("a", "", "a/b/c", "b/c"),
            // One object.
            ("a/b", "x", "a/b", "x"),
            ("a/b", "x/", "a/b", "x/b"),
            ("a/b", "", "a/b", "b"),
        ] {
            assert_eq!(target(from, to, key).expect("a key"), expected, "{from} {to} {key}");
        }
        for odd in ["a//b", "a/../b", "a/b/", "a/\u{7}"] {
            assert!(target("a", "x", odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn the_source_of_a_copy_is_told_by_its_name() {
        for (from, to, key) in [("", "", "a/b"), ("a", "x", "a/b"), ("", "x/y", "a"), ("a/b/", "", "a/b/c")] {
            let names = Names::new(from, to);
            let copy = names.target(key).expect("a key");
            assert_eq!(names.source(copy.as_ref()).as_deref(), Some(key), "{from} {to}");
        }
        assert_eq!(Names::new("a", "x").source("xy/b"), None);
    }

    #[test]
    fn each_object_is_in_one_shard_and_shards_are_alike() {
        for of in [1, 2, 3, 8] {
            let mut counts = vec![0; of as usize];
            for at in 0..4000 {
                let name = format!("folder/{at:06}.chunk");
                let shards: Vec<u32> =
                    (1..=of).filter(|number| is_in_shard(&name, Shard::new(*number, of).expect("a shard"))).collect();
                assert_eq!(shards.len(), 1, "{name}");
                counts[shards[0] as usize - 1] += 1;
            }
            let (least, most) = (counts.iter().min().expect("some"), counts.iter().max().expect("some"));
            assert!(most - least < 4000 / of as i32 / 2, "{counts:?}");
        }
    }
}
