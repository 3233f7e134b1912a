//! Lines that are understood to the last field. Who only reads an archive can pass over fields that newer tools may have
//! added. A compacted file would not have them, and in time nobody would.

use crate::metadata::Metadata;
use sealift::{Error, ErrorKind, FileHandle, Result};
use serde_json::Value;

/// The lines of a metadata file, in order; none of an empty file. `file` is for the error.
///
/// # Errors
/// [`ErrorKind::Corrupt`] when a line is no metadata, or says more than is understood.
pub(crate) fn exact_lines(text: &str, file: &FileHandle) -> Result<Vec<Metadata>> {
    let lines = Metadata::parse_lines(text, file)?;
    for (at, (line, text)) in lines.iter().zip(text.lines()).enumerate() {
        if let Err(reason) = is_all(line, text) {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("compact line {} of", at + 1),
                file.to_string(),
                reason,
            )
            .with_hint("a newer tool has written it, and it would be lost: compact with one that knows it"));
        }
    }
    Ok(lines)
}

fn is_all(line: &Metadata, text: &str) -> Result<(), String> {
    if let Metadata::CompactionTimestamps { compaction_timestamps, .. } = line {
        let odd = compaction_timestamps.iter().find(|(_, at)| !at.is_null() && !at.is_u64());
        if let Some((handle, at)) = odd {
            return Err(format!("the time of {handle} is {at}, which is no number of seconds"));
        }
    }
    let (said, understood) = (serde_json::from_str::<Value>(text), serde_json::to_value(line));
    match (said, understood) {
        (Ok(said), Ok(understood)) if said == understood => Ok(()),
        (Ok(said), Ok(understood)) => Err(format!("it says more than is understood: {said} is not {understood}")),
        (Err(error), _) | (_, Err(error)) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_line_is_passed_over() {
        let file: FileHandle = "metadata/x".parse().expect("a handle");
        let good = r#"{"Identity":{"id":"0a"}}"#;
        // The order of fields and spaces say nothing.
        let spaced = r#" {"StateSnapshotBackup": {"version":4, "epoch":2, "manifest":"b/m"}}"#;
        let stamps = r#"{"CompactionTimestamps":{"file_compacted_at":9,"compaction_timestamps":{"metadata/a":5,"metadata/b":null}}}"#;
        let text = [good, spaced, stamps, ""].join("\n");
        assert_eq!(exact_lines(&text, &file).expect("lines").len(), 3);
        assert_eq!(exact_lines("", &file).expect("none"), []);
        for (more, word) in [
            (r#"{"Identity":{"id":"0a","since":3}}"#, "since"),
            (r#"{"StateSnapshotBackup":{"version":4,"epoch":2,"manifest":"b/m","format":"V1"}}"#, "format"),
            (
                r#"{"CompactionTimestamps":{"file_compacted_at":9,"compaction_timestamps":{"metadata/a":"x"}}}"#,
                "metadata/a",
            ),
            (r#"{"HotStateBackup":{"version":4}}"#, "HotStateBackup"),
        ] {
            let error = exact_lines(&format!("{good}\n{more}\n"), &file).expect_err(more).to_string();
            assert!(error.contains("line 2 of metadata/x") && error.contains(word), "{error}");
        }
    }
}
