//! The `aws-chunked` framing of a body: what the SDKs put around data to send a checksum after it.

use std::io;

/// Takes the framing off, piece by piece.
#[derive(Debug)]
pub(crate) struct Chunked {
    expects: Expects,
    line: Vec<u8>,
    trailers: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expects {
    /// A line with the size of the next chunk.
    Size,
    /// So much more of a chunk's data.
    Data(u64),
    /// The line end after the data.
    DataEnd,
    /// A trailer, or the empty line that ends all.
    Trailer,
    Nothing,
}

impl Chunked {
    pub(crate) fn new() -> Self {
        Chunked { expects: Expects::Size, line: Vec::new(), trailers: Vec::new() }
    }

    /// Gives the data in `bytes` to `data`.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut data: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        while !bytes.is_empty() {
            if let Expects::Data(remaining) = self.expects {
                let count = usize::try_from(remaining).unwrap_or(usize::MAX).min(bytes.len());
                data(&bytes[..count])?;
                bytes = &bytes[count..];
                let remaining = remaining - count as u64;
                self.expects = if remaining == 0 { Expects::DataEnd } else { Expects::Data(remaining) };
                continue;
            }
            match bytes.iter().position(|byte| *byte == b'\n') {
                None => {
                    self.line.extend_from_slice(bytes);
                    return Ok(());
                }
                Some(end) => {
                    self.line.extend_from_slice(&bytes[..end]);
                    bytes = &bytes[end + 1..];
                    let line = std::mem::take(&mut self.line);
                    let line = std::str::from_utf8(&line).map_err(|_| wrong("a line is not text"))?.trim_end();
                    self.expects = self.after(line)?;
                }
            }
        }
        Ok(())
    }

    fn after(&mut self, line: &str) -> io::Result<Expects> {
        match self.expects {
            Expects::Size => {
                let digits = line.split(';').next().unwrap_or_default();
                match u64::from_str_radix(digits, 16) {
                    Ok(0) => Ok(Expects::Trailer),
                    Ok(size) => Ok(Expects::Data(size)),
                    Err(_) => Err(wrong("a chunk's size is not a number")),
                }
            }
            Expects::DataEnd if line.is_empty() => Ok(Expects::Size),
            Expects::Trailer if line.is_empty() => Ok(Expects::Nothing),
            Expects::Trailer => {
                let (name, value) = line.split_once(':').ok_or_else(|| wrong("a trailer has no colon"))?;
                self.trailers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
                Ok(Expects::Trailer)
            }
            _ => Err(wrong("there is more than was announced")),
        }
    }

    /// What was said after the data, when all of it has come.
    pub(crate) fn finish(self) -> io::Result<Vec<(String, String)>> {
        match self.expects {
            // Not every client ends with the empty line that the format asks for.
            Expects::Nothing => Ok(self.trailers),
            Expects::Trailer if self.line.is_empty() => Ok(self.trailers),
            _ => Err(wrong("the body ends within a chunk")),
        }
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("aws-chunked: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"4;chunk-signature=ab\r\nwor\n\r\n2\r\nds\r\n0\r\nx-amz-checksum-crc32:AAAA==\r\n\r\n";

    #[test]
    fn data_and_trailers_come_out_however_it_is_cut() {
        for size in 1..=BODY.len() {
            let (mut chunked, mut data) = (Chunked::new(), Vec::new());
            for piece in BODY.chunks(size) {
                let take = |bytes: &[u8]| {
                    data.extend_from_slice(bytes);
                    Ok(())
                };
                chunked.feed(piece, take).unwrap();
            }
            assert_eq!(data, b"wor\nds");
            assert_eq!(chunked.finish().unwrap(), [("x-amz-checksum-crc32".to_owned(), "AAAA==".to_owned())]);
        }
    }

    #[test]
    fn a_body_that_ends_early_is_refused() {
        for size in 0..BODY.len() - 35 {
            let mut chunked = Chunked::new();
            chunked.feed(&BODY[..size], |_| Ok(())).unwrap();
            assert!(chunked.finish().is_err(), "{size}");
        }
    }
}
