//! What can be said about a command that runs as a service.

use super::time::time;
use clap::Args;
use jiff::SignedDuration;
use std::net::SocketAddr;

/// How others see whether it is well.
#[derive(Debug, Args)]
#[command(next_help_heading = "Service")]
pub(crate) struct ServiceArgs {
    /// Answer HTTP on this address: /metrics in Prometheus' text form, and /healthz with 200, or 503 and why. There is no
    /// password: choose an address that only those reach who may see it (127.0.0.1:9184).
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// For how long nothing may move, no byte from the node and none to the storage, while a backup is under way. After that
    /// it stands still: the service manager's watchdog is not told any more that all is well, and /healthz says 503. No
    /// single request is waited for as long as that.
    #[arg(long, default_value = "15m", value_name = "TIME", value_parser = time)]
    pub(crate) stalled_after: SignedDuration,
    /// For how long /healthz is content with no success: no backup made, and not all that was due backed up. 0s: for ever.
    #[arg(long, default_value = "24h", value_name = "TIME", value_parser = time)]
    pub(crate) healthy_within: SignedDuration,
}
