//! Records: a big-endian `u32` length and that many bytes, back to back, as the backup service sends them and chunk
//! files hold them. What arrives is handed on as it is, so a record is copied at most once: when it came in two pieces.

use bytes::{Buf, Bytes, BytesMut};

/// The bytes of a record's length.
pub const PREFIX: usize = 4;

/// The longest record taken unless told otherwise, in bytes: 256 MiB, twice the default chunk. A longer one is more
/// likely a stream out of step than data: its length would be text or the middle of a record.
pub const MAX_RECORD: usize = 256 << 20;

/// Whole records, back to back, each with its length before it. Never empty. Cheap to clone and to cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    bytes: Bytes,
    /// Where each record ends in `bytes`.
    ends: Vec<usize>,
}

impl Run {
    /// The records as a chunk file holds them.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How many records these are.
    pub fn count(&self) -> u64 {
        self.ends.len() as u64
    }

    /// The records without their lengths, in order.
    pub fn records(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start + PREFIX..end])
    }

    /// The first record without its length.
    pub(crate) fn first_record(&self) -> Bytes {
        self.bytes.slice(PREFIX..self.ends.first().copied().unwrap_or(PREFIX))
    }

    /// Where each record ends, counted from the run's beginning.
    pub(crate) fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// The records `from..to`, of which there is at least one.
    pub(crate) fn part(&self, from: usize, to: usize) -> Run {
        let start = from.checked_sub(1).map_or(0, |before| self.ends[before]);
        let ends: Vec<usize> = self.ends[from..to].iter().map(|end| end - start).collect();
        Run { bytes: self.bytes.slice(start..self.ends[to - 1]), ends }
    }
}

/// A record longer than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oversized {
    /// The length that was announced, in bytes.
    pub length: usize,
    /// The limit, in bytes.
    pub limit: usize,
}

/// Memory that is taken for a record before it has arrived, in bytes.
const HARMLESS: usize = 4 << 20;

/// Finds the records in a stream of [`Bytes`].
#[derive(Debug)]
pub struct Splitter {
    limit: usize,
    /// The beginning of a record whose rest has not arrived.
    begun: BytesMut,
}

impl Splitter {
    /// For records of at most `limit` bytes, their lengths not counted.
    pub fn new(limit: usize) -> Self {
        Splitter { limit, begun: BytesMut::new() }
    }

    /// Whether the stream stands between two records: only here may it end.
    pub fn is_between_records(&self) -> bool {
        self.begun.is_empty()
    }

    /// The records that `data` completes: the one begun before, if it ends here, and those wholly inside.
    ///
    /// # Errors
    /// A record is longer than the limit. Nothing can be found after that.
    pub fn push(&mut self, mut data: Bytes) -> Result<Vec<Run>, Oversized> {
        let mut runs = Vec::with_capacity(2);
        if !self.begun.is_empty() {
            runs.extend(self.finish_begun(&mut data)?);
        }
        let ends = self.whole_records(&data)?;
        let rest = data.split_off(ends.last().copied().unwrap_or_default());
        if !ends.is_empty() {
            runs.push(Run { bytes: data, ends });
        }
        self.begun.extend_from_slice(&rest);
        Ok(runs)
    }

    fn finish_begun(&mut self, data: &mut Bytes) -> Result<Option<Run>, Oversized> {
        self.take(data, PREFIX);
        if self.begun.len() < PREFIX {
            return Ok(None);
        }
        let end = PREFIX + self.length(&self.begun)?;
        self.take(data, end);
        match self.begun.len() == end {
            true => Ok(Some(Run { bytes: self.begun.split().freeze(), ends: vec![end] })),
            false => Ok(None),
        }
    }

