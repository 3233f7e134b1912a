//! Waypoints: what a version of the ledger must look like, in one line.

use super::error::ChainError;
use super::hash::{HashValue, Hasher};
use super::ledger_info::LedgerInfo;
use super::validators::EpochState;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// A version and a hash of all that its ledger info says, except what only consensus needs. Text and JSON have it as
/// `version:hash`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Waypoint {
    /// The version.
    pub version: u64,
    /// The hash.
    pub value: HashValue,
}

/// What the hash of a waypoint is of.
#[derive(Serialize)]
struct Hashed<'a> {
    epoch: u64,
    root_hash: HashValue,
    version: u64,
    timestamp_usecs: u64,
    next_epoch_state: Option<&'a EpochState>,
}

impl Waypoint {
    /// The waypoint that `ledger_info` matches.
    ///
    /// # Errors
    /// When it cannot be encoded, which nothing that was decoded brings about.
    pub fn of(ledger_info: &LedgerInfo) -> Result<Self, ChainError> {
        let info = &ledger_info.commit_info;
        let hashed = Hashed {
            epoch: info.epoch,
            root_hash: info.executed_state_id,
            version: info.version,
            timestamp_usecs: info.timestamp_usecs,
            next_epoch_state: info.next_epoch_state.as_ref(),
        };
        let bytes = bcs::to_bytes(&hashed)
            .map_err(|error| ChainError::Malformed { what: "ledger info", reason: error.to_string() })?;
        // The chain's name for the type that it hashes here.
        let value = Hasher::new("Ledger2WaypointConverter").update(bytes).finish();
        Ok(Waypoint { version: info.version, value })
    }
}

impl fmt::Display for Waypoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.version, self.value)
    }
}

impl FromStr for Waypoint {
    type Err = ChainError;

    fn from_str(text: &str) -> Result<Self, ChainError> {
        let invalid = || ChainError::Text { text: text.to_owned(), wanted: "a waypoint (`version:hash`)" };
        let (version, value) = text.split_once(':').ok_or_else(invalid)?;
        let version = version.parse().map_err(|_| invalid())?;
        Ok(Waypoint { version, value: value.parse().map_err(|_| invalid())? })
    }
}

impl Serialize for Waypoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            true => serializer.collect_str(self),
            false => (self.version, self.value).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Waypoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.is_human_readable() {
            true => String::deserialize(deserializer)?.parse().map_err(de::Error::custom),
            false => {
                let (version, value) = <(u64, HashValue)>::deserialize(deserializer)?;
                Ok(Waypoint { version, value })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waypoints_are_one_line() {
        let text = format!("12:{}", "ab".repeat(32));
        let waypoint: Waypoint = text.parse().unwrap();
        assert_eq!((waypoint.version, waypoint.value), (12, HashValue::new([0xab; 32])));
        assert_eq!(waypoint.to_string(), text);
        assert_eq!(serde_json::to_string(&waypoint).unwrap(), format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<Waypoint>(&format!("\"{text}\"")).unwrap(), waypoint);
        for wrong in ["", "12", "12:", &text[1..], &format!("{text}:"), &format!("-{text}")] {
            assert_ne!(wrong.parse().ok(), Some(waypoint), "{wrong}");
        }
    }
}
