//! The answers of an S3 service, as its adapter reads them: `ask` says what must hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_fuzz::{Service, ask, runtime};
use sealift_s3::aws_credential_types::Credentials as Keys;
use sealift_s3::aws_credential_types::provider::SharedCredentialsProvider;
use sealift_s3::{Conditions, Credentials, S3Options, S3Store};
use tokio::runtime::Runtime;

/// Authorises the requests. No input holds it.
const SECRET: &str = "QmluZ28tQ2VydGFpbmx5Tm90SW5BbklucHV0";

thread_local! {
    static SERVED: (Runtime, Service, S3Store) = served();
}

fuzz_target!(|input: &[u8]| SERVED.with(|(runtime, service, store)| {
    runtime.block_on(ask(store, service, SECRET, input));
}));

fn served() -> (Runtime, Service, S3Store) {
    let runtime = runtime();
    let service = runtime.block_on(Service::start());
    let mut options = S3Options::new("bucket");
    options.endpoint_url = Some(service.endpoint.clone());
    options.region = Some("us-east-1".to_owned());
    let keys = Keys::new("AKIDTEST", SECRET, None, None, "fuzz");
    options.credentials = Credentials::Provider(SharedCredentialsProvider::new(keys));
    options.conditional_writes = Some(Conditions::Honoured);
    let store = runtime.block_on(S3Store::connect(options)).expect("options are fine");
    (runtime, service, store)
}
