//! Archives behind commands: what can be tried of them, which remove nothing.

use super::features::{Answer, Feature, SetUp, needing};
use super::report::{Report, verdict};
use crate::error::{Error, Result};
use crate::examined::{Capability, Finding, Verdict};
use crate::left_behind::LeftBehind;
use crate::name::{FileHandle, ShellSafeName};
use crate::storage::BackupStorage;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Unlike what any command prints by mistake, and longer than the buffers of a pipe.
const LENGTH: usize = 200_000;

/// What becomes of what was stored.
const STAYS: &str = "nothing here removes what a command has stored: remove the backup of this name with your own tool";

/// Examines an archive that is not one over an object store. Without a name for it, nothing is stored; with one, a backup of
/// one file, which no metadata names. It stays, and is named.
///
/// # Errors
/// None so far: what fails is a finding.
///
/// # Cancel safety
/// What was begun may be stored, as with every file of the archive that is dropped.
pub async fn examine_archive(
    storage: &dyn BackupStorage,
    location: &str,
    scratch: Option<&ShellSafeName>,
) -> Result<Report> {
    let mut findings = Vec::new();
    findings.push(match storage.list_metadata_files().await {
        Ok(files) => works(Capability::List, format!("{} metadata files were listed", files.len())),
        Err(error) => failed(Capability::List, &error),
    });
    let mut left = Vec::new();
    match scratch {
        None => {
            let why = "not tried, since commands remove nothing; --yes stores a backup of one file, and names it";
            findings.push(Finding::new(Capability::Put, Verdict::Unknown, why));
            findings.push(Finding::new(Capability::Read, Verdict::Unknown, why));
        }
        Some(name) => {
            let bytes: Vec<u8> = (0..LENGTH).map(|at| (at % 251) as u8).collect();
            match store(storage, name, &bytes).await {
                Ok(file) => {
                    left.push(LeftBehind::object(format!("{location}/{file}")).with_remedy(STAYS));
                    findings.push(works(Capability::Put, format!("{file}, of {LENGTH} bytes, was stored")));
                    findings.push(read(storage, &file, &bytes).await);
                }
                Err(error) => {
                    let perhaps = LeftBehind::object(format!("{location}/{name}")).perhaps();
                    left.push(perhaps.because("its command failed").with_remedy(STAYS));
                    findings.push(failed(Capability::Put, &error));
                    findings.push(Finding::new(Capability::Read, Verdict::Unknown, "nothing was stored to read"));
                }
            }
        }
    }
    let untried = "not tried: a line of metadata without a backup would spoil the archive";
    findings.push(Finding::new(Capability::ConditionalPut, Verdict::Unknown, untried));
    findings.push(Finding::new(
        Capability::Rename,
        Verdict::Unknown,
        "not tried: metadata files are moved by `--replace` alone",
    ));
    let features = vec![
        needing(&findings, "put", &[Capability::Put]),
        needing(&findings, "get", &[Capability::Read]),
        needing(&findings, "ls", &[Capability::List]),
        needing(&findings, "backup", &[Capability::List, Capability::Put, Capability::Read]),
        Feature {
            name: "--if-absent",
            answer: Answer::No,
            why: "a command cannot be told to keep what exists".to_owned(),
        },
    ];
    let tried = [Capability::List, Capability::Put, Capability::Read];
    let set_up = match tried.map(|capability| verdict(&findings, capability) == Some(&Verdict::Works)) {
        [true, true, true] => SetUp::WriteOnce,
        _ if tried.iter().any(|capability| verdict(&findings, *capability) == Some(&Verdict::Fails)) => SetUp::Partial,
        _ => SetUp::Unknown,
    };
    Ok(Report { location: location.to_owned(), findings, set_up, features, left_behind: left })
}

async fn store(storage: &dyn BackupStorage, name: &ShellSafeName, bytes: &[u8]) -> Result<FileHandle> {
    let backup = storage.create_backup(name).await?;
    let (file, mut writer) = storage.create_for_write(&backup, &"scratch".parse()?).await?;
    let written = async {
        writer.write_all(bytes).await?;
        writer.shutdown().await
    };
    let io = |error: std::io::Error| {
        Error::from_io(&error).cloned().unwrap_or_else(|| Error::io("store", file.to_string(), error))
    };
    written.await.map_err(io)?;
    Ok(file)
}

async fn read(storage: &dyn BackupStorage, file: &FileHandle, bytes: &[u8]) -> Finding {
    let mut reader = match storage.open_for_read(file).await {
        Ok(reader) => reader,
        Err(error) => return failed(Capability::Read, &error),
    };
    let mut came = Vec::new();
    // One byte more shows that more comes than was stored.
    match (&mut reader).take(LENGTH as u64 + 1).read_to_end(&mut came).await {
        Ok(_) if came == bytes => works(Capability::Read, "what was stored came back".to_owned()),
        Ok(_) => Finding::new(Capability::Read, Verdict::Fails, "other bytes came back than were stored"),
        Err(error) => {
            let reason = Error::from_io(&error).map_or_else(|| error.to_string(), |error| error.reason().to_owned());
            Finding::new(Capability::Read, Verdict::Fails, reason)
        }
    }
}

fn works(capability: Capability, evidence: String) -> Finding {
    Finding::new(capability, Verdict::Works, evidence)
}

/// A command does not say whether it was refused or failed otherwise.
fn failed(capability: Capability, error: &Error) -> Finding {
    Finding::new(capability, Verdict::Fails, error.reason())
}
