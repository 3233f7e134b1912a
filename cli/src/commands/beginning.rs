//! The first bytes of an input. What is short is stored at once, by one request: to ask first whether it can be stored would
//! take longer than to be told that it cannot. What is long, or silent, has the question asked before more of it is read.

use super::put::unreadable;
use crate::failure::Failure;
use std::fs::File;
use std::io::{self, Chain, Cursor, Read};
use std::time::Duration;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};
use tokio::time::timeout;

/// What is read before it is known whether anything can be stored, in bytes: four times what a pipe holds.
const SHORT: u64 = 256 << 10;

/// How long an input gets to end before the question is asked. It is of no use sooner where nothing comes.
const PATIENCE: Duration = Duration::from_millis(500);

/// An input whose first bytes are being read.
pub(super) struct Beginning(JoinHandle<io::Result<(Vec<u8>, File)>>);

/// An input whose first bytes have been read.
pub(super) enum Begun {
    /// All of it, and it is not empty.
    Short(Vec<u8>),
    Long(Chain<Cursor<Vec<u8>>, File>),
}

impl Beginning {
    /// Begins to read. A thread that waits for a silent input is left to the end of the process.
    pub(super) fn of(mut input: File) -> Self {
        Beginning(spawn_blocking(move || {
            let mut bytes = Vec::new();
            Read::by_ref(&mut input).take(SHORT).read_to_end(&mut bytes)?;
            Ok((bytes, input))
        }))
    }

    /// What the input is, if it is short and ends soon; otherwise `check` comes first.
    pub(super) async fn unless_short(self, check: impl Future<Output = sealift::Result<()>>) -> Result<Begun, Failure> {
        let mut reading = self.0;
        let soon = match timeout(PATIENCE, &mut reading).await {
            Ok(read) => Some(begun(read)?),
            Err(_) => None,
        };
        if let Some(short @ Begun::Short(_)) = soon {
            return Ok(short);
        }
        check.await?;
        match soon {
            Some(long) => Ok(long),
            None => begun(reading.await),
        }
    }
}

fn begun(read: Result<io::Result<(Vec<u8>, File)>, JoinError>) -> Result<Begun, Failure> {
    let (bytes, input) = read.map_err(io::Error::other).flatten().map_err(unreadable)?;
    let is_all = (1..SHORT).contains(&(bytes.len() as u64));
    Ok(if is_all { Begun::Short(bytes) } else { Begun::Long(Cursor::new(bytes).chain(input)) })
}
