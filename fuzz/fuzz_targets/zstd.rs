//! The zstd reader, for Sealift's frames and those of others: `Streams` says what must hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift::{Codec, ZstdLevel};
use sealift_fuzz::Streams;

thread_local! {
    static STREAMS: Streams = Streams::of(Codec::Zstd(ZstdLevel::default()));
}

fuzz_target!(|input: &[u8]| STREAMS.with(|streams| streams.check(input)));
