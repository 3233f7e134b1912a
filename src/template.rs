//! Names with times in them: what `put --name-template` writes and `prune --group-by` reads. Both are this one type, so what
//! one writes the other reads. All times are UTC.

use crate::error::{Error, ErrorKind, Result};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// The most pieces of a template: each takes its time for every name that is read.
const MAX_PIECES: usize = 32;
/// How many places are tried before a name is given up as one that is not of the template. A name of a few hundred characters
/// that is of it takes some hundred.
const MAX_STEPS: usize = 50_000;

/// A name in which `{…}` stands for something else.
///
/// | in the template | in a name |
/// |---|---|
/// | `{date}` | `2026-11-28` |
/// | `{datetime}` | `20261128T031500Z` |
/// | `{timestamp}` | seconds since 1970 |
/// | `{year}` `{month}` `{day}` `{hour}` `{minute}` `{second}` | `2026` `11` `28` `03` `15` `00` |
/// | `{*}` | anything but a slash, at least one character |
/// | `{any-other-word}` | the same, and names in which it differs are of different groups |
/// | `{{`, `}}` | `{`, `}` |
///
/// ```
/// use sealift::NameTemplate;
///
/// let template: NameTemplate = "db/{date}.sql.gz".parse().unwrap();
/// let name = template.name_at(1_795_836_000).unwrap();
/// assert_eq!(name, "db/2026-11-28.sql.gz");
/// assert_eq!(template.read(&name).unwrap().at, Some(1_795_824_000));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTemplate {
    text: String,
    pieces: Vec<Piece>,
}

/// What was read of a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameRead {
    /// What stands where the template has words of its own, in their order: names with the same are of one group.
    pub group: Vec<String>,
    /// The time, in seconds since 1970; `None` where the template has none.
    pub at: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Time(Field),
    Word(String),
    Any,
}

/// A part of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Date,
    DateTime,
    Timestamp,
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

impl Field {
    const ALL: [(&str, Field); 9] = [
        ("date", Field::Date),
        ("datetime", Field::DateTime),
        ("timestamp", Field::Timestamp),
        ("year", Field::Year),
        ("month", Field::Month),
        ("day", Field::Day),
        ("hour", Field::Hour),
        ("minute", Field::Minute),
        ("second", Field::Second),
    ];

    /// How it is written at a time.
    fn at(self, at: u64, civil: DateTime) -> String {
        let (year, month, day) = (civil.year(), civil.month(), civil.day());
        let (hour, minute, second) = (civil.hour(), civil.minute(), civil.second());
        match self {
            Field::Date => format!("{year:04}-{month:02}-{day:02}"),
            Field::DateTime => format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z"),
            Field::Timestamp => at.to_string(),
            Field::Year => format!("{year:04}"),
            Field::Month => format!("{month:02}"),
            Field::Day => format!("{day:02}"),
            Field::Hour => format!("{hour:02}"),
            Field::Minute => format!("{minute:02}"),
            Field::Second => format!("{second:02}"),
        }
    }

    /// How many bytes it has; none where that differs.
    fn length(self) -> Option<usize> {
        match self {
            Field::Date => Some(10),
            Field::DateTime => Some(16),
            Field::Timestamp => None,
            Field::Year => Some(4),
            _ => Some(2),
        }
    }
}

impl NameTemplate {
    /// Whether names hold a time.
    pub fn has_time(&self) -> bool {
        self.fields().next().is_some()
    }

    /// Whether two names can be of one group: they differ in a time, or in what `{*}` stands for.
    pub fn has_groups(&self) -> bool {
        self.has_time() || self.pieces.contains(&Piece::Any)
    }

    /// The folder that all names are in, with the slash at its end; empty where they may be in any.
    pub fn folder(&self) -> &str {
        // What comes before the first brace is literal.
        let literal = self.text.find(['{', '}']).map_or(self.text.as_str(), |end| &self.text[..end]);
        literal.rfind('/').map_or("", |slash| &literal[..=slash])
    }

