//! The order of state items, which is that of the hashes of their keys. It is kept on disk, a bucket for each beginning
//! of a hash, so that only one bucket's is in memory.

use crate::items::Items;
use anyhow::{Context, Result};
use sealift_aptos::chain::state_key_hash;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, Write};

/// How many items a bucket has, about.
const BUCKET: u64 = 1 << 20;

/// The order of the items of a snapshot.
pub(crate) struct Order {
    items: Items,
    buckets: Vec<File>,
}

/// What a bucket's file has of an item: the beginning of the hash, and the item's number.
const ENTRY: usize = 12;

impl Order {
    pub(crate) fn new(items: Items, count: u32) -> Result<Self> {
        let bits = u64::from(count).div_ceil(BUCKET).next_power_of_two().ilog2();
        let buckets =
            (0..1u64 << bits).map(|_| tempfile::tempfile().map(|file| BufWriter::with_capacity(32 << 10, file)));
        let mut buckets: Vec<BufWriter<File>> = buckets.collect::<Result<_, _>>()?;
        let mut key = Vec::new();
        for item in 0..count {
            let front = front(items, &mut key, item)?;
            // Shifting by all bits of a number is none.
            let bucket = front.checked_shr(64 - bits).unwrap_or(0) as usize;
            buckets[bucket].write_all(&front.to_be_bytes())?;
            buckets[bucket].write_all(&item.to_be_bytes())?;
        }
        let buckets = buckets.into_iter().map(|bucket| bucket.into_inner().context("write the order of the items"));
        Ok(Order { items, buckets: buckets.collect::<Result<_>>()? })
    }

    pub(crate) fn buckets(&self) -> usize {
        self.buckets.len()
    }

    /// The numbers of the items in a bucket, in order.
    pub(crate) fn bucket(&mut self, bucket: usize) -> Result<Vec<u32>> {
        let mut content = Vec::new();
        let file = &mut self.buckets[bucket];
        file.rewind()?;
        file.read_to_end(&mut content)?;
        let mut entries: Vec<[u8; ENTRY]> = content.as_chunks().0.to_vec();
        drop(content);
        entries.sort_unstable();
        let item = |entry: &[u8; ENTRY]| u32::from_be_bytes([entry[8], entry[9], entry[10], entry[11]]);
        let mut order: Vec<u32> = Vec::with_capacity(entries.len());
        // Where the beginnings are equal, the whole hash decides.
        for equal in entries.chunk_by(|one, other| one[..8] == other[..8]) {
            let mut equal: Vec<u32> = equal.iter().map(item).collect();
            if equal.len() > 1 {
                let hash = |item: &u32| {
                    let mut key = Vec::new();
                    self.items.put_key(&mut key, *item);
                    state_key_hash(&key).ok()
                };
                equal.sort_by_cached_key(hash);
            }
            order.append(&mut equal);
        }
        Ok(order)
    }
}

fn front(items: Items, key: &mut Vec<u8>, item: u32) -> Result<u64> {
    key.clear();
    items.put_key(key, item);
    let hash = state_key_hash(key)?;
    Ok(hash.as_bytes().first_chunk().map_or(0, |front| u64::from_be_bytes(*front)))
}
