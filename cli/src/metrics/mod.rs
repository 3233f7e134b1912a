//! Figures of a command, for who watches many: what there is (`figures`), as Prometheus' text (`text`), and the ways there:
//! a file for node_exporter (`file`), what is sent (`push`), what is asked for (`listen`).
//!
//! Nothing is counted here. Bytes, retries and slow-downs are the buckets' own counts, and where continuous backups stand is
//! told by their course.

mod figures;
mod file;
mod listen;
mod push;
mod text;

pub(crate) use figures::{Verified, note_course, note_gaps, note_verified};
pub(crate) use listen::Listener;

use crate::args::{BackupCommand, Cli, Command};
use crate::failure::Failure;
use figures::{Ended, Figures};
use file::TextFile;
use push::Push;
use std::sync::Arc;
use tokio::task::JoinSet;

/// The ways on which figures of the command go out. Dropping it stops them.
#[derive(Debug)]
pub(crate) struct Metrics {
    figures: Arc<Figures>,
    file: Option<TextFile>,
    push: Option<Arc<Push>>,
    regular: JoinSet<()>,
}

impl Metrics {
    /// The ways that are asked for, which begin here.
    pub(crate) fn begin(cli: &Cli) -> Result<Self, Failure> {
        let figures = Arc::new(Figures::of(&cli.command, cli.metrics.metrics_job.clone()));
        // What is about no storage has none.
        let is_measured = cli.command.storage().is_some();
        let file = cli.metrics.metrics_file.clone().filter(|_| is_measured).map(TextFile::at).transpose()?;
        let push = Push::from_environment()?.filter(|_| is_measured).map(Arc::new);
        let mut regular = JoinSet::new();
        if let Some(push) = &push {
            regular.spawn(Arc::clone(push).regularly(Arc::clone(&figures)));
        }
        if let (Some(file), Command::Backup(BackupCommand::Make(backup))) = (&file, &cli.command)
            && matches!(**backup, crate::args::Backup::Continuously(_))
        {
            regular.spawn(file.clone().regularly(Arc::clone(&figures)));
        }
        Ok(Metrics { figures, file, push, regular })
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
        if let Some(push) = &self.push {
            push.send(&self.figures).await;
        }
    }
}
