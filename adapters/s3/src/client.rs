//! What every verb needs: the SDK's client, which bucket of which service, and how its requests are sent and their
//! failures told. It knows no verb.

use crate::answers::Answers;
use crate::attempt::Counted;
use crate::credentials::Renewable;
use crate::errors::{Service, failed};
use crate::provider::{Checksums, Provider};
use crate::renewal::Renewal;
use crate::verdict::judge;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::{
    Builder, RequestChecksumCalculation, ResponseChecksumValidation, StalledStreamProtectionConfig,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::ChecksumType;
use sealift::{Checksum, Error, LeftBehind, Passing, SlowDowns};
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt::Display;
use std::time::Duration;

/// A body that does not move at all for so long is stalled. The SDK's 5 s are too few: on a slow line that several
/// parts share, the buffers of a connection (hyper's 400 KiB, and the kernel's) hold more than it sends in that time.
const STALLED: Duration = Duration::from_secs(60);

/// A bucket as every verb reaches it. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) sdk: aws_sdk_s3::Client,
    pub(crate) bucket: String,
    /// For messages.
    pub(crate) endpoint: String,
    pub(crate) provider: Provider,
    pub(crate) checksums: Checksums,
    pub(crate) slow_downs: SlowDowns,
    /// None where requests are not signed, or the client is the caller's.
    pub(crate) credentials: Option<Renewable>,
}

impl Client {
    /// The URL of an object, or of what begins with a prefix.
    pub(crate) fn location(&self, key: impl Display) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// An upload that is open, and how it is removed: `sweep` knows those of Sealift by their checksums, where the service
    /// takes those and tells of them.
    pub(crate) fn left_upload(&self, key: impl Display, id: &str) -> LeftBehind {
        LeftBehind::upload(self.location(key), id).with_remedy(self.remedy())
    }

    /// How an upload is removed that was left.
    pub(crate) fn remedy(&self) -> &'static str {
        match (self.checksums, self.provider) {
            (Checksums::None, _) => "`sealift sweep --foreign` removes it",
            (_, Provider::Generic) => {
                "`sealift sweep` removes it, with --foreign where the service does not tell of its mark"
            }
            _ => "`sealift sweep` removes it",
        }
    }

    /// The value of the checksum headers: base64 of the CRC in network byte order.
    pub(crate) fn checksum_header(&self, checksum: &Checksum) -> Option<String> {
        match self.checksums {
            Checksums::FullObject => Some(aws_smithy_types::base64::encode(checksum.to_be_bytes())),
            Checksums::None => None,
        }
    }

    /// The error of `operation` on `key`. Credentials that the service does not take any more are asked for anew with the
    /// next request.
    pub(crate) fn failed<E>(
        &self,
        operation: impl Into<Cow<'static, str>>,
        key: impl Display,
        error: SdkError<E, HttpResponse>,
    ) -> Error
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let (_, passing) = judge(&error);
        let renewal = self.credentials.as_ref().and_then(|credentials| credentials.after(&error));
        let service = Service { endpoint: &self.endpoint, provider: self.provider };
        let failed = failed(operation, &self.location(key), service, renewal.as_ref(), error);
        let passing = match renewal {
            None => passing,
            Some(Renewal::Sought) => Some(Passing::Unlikely),
            Some(Renewal::None { passing: renewing, .. }) => passing.or(renewing),
        };
        match passing {
            Some(passing) => failed.with_passing(passing),
            None => failed,
        }
    }

    /// How a request is sent: once, and answered within `attempt`.
    pub(crate) fn within(&self, attempt: Duration) -> Builder {
        self.settings(attempt, Answers::Documents)
    }

    /// The same, for a request whose answer is an object's bytes.
    pub(crate) fn reading(&self, attempt: Duration) -> Builder {
        self.settings(attempt, Answers::ObjectBytes)
    }

    fn settings(&self, attempt: Duration, answers: Answers) -> Builder {
        Builder::new()
            // Who asked tries again, by Sealift's one policy.
            .retry_config(RetryConfig::disabled())
            // Sealift gives its own checksums, and checks the whole object; the SDK is to add and check no others.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .stalled_stream_protection(StalledStreamProtectionConfig::enabled().grace_period(STALLED).build())
            .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(attempt).build())
            .interceptor(Counted(self.slow_downs.clone()))
            .interceptor(answers)
    }
}

/// How long a CRC64NVME is, in bytes.
const CRC_LENGTH: usize = 8;

/// The service's checksum of a whole object, if that is what it answered: a composite one is of something else, and one
/// of another length is none.
pub(crate) fn full_checksum(crc: Option<String>, kind: Option<ChecksumType>) -> Option<Vec<u8>> {
    match kind {
        Some(ChecksumType::Composite) => None,
        _ => crc.and_then(|crc| aws_smithy_types::base64::decode(crc).ok()).filter(|crc| crc.len() == CRC_LENGTH),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_checksum_of_the_whole_and_of_the_right_length_counts() {
        let encoded = |bytes: &[u8]| Some(aws_smithy_types::base64::encode(bytes));
        assert_eq!(full_checksum(encoded(&[1; 8]), Some(ChecksumType::FullObject)), Some(vec![1; 8]));
        assert_eq!(full_checksum(encoded(&[1; 8]), None), Some(vec![1; 8]));
        assert_eq!(full_checksum(encoded(&[1; 8]), Some(ChecksumType::Composite)), None);
        for other in [encoded(&[]), encoded(&[1; 4]), encoded(&[1; 9]), Some("not base64!".to_owned()), None] {
            assert_eq!(full_checksum(other.clone(), Some(ChecksumType::FullObject)), None, "{other:?}");
        }
    }
}
