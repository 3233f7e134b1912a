//! A known answer for all hashes at once: mainnet's genesis must give the waypoint that was published for it.

use sealift_aptos::chain::{Genesis, RecordFormat, TransactionRecord, Waypoint};
use std::path::PathBuf;

/// The folder that the environment names, or the one beside the repository.
fn data() -> PathBuf {
    match std::env::var_os("SEALIFT_DATA") {
        Some(folder) => folder.into(),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
    }
}

#[test]
fn mainnet_genesis_gives_the_published_waypoint() {
    let folder = data();
    let (blob, published) = (folder.join("mainnet-genesis.blob"), folder.join("mainnet-genesis-waypoint.txt"));
    let (Ok(blob), Ok(published)) = (std::fs::read(&blob), std::fs::read_to_string(&published)) else {
        println!("skipped: {} does not hold mainnet's genesis; SEALIFT_DATA can name another folder", folder.display());
        return;
    };
    let genesis = Genesis::of(&blob).unwrap();
    let published: Waypoint = published.trim().parse().unwrap();
    assert_eq!(genesis.ledger_info.waypoint().unwrap(), published);
    assert!(genesis.state.len() > 100 && genesis.events.len() > 3);

    // They are keys of the kind that signatures are checked with.
    let validators = &genesis.ledger_info.next_epoch_state().unwrap().verifier.validators;
    assert!(!validators.is_empty());
    assert!(validators.iter().all(|validator| blst::min_pk::PublicKey::key_validate(&validator.public_key).is_ok()));

    let record = genesis.record(RecordFormat::V1).unwrap();
    let parsed = TransactionRecord::parse(RecordFormat::V1, &record).unwrap();
    parsed.verify().unwrap();
    assert!(TransactionRecord::parse(RecordFormat::V0, &record).is_err());
    assert_eq!(RecordFormat::of(&record), Ok(RecordFormat::V1));
    assert_eq!(RecordFormat::of(&genesis.record(RecordFormat::V0).unwrap()), Ok(RecordFormat::V0));
}
