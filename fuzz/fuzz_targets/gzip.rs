//! The gzip reader, for Sealift's members and those of others: `Streams` says what must hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift::{Codec, Level};
use sealift_fuzz::Streams;

thread_local! {
    static STREAMS: Streams = Streams::of(Codec::Gzip(Level::default()));
}

fuzz_target!(|input: &[u8]| STREAMS.with(|streams| streams.check(input)));
