//! An object's stored bytes as a stream of ranges, several of them ahead of the reader.

use crate::budget::{Budget, Held, READER_SEAT};
use crate::error::{Error, ErrorKind, Result};
use crate::name::Key;
use crate::object::{ObjectInfo, ObjectStore};
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// How many bytes one request asks for: enough to make its delay small against its transfer.
const RANGE: u64 = READER_SEAT;
/// How many ranges are under way or waiting for the reader, as far as the budget has places.
const AHEAD: usize = 8;
/// How often a range is asked for again after its connection broke, and the pause before each.
const RETRY_PAUSES: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2)];

/// The stored bytes of the object that `info` describes, in order. Ends after the last byte or with an error.
/// Dropping the stream cancels what is under way.
pub(super) async fn ranges(
    store: Arc<dyn ObjectStore>,
    key: Key,
    info: &ObjectInfo,
    budget: &Budget,
) -> Result<BoxStream<'static, Result<Bytes>>> {
    let size = info.size;
    let places = Places::take(budget, size).await?;
    let ahead = places.count();
    let source = Arc::new(Source { store, key, etag: info.etag.clone(), budget: budget.clone(), _places: places });
    let starts = (0..size).step_by(RANGE as usize);
    let fetches = starts.map(move |start| Arc::clone(&source).fetch(start..size.min(start + RANGE)));
    Ok(stream::iter(fetches).buffered(ahead).boxed())
}

/// The reader's places in the budget: one at least, waited for; more if they are free.
struct Places(Vec<Held>);

impl Places {
    async fn take(budget: &Budget, size: u64) -> Result<Self> {
        let mut places = vec![budget.reader_seat(RANGE.min(size)).await?];
        let wanted = size.div_ceil(RANGE).min(AHEAD as u64) as usize;
        while places.len() < wanted {
            match budget.try_reader_seat(RANGE) {
                Ok(place) => places.push(place),
                Err(_) => break,
            }
        }
        Ok(Places(places))
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}

struct Source {
    store: Arc<dyn ObjectStore>,
    key: Key,
    etag: Option<String>,
    budget: Budget,
    _places: Places,
}

impl Source {
    async fn fetch(self: Arc<Self>, range: Range<u64>) -> Result<Bytes> {
        let held = self.budget.bytes(range.end - range.start).await?;
        let mut pauses = RETRY_PAUSES.into_iter();
        loop {
            match self.store.get(&self.key, range.clone(), self.etag.as_deref()).await {
                Ok(bytes) => return self.checked(bytes, &range, held),
                Err(error) if passing(&error) => match pauses.next() {
                    Some(pause) => {
                        tracing::warn!("asking again in {pause:?}: {error}");
                        tokio::time::sleep(pause).await;
                    }
                    None => return Err(error),
                },
                Err(error) => return Err(error),
            }
        }
    }

    fn checked(&self, bytes: Bytes, range: &Range<u64>, held: Held) -> Result<Bytes> {
        struct Owner(Bytes, #[expect(dead_code, reason = "held until the bytes are freed")] Held);
        impl AsRef<[u8]> for Owner {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
        if bytes.len() as u64 == range.end - range.start {
            return Ok(Bytes::from_owner(Owner(bytes, held)));
        }
        let location = format!("{}/{}", self.store.url(), self.key);
        let reason = format!("bytes {} to {} were asked for and {} came", range.start, range.end, bytes.len());
        Err(Error::new(ErrorKind::Corrupt, "read", location, reason))
    }
}

fn passing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::TimedOut)
}
