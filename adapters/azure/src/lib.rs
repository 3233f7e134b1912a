//! Sealift's adapter for Azure Blob Storage, on the official SDK.
//!
//! [`AzureStore::connect`] takes [`AzureOptions`]. An object is a block blob: one Put Blob when it fits, otherwise blocks
//! that are staged in any order and committed as one list. Nothing here decides when to start, commit or abort: that is
//! `sealift`'s.
//!
//! # What Azure has no uploads for
//! Staged blocks belong to the *name*, not to an upload: whoever commits to a name, or puts a blob there, discards every
//! other uncommitted block of that name. So of two uploads to one name at the same time the first to commit wins, and the
//! other's commit fails loudly (`InvalidBlockList`); neither can be cut short or mixed. Each block's id carries an upload
//! id and the time it was staged (`blocks`), so that blocks can be told apart; how they are removed is in `discard`.
//!
//! Staging under a name of our own and moving the blob into place would keep uploads apart, but flat blob storage has no
//! rename: the move is a copy, which the service may run in the background with the target visible and incomplete.
//!
//! # Permissions
//! To store needs `w` alone (of a shared access signature; `c` alone for objects of one request that do not exist yet): no
//! success is looked at. To clean up after a failed upload needs `r`, `w` and `d`: without `r` no blocks can be seen, without
//! `d` none are discarded, and the error names them. Nobody else sees blocks, and the service drops them after a week.
//!
//! # Inside
//! `client` is what every verb needs; each verb has a module; `store` is the trait's implementation, a line a verb. Every
//! answer passes `transport`, where it is checked (`answers`) and each attempt to store something is accounted for.
//! Requests are sent once: `passing` says of an error whether they may be sent again, which is for `sealift` to do.
//! Authorisation that is refused is renewed under all calls, by policies of the SDK's pipeline: `sas` and `tokens`.

#![forbid(unsafe_code)]

mod abort;
mod account;
mod answers;
mod block_list;
mod blocks;
mod body;
mod checksums;
mod client;
mod clock;
mod commit;
mod connect;
mod connection_string;
mod copy;
mod credentials;
mod delete;
mod discard;
mod doctor;
mod entra;
mod errors;
mod existing;
mod head;
mod list;
mod marker;
mod names;
mod options;
mod owned;
mod passing;
mod properties;
mod put;
mod read;
mod renewal;
mod sas;
mod sign;
mod stage;
mod store;
mod sweep;
mod tokens;
mod trace;
mod transport;
mod upload;

pub use azure_core::credentials::{Secret, TokenCredential};
pub use checksums::Checksums;
pub use copy::COPY_STANDSTILL;
pub use credentials::{Credentials, Entra};
pub use options::AzureOptions;
pub use store::AzureStore;
pub use tokens::TOKEN_WITHIN;
