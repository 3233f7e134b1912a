//! The records of Aptos chunks: found as a simple reader of the whole finds them, however the stream is cut.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sealift_aptos::{PREFIX, Splitter};

/// Where a simple reader ends.
#[derive(Debug, PartialEq)]
enum End {
    BetweenRecords,
    InRecord,
    Oversized,
}

// The longest record, how the stream is cut, and the stream.
fuzz_target!(|input: (u8, Vec<u8>, &[u8])| {
    let (limit, cuts, stream) = input;
    let limit = usize::from(limit);
    let (expected, expected_end) = simply(stream, limit);

    let mut splitter = Splitter::new(limit);
    let (mut records, mut bytes) = (Vec::new(), Vec::new());
    let mut end = None;
    for piece in pieces(stream, &cuts) {
        match splitter.push(Bytes::copy_from_slice(piece)) {
            Ok(runs) => {
                for run in runs {
                    assert!(run.count() > 0 && run.records().count() as u64 == run.count(), "a run without records");
                    records.extend(run.records().map(<[u8]>::to_vec));
                    bytes.extend_from_slice(run.bytes());
                }
            }
            Err(oversized) => {
                assert!(oversized.length > limit, "{oversized:?}");
                end = Some(End::Oversized);
                break;
            }
        }
    }
    let end = end.unwrap_or(match splitter.is_between_records() {
        true => End::BetweenRecords,
        false => End::InRecord,
    });
    assert_eq!(end, expected_end);
    assert!(stream.starts_with(&bytes), "what is handed on is what came");
    match end {
        // Those before it in the same piece are not told.
        End::Oversized => assert!(expected.starts_with(&records), "other records"),
        _ => assert_eq!(records, expected),
    }
});

fn simply(mut stream: &[u8], limit: usize) -> (Vec<Vec<u8>>, End) {
    let mut records = Vec::new();
    loop {
        let Some((length, rest)) = stream.split_first_chunk::<PREFIX>() else { break };
        let length = u32::from_be_bytes(*length) as usize;
        if length > limit {
            return (records, End::Oversized);
        }
        let Some((record, rest)) = rest.split_at_checked(length) else { return (records, End::InRecord) };
        records.push(record.to_vec());
        stream = rest;
    }
    let end = if stream.is_empty() { End::BetweenRecords } else { End::InRecord };
    (records, end)
}

/// `stream` in pieces of these lengths, and the rest.
fn pieces<'a>(mut stream: &'a [u8], cuts: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for cut in cuts {
        let (piece, rest) = stream.split_at(usize::from(*cut).min(stream.len()));
        pieces.push(piece);
        stream = rest;
    }
    pieces.push(stream);
    pieces
}
