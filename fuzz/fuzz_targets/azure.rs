//! The answers of Azure's blob service, as its adapter reads them: `ask` says what must hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_azure::{AzureOptions, AzureStore, Credentials, Secret};
use sealift_fuzz::{Service, ask, runtime};
use tokio::runtime::Runtime;

/// Authorises the requests. No input holds it.
const SECRET: &str = "QmluZ28tQ2VydGFpbmx5Tm90SW5BbklucHV0";

thread_local! {
    static SERVED: (Runtime, Service, AzureStore) = served();
}

fuzz_target!(|input: &[u8]| SERVED.with(|(runtime, service, store)| {
    runtime.block_on(ask(store, service, SECRET, input));
}));

fn served() -> (Runtime, Service, AzureStore) {
    let runtime = runtime();
    let service = runtime.block_on(Service::start());
    let mut options = AzureOptions::new("account", "container");
    options.endpoint = Some(service.endpoint.clone());
    options.credentials = Credentials::Sas(Secret::new(format!("sv=1&sig={SECRET}")));
    let store = runtime.block_on(AzureStore::connect(options)).expect("options are fine");
    (runtime, service, store)
}
