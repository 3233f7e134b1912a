//! A file for node_exporter's textfile collector.

use super::figures::Figures;
use super::text::{LAST_SUCCESS, text};
use crate::failure::Failure;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often it is written by a command that does not end.
const EVERY: Duration = Duration::from_secs(15);

/// The file, whose folder is there.
#[derive(Debug, Clone)]
pub(super) struct TextFile(PathBuf);

impl TextFile {
    pub(super) fn at(path: PathBuf) -> Result<Self, Failure> {
        let wrong = |why: &str| Failure::usage(format!("--metrics-file {}: {why}", path.display()));
        match (std::fs::metadata(folder(&path)), std::fs::metadata(&path)) {
            (Err(error), _) => Err(wrong(&format!("its folder: {error}; create it first"))),
            (Ok(folder), _) if !folder.is_dir() => Err(wrong("what it is to be in is no folder")),
            (_, Ok(there)) if !there.is_file() => Err(wrong("it is there, and no file that may be replaced")),
            _ if path.file_name().is_none() => Err(wrong("it has no name")),
            _ => Ok(TextFile(path)),
        }
    }

    /// Writes it now and then, for ever.
    pub(super) async fn regularly(self, figures: Arc<Figures>) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.write(&figures).await;
        }
    }

    /// Replaces it. What fails is told, and is no failure of the command.
    pub(super) async fn write(&self, figures: &Arc<Figures>) {
        let (path, figures) = (self.0.clone(), Arc::clone(figures));
        let written =
            tokio::task::spawn_blocking(move || replace(&path, &text(&figures, last_success_in(&path)))).await;
        if let Ok(Err(error)) = written {
            tracing::warn!("--metrics-file {} is not written: {error}", self.0.display());
        }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// When the last run succeeded that was told there.
fn last_success_in(path: &Path) -> Option<f64> {
    let told = std::fs::read_to_string(path).ok()?;
    let line = told.lines().find(|line| line.starts_with(LAST_SUCCESS))?;
    line.rsplit(' ').next()?.parse().ok().filter(|time: &f64| time.is_finite())
}

/// node_exporter reads at any moment, as another user, and reads only what ends in .prom.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(".sealift-metrics-").suffix(".tmp").tempfile_in(folder(path))?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.persist(path)?;
    Ok(())
}
