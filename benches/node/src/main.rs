//! Serves a node's backup service over a state of many small items. Prints its URL, the epoch to back up and how long
//! all records are, and serves until it is killed.
use anyhow::Result;
use clap::Parser;
use sealift_node::{Chain, Node, Recipe, SyntheticState};
use std::future::pending;
use std::io::Write;

/// A node with many state items.
#[derive(Debug, Parser)]
struct Args {
    /// How many items.
    #[arg(long, default_value_t = 10_000_000)]
    items: u32,
    /// How long the value of each is, in bytes. About 50 bytes of key come on top.
    #[arg(long, default_value_t = 100)]
    value_bytes: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let recipe = Recipe { epochs: 1, ..Recipe::default() };
    let state = SyntheticState::new(args.items, args.value_bytes);
    let record = state.records(0).next().map_or(0, |record| record.len() + 4);
    let node = Node::start(Chain::generate(&recipe).with_synthetic_state(state)).await;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{} {} {}", node.endpoint(), recipe.epochs, u64::from(args.items) * record as u64)?;
    stdout.flush()?;
    pending().await
}
