//! Names and sentences that others may have made, as they can be shown.

use std::borrow::Cow;
use std::io::IsTerminal;
use std::sync::LazyLock;

/// Text without what does more to a terminal, or to a log, than being read: names that others gave may hold it.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let shown = |character: char| match acts(character) {
        true => character.escape_unicode().to_string(),
        false => character.to_string(),
    };
    Cow::Owned(text.chars().map(shown).collect())
}

/// Whether a character is not read but acts: control characters, and those that turn the direction of writing (Unicode, UAX
/// 9, "Explicit directional formatting characters").
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A name as it can be pasted into a shell's line, on a terminal; what reads a pipe gets it as it is. So no name can
/// forge lines on a terminal, or do anything to it.
pub(crate) fn pasted(name: &str) -> Cow<'_, str> {
    // Asked once: a listing may have millions of names.
    static AT_A_TERMINAL: LazyLock<bool> = LazyLock::new(|| std::io::stdout().is_terminal());
    match *AT_A_TERMINAL {
        true => quoted(name),
        false => Cow::Borrowed(name),
    }
}

/// A word of a shell's line: in quotes where it has to be. Control characters are escaped as POSIX has it since 2024
/// ("2.2.4 Dollar-Single-Quotes"), and bash, zsh and ksh always had it.
pub(super) fn quoted(name: &str) -> Cow<'_, str> {
    if !name.chars().any(acts)
        && let Ok(quoted) = shlex::try_quote(name)
    {
        return quoted;
    }
    let mut quoted = "$'".to_owned();
    for character in name.chars() {
        match character {
            '\'' | '\\' => quoted.extend(['\\', character]),
            acting if acts(acting) => {
                let mut bytes = [0; 4];
                quoted.extend(acting.encode_utf8(&mut bytes).bytes().map(|byte| format!("\\{byte:03o}")));
            }
            other => quoted.push(other),
        }
    }
    Cow::Owned(quoted + "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_forges_a_line() {
        assert_eq!(one_line("read s3://b/\u{fc} b"), "read s3://b/\u{fc} b");
        assert_eq!(one_line("a\n\u{1b}[2Jb\u{202e}"), "a\\u{a}\\u{1b}[2Jb\\u{202e}");
    }

    #[test]
    fn a_name_is_one_word_of_a_shell() {
        for (name, word) in [
            ("a/b-c_d.e:f", "a/b-c_d.e:f"),
            ("\u{fc}", "'\u{fc}'"),
            ("a b", "'a b'"),
            ("it's", r#""it's""#),
            ("$(x)`y`", "'$(x)`y`'"),
            ("a\nb", r"$'a\012b'"),
            ("\u{1b}[2J'\\", r"$'\033[2J\'\\'"),
            ("\u{85}", r"$'\302\205'"),
            ("\u{202e}", r"$'\342\200\256'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(name), word, "{name:?}");
            let shell = std::process::Command::new("bash").args(["-c", &format!("printf %s {word}")]).output();
            if let Ok(shell) = shell {
                assert_eq!(String::from_utf8_lossy(&shell.stdout), name, "{word}");
            }
        }
    }
}
