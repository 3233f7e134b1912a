//! Manifests as they are read for verification: by the rules of their kind, and in the form that is written.

use crate::manifest::Manifest;
use sealift::verify::{Files, Finding, VerifiedFile};
use sealift::{Error, ErrorKind, FileHandle};
use serde_json::Value;

/// The longest manifest, in bytes: it has some hundred bytes for each chunk.
const MAX: u64 = 64 << 20;

/// Reads a manifest.
///
/// # Errors
/// What is wrong with it.
pub(super) async fn read<M: Manifest>(files: &Files, name: &str) -> Result<(M, VerifiedFile), Finding> {
    let of_error = |error: &Error| Finding::of_error(name, error);
    let handle: FileHandle = name.parse().map_err(|error| of_error(&error))?;
    let (json, verified) = files.read(name, MAX).await.map_err(|error| of_error(&error))?;
    let manifest = M::parse(&json, &handle).map_err(|error| match error.kind() {
        ErrorKind::Corrupt => Finding::wrong(name, "manifest", error.reason().to_string()),
        _ => of_error(&error),
    })?;
    match has_its_form(&manifest, &json) {
        true => Ok((manifest, verified)),
        false => {
            let found =
                "it says more, or says it otherwise, than what is read of it: it was changed, or a newer tool wrote it";
            Err(Finding::wrong(name, "manifest-form", found))
        }
    }
}

/// Whether the JSON is what a tool would write for what was read of it. What is passed over silently may be what was damaged.
fn has_its_form(manifest: &impl Manifest, json: &[u8]) -> bool {
    let written = manifest.to_json().ok().and_then(|json| serde_json::from_slice::<Value>(&json).ok());
    let read = serde_json::from_slice::<Value>(json).ok();
    let (Some(mut written), Some(read)) = (written, read) else { return false };
    leave_out_defaults(&mut written, &read);
    written == read
}

/// Older tools do not write the format of transactions.
fn leave_out_defaults(written: &mut Value, read: &Value) {
    let (Some(written), Some(read)) = (written["chunks"].as_array_mut(), read["chunks"].as_array()) else { return };
    for (written, read) in written.iter_mut().zip(read) {
        if let Some(written) = written.as_object_mut()
            && read.get("format").is_none()
        {
            written.remove("format");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::TransactionBackup;

    fn form(json: &str) -> bool {
        let manifest =
            TransactionBackup::parse(json.as_bytes(), &"b/m".parse().expect("a handle")).expect("a manifest");
        has_its_form(&manifest, json.as_bytes())
    }

    #[test]
    fn what_is_passed_over_shows() {
        let of = |format: &str| {
            format!(
                r#"{{"first_version":0,"last_version":1,"chunks":[{{"first_version":0,"last_version":1,"transactions":"a/b","proof":"a/c"{format}}}]}}"#
            )
        };
        assert!(form(&of("")) && form(&of(r#","format":"V0""#)) && form(&of(r#","format":"V1""#)));
        assert!(!form(&of(r#","fornat":"V1""#)));
    }
}
