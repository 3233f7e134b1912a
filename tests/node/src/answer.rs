//! What the node answers to a path.

use crate::chain::{Chain, DbStateForm, Records};
use crate::misbehaviour::Endpoint;
use crate::transactions::bcs;
use bytes::Bytes;
use sealift_aptos::chain::HashValue;

/// An answer before it is sent.
pub(crate) enum Answer {
    /// One value in BCS.
    Value(Vec<u8>),
    /// Records, each of which gets its length before it.
    Records(Records),
    /// Records, and then the connection is aborted: the node has no more, and has already said that all is well.
    Broken(Records),
    /// The node has no such path.
    NoSuchPath,
    /// The node has no such data.
    Failed(String),
}

impl Chain {
    pub(crate) fn answer(&self, path: &str) -> Answer {
        let mut parts = path.split('/');
        let endpoint = Endpoint::named(parts.next().unwrap_or_default());
        let arguments: Vec<_> = parts.collect();
        let number = |index: usize| arguments.get(index).and_then(|argument| argument.parse::<u64>().ok());
        let value = |bytes: Option<Vec<u8>>| match bytes {
            Some(bytes) => Answer::Value(bytes),
            None => Answer::Failed(format!("{path}: there is no such data")),
        };
        match (endpoint, arguments.len(), number(0), number(1), number(2)) {
            (Some(Endpoint::DbState), 0, ..) => Answer::Value(match self.db_state {
                DbStateForm::Committed => bcs(&Some((self.epoch(), self.last_version()))),
                DbStateForm::NotBootstrapped => bcs(&None::<(u64, u64)>),
                DbStateForm::CommittedAndSynced => bcs(&Some((self.epoch(), self.last_version(), self.last_version()))),
            }),
            (Some(Endpoint::EpochEndings), 2, Some(start), Some(end), _) => {
                let infos = (start..end.min(self.epoch())).filter_map(|epoch| self.epoch_ending(epoch));
                let records: Vec<Bytes> = infos.map(|info| bcs(info).into()).collect();
                records_of(records, end.saturating_sub(start))
            }
            (Some(Endpoint::Transactions), 2, Some(start), Some(count), _) => {
                let end = start.saturating_add(count).min(self.last_version() + 1);
                let records: Vec<_> = (start..end).filter_map(|version| self.transaction(version)).cloned().collect();
                records_of(records, count)
            }
            (Some(Endpoint::TransactionRangeProof), 2, Some(first), Some(last), _) => {
                value(self.transaction_range_proof(first, last).map(|proof| bcs(&proof)))
            }
            (Some(Endpoint::StateItemCount), 1, Some(version), ..) => {
                value(self.state_item_count(version).map(|count| bcs(&count)))
            }
            (Some(Endpoint::StateChunk), 3, Some(version), Some(start), Some(limit)) => {
                self.state(path, version, start, limit)
            }
            (Some(Endpoint::StateSnapshot), 1, Some(version), ..) => self.state(path, version, 0, u64::MAX),
            (Some(Endpoint::StateRangeProof), 2, Some(version), ..) => match arguments[1].parse::<HashValue>() {
                Ok(key) => value(self.state_range_proof(version, key).map(|proof| bcs(&proof))),
                Err(error) => Answer::Failed(error.to_string()),
            },
            (Some(Endpoint::StateRootProof), 1, Some(version), ..) => {
                value(self.state_root_proof(version).map(|proof| bcs(&proof)))
            }
            _ => Answer::NoSuchPath,
        }
    }

    fn state(&self, path: &str, version: u64, start: u64, limit: u64) -> Answer {
        match self.state_records(version, start) {
            Some(records) => Answer::Records(Box::new(records.take(usize::try_from(limit).unwrap_or(usize::MAX)))),
            None => Answer::Failed(format!("{path}: there is no such data")),
        }
    }
}

/// All of the `wanted` records, or those there are.
fn records_of(records: Vec<Bytes>, wanted: u64) -> Answer {
    let complete = records.len() as u64 == wanted;
    let records = Box::new(records.into_iter());
    match complete {
        true => Answer::Records(records),
        false => Answer::Broken(records),
    }
}
