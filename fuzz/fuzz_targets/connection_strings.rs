//! Connection strings of Azure: taken or refused, and the account's key is never shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_azure::{AzureOptions, Secret};

/// No input holds it.
const SECRET: &str = "QmluZ28tQ2VydGFpbmx5Tm90SW5BbklucHV0";

// A line before the key, and what comes after it.
fuzz_target!(|input: &str| {
    let (before, after) = input.split_once('\n').unwrap_or((input, ""));
    read(input);
    read(&format!("{before};AccountKey={SECRET};{after}"));
    read(&format!("{before};SharedAccessSignature=sv=1&sig={SECRET};{after}"));
    // Without an equals sign, as where only the key was copied.
    read(&format!("{before};{SECRET};{after}"));
});

fn read(text: &str) {
    let told = match AzureOptions::from_connection_string(&Secret::new(text.to_owned()), "container") {
        Ok(options) => {
            assert!(!options.account.is_empty(), "no account");
            let endpoint = options.endpoint.as_deref().unwrap_or_default();
            assert!(!endpoint.is_empty() && !endpoint.ends_with('/'), "{endpoint:?}");
            format!("{options:?}")
        }
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!told.contains(SECRET), "{told}");
}
