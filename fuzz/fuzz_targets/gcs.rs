//! The answers of Google Cloud Storage, as its adapter reads them: `ask` says what must hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_fuzz::{Service, ask, runtime};
use sealift_gcs::{Credentials, GcsOptions, GcsStore};
use tokio::runtime::Runtime;

/// Authorises the requests. No input holds it.
const SECRET: &str = "QmluZ28tQ2VydGFpbmx5Tm90SW5BbklucHV0";

thread_local! {
    static SERVED: (Runtime, Service, GcsStore) = served();
}

fuzz_target!(|input: &[u8]| SERVED.with(|(runtime, service, store)| {
    runtime.block_on(ask(store, service, SECRET, input));
}));

fn served() -> (Runtime, Service, GcsStore) {
    let runtime = runtime();
    let service = runtime.block_on(Service::start());
    let mut options = GcsOptions::new("bucket");
    options.endpoint = Some(service.endpoint.clone());
    options.credentials = Credentials::Anonymous;
    let store = runtime.block_on(GcsStore::connect(options)).expect("options are fine");
    (runtime, service, store)
}
