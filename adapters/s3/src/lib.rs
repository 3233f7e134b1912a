//! Sealift's adapter for Amazon S3 and services that speak its API, on the official SDK.
//!
//! [`S3Store::connect`] takes [`S3Options`]. What differs between the services is one table, in `provider`; how the SDK's
//! errors become Sealift's is in `errors`; what an answer must be is in `answers`; what a failed
//! attempt may have done, and whether it may pass, in `verdict`; how credentials are renewed that the service does not take
//! any more, under all calls, in `credentials`. `client` is what every verb needs, a module is a verb, and
//! `store` puts them together. Nothing here decides when to start, commit or abort, or tries again: that is `sealift`'s.

#![forbid(unsafe_code)]

mod abort;
mod answers;
mod attempt;
mod body;
mod client;
mod clock;
mod conditions;
mod conditions_cache;
mod connect;
mod copy;
mod copy_parts;
mod copy_source;
mod credentials;
mod delete;
mod delete_many;
mod doctor;
mod errors;
mod given;
mod head;
mod host;
mod lifecycle;
mod limits;
mod list;
mod listing;
mod meeting;
mod names;
mod options;
mod origin;
mod proof;
mod provider;
mod put;
mod read;
mod renewal;
mod signed;
mod start;
mod stop;
mod store;
mod sweep;
mod upload;
mod verdict;
mod versions;

pub use aws_credential_types;
pub use options::{Addressing, Credentials, S3Options};
pub use provider::{Checksums, Conditions, Provider};
pub use store::S3Store;
