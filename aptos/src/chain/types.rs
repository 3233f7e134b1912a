//! The shapes of the chain's types, as far as a transaction's record holds them. Names and order of variants are those
//! of the chain's own registry; a variant that is missing here is found, named and refused.

use super::shape::Shape;
use super::shape::Shape::{Enum, Fixed, List, Optional, Sized, Struct};

const BOOL: Shape = Fixed(1);
const U8: Shape = Fixed(1);
const U16: Shape = Fixed(2);
const U32: Shape = Fixed(4);
const U64: Shape = Fixed(8);
const U128: Shape = Fixed(16);
const U256: Shape = Fixed(32);
const ADDRESS: Shape = Fixed(32);
const HASH: Shape = Fixed(32);
const BYTES: Shape = Sized;
const TEXT: Shape = Sized;

static MODULE: Shape = Struct(&[&ADDRESS, &TEXT]);
static TYPE_ARGUMENTS: Shape = List(&TYPE_TAG);
static TYPE_TAG: Shape = Enum(
    "TypeTag",
    &[
        &[],
        &[],
        &[],
        &[],
        &[],
        &[],
        &[&TYPE_TAG],
        &[&STRUCT_TAG],
        &[],
        &[],
        &[],
        &[&FUNCTION_TYPES, &FUNCTION_TYPES, &U8],
        &[],
        &[],
        &[],
        &[],
        &[],
        &[],
    ],
);
/// What a function takes or gives: a reference, one that it may write through, or a value.
static FUNCTION_TYPES: Shape = List(&Enum("FunctionParamOrReturnTag", &[&[&TYPE_TAG], &[&TYPE_TAG], &[&TYPE_TAG]]));
static STRUCT_TAG: Shape = Struct(&[&ADDRESS, &TEXT, &TEXT, &TYPE_ARGUMENTS]);

/// Both kinds of events.
pub(super) static EVENT: Shape =
    Enum("ContractEvent", &[&[&U64, &ADDRESS, &U64, &TYPE_TAG, &BYTES], &[&TYPE_TAG, &BYTES]]);

pub(super) static STATE_KEY: Shape = Enum("StateKey", &[&[&ADDRESS, &BYTES], &[&ADDRESS, &BYTES], &[&BYTES]]);
static VALUE_METADATA: Shape = Enum("StateValueMetadata", &[&[&U64, &U64], &[&U64, &U64, &U64]]);
pub(super) static WRITE_OP: Shape = Enum(
    "WriteOp",
    &[&[&BYTES], &[&BYTES], &[], &[&BYTES, &VALUE_METADATA], &[&BYTES, &VALUE_METADATA], &[&VALUE_METADATA]],
);
pub(super) static WRITE_SET: Shape = Enum("WriteSet", &[&[&List(&Struct(&[&STATE_KEY, &WRITE_OP]))]]);

static ABORT_LOCATION: Shape = Enum("AbortLocation", &[&[&MODULE], &[]]);
static STATUS: Shape = Enum(
    "ExecutionStatus",
    &[
        &[],
        &[],
        &[&ABORT_LOCATION, &U64, &Optional(&Struct(&[&TEXT, &TEXT]))],
        &[&ABORT_LOCATION, &U16, &U16],
        &[&Optional(&U64)],
    ],
);
static MAYBE_HASH: Shape = Optional(&HASH);
pub(super) static TRANSACTION_INFO: Shape = Enum(
    "TransactionInfo",
    &[
        &[&U64, &STATUS, &HASH, &HASH, &HASH, &MAYBE_HASH, &MAYBE_HASH],
        &[
            &U64,
            &STATUS,
            &HASH,
            &HASH,
            &HASH,
            &MAYBE_HASH,
            &MAYBE_HASH,
            &MAYBE_HASH,
            &MAYBE_HASH,
            &MAYBE_HASH,
            &MAYBE_HASH,
            &MAYBE_HASH,
            &MAYBE_HASH,
            &MAYBE_HASH,
            &MAYBE_HASH,
            &MAYBE_HASH,
        ],
    ],
);
pub(super) static AUXILIARY_INFO: Shape = Enum("PersistedAuxiliaryInfo", &[&[], &[&U32], &[&U32]]);

