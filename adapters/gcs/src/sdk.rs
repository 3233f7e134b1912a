//! Google's SDK: how it is set up, and what its errors are.
//!
//! Its own retries are switched off: they know neither a time to connect nor a standstill, know nothing of Sealift's policy,
//! and would hide attempts. So each call is one attempt, with a limit on how long nothing may move.

use crate::credentials::{Renewable, unusable};
use crate::faults::{Fault, chain, root_cause};
use crate::refusal::Refusal;
use crate::renewal::Generation;
use google_cloud_auth::errors::CredentialsError;
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_storage::Error as SdkError;
use google_cloud_storage::client::Storage;
use google_cloud_storage::error::WriteError;
use google_cloud_storage::read_resume_policy::NeverResume;
use reqwest::Url;
use sealift::Passing;

/// The SDK's client. It takes no certificates of ours; like the other, it trusts the system's, or those of `SSL_CERT_FILE`.
pub(crate) async fn client(endpoint: &Url, credentials: Renewable) -> Result<Storage, String> {
    Storage::builder()
        .with_endpoint(endpoint.as_str().trim_end_matches('/'))
        .with_credentials(credentials)
        .with_retry_policy(NeverRetry)
        .with_read_resume_policy(NeverResume)
        // In one request, whatever the size: sessions are `session`'s.
        .with_resumable_upload_threshold(usize::MAX)
        // For gRPC, which is not used here.
        .with_grpc_subchannel_count(1)
        .build()
        .await
        .map_err(|error| format!("Google's SDK refuses: {}", root_cause(&error)))
}

/// The SDK's error, of one attempt that was sent with the token `used`.
pub(crate) fn fault_of(error: SdkError, used: Generation) -> Fault {
    if let Some(cause) = chain(&error).find_map(|cause| cause.downcast_ref::<CredentialsError>()) {
        // A token has come just before.
        return unusable(cause, Passing::Outage);
    }
    if let Some(status) = error.http_status_code() {
        let headers = error.http_headers().cloned().unwrap_or_default();
        let refusal = match error.status() {
            // What the SDK has read of the body, which it does not show then.
            Some(told) => Refusal::told(status, &headers, &told.message),
            None => Refusal::new(status, &headers, error.http_payload().map_or(&[][..], |body| body)),
        };
        return Fault::Refused(refusal.sent_with(used));
    }
    if chain(&error).any(|cause| cause.is::<WriteError>()) {
        return Fault::Differs(root_cause(&error));
    }
    // Not the text of the error itself, which may show a URL.
    let cause = root_cause(&error);
    match () {
        () if error.is_deserialization() => Fault::Unexpected(format!("it cannot be read: {cause}")),
        () if error.is_connect() => Fault::NoConnection(cause),
        () if error.is_io() || error.is_timeout() || error.is_transport() => Fault::Broken(cause),
        () => Fault::Unexpected(cause),
    }
}
