//! A second opinion: what Sealift says of a chain's data, held against what the chain's own Rust SDK says, in both
//! directions. What one writes the other must read to its end, hash alike and write back as it was; whatever is changed
//! must be seen by both.
//!
//! Where they differ and Sealift is right, a test says how, and fails once that is mended in the SDK:
//! - the SDK has types of numbers with a sign where the chain has types of functions (`types.rs`),
//! - it reads `SingleKey` and `MultiKey` authenticators in a form of its own, but writes that of the chain (`scene.rs`),
//! - it signs as passkeys do, but cannot check that (`made.rs`).

mod generated;
mod genesis;
mod hashes;
mod made;
mod scene;
mod types;
mod validators;
