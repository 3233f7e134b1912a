//! The documents, held against what they are about: every command in them is run, every message of the catalogue of errors is
//! provoked, and every permission that they ask for was asked for by the command.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

#[path = "../verify/scene.rs"]
#[allow(dead_code)]
mod archives;
mod commands;
mod document;
mod errors;
mod links;
mod permissions;
mod policies;
mod requests;
mod stage;
mod words;
