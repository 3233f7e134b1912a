//! What a command says on its standard error: logged line by line, the last of it kept for the error it may end in.

use std::collections::VecDeque;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, BufReader};

/// How many lines are kept.
const LINES: usize = 10;
/// How much of a line is kept, in characters.
const KEPT: usize = 500;
/// How much of a line is looked at, in bytes, so that no secret is cut apart before it is hidden. Longer ones become several.
const LINE: usize = 16 << 10;

/// Secrets that commands may print: the values of variables whose names say that they hold one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// Those among these variables. Short values are no secrets, and would blank out half of a message.
    pub(crate) fn among(variables: impl Iterator<Item = (String, String)>) -> Self {
        const MARKS: [&str; 8] = ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "SAS", "KEY", "CREDENTIAL", "URI"];
        let secret = |(name, value): (String, String)| {
            let name = name.to_ascii_uppercase();
            (value.len() >= 8 && MARKS.iter().any(|mark| name.contains(mark))).then_some(value)
        };
        let mut values: Vec<String> = variables.filter_map(secret).collect();
        // The longest first, so that no secret is cut apart by another that is a part of it.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Secrets(values)
    }

    fn hide(&self, line: String) -> String {
        self.0.iter().fold(line, |line, secret| line.replace(secret.as_str(), "***"))
    }
}

/// Reads `stderr` to its end, and returns the last lines, joined. Into `last`, so that what came by then is there if
/// the future is dropped.
pub(crate) async fn keep_last(stderr: impl AsyncRead + Unpin, what: &str, secrets: &Secrets, last: &mut Last) {
    let mut stderr = BufReader::new(stderr);
    // An error is an end: there is nobody to tell of it.
    while let Ok(Some(line)) = next_line(&mut stderr).await {
        let line = secrets.hide(String::from_utf8_lossy(&line).trim_end().to_owned());
        let line: String = line.chars().take(KEPT).collect();
        if line.is_empty() {
            continue;
        }
        tracing::debug!("{what}: {line}");
        if last.0.len() == LINES {
            last.0.pop_front();
        }
        last.0.push_back(line);
    }
}

/// The last lines.
#[derive(Debug, Default)]
pub(crate) struct Last(VecDeque<String>);

impl Last {
    /// The lines in one.
    pub(crate) fn joined(&self) -> String {
        self.0.iter().map(String::as_str).collect::<Vec<_>>().join(" | ")
    }
}

/// The next line, or as much of it as is kept of one. Progress bars end their lines with a carriage return.
async fn next_line(stderr: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let available = stderr.fill_buf().await?;
        if available.is_empty() {
            return Ok((!line.is_empty()).then_some(line));
        }
        let room = LINE - line.len();
        let end = available.iter().take(room).position(|byte| matches!(byte, b'\n' | b'\r'));
        let taken = end.unwrap_or_else(|| available.len().min(room));
        line.extend_from_slice(&available[..taken]);
        stderr.consume(taken + usize::from(end.is_some()));
        if end.is_some() || line.len() == LINE {
            return Ok(Some(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn last(text: &[u8], secrets: &Secrets) -> Vec<String> {
        let mut last = Last::default();
        keep_last(text, "test", secrets, &mut last).await;
        last.0.into_iter().collect()
    }

    #[tokio::test]
    async fn the_last_lines_are_kept() {
        let text: String = (0..100).map(|n| format!("line {n}\n")).collect();
        let kept = last(text.as_bytes(), &Secrets::default()).await;
        assert_eq!((kept.len(), kept[0].as_str(), kept[9].as_str()), (10, "line 90", "line 99"));
        let kept = last(b"a\r\n\n10%\r20%\rdone \xff", &Secrets::default()).await;
        assert_eq!(kept, ["a", "10%", "20%", "done \u{fffd}"]);
        let kept = last(&[b'x'; LINE + 7], &Secrets::default()).await;
        assert_eq!(kept.iter().map(String::len).collect::<Vec<_>>(), [KEPT, 7]);
    }

    #[tokio::test]
    async fn secrets_are_not() {
        let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let secrets = Secrets::among(
            [variable("SAS", "?sig=abcdef"), variable("BUCKET", "the-bucket"), variable("MY_KEY", "short")].into_iter(),
        );
        let kept = last(b"PUT https://x/the-bucket?sig=abcdef short", &secrets).await;
        assert_eq!(kept, ["PUT https://x/the-bucket*** short"]);
    }
}
