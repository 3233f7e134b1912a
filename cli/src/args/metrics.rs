//! Where figures of a command go.

use clap::Args;
use std::path::PathBuf;

/// Figures for Prometheus, of every command that is about a storage.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Metrics")]
pub(crate) struct MetricsArgs {
    /// Write figures of this run to FILE, for node_exporter's textfile collector, which reads what ends in .prom. It is
    /// replaced as a whole when the command ends; a failed run keeps the time of the last success that it finds there. A
    /// `backup continuously` writes it every 15 s. PUSH_METRICS_ENDPOINT=URL sends the same there.
    #[arg(long, value_name = "FILE", global = true, env = "SEALIFT_METRICS_FILE")]
    pub(crate) metrics_file: Option<PathBuf>,
    /// What the figures call this job, as their label `job_name` [default: none].
    #[arg(long, value_name = "NAME", global = true, env = "SEALIFT_METRICS_JOB")]
    pub(crate) metrics_job: Option<String>,
}
