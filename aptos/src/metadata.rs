//! Metadata lines: what makes a backup known. Each is one line of JSON; a file of the archive's `metadata/` holds one,
//! or, compacted, many.

use crate::manifest::handle;
use sealift::{Error, ErrorKind, FileHandle, Result, ShellSafeName, TextLine};
use serde::{Deserialize, Serialize};

/// A line of metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Metadata {
    /// A backup of epoch endings.
    EpochEndingBackup {
        /// The first epoch.
        first_epoch: u64,
        /// The last epoch.
        last_epoch: u64,
        /// The version that ends the first epoch.
        first_version: u64,
        /// The version that ends the last epoch.
        last_version: u64,
        /// The manifest.
        #[serde(with = "handle")]
        manifest: FileHandle,
    },
    /// A state snapshot.
    StateSnapshotBackup {
        /// The epoch that it ends.
        epoch: u64,
        /// The version.
        version: u64,
        /// The manifest.
        #[serde(with = "handle")]
        manifest: FileHandle,
    },
    /// A backup of transactions.
    TransactionBackup {
        /// The first version.
        first_version: u64,
        /// The last version.
        last_version: u64,
        /// The manifest.
        #[serde(with = "handle")]
        manifest: FileHandle,
    },
    /// Who the archive is; drawn once by whatever tool first looked at it.
    Identity {
        /// 32 bytes in hex.
        id: String,
    },
    /// When files were compacted away, so that they can be removed some time later.
    CompactionTimestamps {
        /// When this was written, in seconds since 1970.
        file_compacted_at: u64,
        /// When each file was compacted, in seconds since 1970, where that is known.
        compaction_timestamps: serde_json::Map<String, serde_json::Value>,
    },
}

impl Metadata {
    /// The name of the file that holds this line alone.
    ///
    /// # Errors
    /// Never with the names of this format, which all are safe.
    pub fn file_name(&self) -> Result<ShellSafeName> {
        let name = match self {
            Metadata::EpochEndingBackup { first_epoch, last_epoch, .. } => {
                format!("epoch_ending_{first_epoch}-{last_epoch}.meta")
            }
            Metadata::StateSnapshotBackup { version, .. } => format!("state_snapshot_ver_{version}.meta"),
            Metadata::TransactionBackup { first_version, last_version, .. } => {
                format!("transaction_{first_version}-{last_version}.meta")
            }
            Metadata::Identity { .. } => "identity.meta".to_owned(),
            Metadata::CompactionTimestamps { file_compacted_at, .. } => {
                format!("compaction_timestamps_{file_compacted_at}.meta")
            }
        };
        name.parse()
    }

    /// The line.
    ///
    /// # Errors
    /// Never with what this type holds, which is all text and numbers.
    pub fn to_line(&self) -> Result<TextLine> {
        let failed = |error: serde_json::Error| {
            Error::new(ErrorKind::Corrupt, "make", "a metadata line", error.to_string()).with_source(error)
        };
        serde_json::to_string(self).map_err(failed)?.parse()
    }

    /// The manifest of the backup that it makes known, if it makes one known.
    pub fn manifest(&self) -> Option<&FileHandle> {
        match self {
            Metadata::EpochEndingBackup { manifest, .. }
            | Metadata::StateSnapshotBackup { manifest, .. }
            | Metadata::TransactionBackup { manifest, .. } => Some(manifest),
            Metadata::Identity { .. } | Metadata::CompactionTimestamps { .. } => None,
        }
    }

    /// The lines of a metadata file, in order, each checked; none of an empty file. `file` is for the error.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when a line is no metadata or says what cannot be. An empty line is none: other tools stop
    /// at it.
    pub fn parse_lines(text: &str, file: &FileHandle) -> Result<Vec<Metadata>> {
        let parse = |(at, line): (usize, &str)| {
            let corrupt = |reason: String| {
                Error::new(ErrorKind::Corrupt, format!("read line {} of", at + 1), file.to_string(), reason)
                    .with_hint("a newer tool may have written it; otherwise move the file out of metadata/")
            };
            let metadata: Metadata = serde_json::from_str(line).map_err(|error| corrupt(error.to_string()))?;
            metadata.check().map_err(corrupt)?;
            Ok(metadata)
        };
        text.lines().enumerate().map(parse).collect()
    }

    fn check(&self) -> Result<(), String> {
        let in_order = |what: &str, first: &u64, last: &u64| match first <= last {
            true => Ok(()),
            false => Err(format!("the {what} {first} to {last} are not in order")),
        };
        match self {
            Metadata::EpochEndingBackup { first_epoch, last_epoch, first_version, last_version, .. } => {
                in_order("epochs", first_epoch, last_epoch)?;
                in_order("versions", first_version, last_version)
            }
            Metadata::TransactionBackup { first_version, last_version, .. } => {
                in_order("versions", first_version, last_version)
            }
            Metadata::StateSnapshotBackup { .. }
            | Metadata::Identity { .. }
            | Metadata::CompactionTimestamps { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> FileHandle {
        name.parse().expect("a handle")
    }

    #[test]
    fn lines_and_names_are_the_formats() {
        let lines = [
            (
                "epoch_ending_1-2.meta",
                r#"{"EpochEndingBackup":{"first_epoch":1,"last_epoch":2,"first_version":3,"last_version":4,"manifest":"b/m"}}"#,
            ),
            ("state_snapshot_ver_4.meta", r#"{"StateSnapshotBackup":{"epoch":2,"version":4,"manifest":"b/m"}}"#),
            ("transaction_3-4.meta", r#"{"TransactionBackup":{"first_version":3,"last_version":4,"manifest":"b/m"}}"#),
            ("identity.meta", r#"{"Identity":{"id":"0a"}}"#),
            (
                "compaction_timestamps_9.meta",
                r#"{"CompactionTimestamps":{"file_compacted_at":9,"compaction_timestamps":{"metadata/a":5,"metadata/b":null}}}"#,
            ),
        ];
        for (name, line) in lines {
            let parsed = Metadata::parse_lines(&format!("{line}\n"), &file("metadata/x")).expect("a line");
            assert_eq!(parsed.len(), 1);
            assert_eq!(parsed[0].to_line().expect("a line").as_ref(), line);
            assert_eq!(parsed[0].file_name().expect("a name").as_ref(), name);
        }
        let all: String = lines.iter().flat_map(|(_, line)| [line, "\n"]).collect();
        assert_eq!(Metadata::parse_lines(&all, &file("metadata/x")).expect("lines").len(), lines.len());
    }

    #[test]
    fn an_error_names_the_file_and_the_line() {
        let good = r#"{"Identity":{"id":"0a"}}"#;
        for bad in [
            r#"{"Other":{}}"#,
            r#"{"TransactionBackup":{"first_version":5,"last_version":4,"manifest":"b/m"}}"#,
            r#"{"TransactionBackup":{"first_version":5,"last_version":6}}"#,
            "text",
            "",
            " ",
        ] {
            let text = format!("{good}\n{bad}\n");
            let error = Metadata::parse_lines(&text, &file("metadata/x")).expect_err(bad).to_string();
            assert!(error.contains("line 2 of metadata/x"), "{error}");
        }
        assert_eq!(Metadata::parse_lines("", &file("metadata/x")).expect("none"), []);
    }
}
