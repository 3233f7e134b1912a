//! Objects that nobody has stored: they are made up as they are listed, so that a bucket of millions costs nothing.

use crate::listing::Listed;
use crate::state::iso;
use std::time::SystemTime;

/// What their names begin with. Behind it are nine digits, so that they come in the order of their numbers.
const FOLDER: &str = "made/up/";

/// So many objects of 10 KiB, in every bucket.
#[derive(Debug)]
pub(crate) struct MadeUp {
    count: u32,
    modified: String,
}

impl MadeUp {
    pub(crate) fn new(count: u32) -> Self {
        MadeUp { count, modified: iso(SystemTime::now()) }
    }

    /// Those with this prefix whose names come after `after`, in order.
    pub(crate) fn below<'a>(&'a self, prefix: &'a str, after: &str) -> impl Iterator<Item = Listed<'a>> {
        let first = self.before(|key| key <= after).max(self.before(|key| key < prefix));
        let keys = (first..self.count).map(key).take_while(move |key| key.starts_with(prefix));
        keys.map(|key| Listed {
            key: key.into(),
            size: 10 << 10,
            etag: "\"9e107d9d372bb6826bd81d3542a419d6\"",
            modified: self.modified.as_str().into(),
        })
    }

    /// How many names come before the first that is not `within`.
    fn before(&self, within: impl Fn(&str) -> bool) -> u32 {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            match within(&key(middle)) {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low
    }
}

fn key(number: u32) -> String {
    format!("{FOLDER}{number:09}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(prefix: &str, after: &str) -> Vec<String> {
        MadeUp::new(1_200).below(prefix, after).map(|object| object.key.into_owned()).collect()
    }

    #[test]
    fn all_come_in_order_and_go_on_after_any() {
        let all: Vec<_> = (0..1_200).map(key).collect();
        assert_eq!(names("", ""), all);
        assert_eq!(names("made/", ""), all);
        assert_eq!(names("", &all[999]), all[1_000..]);
        assert_eq!(names("", "made/up/0000009985"), all[999..], "a name that none of them has");
        assert_eq!(names("", &all[1_199]), [""; 0]);
    }

    #[test]
    fn a_prefix_holds() {
        let some: Vec<_> = (100..200).map(key).collect();
        assert_eq!(names("made/up/0000001", ""), some);
        assert_eq!(names("made/up/0000001", &some[9]), some[10..]);
        assert_eq!(names("made/up/0000001", "a"), some, "what comes before them all");
        assert_eq!(names("made/up/1", ""), [""; 0]);
        assert_eq!(names("other/", ""), [""; 0]);
    }
}
