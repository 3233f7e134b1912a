//! What a template is made of, and how its times are written.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(String),
    Time(Field),
    Word(String),
    Any,
}

/// A part of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
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
    pub(super) const ALL: [(&str, Field); 9] = [
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
    pub(super) fn at(self, at: u64, civil: DateTime) -> String {
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
    pub(super) fn length(self) -> Option<usize> {
        match self {
            Field::Date => Some(10),
            Field::DateTime => Some(16),
            Field::Timestamp => None,
            Field::Year => Some(4),
            _ => Some(2),
        }
    }
}

/// The parts of times among pieces.
pub(super) fn fields(pieces: &[Piece]) -> impl Iterator<Item = Field> {
    pieces.iter().filter_map(|piece| match piece {
        Piece::Time(field) => Some(*field),
        _ => None,
    })
}

/// The time that fields of a name tell, by the most exact of them.
pub(super) fn seconds_of(fields: &[(Field, &str)]) -> Option<u64> {
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
