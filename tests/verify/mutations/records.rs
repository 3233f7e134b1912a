//! Records of chunks, as records: which there are, in which order, and how long they say they are.

use super::draft::{BACKUPS, Backup, Draft, Sort};
use super::kind::{CHAIN, Kind};
use rand::RngExt;

pub(crate) type Records = Vec<Vec<u8>>;

/// The records of a chunk that is whole.
pub(crate) fn of(mut chunk: &[u8]) -> Records {
    let mut records = Vec::new();
    while let Some((length, rest)) = chunk.split_first_chunk::<4>() {
        let (record, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        records.push(record.to_vec());
        chunk = rest;
    }
    records
}

/// The chunk that has these records.
pub(crate) fn framed(records: &[Vec<u8>]) -> Vec<u8> {
    let framed = records.iter().map(|record| [&(record.len() as u32).to_be_bytes()[..], record].concat());
    framed.collect::<Vec<_>>().concat()
}

/// The chunks of a kind of backup.
pub(crate) fn chunks(draft: &Draft<'_>, backup: Backup) -> Vec<String> {
    let front = match backup {
        Backup::Epochs => "epoch_ending_",
        Backup::State => "state_epoch_",
        Backup::Transactions => "transaction_",
    };
    draft.files(Sort::Chunk).into_iter().filter(|name| name.starts_with(front)).collect()
}

/// Changes the records of some chunk so that they are others.
pub(crate) fn change(
    draft: &mut Draft<'_>,
    backup: Backup,
    change: impl Fn(&mut Draft<'_>, &mut Records, &str) -> Option<()>,
) -> Option<()> {
    let names = chunks(draft, backup);
    (0..50).find_map(|_| {
        let name = draft.pick(&names)?;
        let before = of(&draft.content(&name));
        let mut records = before.clone();
        change(draft, &mut records, &name)?;
        (records != before).then(|| draft.write(&name, framed(&records)))
    })
}

pub(crate) fn kinds() -> Vec<Kind> {
    BACKUPS.into_iter().flat_map(|backup| sets(backup).into_iter().chain(lengths(backup))).collect()
}

fn sets(backup: Backup) -> Vec<Kind> {
    type Change = fn(&mut Draft<'_>, &mut Records) -> Option<()>;
    let changes: [(&str, Change); 6] = [
        ("dropped", |draft, records| {
            let at = draft.below(records.len())?;
            records.remove(at);
            Some(())
        }),
        ("twice", |draft, records| {
            let at = draft.below(records.len())?;
            records.insert(at, records[at].clone());
            Some(())
        }),
        ("swapped with another", |draft, records| {
            let (one, other) = draft.two_below(records.len())?;
            records.swap(one, other);
            Some(())
        }),
        ("in the place of another", |draft, records| {
            let (one, other) = draft.two_below(records.len())?;
            records[one] = records[other].clone();
            Some(())
        }),
        ("that is empty", |draft, records| {
            let at = draft.random.random_range(0..=records.len());
            records.insert(at, Vec::new());
            Some(())
        }),
        ("and all others of its chunk dropped", |_, records| {
            records.clear();
            Some(())
        }),
    ];
    let why = "the chain's hashes are of each record in its place";
    let of_change = |(what, one): (&str, Change)| {
        let name = format!("{}: record {what}", backup.words());
        Kind::new(name, CHAIN, why, move |draft| change(draft, backup, |draft, records, _| one(draft, records)))
    };
    let mut kinds: Vec<Kind> = changes.into_iter().map(of_change).collect();
    let name = format!("{}: record exchanged with one of another chunk", backup.words());
    kinds.push(Kind::new(name, CHAIN, why, move |draft| {
        let names = chunks(draft, backup);
        (0..50).find_map(|_| {
            let (one, other) = draft.two_below(names.len())?;
            let mut records = [of(&draft.content(&names[one])), of(&draft.content(&names[other]))];
            let (at, other_at) = (draft.below(records[0].len())?, draft.below(records[1].len())?);
            let [first, second] = &mut records;
            std::mem::swap(&mut first[at], &mut second[other_at]);
            let is_another = first[at] != second[other_at];
            is_another.then(|| {
                draft.write(&names[one], framed(first));
                draft.write(&names[other], framed(second));
            })
        })
    }));
    let name = format!("{}: record moved to the next chunk", backup.words());
    kinds.push(Kind::new(name, CHAIN, why, move |draft| {
        let manifest = draft.any_manifest(backup)?;
        let value = draft.json(&manifest);
        let field = super::manifests::handles_of(backup)[0];
        let chunks = value["chunks"].as_array()?;
        let at = draft.below(chunks.len().checked_sub(1)?)?;
        let (one, next) = (chunks[at][field].as_str()?, chunks[at + 1][field].as_str()?);
        let (mut records, mut next_records) = (of(&draft.content(one)), of(&draft.content(next)));
        next_records.insert(0, records.pop()?);
        draft.write(one, framed(&records));
        draft.write(next, framed(&next_records));
        Some(())
    }));
    kinds
}

fn lengths(backup: Backup) -> Vec<Kind> {
    type Change = fn(&mut Draft<'_>, Records, usize) -> Option<Vec<u8>>;
    // Where the length of a record begins.
    fn place(records: &Records, at: usize) -> usize {
        records[..at].iter().map(|record| record.len() + 4).sum()
    }
    let changes: [(&str, Change); 6] = [
        ("a bit of its length flipped", |draft, records, at| {
            let mut bytes = framed(&records);
            bytes[place(&records, at) + draft.random.random_range(0..4usize)] ^= 1 << draft.random.random_range(0..8);
            Some(bytes)
        }),
        ("its length the largest there is", |_, records, at| {
            let mut bytes = framed(&records);
            let place = place(&records, at);
            bytes[place..place + 4].fill(0xff);
            Some(bytes)
        }),
        ("its length left out", |_, records, at| {
            let mut bytes = framed(&records);
            let place = place(&records, at);
            bytes.drain(place..place + 4);
            Some(bytes)
        }),
        ("its last byte in the next one", |_, mut records, at| {
            let byte = records[at].pop()?;
            records.get_mut(at + 1)?.insert(0, byte);
            Some(framed(&records))
        }),
        ("without its last byte", |_, mut records, at| {
            records[at].pop()?;
            Some(framed(&records))
        }),
        ("with a byte more", |draft, mut records, at| {
            records[at].push(draft.random.random());
            Some(framed(&records))
        }),
    ];
    let why = "a record is as long as what is in it";
    let of_change = |(what, one): (&str, Change)| {
        let name = format!("{}: record, {what}", backup.words());
        Kind::new(name, CHAIN, why, move |draft| {
            let names = chunks(draft, backup);
            (0..50).find_map(|_| {
                let name = draft.pick(&names)?;
                let records = of(&draft.content(&name));
                let at = draft.below(records.len())?;
                let bytes = one(draft, records, at)?;
                draft.write(&name, bytes);
                Some(())
            })
        })
    };
    changes.into_iter().map(of_change).collect()
}
