//! Sealift's adapter for Google Cloud Storage.
//!
//! [`GcsStore::connect`] takes [`GcsOptions`]. An object is put in one request when it fits in one part, otherwise in one
//! resumable session: pieces in series, of which nothing can be seen before the last. With [`Streams::Multipart`] what may
//! replace an object goes in parts, several at a time. Nothing here decides when to start, commit or abort: that is `sealift`'s.
//!
//! # Two clients
//! Google's own SDK puts whole objects and reads ranges (`sdk`). It has no calls for a session that is fed piece by piece
//! and can be cancelled, none of the JSON API for the rest, and none of the XML API for uploads in parts, so that is a client of this crate (`transport`). Both send
//! the same credentials (`credentials`), and both send once: each attempt is accounted for, and of each failure it is said
//! whether it may pass (`faults`). Trying again is `sealift`'s, by one policy ([`RetryingStore`](sealift::RetryingStore)).
//!
//! # What is believed
//! A success is one only when its answer can be read and is about what was asked for: an object has its name and its
//! generation, a listing says that it is one, a removal answers nothing, and a 404 is Google's. `faults` says what each
//! other answer means for an attempt that could have stored something.
//!
//! # The modules
//! `client` is what every verb needs; `put`, `read`, `look`, `remove`, `copy`, `upload` (over `session` and `pieces`),
//! `multipart` (over `abort` and `uploads`) and `sweep` are the verbs, and `store` puts them together. `resource` is the service's
//! JSON, `xml` its XML, `refusal` its errors in either; `connect` makes a store of `options`.
//!
//! # What needs sweeping, and what does not
//! An upload in parts is listed, and billed, until it is completed or aborted: [`leftovers`](sealift::ObjectStore::leftovers) finds
//! it. A session that was not finished shows nothing in any listing, cannot be found by anybody but who holds its address,
//! and ends after a week (Google, "Resumable uploads": "A session URI expires after one week"), so
//! after a crash there is nothing to remove.
//!
//! # What is secret
//! The address of a session is all that anybody needs to write to it, so it is shown nowhere: an upload is named by its
//! token instead, which its object will carry.
#![forbid(unsafe_code)]

mod abort;
mod client;
mod connect;
mod copy;
mod credentials;
mod doctor;
mod faults;
mod look;
mod multipart;
mod names;
mod options;
mod pieces;
mod put;
mod read;
mod refusal;
mod remove;
mod renewal;
mod resource;
mod sdk;
mod session;
mod store;
mod sweep;
mod transport;
mod upload;
mod uploads;
mod xml;

pub use credentials::TOKEN_WITHIN;
pub use options::{Credentials, GcsOptions, Streams};
pub use store::GcsStore;
