//! From a template's text to its pieces, or why it is none.

use super::piece::{Field, Piece, fields};

/// The most pieces of a template: each takes its time for every name that is read.
const MAX_PIECES: usize = 32;

/// The pieces of a template that names can be read by, or the reason why it is none.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let pieces = parse(text)?;
    check(&pieces)?;
    Ok(pieces)
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

/// Why names of these pieces could not be told from one another, or would have no whole time.
fn check(pieces: &[Piece]) -> Result<(), String> {
    let open = |piece: &Piece| matches!(piece, Piece::Word(_) | Piece::Any | Piece::Time(Field::Timestamp));
    if pieces.len() > MAX_PIECES {
        return Err(format!("it has more than {MAX_PIECES} pieces"));
    }
    if pieces.windows(2).any(|two| two.iter().all(open)) {
        return Err("two of its pieces have no text between them, so nobody could tell where one ends".to_owned());
    }
    let has = |field| fields(pieces).any(|other| other == field);
    let whole = has(Field::DateTime) || has(Field::Timestamp);
    let dated = whole || has(Field::Date) || [Field::Year, Field::Month, Field::Day].into_iter().all(has);
    if fields(pieces).next().is_some() && !dated {
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