    /// The name at a time, in seconds since 1970.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] where the template has something that only a name that is there can tell, or no time at
    /// all, by which names would differ; or when the year has more than four digits.
    pub fn name_at(&self, at: u64) -> Result<String> {
        if !self.has_time() {
            return Err(invalid(&self.text, "it has no time, so all names would be the same: {date}, {datetime}, …"));
        }
        let civil = civil(at).ok_or_else(|| invalid(&self.text, "the time is after the year 9999"))?;
        let texts = self.pieces.iter().map(|piece| match piece {
            Piece::Literal(text) => Ok(text.clone()),
            Piece::Time(field) => Ok(field.at(at, civil)),
            Piece::Word(word) => {
                let reason =
                    format!("nothing tells what {{{word}}} is to be: only times are known when a name is made");
                Err(invalid(&self.text, reason))
            }
            Piece::Any => Err(invalid(&self.text, "{*} is for names that are there already")),
        });
        texts.collect()
    }

    /// What a name says; `None` where it is not of this template, or could be read in more than one way.
    pub fn read(&self, name: &str) -> Option<NameRead> {
        let mut reading = Reading {
            pieces: &self.pieces,
            name,
            taken: Vec::new(),
            dead: BTreeSet::new(),
            steps: 0,
            found: Vec::new(),
        };
        reading.from(0, 0);
        match reading.found.as_slice() {
            [one] if reading.steps < MAX_STEPS => Some(one.clone()),
            _ => None,
        }
    }

    /// The template with what a group has in it, for people.
    pub fn label(&self, group: &[String]) -> String {
        let mut words = group.iter();
        let texts = self.pieces.iter().map(|piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Time(field) => {
                let word = Field::ALL.iter().find(|(_, known)| known == field).map_or("", |(word, _)| word);
                format!("{{{word}}}")
            }
            Piece::Word(_) => words.next().cloned().unwrap_or_default(),
            Piece::Any => "{*}".to_owned(),
        });
        texts.collect()
    }

    fn fields(&self) -> impl Iterator<Item = Field> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Time(field) => Some(*field),
            _ => None,
        })
    }

    /// Why names of these pieces could not be told from one another, or would have no whole time.
    fn check(&self) -> Result<(), String> {
        let open = |piece: &Piece| matches!(piece, Piece::Word(_) | Piece::Any | Piece::Time(Field::Timestamp));
        if self.pieces.len() > MAX_PIECES {
            return Err(format!("it has more than {MAX_PIECES} pieces"));
        }
        if self.pieces.windows(2).any(|two| two.iter().all(open)) {
            return Err("two of its pieces have no text between them, so nobody could tell where one ends".to_owned());
        }
        let has = |field| self.fields().any(|other| other == field);
        let whole = has(Field::DateTime) || has(Field::Timestamp);
        let dated = whole || has(Field::Date) || [Field::Year, Field::Month, Field::Day].into_iter().all(has);
        if self.has_time() && !dated {
            return Err("its time has no whole date: {date}, or {year}, {month} and {day}".to_owned());
        }
        let needs = [
            (Field::Minute, Field::Hour, "{minute} needs {hour}"),
            (Field::Second, Field::Minute, "{second} needs {minute}"),
        ];
        match needs.into_iter().find(|(finer, coarser, _)| !whole && has(*finer) && !has(*coarser)) {
            Some((.., reason)) => Err(reason.to_owned()),
            None => Ok(()),
        }
    }
}

impl FromStr for NameTemplate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let pieces = parse(text).map_err(|reason| invalid(text, reason))?;
        let template = NameTemplate { text: text.to_owned(), pieces };
        template.check().map_err(|reason| invalid(text, reason))?;
        Ok(template)
    }
}

