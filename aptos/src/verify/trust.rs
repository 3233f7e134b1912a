//! What is taken for granted: waypoints that are known from elsewhere, and what whoever asks is content with.

use super::settings::{EpochEndings, Lagging, Settings};
use crate::chain::Waypoint;
use std::collections::BTreeMap;
use std::fmt;

/// Something that is taken for granted because whoever asks said so. As text it is a fact of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Granted {
    /// `--trust-waypoint`.
    Waypoint(Waypoint),
    /// What lies before a waypoint that is trusted.
    Before(Waypoint),
    /// `--skip-epoch-endings`.
    Signatures,
    /// `--allow-lagging-endings`.
    Ending(u64),
    /// Nothing was said: all rests on the genesis that the archive has.
    Genesis(Waypoint),
}

impl fmt::Display for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Granted::Waypoint(waypoint) => write!(f, "the waypoint {waypoint} is the network's"),
            Granted::Before(waypoint) => write!(f, "what lies before the waypoint {waypoint} needs no signatures"),
            Granted::Signatures => f.write_str("whoever signed was allowed to: no signature was looked at"),
            Granted::Ending(epoch) => write!(f, "epoch {epoch} ended as it must: the archive does not have its ending"),
            Granted::Genesis(waypoint) => match network_of(*waypoint) {
                Some(network) => write!(f, "the genesis {waypoint} is the network's: it is that of {network}"),
                None => write!(
                    f,
                    "the archive's own genesis {waypoint} is the network's: hold it against that, or say that by \
                     --trust-waypoint"
                ),
            },
        }
    }
}

impl Settings {
    /// Whether what was taken for granted once, by the text of a report, is granted by these settings too.
    pub fn grants(&self, said: &str) -> bool {
        let by_waypoint =
            self.trust.iter().flat_map(|&waypoint| [Granted::Waypoint(waypoint), Granted::Before(waypoint)]);
        let ending = said.split_whitespace().nth(1).and_then(|epoch| epoch.parse().ok()).map(Granted::Ending);
        let ending = ending.filter(|_| self.lagging == Lagging::Allowed);
        let signatures = (self.epoch_endings == EpochEndings::Skipped).then_some(Granted::Signatures);
        let genesis = said.split_whitespace().find_map(|word| word.parse().ok());
        let genesis = genesis.filter(|genesis: &Waypoint| {
            self.trust.iter().all(|waypoint| waypoint.version != genesis.version || waypoint == genesis)
        });
        let genesis = genesis.map(Granted::Genesis);
        by_waypoint.chain(ending).chain(signatures).chain(genesis).any(|granted| granted.to_string() == said)
    }
}

/// Genesis waypoints that networks have published: `mainnet/genesis_waypoint.txt` of aptos-labs/aptos-networks.
const NETWORKS: [(&str, &str); 1] = [("mainnet", "0:6072b68a942aace147e0655c5704beaa255c84a7829baa4e72a500f1516584c4")];

/// The network whose genesis this is, where that is known.
pub(super) fn network_of(genesis: Waypoint) -> Option<&'static str> {
    let genesis = genesis.to_string();
    NETWORKS.iter().find(|(_, waypoint)| *waypoint == genesis).map(|(network, _)| *network)
}

/// Waypoints that are known from elsewhere, by version.
#[derive(Debug, Clone, Default)]
pub(super) struct Trust {
    waypoints: BTreeMap<u64, Waypoint>,
}

impl Trust {
    pub(super) fn new(waypoints: &[Waypoint]) -> Self {
        Trust { waypoints: waypoints.iter().map(|waypoint| (waypoint.version, *waypoint)).collect() }
    }

    /// The waypoint at this version.
    pub(super) fn at(&self, version: u64) -> Option<Waypoint> {
        self.waypoints.get(&version).copied()
    }

    /// The first waypoint at this version or later. There are chains whose early signatures cannot be checked any more, and
    /// who trusts a waypoint behind them needs none of them.
    pub(super) fn from(&self, version: u64) -> Option<Waypoint> {
        self.waypoints.range(version..).next().map(|(_, waypoint)| *waypoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_granted_once_has_to_be_granted_again() {
        let waypoint = |version: u64| format!("{version}:{}", "ab".repeat(32)).parse::<Waypoint>().expect("a waypoint");
        let none = Settings::default();
        let trusting = Settings { trust: vec![waypoint(7)], ..Settings::default() };
        let skipping = Settings { epoch_endings: EpochEndings::Skipped, ..Settings::default() };
        let lagging = Settings { lagging: Lagging::Allowed, ..Settings::default() };
        for (granted, by) in [
            (Granted::Waypoint(waypoint(7)), &trusting),
            (Granted::Before(waypoint(7)), &trusting),
            (Granted::Signatures, &skipping),
            (Granted::Ending(12), &lagging),
        ] {
            let said = granted.to_string();
            for settings in [&none, &trusting, &skipping, &lagging] {
                assert_eq!(settings.grants(&said), settings == by, "{said}");
            }
        }
        assert!(!trusting.grants(&Granted::Waypoint(waypoint(8)).to_string()));
        // Without another genesis that is trusted, it is the archive's own.
        let genesis = Granted::Genesis(waypoint(0)).to_string();
        let other =
            Settings { trust: vec![format!("0:{}", "cd".repeat(32)).parse().expect("a waypoint")], ..none.clone() };
        let own = Settings { trust: vec![waypoint(0)], ..none.clone() };
        assert!(none.grants(&genesis) && trusting.grants(&genesis) && own.grants(&genesis) && !other.grants(&genesis));
    }
}
