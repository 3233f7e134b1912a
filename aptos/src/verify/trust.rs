//! Waypoints that are known from elsewhere.

use crate::chain::Waypoint;
use std::collections::BTreeMap;

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
