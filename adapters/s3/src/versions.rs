//! Versions of objects, and the marks that one was removed: removed for good.

use crate::client::Client;
use crate::limits::ANSWER;
use sealift::{LeftBehind, Result};

const REMEDY: &str =
    "who may remove versions removes it (`aws s3api delete-object --version-id`), or a lifecycle rule does";

/// How many pages are looked at: what is removed so is little.
const PAGES: usize = 10;

/// Removes all versions of what is below `prefix`. Returns what is left.
pub(crate) async fn remove(client: &Client, prefix: &str) -> Result<Vec<LeftBehind>> {
    let mut left = Vec::new();
    let (mut key_marker, mut version_marker) = (None::<String>, None::<String>);
    for _ in 0..PAGES {
        let request = client.sdk.list_object_versions().bucket(&client.bucket).prefix(prefix);
        let request = request.set_key_marker(key_marker.take()).set_version_id_marker(version_marker.take());
        let listed = request.customize().config_override(client.within(ANSWER)).send().await;
        let listed = listed.map_err(|error| client.failed("list the versions of", prefix, error))?;
        let versions = listed.versions().iter().filter_map(|version| Some((version.key()?, version.version_id()?)));
        let marks = listed.delete_markers().iter().filter_map(|mark| Some((mark.key()?, mark.version_id()?)));
        for (key, version) in versions.chain(marks) {
            let request = client.sdk.delete_object().bucket(&client.bucket).key(key).version_id(version);
            if let Err(error) = request.customize().config_override(client.within(ANSWER)).send().await {
                let error = client.failed("remove the version of", key, error);
                let version_left = LeftBehind::object(client.location(key)).with_remedy(REMEDY);
                left.push(version_left.because(format!("its version {version} cannot be removed: {}", error.reason())));
            }
        }
        if listed.is_truncated() != Some(true) {
            break;
        }
        key_marker = listed.next_key_marker().map(str::to_owned);
        version_marker = listed.next_version_id_marker().map(str::to_owned);
        if key_marker.is_none() {
            break;
        }
    }
    Ok(left)
}
