//! Sealift's adapter for Amazon S3 and services that speak its API, on the official SDK.
//!
//! [`S3Store::connect`] takes [`S3Options`]. What differs between the services is one table, in `provider`; how the SDK's
//! errors become Sealift's is in `errors`. Nothing here decides when to start, commit or abort: that is `sealift`'s.

mod body;
mod clock;
mod connect;
mod copy;
mod errors;
mod limits;
mod options;
mod persist;
mod provider;
mod read;
mod retry_after;
mod store;
mod sweep;
mod upload;

pub use aws_credential_types;
pub use limits::UNREACHABLE_WITHIN;
pub use options::{Addressing, Credentials, S3Options};
pub use provider::{Checksums, Conditions, Provider};
pub use store::S3Store;