    /// Moves from `data` what is missing up to `end`. Beyond a size that does no harm, memory grows with what arrives, not
    /// with what was announced; up to it no more is taken than is needed.
    fn take(&mut self, data: &mut Bytes, end: usize) {
        let missing = end.saturating_sub(self.begun.len());
        if end <= HARMLESS {
            self.begun.reserve(missing);
        }
        let missing = missing.min(data.len());
        self.begun.extend_from_slice(&data[..missing]);
        data.advance(missing);
    }

    fn whole_records(&self, data: &[u8]) -> Result<Vec<usize>, Oversized> {
        let (mut ends, mut at) = (Vec::new(), 0);
        while data.len() - at >= PREFIX {
            let end = at + PREFIX + self.length(&data[at..])?;
            if end > data.len() {
                break;
            }
            ends.push(end);
            at = end;
        }
        Ok(ends)
    }

    fn length(&self, mut record: &[u8]) -> Result<usize, Oversized> {
        let length = record.get_u32() as usize;
        match length <= self.limit {
            true => Ok(length),
            false => Err(Oversized { length, limit: self.limit }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(records: &[&[u8]]) -> Vec<u8> {
        records.iter().flat_map(|record| [&(record.len() as u32).to_be_bytes()[..], record].concat()).collect()
    }

    #[test]
    fn records_are_found_however_the_stream_is_cut() {
        let records: Vec<&[u8]> = vec![b"", b"a", b"four", b"somewhat longer", b""];
        let stream = framed(&records);
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let mut splitter = Splitter::new(15);
                let pieces = [&stream[..first], &stream[first..second], &stream[second..]];
                let runs: Vec<Run> = pieces
                    .iter()
                    .flat_map(|piece| splitter.push(Bytes::copy_from_slice(piece)).expect("short records"))
                    .collect();
                assert!(splitter.is_between_records());
                assert_eq!(runs.iter().flat_map(Run::records).collect::<Vec<_>>(), records);
                assert_eq!(runs.iter().flat_map(|run| run.bytes().to_vec()).collect::<Vec<_>>(), stream);
                assert_eq!(runs.iter().map(Run::count).sum::<u64>(), 5);
            }
        }
    }

    #[test]
    fn whole_records_are_not_copied() {
        let data = Bytes::from(framed(&[b"one", b"two", b"cut off"])).slice(..20);
        let runs = Splitter::new(9).push(data.clone()).expect("short records");
        assert_eq!(runs.len(), 1);
        assert_eq!(runs[0].bytes().as_ptr(), data.as_ptr());
    }

    #[test]
    fn an_end_inside_a_record_is_seen() {
        for length in 1..10 {
            let mut splitter = Splitter::new(10);
            splitter.push(Bytes::from(framed(&[b"sixsix"])).slice(..length)).expect("a short record");
            assert!(!splitter.is_between_records(), "{length}");
        }
    }

    #[test]
    fn a_long_record_is_refused_before_it_is_taken_in() {
        let mut splitter = Splitter::new(5);
        assert_eq!(splitter.push(Bytes::from(framed(&[b"five."]))).expect("just right").len(), 1);
        let (first, rest) = (Bytes::from_static(&[0xff, 0xff]), Bytes::from_static(&[0xff, 0xff]));
        assert_eq!(splitter.push(first), Ok(vec![]));
        assert_eq!(splitter.push(rest), Err(Oversized { length: 0xffff_ffff, limit: 5 }));
        assert_eq!(Splitter::new(5).push(Bytes::from(framed(&[b"longer"]))), Err(Oversized { length: 6, limit: 5 }));
    }

    #[test]
    fn a_run_is_cut_between_records() {
        let records: Vec<&[u8]> = vec![b"one", b"", b"three"];
        let run = Splitter::new(9).push(Bytes::from(framed(&records))).expect("short records").remove(0);
        for from in 0..3 {
            for to in from + 1..=3 {
                let part = run.part(from, to);
                assert_eq!(part.records().collect::<Vec<_>>(), records[from..to]);
                assert_eq!(part.bytes(), &framed(&records[from..to]));
            }
        }
    }
}
