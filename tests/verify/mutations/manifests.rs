//! Manifests by themselves: numbers, hashes, names, chunks, form. Their lines stay as they are.

use super::draft::{BACKUPS, Backup, Draft, Sort, group};
use super::kind::{CHAIN, EXISTS, Found, Kind};
use super::lines::other_number;
use rand::RngExt;
use sealift_aptos::chain::RecordFormat;
use serde_json::Value;

pub(crate) fn kinds() -> Vec<Kind> {
    let mut kinds = Vec::new();
    for backup in BACKUPS {
        kinds.extend(numbers(backup));
        kinds.extend(names(backup));
        kinds.extend(chunks(backup));
        kinds.extend(forms(backup));
    }
    kinds.extend(waypoints());
    kinds.extend(hashes());
    kinds.extend(formats());
    kinds
}

/// The fields of a manifest's chunks that name files.
pub(crate) fn handles_of(backup: Backup) -> &'static [&'static str] {
    match backup {
        Backup::Epochs => &["ledger_infos"],
        Backup::State => &["blobs", "proof"],
        Backup::Transactions => &["transactions", "proof"],
    }
}

fn edit(
    name: String,
    found: Found,
    why: &'static str,
    backup: Backup,
    change: impl Fn(&mut Draft<'_>, &mut Value, &str) -> Option<()> + Send + Sync + 'static,
) -> Kind {
    Kind::new(format!("manifest of {}: {name}", backup.words()), found, why, move |draft| {
        (0..20).find_map(|_| {
            let manifest = draft.any_manifest(backup)?;
            let mut value = draft.json(&manifest);
            change(draft, &mut value, &manifest)?;
            draft.write_json(&manifest, &value);
            Some(())
        })
    })
}

fn any_chunk<'v>(draft: &mut Draft<'_>, value: &'v mut Value) -> Option<&'v mut Value> {
    let chunks = value["chunks"].as_array_mut()?;
    let at = draft.below(chunks.len())?;
    Some(&mut chunks[at])
}

fn numbers(backup: Backup) -> Vec<Kind> {
    let (of_all, of_chunk): (&[&'static str], &[&'static str]) = match backup {
        Backup::Epochs => (&["first_epoch", "last_epoch"], &["first_epoch", "last_epoch"]),
        Backup::State => (&["version", "epoch"], &["first_idx", "last_idx"]),
        Backup::Transactions => (&["first_version", "last_version"], &["first_version", "last_version"]),
    };
    let why = "chunks cover what the manifest is of, which its line repeats";
    let mut kinds: Vec<Kind> = of_all
        .iter()
        .map(|field| {
            edit(format!("{field} changed"), EXISTS, why, backup, move |draft, value, _| {
                value[*field] = other_number(draft, value[*field].as_u64()?).into();
                Some(())
            })
        })
        .collect();
    for field in of_chunk {
        // The state's line does not say how many items there are.
        let found = if (backup, *field) == (Backup::State, "last_idx") { CHAIN } else { EXISTS };
        kinds.push(edit(format!("{field} of a chunk changed"), found, why, backup, move |draft, value, _| {
            let chunk = any_chunk(draft, value)?;
            chunk[*field] = other_number(draft, chunk[*field].as_u64()?).into();
            Some(())
        }));
    }
    kinds
}

fn names(backup: Backup) -> Vec<Kind> {
    let mut kinds = Vec::new();
    for field in handles_of(backup) {
        let why = "what is named has to be there";
        kinds.push(edit(format!("{field} that is not there"), EXISTS, why, backup, move |draft, value, _| {
            let chunk = any_chunk(draft, value)?;
            chunk[*field] = format!("{}.old", chunk[*field].as_str()?).into();
            Some(())
        }));
        let why = "the chain's hashes are of one place only";
        kinds.push(edit(format!("{field} of another chunk"), CHAIN, why, backup, move |draft, value, manifest| {
            let other = other_file(draft, manifest, value, field)?;
            let chunk = any_chunk(draft, value)?;
            let before = std::mem::replace(&mut chunk[*field], other.clone().into());
            (draft.content(before.as_str()?) != draft.content(&other)).then_some(())
        }));
    }
    if let [one, other] = handles_of(backup) {
        let why = "what is a proof is no chunk";
        kinds.push(edit("chunk and proof exchanged".into(), CHAIN, why, backup, move |draft, value, _| {
            let chunk = any_chunk(draft, value)?;
            let (first, second) = (chunk[*one].clone(), chunk[*other].clone());
            (chunk[*one], chunk[*other]) = (second, first);
            Some(())
        }));
    }
    if backup == Backup::State {
        let why = "the root is that of one version only";
        kinds.push(edit("proof of another state".into(), CHAIN, why, backup, |draft, value, _| {
            let others: Vec<String> =
                draft.files(Sort::Proof).into_iter().filter(|name| name.ends_with("/state.proof")).collect();
            let other = draft.pick(&others)?;
            let before = std::mem::replace(&mut value["proof"], other.clone().into());
            (before != value["proof"]).then_some(())
        }));
    }
    kinds
}

/// What another chunk has in this field, of the same manifest or of one of the same kind.
fn other_file(draft: &mut Draft<'_>, manifest: &str, value: &Value, field: &str) -> Option<String> {
    let of = |value: &Value| -> Vec<String> {
        let chunks = value["chunks"].as_array().into_iter().flatten();
        chunks.filter_map(|chunk| chunk[field].as_str().map(str::to_owned)).collect()
    };
    let kind = manifest.strip_prefix(&group(manifest))?;
    let others: Vec<String> = match draft.random.random_bool(0.5) {
        true => of(value),
        false => {
            let manifests = draft.names().into_iter().filter(|name| name.ends_with(kind));
            manifests.flat_map(|name| of(&draft.json(&name))).collect()
        }
    };
    draft.pick(&others)
}

fn chunks(backup: Backup) -> Vec<Kind> {
    type Change = fn(&mut Draft<'_>, &mut Vec<Value>) -> Option<()>;
    let changes: [(&str, Change); 4] = [
        ("a chunk left out", |draft, chunks| {
            let at = draft.below(chunks.len())?;
            chunks.remove(at);
            Some(())
        }),
        ("a chunk twice", |draft, chunks| {
            let at = draft.below(chunks.len())?;
            chunks.insert(at, chunks[at].clone());
            Some(())
        }),
        ("two chunks swapped", |draft, chunks| {
            let (one, other) = draft.two_below(chunks.len())?;
            chunks.swap(one, other);
            Some(())
        }),
        ("no chunks", |_, chunks| {
            chunks.clear();
            Some(())
        }),
    ];
    let why = "chunks follow one another from the first to the last number";
    let of = |(what, change): (&str, Change)| {
        // Whether there are more items than it says, only their root tells.
        let found = if (backup, what) == (Backup::State, "a chunk left out") { CHAIN } else { EXISTS };
        edit(what.into(), found, why, backup, move |draft, value, _| change(draft, value["chunks"].as_array_mut()?))
    };
    changes.into_iter().map(of).collect()
}

fn forms(backup: Backup) -> Vec<Kind> {
    let why = "manifests are read in the form that is written, at every depth";
    let text = |name: &str, change: fn(&mut Draft<'_>, String) -> Option<String>| {
        Kind::new(format!("manifest of {}: {name}", backup.words()), EXISTS, why, move |draft| {
            let manifest = draft.any_manifest(backup)?;
            let before = String::from_utf8(draft.content(&manifest)).expect("JSON");
            let after = change(draft, before)?;
            draft.write(&manifest, after.into_bytes());
            Some(())
        })
    };
    vec![
        text("one field more", |_, json| Some(json.replacen('{', "{\"more\":0,", 1))),
        text("one field more in a chunk", |_, json| Some(json.replacen("[{", "[{\"more\":0,", 1))),
        text("a field twice", |_, json| Some(json.replacen('{', "{\"chunks\":[],", 1))),
        text("a field under another name", |_, json| Some(json.replacen("\"chunks\"", "\"chunk\"", 1))),
        text("a number as text", |_, json| {
            let at = json.find(":")?;
            let at = at + json[at..].find(|letter: char| letter.is_ascii_digit())?;
            let end = at + json[at..].find(|letter: char| !letter.is_ascii_digit())?;
            (!json[..at].contains('[')).then(|| format!("{}\"{}\"{}", &json[..at], &json[at..end], &json[end..]))
        }),
        text("something behind it", |_, json| Some(format!("{json}{json}"))),
        text("cut off", |draft, json| {
            let end = draft.below(json.len())?;
            Some(json[..end].to_owned())
        }),
        text("empty", |_, _| Some(String::new())),
    ]
}

fn waypoints() -> Vec<Kind> {
    let why = "each ledger info is held against its waypoint";
    let of = |what: &str, found, change: fn(&mut Draft<'_>, &mut Vec<Value>) -> Option<()>| {
        edit(what.into(), found, why, Backup::Epochs, move |draft, value, _| {
            change(draft, value["waypoints"].as_array_mut()?)
        })
    };
    vec![
        of("a digit of a waypoint's hash changed", CHAIN, |draft, waypoints| {
            let at = draft.below(waypoints.len())?;
            let (version, hash) = waypoints[at].as_str()?.split_once(':')?;
            let text = format!("{version}:{}", other_digit(draft, hash)?);
            waypoints[at] = text.into();
            Some(())
        }),
        of("a waypoint's version changed", CHAIN, |draft, waypoints| {
            let at = draft.below(waypoints.len())?;
            let (version, hash) = waypoints[at].as_str()?.split_once(':')?;
            let text = format!("{}:{hash}", other_number(draft, version.parse().ok()?));
            waypoints[at] = text.into();
            Some(())
        }),
        of("two waypoints swapped", EXISTS, |draft, waypoints| {
            let (one, other) = draft.two_below(waypoints.len())?;
            waypoints.swap(one, other);
            Some(())
        }),
        of("a waypoint left out", EXISTS, |draft, waypoints| {
            let at = draft.below(waypoints.len())?;
            waypoints.remove(at);
            Some(())
        }),
        of("a waypoint twice", EXISTS, |draft, waypoints| {
            let at = draft.below(waypoints.len())?;
            waypoints.insert(at, waypoints[at].clone());
            Some(())
        }),
    ]
}

/// The same hash with another digit in one place.
fn other_digit(draft: &mut Draft<'_>, hash: &str) -> Option<String> {
    let at = draft.below(hash.len())?;
    let digit = u8::from_str_radix(&hash[at..=at], 16).ok()?;
    let other = (digit + draft.random.random_range(1..16)) % 16;
    Some(format!("{}{other:x}{}", &hash[..at], &hash[at + 1..]))
}

fn hashes() -> Vec<Kind> {
    let mut kinds = vec![edit(
        "a digit of the root changed".into(),
        CHAIN,
        "the items add up to the root, which the chain has",
        Backup::State,
        |draft, value, _| {
            value["root_hash"] = other_digit(draft, value["root_hash"].as_str()?)?.into();
            Some(())
        },
    )];
    for field in ["first_key", "last_key"] {
        let why = "the chunk's items have these keys";
        kinds.push(edit(format!("a digit of {field} changed"), CHAIN, why, Backup::State, move |draft, value, _| {
            let chunk = any_chunk(draft, value)?;
            chunk[field] = other_digit(draft, chunk[field].as_str()?)?.into();
            Some(())
        }));
    }
    kinds
}

fn formats() -> Vec<Kind> {
    let why = "records of the other form cannot be read as this one, or hash to something else";
    let mut kinds = vec![edit("another format".into(), CHAIN, why, Backup::Transactions, |draft, value, _| {
        let chunk = any_chunk(draft, value)?;
        let other = if chunk["format"] == "V1" { "V0" } else { "V1" };
        chunk["format"] = other.into();
        Some(())
    })];
    kinds.push(edit("V1 left out".into(), CHAIN, why, Backup::Transactions, |draft, value, _| {
        if draft.scene.chain.format() == RecordFormat::V0 {
            return None;
        }
        any_chunk(draft, value)?.as_object_mut()?.remove("format").map(drop)
    }));
    let same = "older tools leave it out and mean V0";
    kinds.push(edit("V0 left out".into(), Found::ByRecord, same, Backup::Transactions, |draft, value, _| {
        if draft.scene.chain.format() == RecordFormat::V1 {
            return None;
        }
        any_chunk(draft, value)?.as_object_mut()?.remove("format").map(drop)
    }));
    kinds
}
