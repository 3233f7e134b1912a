//! What a node has pruned. Its service does not say so: it cuts the connection, or answers 500 without a word, as it does
//! when it is broken. What tells is that it has got further, and serves what is newer.

use super::Backups;
use crate::client::{Client, DbState};
use crate::feed::Feed;
use sealift::{Error, ErrorKind};

impl Backups {
    /// `error`, which came of a backup of `feed`, or why it came: the node has pruned what it was asked for.
    pub(super) async fn or_pruned(&self, error: Error, feed: Feed) -> Error {
        // What arrives and is wrong was not pruned.
        if !matches!(error.kind(), ErrorKind::Service | ErrorKind::TimedOut | ErrorKind::Unreachable) {
            return error;
        }
        // What storage says has nothing to do with the node.
        let base = self.client.address().url("");
        let Some(first) = error.location().strip_prefix(&base).and_then(|path| asked_from(feed, path)) else {
            return error;
        };
        match self.found_pruned(feed, first).await {
            Some(reason) => {
                let location = self.client.address().to_string();
                tracing::debug!("{error}");
                let operation = format!("read {} from", subject(feed, first));
                Error::new(ErrorKind::Pruned, operation, location, reason)
                    .with_hint("take a node that keeps it: one that does not prune, or prunes later")
                    .with_source(error)
            }
            None => error,
        }
    }

    /// That the node has pruned the records from `first` on, in words.
    async fn found_pruned(&self, feed: Feed, first: u64) -> Option<String> {
        let Ok(DbState::At { epoch, committed_version }) = self.client.db_state_now().await else { return None };
        match feed {
            Feed::Transactions => {
                let served = first_served(&self.client, first, committed_version).await?;
                Some(format!("the node has pruned them, and serves none before version {served}"))
            }
            Feed::StateItems { version } => {
                let newest = self.version_at_end_of(epoch.checked_sub(1)?).await.ok()?;
                let there = async |version| self.client.serves(&Feed::StateItems { version }.request(first, 1)).await;
                // Asked twice, and for the first state too, which is pruned before any other.
                for version in [version, 0, version] {
                    if version >= newest || there(version).await || !there(newest).await {
                        return None;
                    }
                }
                Some(format!("the node has pruned it, and serves the state at version {newest}"))
            }
            // They are never pruned.
            Feed::EpochEndings => None,
        }
    }
}

/// The first transaction that the node serves, if that is after `first`. What is pruned is all up to some version, and
/// nothing else.
async fn first_served(client: &Client, first: u64, committed: u64) -> Option<u64> {
    let there = async |version| client.serves(&Feed::Transactions.request(version, 1)).await;
    if committed <= first || there(first).await || !there(committed).await {
        return None;
    }
    let (mut missing, mut served) = (first, committed);
    while served - missing > 1 {
        let middle = missing + (served - missing) / 2;
        match there(middle).await {
            true => served = middle,
            false => missing = middle,
        }
    }
    // A node that is broken may serve some of those before, and one that was busy may serve them now.
    for version in [0, first.saturating_sub(1), first, served - 1] {
        if there(version).await {
            return None;
        }
    }
    there(served).await.then_some(served)
}

/// The first record that a request was for, by its path below the node's address.
fn asked_from(feed: Feed, path: &str) -> Option<u64> {
    let mut parts = path.split('/');
    match (feed, parts.next()?) {
        (Feed::Transactions, "transactions" | "transaction_range_proof") => parts.next()?.parse().ok(),
        (Feed::StateItems { .. }, "state_snapshot_chunk") => parts.nth(1)?.parse().ok(),
        (Feed::StateItems { .. }, "state_item_count" | "state_range_proof" | "state_root_proof") => Some(0),
        _ => None,
    }
}

fn subject(feed: Feed, first: u64) -> String {
    match feed {
        Feed::Transactions => format!("transactions from version {first} on"),
        Feed::StateItems { version } => format!("the state at version {version}"),
        Feed::EpochEndings => format!("epoch endings from {first} on"),
    }
}