impl fmt::Display for NameTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn parse(text: &str) -> Result<Vec<Piece>, String> {
    let (mut pieces, mut literal, mut rest) = (Vec::new(), String::new(), text);
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        match character {
            '{' | '}' if rest.starts_with(character) => {
                literal.push(character);
                rest = &rest[1..];
            }
            '}' => return Err("a } has no { before it; }} stands for one of a name".to_owned()),
            '{' => {
                let Some((word, after)) = rest.split_once('}') else {
                    return Err("a { has no } behind it; {{ stands for one of a name".to_owned());
                };
                rest = after;
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(piece(word, &pieces)?);
            }
            other => literal.push(other),
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    match pieces.is_empty() {
        true => Err("it is empty".to_owned()),
        false => Ok(pieces),
    }
}

fn piece(word: &str, before: &[Piece]) -> Result<Piece, String> {
    if word == "*" {
        return Ok(Piece::Any);
    }
    if let Some((_, field)) = Field::ALL.iter().find(|(known, _)| *known == word) {
        return Ok(Piece::Time(*field));
    }
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    let piece = Piece::Word(word.to_owned());
    match () {
        () if word.is_empty() || !word.chars().all(allowed) => {
            Err(format!("{{{word}}}: a word has letters, digits, - and _; {{*}} stands for anything"))
        }
        () if before.contains(&piece) => Err(format!("{{{word}}} is there twice")),
        () => Ok(piece),
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

/// The time that fields of a name tell, by the most exact of them.
fn seconds_of(fields: &[(Field, &str)]) -> Option<u64> {
    let text = |wanted| fields.iter().find(|(field, _)| *field == wanted).map(|(_, text)| *text);
    if let Some(text) = text(Field::Timestamp) {
        return number(text);
    }
    let or_zero = |field| text(field).map_or(Some(0), number);
    let (date, time) = match text(Field::DateTime) {
        Some(text) => {
            let part = |from, to| number(text.get(from..to)?);
            (date(part(0, 4)?, part(4, 6)?, part(6, 8)?)?, (part(9, 11)?, part(11, 13)?, part(13, 15)?))
        }
        None => {
            let date = match text(Field::Date) {
                Some(text) => date(number(text.get(0..4)?)?, number(text.get(5..7)?)?, number(text.get(8..10)?)?)?,
                None => date(number(text(Field::Year)?)?, number(text(Field::Month)?)?, number(text(Field::Day)?)?)?,
            };
            (date, (or_zero(Field::Hour)?, or_zero(Field::Minute)?, or_zero(Field::Second)?))
        }
    };
    let small = |number: u64| i8::try_from(number).ok();
    let time = Time::new(small(time.0)?, small(time.1)?, small(time.2)?, 0).ok()?;
    let at = Offset::UTC.to_timestamp(date.to_datetime(time)).ok()?;
    u64::try_from(at.as_second()).ok()
}

fn date(year: u64, month: u64, day: u64) -> Option<Date> {
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The date and time at so many seconds since 1970.
pub(crate) fn civil(at: u64) -> Option<DateTime> {
    let time = jiff::Timestamp::from_second(i64::try_from(at).ok()?).ok()?;
    Some(Offset::UTC.to_datetime(time))
}

fn invalid(template: &str, reason: impl Into<String>) -> Error {
    let shown: String = template.chars().take(200).collect();
    Error::new(ErrorKind::InvalidConfig, "use the template", format!("{shown:?}"), reason.into())
        .with_hint("such as db/{date}.sql.gz; nothing was read or stored")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-28 03:15:09.
    const AT: u64 = 1_795_835_709;
    const MIDNIGHT: u64 = 1_795_824_000;

    fn template(text: &str) -> NameTemplate {
        text.parse().expect(text)
    }

    fn at(text: &str, name: &str) -> Option<u64> {
        template(text).read(name).and_then(|read| read.at)
    }

    #[test]
    fn what_is_written_is_read() {
        for (text, name, read) in [
            ("db/{date}.sql.gz", "db/2026-11-28.sql.gz", MIDNIGHT),
            ("{datetime}", "20261128T031509Z", AT),
            ("a{timestamp}b", "a1795835709b", AT),
            ("{year}/{month}/{date}.gz", "2026/11/2026-11-28.gz", MIDNIGHT),
            ("{year}{month}{day}-{hour}{minute}", "20261128-0315", AT - 9),
            ("{date}-{hour}", "2026-11-28-03", MIDNIGHT + 3 * 3600),
            ("{{{date}}}", "{2026-11-28}", MIDNIGHT),
        ] {
            assert_eq!(template(text).name_at(AT).expect(text), name);
            assert_eq!(at(text, name), Some(read), "{text}");
        }
    }

    #[test]
    fn random_times_come_back() {
        for text in [
            "x/{datetime}.gz",
            "{date}T{hour}:{minute}:{second}",
            "{timestamp}",
            "{year}{month}{day}{hour}{minute}{second}",
        ] {
            for _ in 0..500 {
                let at = u64::from(rand::random::<u32>()) * 10;
                let name = template(text).name_at(at).expect(text);
                assert_eq!(template(text).read(&name).and_then(|read| read.at), Some(at), "{name}");
            }
        }
    }

    #[test]
    fn names_of_others_are_not_read() {
        for (text, name) in [
            ("db/{date}.sql.gz", "db/2026-11-28.sql.gz.1"),
            ("db/{date}.sql.gz", "xdb/2026-11-28.sql.gz"),
            ("db/{date}.sql.gz", "db/2026-02-30.sql.gz"),
            ("db/{date}.sql.gz", "db/2026-1-028.sql.gz"),
            ("db/{date}.sql.gz", "db/+026-11-28.sql.gz"),
            ("{datetime}", "20261128T036009Z"),
            ("{datetime}", "20261128t031509Z"),
            ("{datetime}", "1969-12-31"),
            ("{timestamp}", "01795835709"),
            ("{year}/{date}", "2025/2026-11-28"),
            ("{name}-{date}", "-2026-11-28"),
            ("{name}-{date}", "a/b-2026-11-28"),
            // Two readings.
            ("{name}-{date}{*}", "a-2026-11-28-2026-11-29.gz"),
            ("{a}-{b}-{date}", "x-y-z-2026-11-28"),
            ("{date}", "\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}"),
        ] {
            assert_eq!(template(text).read(name), None, "{text} {name}");
        }
    }

    #[test]
    fn words_make_groups() {
        let by_name = template("{kind}/{name}-{date}.gz");
        let read = by_name.read("db/users-2026-11-28.gz").expect("read");
        assert_eq!((&read.group[..], read.at), (&["db".to_owned(), "users".to_owned()][..], Some(MIDNIGHT)));
        assert_eq!(by_name.label(&read.group), "db/users-{date}.gz");
        let anything = template("db/{name}.{*}");
        assert_eq!(anything.read("db/a.7").map(|read| (read.group, read.at)), Some((vec!["a".to_owned()], None)));
        assert!(anything.has_groups() && !anything.has_time() && !template("db/{name}").has_groups());
        assert_eq!((by_name.folder(), anything.folder(), template("a/b").folder()), ("", "db/", "a/"));
    }

    #[test]
    fn a_template_that_nobody_could_read_is_refused() {
        for text in [
            "",
            "{",
            "}",
            "{date",
            "date}",
            "{}",
            "{a b}",
            "{name}{*}",
            "{name}-{name}-{date}",
            "{year}-{month}",
            "{date}{minute}",
            "{date}-{hour}-{second}",
            "{timestamp}{name}",
            &"{date}-".repeat(40),
        ] {
            assert!(text.parse::<NameTemplate>().is_err(), "{text}");
        }
        for text in ["a/b", "{name}/{date}", "{*}-{date}"] {
            assert!(template(text).name_at(AT).is_err(), "{text}");
        }
        assert!(template("{date}").name_at(u64::MAX).is_err());
    }

    #[test]
    fn no_name_takes_long() {
        let long = "a-".repeat(512);
        let many =
            ["{a}-{b}-{c}-{d}-{e}-{f}-{g}-{h}-{date}", "{*}-{*}-{*}-{*}-{*}-{*}-{*}-{date}", "{*}-{*}-{*}-{*}a-"];
        for text in many {
            assert_eq!(template(text).read(&long), None, "{text}");
        }
    }
}
