//! Metadata lines: what they say, which there are, and the form they have.

use super::draft::{BACKUPS, Backup, Draft, Sort, group};
use super::kind::{CHAIN, EXISTS, Found, Kind};
use rand::RngExt;
use sealift_aptos::manifest::TransactionBackup;
use serde_json::{Value, json};

pub(crate) fn kinds() -> Vec<Kind> {
    [numbers(), handles(), forms(), missing(), twice(), harmless()].into_iter().flatten().collect()
}

/// Where a line stands, and which.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) file: String,
    at: usize,
    pub(crate) value: Value,
}

impl Line {
    pub(crate) fn is_of(&self, backup: Backup) -> bool {
        self.value.get(backup.line()).is_some()
    }
}

pub(crate) fn all(draft: &Draft<'_>) -> Vec<Line> {
    let files = draft.names().into_iter().filter(|name| name.starts_with("metadata/"));
    let lines = files.flat_map(|file| {
        let text = String::from_utf8(draft.content(&file)).expect("UTF-8");
        let values: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        values
            .into_iter()
            .enumerate()
            .map(move |(at, value)| Line { file: file.clone(), at, value })
            .collect::<Vec<_>>()
    });
    lines.collect()
}

pub(crate) fn of(draft: &Draft<'_>, backup: Backup) -> Vec<Line> {
    all(draft).into_iter().filter(|line| line.is_of(backup)).collect()
}

fn any(draft: &mut Draft<'_>) -> Option<(Backup, Line)> {
    let backup = draft.pick(&BACKUPS)?;
    let lines = of(draft, backup);
    Some((backup, draft.pick(&lines)?))
}

/// Writes a file again with another text in the place of a line; with none, without the line.
pub(crate) fn set(draft: &mut Draft<'_>, line: &Line, text: Option<String>) {
    let before = String::from_utf8(draft.content(&line.file)).expect("UTF-8");
    let mut lines: Vec<String> = before.lines().map(str::to_owned).collect();
    match text {
        Some(text) => lines[line.at] = text,
        None => drop(lines.remove(line.at)),
    }
    match lines.is_empty() {
        true => draft.remove(&line.file),
        false => draft.write(&line.file, lines.iter().flat_map(|line| [line, "\n"]).collect::<String>().into_bytes()),
    }
}

/// Changes every line that names this manifest.
pub(crate) fn change_all(draft: &mut Draft<'_>, manifest: &str, change: &dyn Fn(&mut Value)) {
    for mut line in all(draft) {
        let Some(fields) = fields(&mut line.value).filter(|fields| fields["manifest"] == manifest) else { continue };
        change(fields);
        let text = line.value.to_string();
        set(draft, &line, Some(text));
    }
}

fn fields(line: &mut Value) -> Option<&mut Value> {
    line.as_object_mut()?.values_mut().next().filter(|fields| fields.get("manifest").is_some())
}

fn numbers() -> Vec<Kind> {
    let fields_of = |backup| match backup {
        Backup::Epochs => ["first_epoch", "last_epoch", "first_version", "last_version"].as_slice(),
        Backup::State => ["epoch", "version"].as_slice(),
        Backup::Transactions => ["first_version", "last_version"].as_slice(),
    };
    let of_field = |(backup, field): (Backup, &'static str)| {
        let why = "each line has the numbers of its manifest";
        Kind::new(format!("line of {}: {field} changed", backup.words()), EXISTS, why, move |draft| {
            let lines = of(draft, backup);
            let mut line = draft.pick(&lines)?;
            let fields = fields(&mut line.value)?;
            fields[field] = other_number(draft, fields[field].as_u64()?).into();
            let text = line.value.to_string();
            set(draft, &line, Some(text));
            Some(())
        })
    };
    let all = BACKUPS.iter().flat_map(|backup| fields_of(*backup).iter().map(|field| (*backup, *field)));
    all.map(of_field).collect()
}

/// A number near this one, or far.
pub(crate) fn other_number(draft: &mut Draft<'_>, number: u64) -> u64 {
    loop {
        let other = match draft.random.random_range(0..6) {
            0 | 1 => number.wrapping_add(1),
            2 => number.saturating_sub(1),
            3 => number.wrapping_mul(10),
            4 => u64::MAX,
            _ => draft.random.random_range(0..100),
        };
        if other != number {
            return other;
        }
    }
}

