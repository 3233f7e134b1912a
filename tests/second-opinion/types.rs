//! Types, as events and payloads name them.

use crate::scene::record;
use aptos_sdk::crypto::{sha3_256, signing_message};
use aptos_sdk::types::{AccountAddress, EventKey, Identifier, StructTag, TypeTag};
use sealift_aptos::chain::{ChainError, HashValue, RecordFormat, TransactionRecord, event_root};
use serde::{Deserialize, Serialize};

/// Both kinds of events, of the SDK's parts.
#[derive(Serialize, Deserialize)]
pub(crate) enum Event {
    V1 { key: EventKey, sequence_number: u64, type_tag: TypeTag, data: Vec<u8> },
    V2 { type_tag: TypeTag, data: Vec<u8> },
}

fn types() -> Vec<TypeTag> {
    let identifier = |name: &str| Identifier::new(name).expect("a name");
    let generic = |arguments| {
        let tag = StructTag::new(AccountAddress::new([7; 32]), identifier("module"), identifier("Struct"), arguments);
        TypeTag::struct_tag(tag)
    };
    let plain = vec![
        TypeTag::Bool,
        TypeTag::U8,
        TypeTag::U16,
        TypeTag::U32,
        TypeTag::U64,
        TypeTag::U128,
        TypeTag::U256,
        TypeTag::Address,
        TypeTag::Signer,
    ];
    let deep = (0..100).fold(TypeTag::U8, |inner, _| TypeTag::vector(inner));
    let nested = generic(vec![generic(plain.clone()), TypeTag::vector(generic(vec![])), TypeTag::aptos_coin()]);
    [plain, vec![deep, nested, generic(vec![])]].concat()
}

/// Two events with this type, in BCS.
fn events(type_tag: &TypeTag) -> [Vec<u8>; 2] {
    let key = EventKey::new(3, AccountAddress::ONE);
    let data = vec![5; 150];
    let old = Event::V1 { key, sequence_number: 9, type_tag: type_tag.clone(), data: data.clone() };
    let new = Event::V2 { type_tag: type_tag.clone(), data };
    [old, new].map(|event| aptos_bcs::to_bytes(&event).expect("it can be encoded"))
}

/// Some transaction: the hash of a block's state.
const CHECKPOINT: [u8; 33] = [3; 33];

fn record_with(events: &[&[u8]]) -> Vec<u8> {
    let promised = HashValue::new(sha3_256(&signing_message("Transaction", &CHECKPOINT)));
    record(RecordFormat::V1, &CHECKPOINT, promised, events)
}

#[test]
fn events_of_each_type_end_where_the_sdk_ends_them() {
    for type_tag in types() {
        let [old, new] = events(&type_tag);
        let record = record_with(&[&old, &new]);
        let parsed = TransactionRecord::parse(RecordFormat::V1, &record).expect("it parses");
        assert!(parsed.events == [&old[..], &new[..]], "{type_tag}");
        parsed.verify().expect("it holds what it says");
        assert_eq!(RecordFormat::of(&record), Ok(RecordFormat::V1));
    }
}

#[test]
fn two_events_are_hashed_into_a_root_alike() {
    let hashed = |name, bytes: &[u8]| sha3_256(&signing_message(name, bytes));
    for type_tag in types() {
        let [old, new] = events(&type_tag);
        let leaves = [&old, &new].map(|event| hashed("ContractEvent", event));
        let root = HashValue::new(hashed("EventAccumulator", &leaves.concat()));
        assert_eq!(event_root(&[&old, &new]), root);
        assert_ne!(event_root(&[&new, &old]), root);
        let mut changed = new.clone();
        changed[1] ^= 1;
        assert_ne!(event_root(&[&old, &changed]), root);
    }
}

/// The chain's registry of types has functions at 11, where the SDK has the first of its numbers with a sign, and those
/// numbers from 12 on. (`testsuite/generate-format` in aptos-core; the SDK says of its own that no network knows them.)
#[test]
fn numbers_with_a_sign_are_one_further_than_the_sdk_has_them() {
    let signed = [TypeTag::I8, TypeTag::I16, TypeTag::I32, TypeTag::I64, TypeTag::I128, TypeTag::I256];
    for (type_tag, number) in signed.into_iter().zip(11..) {
        assert_eq!(aptos_bcs::to_bytes(&type_tag).expect("it can be encoded"), [number]);
    }
    let event = |type_tag: &[u8]| [&[1], type_tag, &[0]].concat();
    let parse = |event: &[u8]| {
        let record = record_with(&[event]);
        TransactionRecord::parse(RecordFormat::V1, &record).map(|parsed| parsed.events.concat())
    };
    // A function from a reference to a number with a sign, to nothing.
    let function = event(&[11, 1, 0, 12, 0, 0]);
    assert_eq!(parse(&function).as_ref(), Ok(&function));
    assert_eq!(parse(&event(&[17])), Ok(event(&[17])));
    assert_eq!(parse(&event(&[18])), Err(ChainError::UnknownVariant { of: "TypeTag", variant: 18 }));
    assert!(aptos_bcs::from_bytes::<TypeTag>(&[17]).is_err());
}