static ARGUMENT: Shape = Enum(
    "TransactionArgument",
    &[
        &[&U8],
        &[&U64],
        &[&U128],
        &[&ADDRESS],
        &[&BYTES],
        &[&BOOL],
        &[&U16],
        &[&U32],
        &[&U256],
        &[&BYTES],
        // The same numbers with a sign.
        &[&U8],
        &[&U16],
        &[&U32],
        &[&U64],
        &[&U128],
        &[&U256],
    ],
);
static SCRIPT: Shape = Struct(&[&BYTES, &TYPE_ARGUMENTS, &List(&ARGUMENT)]);
static ENTRY_FUNCTION: Shape = Struct(&[&MODULE, &TEXT, &TYPE_ARGUMENTS, &List(&BYTES)]);
static MULTISIG: Shape = Struct(&[&ADDRESS, &Optional(&Enum("MultisigTransactionPayload", &[&[&ENTRY_FUNCTION]]))]);
static EXECUTABLE: Shape = Enum("TransactionExecutable", &[&[&SCRIPT], &[&ENTRY_FUNCTION], &[], &[]]);
static EXTRA_CONFIG: Shape = Enum(
    "TransactionExtraConfig",
    &[&[&Optional(&ADDRESS), &Optional(&U64)], &[&Optional(&ADDRESS), &Optional(&U64), &BOOL]],
);
static PAYLOAD: Shape = Enum(
    "TransactionPayload",
    &[
        &[&SCRIPT],
        &[&U64],
        &[&ENTRY_FUNCTION],
        &[&MULTISIG],
        &[&Enum("TransactionPayloadInner", &[&[&EXECUTABLE, &EXTRA_CONFIG]])],
    ],
);

// Keys and signatures of one kind are byte strings whatever their kind, except those without a key of one's own.
static KEYLESS_KEY: Shape = Struct(&[&TEXT, &BYTES]);
static PUBLIC_KEY: Shape =
    Enum("AnyPublicKey", &[&[&BYTES], &[&BYTES], &[&BYTES], &[&KEYLESS_KEY], &[&ADDRESS, &KEYLESS_KEY], &[&BYTES]]);
static EPHEMERAL_KEY: Shape = Enum("EphemeralPublicKey", &[&[&BYTES], &[&BYTES]]);
static WEB_AUTHN: Shape = Struct(&[&Enum("AssertionSignature", &[&[&BYTES]]), &BYTES, &BYTES]);
static EPHEMERAL_SIGNATURE: Shape = Enum("EphemeralSignature", &[&[&BYTES], &[&WEB_AUTHN]]);
static GROTH16: Shape = Struct(&[&Fixed(32), &Fixed(64), &Fixed(32)]);
static ZERO_KNOWLEDGE: Shape =
    Struct(&[&Enum("ZKP", &[&[&GROTH16]]), &U64, &Optional(&TEXT), &Optional(&TEXT), &Optional(&EPHEMERAL_SIGNATURE)]);
static OPEN_ID: Shape = Struct(&[&BYTES, &TEXT, &TEXT, &BYTES, &Fixed(31), &Optional(&TEXT)]);
static CERTIFICATE: Shape = Enum("EphemeralCertificate", &[&[&ZERO_KNOWLEDGE], &[&OPEN_ID]]);
static KEYLESS_SIGNATURE: Shape = Struct(&[&CERTIFICATE, &TEXT, &U64, &EPHEMERAL_KEY, &EPHEMERAL_SIGNATURE]);
static SIGNATURE: Shape =
    Enum("AnySignature", &[&[&BYTES], &[&BYTES], &[&WEB_AUTHN], &[&KEYLESS_SIGNATURE], &[&BYTES]]);
static MULTI_KEY: Shape = Struct(&[&List(&PUBLIC_KEY), &U8, &List(&SIGNATURE), &BYTES]);
static FUNCTION: Shape = Struct(&[&ADDRESS, &TEXT, &TEXT]);
static ABSTRACT: Shape = Enum("AbstractionAuthData", &[&[&BYTES, &BYTES], &[&BYTES, &BYTES, &BYTES]]);
static ACCOUNT_AUTHENTICATOR: Shape = Enum(
    "AccountAuthenticator",
    &[&[&BYTES, &BYTES], &[&BYTES, &BYTES], &[&PUBLIC_KEY, &SIGNATURE], &[&MULTI_KEY], &[], &[&FUNCTION, &ABSTRACT]],
);
static MULTI_AGENT: Shape = Struct(&[&ACCOUNT_AUTHENTICATOR, &List(&ADDRESS), &List(&ACCOUNT_AUTHENTICATOR)]);
static AUTHENTICATOR: Shape = Enum(
    "TransactionAuthenticator",
    &[
        &[&BYTES, &BYTES],
        &[&BYTES, &BYTES],
        &[&MULTI_AGENT],
        &[&MULTI_AGENT, &ADDRESS, &ACCOUNT_AUTHENTICATOR],
        &[&ACCOUNT_AUTHENTICATOR],
    ],
);
static USER: Shape = Struct(&[&ADDRESS, &U64, &PAYLOAD, &U64, &U64, &U64, &U8, &AUTHENTICATOR]);

