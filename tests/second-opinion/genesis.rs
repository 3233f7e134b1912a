//! Mainnet's genesis, which is no transaction of a user: the SDK hashes it, and reads the types, names and keys in it.

use crate::types::Event;
use aptos_sdk::crypto::{Bls12381PublicKey, sha3_256, signing_message};
use aptos_sdk::types::{AccountAddress, MoveModuleId, StructTag};
use sealift_aptos::chain::{Genesis, HashValue, LedgerInfo, TransactionInfo, Waypoint, state_key_length, write_ops};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a key below an account leads to, of the SDK's parts.
#[derive(Serialize, Deserialize)]
enum Path {
    Code(MoveModuleId),
    Resource(StructTag),
    ResourceGroup(StructTag),
}

/// Genesis and its published waypoint; `None`, with a word, where they are not at hand.
fn mainnet() -> Option<(Vec<u8>, String)> {
    let folder = match std::env::var_os("SEALIFT_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
    };
    let blob = std::fs::read(folder.join("mainnet-genesis.blob"));
    let waypoint = std::fs::read_to_string(folder.join("mainnet-genesis-waypoint.txt"));
    let (Ok(blob), Ok(waypoint)) = (blob, waypoint) else {
        println!("skipped: {} does not hold mainnet's genesis; SEALIFT_DATA can name another folder", folder.display());
        return None;
    };
    Some((blob, waypoint.trim().to_owned()))
}

fn hashed(name: &str, bytes: &[u8]) -> HashValue {
    HashValue::new(sha3_256(&signing_message(name, bytes)))
}

/// The waypoint of a ledger info of one transaction, with the SDK's encoding and hash.
fn waypoint(info: &TransactionInfo, ledger_info: &LedgerInfo) -> String {
    let root = hashed("TransactionInfo", &aptos_bcs::to_bytes(info).expect("it can be encoded"));
    let block = &ledger_info.commit_info;
    let fields = (block.epoch, root, block.version, block.timestamp_usecs, &block.next_epoch_state);
    let hash = hashed("Ledger2WaypointConverter", &aptos_bcs::to_bytes(&fields).expect("it can be encoded"));
    format!("{}:{hash}", block.version)
}

#[test]
fn the_sdks_hashes_lead_to_the_published_waypoint_and_a_flipped_bit_does_not() {
    let Some((blob, published)) = mainnet() else { return };
    let genesis = Genesis::of(&blob).expect("a genesis");
    let outcome = genesis.info.outcome();
    assert_eq!(outcome.transaction_hash, hashed("Transaction", &blob));
    assert_eq!(outcome.state_change_hash, hashed("WriteSet", &genesis.write_set));
    assert_eq!(waypoint(&genesis.info, genesis.ledger_info.ledger_info()), published);
    assert_eq!(genesis.ledger_info.waypoint().map(|waypoint| waypoint.to_string()).as_ref(), Ok(&published));
    assert_eq!(published.parse::<Waypoint>(), genesis.ledger_info.waypoint());

    let mut changed = blob;
    *changed.last_mut().expect("it is not empty") ^= 1;
    let genesis = Genesis::of(&changed).expect("still a genesis");
    assert_eq!(genesis.info.outcome().transaction_hash, hashed("Transaction", &changed));
    assert_ne!(waypoint(&genesis.info, genesis.ledger_info.ledger_info()), published);
    assert_ne!(genesis.ledger_info.waypoint(), published.parse());
}

#[test]
fn the_sdk_reads_what_sealift_took_apart() {
    let Some((blob, _)) = mainnet() else { return };
    let genesis = Genesis::of(&blob).expect("a genesis");
    for bytes in &genesis.events {
        let event: Event = aptos_bcs::from_bytes(bytes).expect("an event");
        assert_eq!(&aptos_bcs::to_bytes(&event).expect("it can be encoded"), bytes);
        let (shorter, longer) = (&bytes[1..], [&bytes[..], &[0]].concat());
        assert!(aptos_bcs::from_bytes::<Event>(shorter).is_err() && aptos_bcs::from_bytes::<Event>(&longer).is_err());
    }
    let (mut modules, mut resources) = (0, 0);
    for op in write_ops(&genesis.write_set).expect("a write set") {
        assert_eq!(state_key_length(op.key), Ok(op.key.len()));
        let [0, key @ ..] = op.key else { continue };
        let (_, path): (AccountAddress, Vec<u8>) = aptos_bcs::from_bytes(key).expect("an address and a path");
        let read: Path = aptos_bcs::from_bytes(&path).expect("a path");
        assert_eq!(aptos_bcs::to_bytes(&read).expect("it can be encoded"), path);
        match read {
            Path::Code(_) => modules += 1,
            Path::Resource(_) | Path::ResourceGroup(_) => resources += 1,
        }
    }
    println!("{} events, {modules} modules, {resources} resources", genesis.events.len());
    assert!(!genesis.events.is_empty() && modules > 0 && resources > 0);

    let validators = genesis.ledger_info.next_epoch_state().expect("validators");
    assert!(!validators.verifier.validators.is_empty());
    for validator in &validators.verifier.validators {
        let key = Bls12381PublicKey::from_bytes(&validator.public_key).expect("a key");
        assert_eq!(key.to_bytes(), validator.public_key);
        let mut changed = validator.public_key.clone();
        changed[0] ^= 0x80;
        assert!(Bls12381PublicKey::from_bytes(&changed).is_err());
    }
}
