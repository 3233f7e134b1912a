//! Whether what was said is what a document says: `…` stands for anything, figures for other figures, and spaces for more.

/// Whether `said` is as `written`.
pub(crate) fn agree(written: &str, said: &str) -> bool {
    let (written, said) = (levelled(written), levelled(said));
    let mut pieces = written.split('…').map(str::trim);
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = said.strip_prefix(first) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, between)) = pieces.split_last() else { return rest.is_empty() };
    for piece in between {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Every figure is 0, every row of spaces and line breaks one space.
fn levelled(text: &str) -> String {
    let mut level = String::new();
    for word in text.split_whitespace() {
        if !level.is_empty() {
            level.push(' ');
        }
        for letter in word.chars() {
            match letter.is_ascii_digit() {
                true if level.ends_with('0') => {}
                true => level.push('0'),
                false => level.push(letter),
            }
        }
    }
    level
}

#[test]
fn figures_may_differ_and_words_may_not() {
    assert!(agree("sealed …: 3.5 KiB in, 7 parts", "sealed s3://b/k:  12.0 KiB in, 1 parts\n"));
    assert!(agree("… done", "all of it done") && agree("it is … and …", "it is this and that"));
    assert!(!agree("it was done", "it was done again") && !agree("… done", "done it"));
    assert!(!agree("one … two … three", "one three two"));
}