static BLOCK_METADATA: Shape = Struct(&[&HASH, &U64, &U64, &ADDRESS, &BYTES, &List(&U32), &U64]);
static RANDOMNESS: Shape = Struct(&[&U64, &U64, &BYTES]);
static DECRYPTION_KEY: Shape = Struct(&[&U64, &U64, &BYTES]);
static BLOCK_METADATA_EXT: Shape = Enum(
    "BlockMetadataExt",
    &[
        &[&BLOCK_METADATA],
        &[&BLOCK_METADATA, &Optional(&RANDOMNESS)],
        &[&BLOCK_METADATA, &Optional(&RANDOMNESS), &Optional(&DECRYPTION_KEY)],
    ],
);
static AGGREGATE_SIGNATURE: Shape = Struct(&[&BYTES, &Optional(&BYTES)]);
static TRANSCRIPT: Shape = Struct(&[&U64, &ADDRESS, &BYTES]);
static PROVIDER_KEYS: Shape = Struct(&[&BYTES, &U64, &List(&Struct(&[&TEXT, &BYTES]))]);
static VALIDATOR: Shape = Enum(
    "ValidatorTransaction",
    &[&[&TRANSCRIPT], &[&PROVIDER_KEYS, &AGGREGATE_SIGNATURE], &[&TRANSCRIPT, &AGGREGATE_SIGNATURE, &BYTES]],
);
static BLOCK_END: Shape = Enum("BlockEndInfo", &[&[&BOOL, &BOOL, &U64, &U64]]);
static FEES: Shape = Enum("FeeDistribution", &[&[&List(&Struct(&[&U64, &U64]))]]);
static EPILOGUE: Shape = Enum("BlockEpiloguePayload", &[&[&HASH, &BLOCK_END], &[&HASH, &BLOCK_END, &FEES]]);
static GENESIS: Shape = Enum("WriteSetPayload", &[&[&WRITE_SET, &List(&EVENT)], &[&ADDRESS, &SCRIPT]]);

pub(super) static TRANSACTION: Shape = Enum(
    "Transaction",
    &[&[&USER], &[&GENESIS], &[&BLOCK_METADATA], &[&HASH], &[&VALIDATOR], &[&BLOCK_METADATA_EXT], &[&EPILOGUE]],
);

#[cfg(test)]
mod tests {
    use super::super::error::ChainError;
    use super::super::reader::Reader;
    use super::*;

    /// Whether `bytes` are one value of this shape, and all of them.
    fn holds(shape: &Shape, bytes: &[u8]) -> bool {
        let mut reader = Reader::new("value", bytes);
        shape.take(&mut reader).is_ok_and(|taken| taken.len() == bytes.len())
    }

    #[test]
    fn arguments_of_scripts_are_numbers_with_and_without_a_sign() {
        let lengths = [(0, 1), (1, 8), (2, 16), (3, 32), (5, 1), (6, 2), (7, 4), (8, 32)];
        let signed = [(10, 1), (11, 2), (12, 4), (13, 8), (14, 16), (15, 32)];
        for (variant, length) in lengths.into_iter().chain(signed) {
            let argument = [vec![variant], vec![0xff; length]].concat();
            assert!(holds(&ARGUMENT, &argument), "{variant}");
            assert!(!holds(&ARGUMENT, &argument[1..]) && !holds(&ARGUMENT, &argument[..length]), "{variant}");
        }
        for variant in [4, 9] {
            assert!(holds(&ARGUMENT, &[variant, 2, 7, 7]));
        }
        let newer = Err(ChainError::UnknownVariant { of: "TransactionArgument", variant: 16 });
        assert_eq!(ARGUMENT.take(&mut Reader::new("value", &[16, 0])), newer);
    }

    #[test]
    fn what_newer_nodes_write_has_its_place() {
        // A key that no quantum computer breaks, and its signature.
        assert!(holds(&PUBLIC_KEY, &[5, 2, 7, 7]) && holds(&SIGNATURE, &[4, 2, 7, 7]));
        // A payload that asks for a higher limit, and one whose code was still encrypted.
        let config = [&[1, 0, 1][..], &[9; 8], &[1]].concat();
        assert!(holds(&PAYLOAD, &[&[4, 0, 3][..], &config].concat()));
        assert!(!holds(&PAYLOAD, &[&[4, 0, 4][..], &config].concat()));
        // A block with the key to what was encrypted in it, with and without randomness.
        let block = [vec![7; 32 + 8 + 8 + 32], vec![1, 0xe0], vec![0], vec![7; 8]].concat();
        let key = [&[1][..], &[7; 16], &[1, 9]].concat();
        assert!(holds(&BLOCK_METADATA_EXT, &[&[2], &block[..], &[0], &key].concat()));
        assert!(holds(&BLOCK_METADATA_EXT, &[&[2], &block[..], &key, &[0]].concat()));
        // The transcript of a key made by all validators, certified by them.
        let transcript = [vec![7; 8 + 32], vec![1, 9]].concat();
        assert!(holds(&VALIDATOR, &[&[2], &transcript[..], &[1, 0xe0, 1, 1, 9], &[2, 9, 9]].concat()));
        assert!(holds(&VALIDATOR, &[&[0], &transcript[..]].concat()));
    }
}
