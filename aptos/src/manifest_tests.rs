//! The text of manifests, byte for byte, and the rules.

use super::*;

fn file(name: &str) -> FileHandle {
    name.parse().expect("a handle")
}

fn hash(byte: u8) -> HashValue {
    HashValue::new([byte; 32])
}

fn waypoint(version: u64) -> Waypoint {
    Waypoint { version, value: hash(0xab) }
}

fn epochs(chunks: &[(u64, u64)]) -> EpochEndingBackup {
    let chunk =
        |&(first_epoch, last_epoch)| EpochEndingChunk { first_epoch, last_epoch, ledger_infos: file("b/5-.chunk") };
    EpochEndingBackup {
        first_epoch: 5,
        last_epoch: 6,
        waypoints: vec![waypoint(10), waypoint(20)],
        chunks: chunks.iter().map(chunk).collect(),
    }
}

fn transactions(first_version: u64, last_version: u64, chunks: &[(u64, u64)]) -> TransactionBackup {
    let chunk = |&(first_version, last_version)| TransactionChunk {
        first_version,
        last_version,
        transactions: file("b/1-.chunk"),
        proof: file("b/1-2.proof"),
        format: TransactionFormat::V1,
    };
    TransactionBackup { first_version, last_version, chunks: chunks.iter().map(chunk).collect() }
}

/// Chunks as their first and last index, and the first bytes of their first and last keys.
fn state(chunks: &[(u64, u64, u8, u8)]) -> StateSnapshotBackup {
    let chunk = |&(first_idx, last_idx, first_key, last_key)| StateSnapshotChunk {
        first_idx,
        last_idx,
        first_key: hash(first_key),
        last_key: hash(last_key),
        blobs: file("b/0-.chunk"),
        proof: file("b/0-1.proof"),
    };
    StateSnapshotBackup {
        version: 10,
        epoch: 5,
        root_hash: hash(9),
        chunks: chunks.iter().map(chunk).collect(),
        proof: file("b/state.proof"),
    }
}

fn same_both_ways<M: Manifest + PartialEq + std::fmt::Debug>(manifest: &M, json: &str) {
    assert_eq!(String::from_utf8(manifest.to_json().expect("by the rules")).expect("text"), json);
    assert_eq!(&M::parse(json.as_bytes(), &file("b/m")).expect("parses"), manifest);
}

#[test]
fn the_text_is_the_formats() {
    let (ab, nine) = ("ab".repeat(32), "09".repeat(32));
    let (one, two) = ("01".repeat(32), "02".repeat(32));
    same_both_ways(
        &epochs(&[(5, 6)]),
        &format!(
            r#"{{"first_epoch":5,"last_epoch":6,"waypoints":["10:{ab}","20:{ab}"],"chunks":[{{"first_epoch":5,"last_epoch":6,"ledger_infos":"b/5-.chunk"}}]}}"#
        ),
    );
    same_both_ways(
        &transactions(1, 2, &[(1, 2)]),
        r#"{"first_version":1,"last_version":2,"chunks":[{"first_version":1,"last_version":2,"transactions":"b/1-.chunk","proof":"b/1-2.proof","format":"V1"}]}"#,
    );
    same_both_ways(
        &state(&[(0, 1, 1, 2)]),
        &format!(
            r#"{{"version":10,"epoch":5,"root_hash":"{nine}","chunks":[{{"first_idx":0,"last_idx":1,"first_key":"{one}","last_key":"{two}","blobs":"b/0-.chunk","proof":"b/0-1.proof"}}],"proof":"b/state.proof"}}"#
        ),
    );
}

#[test]
fn a_manifest_that_says_no_format_means_the_first() {
    let json = String::from_utf8(transactions(1, 1, &[(1, 1)]).to_json().expect("by the rules")).expect("text");
    let older = json.replace(r#","format":"V1""#, "");
    assert_ne!(json, older);
    let manifest = TransactionBackup::parse(older.as_bytes(), &file("b/m")).expect("parses");
    assert_eq!(manifest.chunks[0].format, TransactionFormat::V0);
}

#[test]
fn chunks_cover_the_range_without_gap_or_overlap() {
    let max = u64::MAX;
    for chunks in [&[(1, 9)][..], &[(1, 1), (2, 9)], &[(1, 3), (4, 4), (5, 9)]] {
        assert_eq!(transactions(1, 9, chunks).check(), Ok(()), "{chunks:?}");
    }
    for chunks in [
        &[][..],
        &[(2, 9)],
        &[(1, 8)],
        &[(1, 10)],
        &[(1, 3), (5, 9)],
        &[(1, 3), (3, 9)],
        &[(1, 0), (1, 9)],
        &[(4, 9), (1, 3)],
    ] {
        assert!(transactions(1, 9, chunks).check().is_err(), "{chunks:?}");
    }
    assert!(transactions(9, 1, &[(9, 1)]).check().is_err());
    assert_eq!(transactions(max, max, &[(max, max)]).check(), Ok(()));
    assert!(transactions(max, max, &[(max, max), (0, max)]).check().is_err());
}

#[test]
fn more_than_can_be_counted_is_refused() {
    let max = u64::MAX;
    assert!(transactions(0, max, &[(0, max)]).check().is_err());
    let of_epochs = EpochEndingBackup { first_epoch: 0, last_epoch: max, ..epochs(&[(0, max)]) };
    assert!(of_epochs.check().is_err_and(|reason| reason.contains("any chain")));
    assert!(state(&[(0, max, 1, 2)]).check().is_err());
}

#[test]
fn every_epoch_has_a_waypoint_in_order() {
    assert_eq!(epochs(&[(5, 5), (6, 6)]).check(), Ok(()));
    assert!(epochs(&[(5, 5)]).check().is_err());
    for waypoints in [vec![waypoint(10)], vec![waypoint(10); 2], vec![waypoint(20), waypoint(10)], vec![]] {
        assert!(EpochEndingBackup { waypoints, ..epochs(&[(5, 6)]) }.check().is_err());
    }
}

#[test]
fn state_begins_with_item_0_and_keys_only_grow() {
    assert_eq!(state(&[(0, 0, 1, 1), (1, 5, 2, 3)]).check(), Ok(()));
    for chunks in [&[][..], &[(1, 5, 1, 2)], &[(0, 5, 2, 1)], &[(0, 1, 1, 2), (2, 3, 2, 3)]] {
        assert!(state(chunks).check().is_err(), "{chunks:?}");
    }
}

#[test]
fn an_error_names_the_file_and_the_rule() {
    let json = serde_json::to_vec(&transactions(1, 9, &[(1, 3), (5, 9)])).expect("text");
    let error = TransactionBackup::parse(&json, &file("b/transaction.manifest")).expect_err("a gap").to_string();
    assert!(error.contains("b/transaction.manifest") && error.contains("version 5 instead of 4"), "{error}");
    assert!(EpochEndingBackup::parse(&json, &file("b/m")).is_err());
    assert!(TransactionBackup::parse(b"{", &file("b/m")).is_err());
}
