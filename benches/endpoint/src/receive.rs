//! Receiving the body of a request: thrown away, or into a file.

use crate::chunked::Chunked;
use crate::pieces::{Kept, Piece};
use crate::state::{Headers, Server};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::Incoming;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

/// A body that has come.
pub(crate) struct Received {
    pub(crate) piece: Piece,
    /// The checksums that were sent with it, before or after.
    pub(crate) checksums: Headers,
}

/// Takes the body. Writing blocks the thread, as reading does: see `pieces`.
pub(crate) async fn receive(server: &Server, headers: &HeaderMap, mut body: Incoming) -> anyhow::Result<Received> {
    let mut checksums = with_prefix(headers, CHECKSUM);
    let mut chunked = is_chunked(headers).then(Chunked::new);
    let kept = server.new_file().map(Kept::new);
    let mut file = kept.as_ref().map(|kept| File::create(kept.path())).transpose()?;
    let mut len = 0;
    let mut first = true;
    while let Some(frame) = body.frame().await {
        let Ok(bytes) = frame?.into_data() else { continue };
        if std::mem::take(&mut first) {
            server.stats.body_begins();
        }
        let mut take = |data: &[u8]| -> io::Result<()> {
            len += data.len() as u64;
            file.as_mut().map_or(Ok(()), |file| file.write_all(data))
        };
        match &mut chunked {
            Some(chunked) => chunked.feed(&bytes, take)?,
            None => take(&bytes)?,
        }
    }
    if let Some(chunked) = chunked {
        checksums.extend(chunked.finish()?.into_iter().filter(|(name, _)| is_checksum(name)));
    }
    server.stats.received(len);
    Ok(Received { piece: Piece { len, file: kept.map(Arc::new) }, checksums })
}

const CHECKSUM: &str = "x-amz-checksum-";

/// The headers that begin with `prefix` and say something of the object.
pub(crate) fn with_prefix(headers: &HeaderMap, prefix: &str) -> Headers {
    let all = headers.iter().filter(|(name, _)| name.as_str().starts_with(prefix));
    all.filter(|(name, _)| prefix != CHECKSUM || is_checksum(name.as_str()))
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect()
}

/// The checksums of an object or part that a request names in its headers.
pub(crate) fn checksums(headers: &HeaderMap) -> Headers {
    with_prefix(headers, CHECKSUM)
}

/// Whether a header holds a checksum, and not which kind is meant.
fn is_checksum(name: &str) -> bool {
    name.strip_prefix(CHECKSUM).is_some_and(|rest| !matches!(rest, "algorithm" | "type" | "mode"))
}

fn is_chunked(headers: &HeaderMap) -> bool {
    let says = |name: &str, what: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.into_iter().any(|value| value.contains(what))
    };
    says("x-amz-content-sha256", "STREAMING-") || says("content-encoding", "aws-chunked")
}
