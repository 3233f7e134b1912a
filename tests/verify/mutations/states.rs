//! Items of a state.

use super::draft::{Backup, Draft, first_number};
use super::kind::{CHAIN, Kind};
use super::records::{self, Records};
use rand::RngExt;
use sealift_aptos::chain::{state_key_hash, state_key_length};
use sealift_aptos::manifest::StateSnapshotBackup;

const ROOT: &str = "all items together are not the root";

pub(crate) fn kinds() -> Vec<Kind> {
    [items(), recounted()].into_iter().flatten().collect()
}

/// Changes an item's key and value.
fn item(
    name: &str,
    change: impl Fn(&mut Draft<'_>, &mut Vec<u8>, &mut Vec<u8>) -> Option<()> + Send + Sync + 'static,
) -> Kind {
    Kind::new(format!("state item: {name}"), CHAIN, ROOT, move |draft| {
        records::change(draft, Backup::State, |draft, records, _| {
            let at = draft.below(records.len())?;
            let length = state_key_length(&records[at]).ok()?;
            let (mut key, mut value) = (records[at][..length].to_vec(), records[at][length..].to_vec());
            change(draft, &mut key, &mut value)?;
            records[at] = [key, value].concat();
            Some(())
        })
    })
}

fn flip(draft: &mut Draft<'_>, bytes: &mut [u8]) -> Option<()> {
    let at = draft.below(bytes.len())?;
    bytes[at] ^= 1 << draft.random.random_range(0..8);
    Some(())
}

fn items() -> Vec<Kind> {
    vec![
        item("a bit of its key flipped", |draft, key, _| flip(draft, key)),
        item("a bit of its value flipped", |draft, _, value| flip(draft, value)),
        item("an empty value", |_, _, value| {
            *value = vec![0, 0];
            Some(())
        }),
        item("no value", |_, _, value| {
            value.clear();
            Some(())
        }),
        item("another kind of value", |_, _, value| {
            *value.first_mut()? ^= 1;
            Some(())
        }),
        Kind::new("state items: values of two exchanged", CHAIN, ROOT, |draft| {
            records::change(draft, Backup::State, |draft, records, _| {
                let (one, other) = draft.two_below(records.len())?;
                let (first, second) = (state_key_length(&records[one]).ok()?, state_key_length(&records[other]).ok()?);
                let value = records[one].split_off(first);
                let other_value = records[other].split_off(second);
                records[one].extend(other_value);
                records[other].extend(value);
                Some(())
            })
        }),
        Kind::new("state item: as it was at another version", CHAIN, ROOT, |draft| {
            let mut names = records::chunks(draft, Backup::State);
            names.retain(|name| first_number(name) > 0);
            (0..50).find_map(|_| {
                let name = draft.pick(&names)?;
                let mut records = records::of(&draft.content(&name));
                let at = draft.below(records.len())?;
                let older = as_at_genesis(draft, &records[at])?;
                (records[at] != older).then(|| {
                    records[at] = older;
                    draft.write(&name, records::framed(&records));
                })
            })
        }),
    ]
}

fn as_at_genesis(draft: &Draft<'_>, record: &[u8]) -> Option<Vec<u8>> {
    let key = state_key_hash(record).ok()?;
    let mut genesis = draft.scene.chain.state_records(0, 0)?;
    genesis.find(|other| state_key_hash(other).ok() == Some(key)).map(|record| record.to_vec())
}

/// As an attacker would: the manifest's numbers and keys fit what was changed.
fn recounted() -> Vec<Kind> {
    type Change = fn(&mut Draft<'_>, &mut Records) -> Option<()>;
    let changes: [(&'static str, Change); 3] = [
        ("an item left out", |draft, records| {
            let at = draft.below(records.len())?;
            records.remove(at);
            Some(())
        }),
        ("the last item left out", |_, records| records.pop().map(drop)),
        ("an item of its own added", |draft, records| {
            let key = [&[1][..], &draft.random.random::<[u8; 32]>(), &[1, 7]].concat();
            records.push([key, vec![0, 1, 7]].concat());
            records.sort_by_key(|record| state_key_hash(record).ok());
            Some(())
        }),
    ];
    let of = |(what, change): (&'static str, Change)| {
        let name = format!("state: {what}, and the manifest fits");
        Kind::new(name, CHAIN, ROOT, move |draft| {
            let manifest = draft.any_manifest(Backup::State)?;
            let mut backup: StateSnapshotBackup = draft.typed(&manifest);
            let at = match what {
                "the last item left out" => backup.chunks.len() - 1,
                _ => draft.below(backup.chunks.len())?,
            };
            let name = backup.chunks[at].blobs.to_string();
            let mut records = records::of(&draft.content(&name));
            change(draft, &mut records)?;
            backup.chunks[at].first_key = state_key_hash(records.first()?).ok()?;
            backup.chunks[at].last_key = state_key_hash(records.last()?).ok()?;
            backup.chunks[at].last_idx = backup.chunks[at].first_idx + records.len() as u64 - 1;
            for next in at + 1..backup.chunks.len() {
                let count = backup.chunks[next].last_idx - backup.chunks[next].first_idx;
                backup.chunks[next].first_idx = backup.chunks[next - 1].last_idx + 1;
                backup.chunks[next].last_idx = backup.chunks[next].first_idx + count;
            }
            draft.write(&name, records::framed(&records));
            draft.write_typed(&manifest, &backup);
            Some(())
        })
    };
    changes.into_iter().map(of).collect()
}
