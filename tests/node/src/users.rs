//! Transactions of users: every kind of payload and the usual ways of signing, each in turn. The signatures hold.

use crate::accounts::{Account, signing_message};
use crate::random::Random;
use crate::transactions::{address, bcs};

/// The transaction that a user sent, in BCS.
pub(crate) fn transaction(random: &Random, version: u64) -> Vec<u8> {
    // Five ways of signing and seven kinds of payloads: all pairs come up.
    let sender = match version % 5 {
        1 => Account::two_of_three(random, "sender", version),
        4 => Account::single(random, "sender", version),
        _ => Account::one(random, "sender", version),
    };
    let (sequence_number, payload) = payload(random, version);
    let front = bcs(&(sender.address(), sequence_number));
    let raw = [front, payload, bcs(&(100u64, 1u64, u64::MAX, 4u8))].concat();
    let authenticator = match version % 5 {
        2 => {
            let second = Account::one(random, "second", version);
            let addresses = bcs(&vec![second.address()]);
            let message = signing_message("RawTransactionWithData", &[&[0], &raw[..], &addresses].concat());
            [vec![2], sender.sign(&message), addresses, vec![1], second.sign(&message)].concat()
        }
        3 => {
            let payer = Account::two_of_three(random, "payer", version);
            let (nobody, payer_address) = (bcs(&Vec::<[u8; 32]>::new()), payer.address().to_vec());
            let signed = [&[1], &raw[..], &nobody, &payer_address].concat();
            let message = signing_message("RawTransactionWithData", &signed);
            [vec![3], sender.sign(&message), nobody, vec![0], payer_address, payer.sign(&message)].concat()
        }
        4 => [vec![4], sender.sign(&signing_message("RawTransaction", &raw))].concat(),
        _ => sender.sign(&signing_message("RawTransaction", &raw)),
    };
    [vec![0], raw, authenticator].concat()
}

/// What is to be done, and the transaction's sequence number: the largest where a nonce takes its place.
fn payload(random: &Random, version: u64) -> (u64, Vec<u8>) {
    let coin = (7u8, address(1), "coin", "Coin", vec![(6u8, 1u8)]);
    let arguments = vec![random.bytes("to", version).to_vec(), bcs(&version)];
    let call = (address(1), "coin", "transfer", vec![coin], arguments);
    let multisig = random.bytes("multisig", version);
    let (nobody, no_nonce) = (None::<[u8; 32]>, None::<u64>);
    let nonce = Some(random.below("nonce", version, u64::MAX));
    match version % 7 {
        0 => (version, bcs(&(2u8, call))),
        1 => (version, [vec![0], script(random, version)].concat()),
        2 => (version, bcs(&(3u8, multisig, Some((0u8, call))))),
        3 => (version, bcs(&(3u8, multisig, None::<u8>))),
        4 => (u64::MAX, bcs(&(4u8, 0u8, (1u8, call), (0u8, nobody, nonce)))),
        5 => (u64::MAX, [vec![4, 0, 0], script(random, version), bcs(&(0u8, nobody, nonce))].concat()),
        _ => (version, bcs(&(4u8, 0u8, 2u8, (0u8, Some(multisig), no_nonce)))),
    }
}

/// A script with an argument of each kind.
fn script(random: &Random, version: u64) -> Vec<u8> {
    let types = (1u8, 6u8, 8u8);
    let arguments = [
        bcs(&(0u8, 200u8)),
        bcs(&(1u8, version)),
        bcs(&(2u8, u128::MAX)),
        bcs(&(3u8, random.bytes("to", version))),
        bcs(&(4u8, random.long("bytes", version, 40))),
        bcs(&(5u8, true)),
        bcs(&(6u8, 60_000u16)),
        bcs(&(7u8, 7_000_000u32)),
        bcs(&(8u8, random.bytes("number", version))),
        bcs(&(9u8, bcs(&vec![version]))),
        bcs(&(10u8, -1i8)),
        bcs(&(11u8, -300i16)),
        bcs(&(12u8, -70_000i32)),
        bcs(&(13u8, i64::MIN)),
        bcs(&(14u8, i128::MIN)),
        bcs(&(15u8, random.bytes("number", version))),
    ];
    let count = u8::try_from(arguments.len()).expect("few arguments");
    [bcs(&random.long("code", version, 200)), bcs(&types), vec![count], arguments.concat()].concat()
}
