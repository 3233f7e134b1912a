//! State items: what one holds, by its number.

use crate::random::{Random, put_uleb128};

/// The items of one snapshot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Items {
    pub(crate) seed: u64,
}

const KEY: u64 = 1;
const VALUE: u64 = 2;

impl Items {
    /// Adds the key of an item: three of four are of tables, the others resources of accounts.
    pub(crate) fn put_key(self, record: &mut Vec<u8>, item: u32) {
        let mut random = Random::new(self.seed, KEY, u64::from(item));
        match item % 4 {
            0 => {
                record.push(0);
                random.put(record, 32);
                let path = b"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x04coin\x09CoinStore\x00";
                put_uleb128(record, path.len());
                record.extend_from_slice(path);
            }
            _ => {
                let (mut handle, length) = (Random::new(self.seed, KEY, random.between(0, 63)), random.between(2, 6));
                record.push(1);
                handle.put(record, 32);
                // The item's number makes the key its own.
                put_uleb128(record, 4 + 4 * length as usize);
                record.extend_from_slice(&item.to_le_bytes());
                random.put(record, 4 * length as usize);
            }
        }
    }

    /// Writes an item over `record`: 100 to 300 bytes, some of a few thousand, and a module's code now and then.
    pub(crate) fn write(self, record: &mut Vec<u8>, item: u32) {
        record.clear();
        self.put_key(record, item);
        let mut random = Random::new(self.seed, VALUE, u64::from(item));
        let length = match random.between(0, 4095) {
            0 => random.between(5_000, 60_000),
            1..64 => random.between(300, 3_000),
            _ => random.between(40, 220),
        };
        // One of two has metadata behind it.
        let metadata = random.once_in(2);
        record.push(u8::from(metadata));
        put_uleb128(record, length as usize);
        random.put(record, length as usize);
        if metadata {
            record.push(0);
            record.extend_from_slice(&random.next().to_le_bytes());
            record.extend_from_slice(&[0; 8]);
        }
    }
}
