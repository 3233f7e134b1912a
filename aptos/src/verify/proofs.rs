//! Files that hold one value in BCS: proofs.

use sealift::verify::{Files, Finding, Outcome};
use serde::de::DeserializeOwned;

/// The longest proof, in bytes: it has a hash for each level of a tree, and a ledger info with its validators.
const MAX: u64 = 16 << 20;

/// Reads a proof, and gives what came of the file itself.
///
/// # Errors
/// What is wrong with it.
pub(super) async fn read<T: DeserializeOwned>(files: &Files, name: &str) -> Result<(T, Outcome), Finding> {
    let (content, verified) = files.read(name, MAX).await.map_err(|error| Finding::of_error(name, &error))?;
    let value = bcs::from_bytes(&content)
        .map_err(|error| Finding::wrong(name, "encoding", format!("it cannot be decoded: {error}")))?;
    let mut outcome = Outcome::default();
    outcome.files.insert(name.to_owned(), verified);
    Ok((value, outcome))
}
