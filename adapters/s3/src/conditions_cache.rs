//! The file that remembers of which buckets it was proven that conditions are kept: a line each, with the endpoint, the
//! bucket and the word `honoured`. It saves requests and nothing depends on it, so what goes wrong with it is only logged.

use crate::client::Client;
use sealift::Token;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use tokio::task::spawn_blocking;

/// A file that is larger is not ours.
const LARGEST: u64 = 1 << 20;

/// Whether the file says that the bucket's service keeps conditions.
pub(crate) async fn remembered(file: &Path, client: &Client) -> bool {
    let (file, line) = (file.to_owned(), line(client));
    on_disk(move || Ok(read(&file)?.lines().any(|known| known == line))).await.unwrap_or(false)
}

/// Adds the bucket to the file, in one step: who reads it meanwhile reads all of the old or all of the new.
pub(crate) async fn remember(file: &Path, client: &Client) {
    let (file, line) = (file.to_owned(), line(client));
    let _ = on_disk(move || {
        let known = match read(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            known => known.unwrap_or_default(),
        };
        let mut lines: Vec<&str> = known.lines().filter(|known| *known != line).collect();
        lines.push(&line);
        replace(&file, &(lines.join("\n") + "\n"))
    })
    .await;
}

/// Takes the bucket out of the file, where it is in it.
pub(crate) async fn forget(file: &Path, client: &Client) {
    let (file, line) = (file.to_owned(), line(client));
    let _ = on_disk(move || {
        let known = match read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            known => known?,
        };
        let lines: String = known.lines().filter(|known| *known != line).flat_map(|line| [line, "\n"]).collect();
        match lines == known {
            true => Ok(()),
            false => replace(&file, &lines),
        }
    })
    .await;
}

fn line(client: &Client) -> String {
    format!("{}\t{}\thonoured", client.endpoint, client.bucket)
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(file)?.take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
}

fn replace(file: &PathBuf, text: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut temporary = file.clone().into_os_string();
    temporary.push(format!(".{}", Token::random()));
    let replaced = fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, file));
    replaced.inspect_err(|_| drop(fs::remove_file(&temporary)))
}

async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Option<T> {
    match spawn_blocking(work).await {
        Ok(Ok(done)) => Some(done),
        Ok(Err(error)) => {
            tracing::debug!("the file of proven conditions: {error}");
            None
        }
        Err(error) => {
            tracing::debug!("the file of proven conditions: {error}");
            None
        }
    }
}
