//! Whole files: removed, exchanged, replaced by others, written again.

use super::draft::{BACKUPS, Backup, Draft, Sort, group};
use super::kind::{CHAIN, EXISTS, Found, Kind, STORED, by_checksum};
use super::scene::Scene;
use rand::RngExt;

pub(crate) fn kinds() -> Vec<Kind> {
    let mut kinds = removed();
    kinds.extend(exchanged());
    kinds.extend([Sort::Chunk, Sort::Proof].into_iter().flat_map(written_again));
    kinds
}

fn removed() -> Vec<Kind> {
    let of = |sort: Sort| {
        let why = "what a line or a manifest names has to be there";
        Kind::new(format!("{}: removed", sort.words()), EXISTS, why, move |draft| {
            let names = draft.files(sort);
            let name = draft.pick(&names)?;
            draft.remove(&name);
            Some(())
        })
    };
    let mut kinds: Vec<Kind> = [Sort::Manifest, Sort::Chunk, Sort::Proof].into_iter().map(of).collect();
    kinds.push(Kind::new("a whole backup's files removed", EXISTS, "its line still names them", |draft| {
        let backup = draft.pick(&BACKUPS)?;
        let group = group(&draft.any_manifest(backup)?);
        let names = draft.names();
        names.iter().filter(|name| name.starts_with(&group)).for_each(|name| draft.remove(name));
        Some(())
    }));
    kinds
}

/// Two of these, with something else in each.
fn two(draft: &mut Draft<'_>, names: &[String]) -> Option<(String, String)> {
    (0..20).find_map(|_| {
        let (one, other) = draft.two_below(names.len())?;
        let (one, other) = (names[one].clone(), names[other].clone());
        (draft.content(&one) != draft.content(&other)).then_some((one, other))
    })
}

fn of_one_backup(draft: &mut Draft<'_>, sorts: &[Sort]) -> Option<Vec<String>> {
    let backup = draft.pick(&BACKUPS)?;
    let group = group(&draft.any_manifest(backup)?);
    let in_it = |name: &String| name.starts_with(&group) && sorts.iter().any(|sort| sort.has(name));
    Some(draft.names().into_iter().filter(in_it).collect())
}

fn of_all(draft: &mut Draft<'_>, sorts: &[Sort]) -> Option<Vec<String>> {
    Some(draft.names().into_iter().filter(|name| sorts.iter().any(|sort| sort.has(name))).collect())
}

type Choose = fn(&mut Draft<'_>, &[Sort]) -> Option<Vec<String>>;

fn exchanged() -> Vec<Kind> {
    let why = "a service's checksum is another than was verified; the chain's proofs are of one place only";
    let choices: [(&str, Choose, &'static [Sort]); 5] = [
        ("two chunks of one backup", of_one_backup, &[Sort::Chunk]),
        ("two proofs of one backup", of_one_backup, &[Sort::Proof]),
        ("two files of one backup", of_one_backup, &[Sort::Chunk, Sort::Proof]),
        ("chunks of any backups", of_all, &[Sort::Chunk]),
        ("files of any backups", of_all, &[Sort::Chunk, Sort::Proof]),
    ];
    let mut kinds = Vec::new();
    for (what, choose, sorts) in choices {
        let exchange = move |draft: &mut Draft<'_>| {
            let names = choose(draft, sorts)?;
            let (one, other) = two(draft, &names)?;
            draft.exchange(&one, &other);
            Some(())
        };
        let copy = move |draft: &mut Draft<'_>| {
            let names = choose(draft, sorts)?;
            let (one, other) = two(draft, &names)?;
            if draft.random.random_bool(0.5) {
                draft.put(&one, &other)
            } else {
                draft.put(&other, &one)
            }
            Some(())
        };
        kinds.push(Kind::new(format!("{what} exchanged"), CHAIN, why, exchange).by_scene(by_checksum));
        kinds.push(Kind::new(format!("{what}: one in the place of the other"), CHAIN, why, copy).by_scene(by_checksum));
    }
    for backup in BACKUPS {
        let why = "each line has the numbers of its manifest";
        let name = format!("two manifests of {} exchanged", backup.words());
        kinds.push(Kind::new(name, EXISTS, why, move |draft| {
            let names = draft.manifests(backup);
            let (one, other) = two(draft, &names)?;
            draft.exchange(&one, &other);
            Some(())
        }));
    }
    let why = "a manifest of another kind is none of this";
    kinds.push(Kind::new("manifests of two kinds exchanged", EXISTS, why, |draft| {
        let (one, other) = draft.two_below(BACKUPS.len())?;
        let (one, other) = (draft.any_manifest(BACKUPS[one])?, draft.any_manifest(BACKUPS[other])?);
        draft.exchange(&one, &other);
        Some(())
    }));
    kinds
}

/// Whoever writes a file again writes it well: its gzip is whole, and the service has a new checksum.
fn written_again(sort: Sort) -> Vec<Kind> {
    type Change = fn(&mut Draft<'_>, &mut Vec<u8>) -> Option<()>;
    type Case = (&'static str, &'static str, fn(&Scene) -> Found, Change);
    let size = "its size is not what was verified";
    let changes: [Case; 5] = [
        ("with a bit flipped", "the record knows the checksum of what was verified", by_checksum, |draft, bytes| {
            let at = draft.below(bytes.len())?;
            bytes[at] ^= 1 << draft.random.random_range(0..8);
            Some(())
        }),
        ("with a byte more", "the chain's data has no room for it", by_checksum, |draft, bytes| {
            bytes.push(draft.random.random());
            Some(())
        }),
        ("without its last byte", "the chain's data needs it", by_checksum, |_, bytes| bytes.pop().map(drop)),
        (
            "twice in one",
            size,
            |_| STORED,
            |_, bytes| {
                bytes.extend_from_within(..);
                Some(())
            },
        ),
        (
            "empty",
            size,
            |_| STORED,
            |_, bytes| {
                bytes.clear();
                Some(())
            },
        ),
    ];
    let of = move |(what, why, found, change): Case| {
        let name = format!("{} written again, {what}", sort.words());
        Kind::new(name, CHAIN, why, move |draft| {
            let names = draft.files(sort);
            let name = draft.pick(&names)?;
            let mut bytes = draft.content(&name);
            change(draft, &mut bytes)?;
            draft.write(&name, bytes);
            Some(())
        })
        .by_scene(found)
    };
    changes.into_iter().map(of).collect()
}

/// The manifests of a kind but the last.
pub(crate) fn all_but_last(draft: &Draft<'_>, backup: Backup) -> Vec<String> {
    let mut all = draft.manifests(backup);
    all.pop();
    all
}
