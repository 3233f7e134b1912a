//! Accounts of users: their keys, their addresses and how they sign, in the forms of which the chain has most.

use crate::random::Random;
use crate::transactions::bcs;
use aws_lc_rs::digest::{SHA3_256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

/// An account that can sign.
pub(crate) enum Account {
    /// With one key, in the chain's first form.
    One(Ed25519KeyPair),
    /// With two of three keys, in the chain's first form.
    TwoOfThree([Ed25519KeyPair; 3]),
    /// With one key, in the form that says of which kind it is.
    Single(Ed25519KeyPair),
}

impl Account {
    pub(crate) fn one(random: &Random, purpose: &str, index: u64) -> Self {
        Account::One(key(random, purpose, index))
    }

    pub(crate) fn two_of_three(random: &Random, purpose: &str, index: u64) -> Self {
        Account::TwoOfThree([0, 1, 2].map(|number| key(random, purpose, index << 2 | number)))
    }

    pub(crate) fn single(random: &Random, purpose: &str, index: u64) -> Self {
        Account::Single(key(random, purpose, index))
    }

    /// The hash of its keys and of its form.
    pub(crate) fn address(&self) -> [u8; 32] {
        let form = match self {
            Account::One(_) => 0,
            Account::TwoOfThree(_) => 1,
            Account::Single(_) => 2,
        };
        sha3(&[&self.keys()[..], &[form]].concat())
    }

    /// Its `AccountAuthenticator` of `message` in BCS. In the first forms that is a `TransactionAuthenticator`, too.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature = |key: &Ed25519KeyPair| key.sign(message).as_ref().to_vec();
        match self {
            Account::One(key) => bcs(&(0u8, self.keys(), signature(key))),
            Account::TwoOfThree([first, _, third]) => {
                // Who signed: one bit for each key, the first one the most significant.
                let signatures = [signature(first), signature(third), vec![0b1010_0000, 0, 0, 0]].concat();
                bcs(&(1u8, self.keys(), signatures))
            }
            Account::Single(key) => [&[2], &self.keys()[..], &bcs(&(0u8, signature(key)))].concat(),
        }
    }

    fn keys(&self) -> Vec<u8> {
        match self {
            Account::One(key) => key.public_key().as_ref().to_vec(),
            Account::TwoOfThree(keys) => {
                let keys: Vec<_> = keys.iter().map(|key| key.public_key().as_ref()).collect();
                [&keys.concat()[..], &[2]].concat()
            }
            Account::Single(key) => bcs(&(0u8, key.public_key().as_ref().to_vec())),
        }
    }
}

/// What is signed of a value of the type `name`.
pub(crate) fn signing_message(name: &str, bytes: &[u8]) -> Vec<u8> {
    [&sha3(format!("APTOS::{name}").as_bytes())[..], bytes].concat()
}

fn key(random: &Random, purpose: &str, index: u64) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&random.bytes(purpose, index)).expect("any 32 bytes are a key")
}

fn sha3(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA3_256, bytes).as_ref().try_into().expect("32 bytes")
}
