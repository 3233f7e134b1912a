//! A test node: the backup service of an Aptos node, over a small chain that is generated with correct hashes, proofs
//! and signatures, or over mainnet's genesis. It answers as a node does, and misbehaves when told to.
//!
//! ```no_run
//! # async fn run() {
//! use sealift_node::{Chain, Endpoint, Match, Misbehaviour, Node, Recipe};
//!
//! let node = Node::start(Chain::generate(&Recipe::default())).await;
//! let cut = node.on(Match::endpoint(Endpoint::Transactions).times(1), Misbehaviour::Cut { after_bytes: 100 });
//! // … a backup from `node.endpoint()` …
//! assert_eq!(cut.fired(), 1);
//! node.shutdown().await;
//! # }
//! ```
#![forbid(unsafe_code)]
// It is test code: a panic is how it says that something is wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accounts;
mod answer;
mod chain;
mod generate;
mod ledger;
mod misbehaviour;
mod random;
mod server;
mod state;
mod synthetic;
mod transactions;
mod users;
mod validators;

pub use chain::{Chain, DbStateForm};
pub use generate::Recipe;
pub use misbehaviour::{Endpoint, Match, Misbehaviour, MisbehaviourHandle};
pub use server::Node;
pub use synthetic::SyntheticState;
pub use validators::Signers;
