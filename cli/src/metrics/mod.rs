//! Figures of a command, for who watches many: what is known (`figures`), which there are and their text (`text`), and the
//! ways there: a file for node_exporter (`file`), what is asked for (`listen`), what is sent (`sending`) as text (`push`) or
//! by OpenTelemetry's protocol (`otlp`).
//!
//! Nothing is counted here. Bytes, retries and slow-downs are the buckets' own counts, and where continuous backups stand is
//! told by their course.

mod figures;
mod file;
mod listen;
#[cfg(feature = "otel")]
mod otlp;
mod push;
mod sending;
mod text;

pub(crate) use figures::{Verified, note_course, note_gaps, note_verified};
pub(crate) use listen::Listener;

use crate::args::{BackupCommand, Cli, Command};
use crate::failure::Failure;
use figures::{Ended, Figures};
use file::TextFile;
use futures::future::join_all;
use sending::Sending;
use std::sync::Arc;
use tokio::task::JoinSet;

/// The ways on which figures of the command go out. Dropping it stops them.
#[derive(Debug)]
pub(crate) struct Metrics {
    figures: Arc<Figures>,
    file: Option<TextFile>,
    sending: Vec<Arc<Sending>>,
    regular: JoinSet<()>,
}

impl Metrics {
    /// The ways that are asked for, which begin here.
    pub(crate) fn begin(cli: &Cli) -> Result<Self, Failure> {
        let figures = Arc::new(Figures::of(&cli.command, cli.metrics.metrics_job.clone()));
        // What is about no storage has none.
        let is_measured = cli.command.storage().is_some();
        let file = cli.metrics.metrics_file.clone().filter(|_| is_measured).map(TextFile::at).transpose()?;
        let sending = Sending::from_environment()?.into_iter().filter(|_| is_measured).collect::<Vec<_>>();
        let mut regular = JoinSet::new();
        for sending in &sending {
            regular.spawn(Arc::clone(sending).regularly(Arc::clone(&figures)));
        }
        if let (Some(file), Command::Backup(BackupCommand::Make(backup))) = (&file, &cli.command)
            && matches!(**backup, crate::args::Backup::Continuously(_))
        {
            regular.spawn(file.clone().regularly(Arc::clone(&figures)));
        }
        Ok(Metrics { figures, file, sending, regular })
    }

    /// Figures of the command so far.
    pub(crate) fn figures(&self) -> Arc<Figures> {
        Arc::clone(&self.figures)
    }

    /// Writes and sends what became of the command.
    pub(crate) async fn ended(mut self, done: &Result<(), Failure>) {
        self.regular.shutdown().await;
        self.figures.end(Ended::of(done));
        if let Some(file) = &self.file {
            file.write(&self.figures).await;
        }
        // At the same time, so that two who are silent take no longer than one.
        join_all(self.sending.iter().map(|sending| sending.send(&self.figures))).await;
    }
}
