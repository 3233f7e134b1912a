//! What a name says, by the pieces of a template.

use super::piece::{Field, Piece, civil, seconds_of};
use std::collections::BTreeSet;

/// How many places are tried before a name is given up as one that is not of the template. A name of a few hundred characters
/// that is of it takes some hundred.
const MAX_STEPS: usize = 50_000;

/// What was read of a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct NameRead {
    /// What stands where the template has words of its own, in their order: names with the same are of one group.
    pub group: Vec<String>,
    /// The time, in seconds since 1970; `None` where the template has none.
    pub at: Option<u64>,
}

/// What a name says; `None` where it is not of these pieces, or could be read in more than one way.
pub(super) fn read(pieces: &[Piece], name: &str) -> Option<NameRead> {
    let mut reading = Reading { pieces, name, taken: Vec::new(), dead: BTreeSet::new(), steps: 0, found: Vec::new() };
    reading.from(0, 0);
    match reading.found.as_slice() {
        [one] if reading.steps < MAX_STEPS => Some(one.clone()),
        _ => None,
    }
}

/// A search for all ways in which a name can be read, up to two.
struct Reading<'a> {
    pieces: &'a [Piece],
    name: &'a str,
    taken: Vec<&'a str>,
    /// From where nothing can be read: a piece, and a place in the name.
    dead: BTreeSet<(usize, usize)>,
    steps: usize,
    found: Vec<NameRead>,
}

impl<'a> Reading<'a> {
    /// Reads from the piece `at` and the place `from` on, and tells whether it came to the end of both.
    fn from(&mut self, at: usize, from: usize) -> bool {
        let (name, pieces) = (self.name, self.pieces);
        let rest = &name[from..];
        let Some(piece) = pieces.get(at) else {
            if rest.is_empty()
                && let Some(read) = self.told()
                && !self.found.contains(&read)
            {
                self.found.push(read);
            }
            return rest.is_empty();
        };
        self.steps += 1;
        if self.steps >= MAX_STEPS || self.dead.contains(&(at, from)) {
            return false;
        }
        let ends: Vec<usize> = match piece {
            Piece::Literal(text) => rest.starts_with(text.as_str()).then_some(text.len()).into_iter().collect(),
            Piece::Time(field) => match field.length() {
                Some(length) => rest.is_char_boundary(length).then_some(length).into_iter().collect(),
                None => (1..=rest.bytes().take(12).take_while(u8::is_ascii_digit).count()).collect(),
            },
            Piece::Word(_) | Piece::Any => {
                let within = rest.char_indices().map(|(at, character)| (at + character.len_utf8(), character));
                within.take_while(|(_, character)| *character != '/').map(|(end, _)| end).collect()
            }
        };
        let mut reached = false;
        for end in ends {
            self.taken.push(&rest[..end]);
            reached |= self.from(at + 1, from + end);
            self.taken.pop();
            if self.found.len() > 1 || self.steps >= MAX_STEPS {
                return true;
            }
        }
        if !reached {
            self.dead.insert((at, from));
        }
        reached
    }

    /// What was taken says, if it agrees with itself.
    fn told(&self) -> Option<NameRead> {
        let taken = || self.pieces.iter().zip(&self.taken);
        let group = taken().filter(|(piece, _)| matches!(piece, Piece::Word(_))).map(|(_, text)| (*text).to_owned());
        let fields: Vec<(Field, &str)> = taken()
            .filter_map(|(piece, text)| match piece {
                Piece::Time(field) => Some((*field, *text)),
                _ => None,
            })
            .collect();
        let read = |at| NameRead { group: group.collect(), at };
        if fields.is_empty() {
            return Some(read(None));
        }
        let at = seconds_of(&fields)?;
        let civil = civil(at)?;
        // Whatever else it says, and every digit of it, has to be what would be written then.
        fields.iter().all(|(field, text)| field.at(at, civil) == *text).then(|| read(Some(at)))
    }
}