fn handles() -> Vec<Kind> {
    type Other = fn(&mut Draft<'_>, Backup, &str) -> Option<String>;
    let others: [(&str, &'static str, Other); 4] = [
        ("another manifest of the kind", "each line has the numbers of its manifest", |draft, backup, _| {
            draft.any_manifest(backup)
        }),
        ("a manifest of another kind", "a manifest of another kind is none of this", |draft, backup, _| {
            let others: Vec<Backup> = BACKUPS.into_iter().filter(|other| *other != backup).collect();
            let other = draft.pick(&others)?;
            draft.any_manifest(other)
        }),
        ("what is not there", "it has to be there", |_, _, manifest| Some(format!("{manifest}.old"))),
        ("a chunk", "a chunk is no manifest", |draft, _, _| {
            let chunks = draft.files(Sort::Chunk);
            draft.pick(&chunks)
        }),
    ];
    let of_other = |(what, why, other): (&str, &'static str, Other)| {
        Kind::new(format!("line that names {what}"), EXISTS, why, move |draft| {
            let (backup, mut line) = any(draft)?;
            let fields = fields(&mut line.value)?;
            let manifest = fields["manifest"].as_str()?.to_owned();
            let another = other(draft, backup, &manifest).filter(|another| *another != manifest)?;
            fields["manifest"] = another.into();
            let text = line.value.to_string();
            set(draft, &line, Some(text));
            Some(())
        })
    };
    others.into_iter().map(of_other).collect()
}

fn forms() -> Vec<Kind> {
    type Form = fn(&str) -> String;
    let forms: [(&str, Form); 11] = [
        ("of a kind that nobody knows", |line| line.replacen("Backup", "Bakkup", 1)),
        ("with one field more", |line| line.replacen(":{", ":{\"more\":0,", 1)),
        ("with a field twice", |line| line.replacen(":{", ":{\"manifest\":\"abc/def\",", 1)),
        ("without its manifest", |line| line.replacen("\"manifest\"", "\"manifesto\"", 1)),
        ("with a number below zero", |line| {
            line.replacen("_version\":", "_version\":-", 1).replacen("h\":", "h\":-", 1)
        }),
        ("with a number as text", |line| {
            let (front, back) = line.split_at(line.find(|letter: char| letter.is_ascii_digit()).unwrap_or(0));
            let end = back.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(0);
            format!("{front}\"{}\"{}", &back[..end], &back[end..])
        }),
        ("with something behind it", |line| format!("{line}0")),
        ("with an empty line before it", |line| format!("\n{line}")),
        ("with another in the same line", |line| format!("{line}{line}")),
        ("cut off", |line| line[..line.len() - 1].to_owned()),
        ("that is no text", |_| "\u{0}".to_owned()),
    ];
    let why = "every line is read in the form that is written, at every depth";
    let mut kinds: Vec<Kind> = forms
        .into_iter()
        .map(|(what, form)| {
            Kind::new(format!("line {what}"), EXISTS, why, move |draft| {
                let (_, line) = any(draft)?;
                let text = form(&line.value.to_string());
                set(draft, &line, Some(text));
                Some(())
            })
        })
        .collect();
    kinds.push(Kind::new("line without its end", EXISTS, "it may have been cut off", |draft| {
        let (_, line) = any(draft)?;
        let mut text = draft.content(&line.file);
        text.pop();
        draft.write(&line.file, text);
        Some(())
    }));
    kinds.push(Kind::new("line that is no UTF-8", EXISTS, why, |draft| {
        let (_, line) = any(draft)?;
        let mut text = draft.content(&line.file);
        let at = draft.below(text.len())?;
        text[at] = 0xff;
        draft.write(&line.file, text);
        Some(())
    }));
    kinds
}

fn without(draft: &mut Draft<'_>, manifest: &str) {
    while let Some(line) = all(draft).into_iter().find(|line| line.value.to_string().contains(manifest)) {
        set(draft, &line, None);
    }
}

fn missing() -> Vec<Kind> {
    let gap = "restoring needs all from 0 on without a gap";
    let ends = "an archive that ends earlier is one too; a note names the files that nothing leads to";
    let cases: [(&str, Backup, Found, &'static str); 5] = [
        ("the last line of epoch endings", Backup::Epochs, CHAIN, "later signatures need its validators"),
        ("the last line of transactions", Backup::Transactions, Found::Never, ends),
        ("a line of a state", Backup::State, Found::Never, ends),
        ("an earlier line of epoch endings", Backup::Epochs, EXISTS, gap),
        ("an earlier line of transactions", Backup::Transactions, EXISTS, gap),
    ];
    let mut kinds: Vec<Kind> = cases
        .into_iter()
        .map(|(what, backup, found, why)| {
            let earlier = what.contains("earlier");
            Kind::new(format!("{what} dropped"), found, why, move |draft| {
                let manifest = match (earlier, backup) {
                    (false, Backup::State) => draft.any_manifest(backup)?,
                    (false, _) => draft.manifests(backup).pop()?,
                    (true, _) => {
                        let all = super::objects::all_but_last(draft, backup);
                        draft.pick(&all)?
                    }
                };
                without(draft, &manifest);
                Some(())
            })
        })
        .collect();
    kinds.push(Kind::new("a backup between others removed, with its line", EXISTS, gap, |draft| {
        let backup = draft.pick(&[Backup::Epochs, Backup::Transactions])?;
        let earlier = super::objects::all_but_last(draft, backup);
        let manifest = draft.pick(&earlier)?;
        without(draft, &manifest);
        let names = draft.names();
        names.iter().filter(|name| name.starts_with(&group(&manifest))).for_each(|name| draft.remove(name));
        Some(())
    }));
    kinds.push(Kind::new("all lines dropped", EXISTS, "nothing that is backed up is known", |draft| {
        let files = draft.files(Sort::Metadata);
        files.iter().for_each(|file| draft.remove(file));
        Some(())
    }));
    kinds
}

/// What is known twice.
fn twice() -> Vec<Kind> {
    let why = "restoring refuses what is known twice";
    let mut kinds = Vec::new();
    for backup in BACKUPS {
        let name = format!("two manifests for the same {}", backup.words());
        kinds.push(Kind::new(name, EXISTS, why, move |draft| {
            let manifest = draft.any_manifest(backup)?;
            let (old, new) = (group(&manifest), format!("{}ffff/", &group(&manifest).trim_end_matches('/')[..12]));
            for name in draft.names().into_iter().filter(|name| name.starts_with(&old)) {
                let content = draft.content(&name);
                let content = match name.ends_with(".manifest") {
                    true => String::from_utf8(content).expect("JSON").replace(&old, &new).into_bytes(),
                    false => content,
                };
                draft.write(&name.replacen(&old, &new, 1), content);
            }
            let line = all(draft).into_iter().find(|line| line.value.to_string().contains(&manifest))?;
            let text = format!("{}\n", line.value.to_string().replace(&old, &new));
            draft.write("metadata/added_later.meta", text.into_bytes());
            Some(())
        }));
    }
    kinds.push(Kind::new("a backup of some of another's transactions beside it", EXISTS, why, |draft| {
        let manifest = draft.any_manifest(Backup::Transactions)?;
        let mut backup: TransactionBackup = draft.typed(&manifest);
        let (start, end) = draft.two_below(backup.chunks.len() + 1)?;
        backup.chunks = backup.chunks[start..end].to_vec();
        (backup.first_version, backup.last_version) =
            (backup.chunks.first()?.first_version, backup.chunks.last()?.last_version);
        let (first, last) = (backup.first_version, backup.last_version);
        let name = format!("transaction_{first}-.ffff/transaction.manifest");
        draft.write_typed(&name, &backup);
        let line = json!({"TransactionBackup": {"first_version": first, "last_version": last, "manifest": name}});
        draft.write("metadata/added_later.meta", format!("{line}\n").into_bytes());
        Some(())
    }));
    kinds
}

/// What nobody needs to find.
fn harmless() -> Vec<Kind> {
    let own = "nothing that is restored depends on it, and nothing is kept that it could be held against";
    let same = "lines are a set: where and how often one stands means nothing";
    let mut kinds = vec![
        Kind::new("identity: another", Found::Never, own, |draft| {
            let id = json!({"Identity": {"id": format!("{:x}", draft.random.random::<u64>())}});
            draft.write("metadata/identity.meta", format!("{id}\n").into_bytes());
            Some(())
        }),
        Kind::new("compaction timestamps: others", Found::Never, own, |draft| {
            let at: u32 = draft.random.random();
            let stamps = json!({"CompactionTimestamps": {"file_compacted_at": at, "compaction_timestamps": {}}});
            draft.write("metadata/compaction_timestamps_1700000000.meta", format!("{stamps}\n").into_bytes());
            Some(())
        }),
        Kind::new("line twice in its file", Found::Never, same, |draft| {
            let (_, line) = any(draft)?;
            let text = line.value.to_string();
            set(draft, &line, Some(format!("{text}\n{text}")));
            Some(())
        }),
        Kind::new("metadata file under another name", Found::Never, same, |draft| {
            let (_, line) = any(draft)?;
            let content = draft.content(&line.file);
            draft.remove(&line.file);
            draft.write("metadata/under_another_name.meta", content);
            Some(())
        }),
        Kind::new("two metadata files exchanged", Found::Never, same, |draft| {
            let names = draft.files(Sort::Metadata);
            let (one, other) = draft.two_below(names.len())?;
            draft.exchange(&names[one], &names[other]);
            Some(())
        }),
    ];
    let elsewhere = "its line stands in the compacted file too";
    kinds.push(Kind::new("metadata file removed, compacted before", Found::Never, elsewhere, |draft| {
        let loose = draft.files(Sort::Metadata).into_iter().find(|name| name.starts_with("metadata/transaction_0-"))?;
        draft.remove(&loose);
        Some(())
    }));
    kinds.push(Kind::new("metadata file emptied, compacted before", Found::Never, elsewhere, |draft| {
        let loose = draft.files(Sort::Metadata).into_iter().find(|name| name.starts_with("metadata/transaction_0-"))?;
        draft.write(&loose, Vec::new());
        Some(())
    }));
    kinds
}
