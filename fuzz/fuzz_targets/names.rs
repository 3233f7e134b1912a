//! Names, handles and addresses: what is taken is what was given, and is as safe as its type says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift::{BackupHandle, FileHandle, Key, ShellSafeName, TextLine};
use sealift_aptos::Address;
use sealift_aptos::chain::{HashValue, Waypoint};
use std::path::{Component, Path};

fuzz_target!(|text: &str| {
    keys(text);
    names(text);
    handles(text);
    if let Ok(line) = text.parse::<TextLine>() {
        assert!(line.as_ref() == text && text.lines().count() <= 1, "a metadata file would have more lines");
    }
    if let Ok(address) = text.parse::<Address>() {
        let shown = address.to_string();
        let rest = shown.strip_prefix("http://").expect("plain http");
        let host = rest.split('/').next().unwrap_or_default();
        assert!(!host.contains('@') && !rest.contains(['?', '#']), "{shown}");
        assert_eq!(shown.parse::<Address>().expect("it was taken"), address);
    }
    if let Ok(hash) = text.parse::<HashValue>() {
        assert!(hash.to_string().eq_ignore_ascii_case(text), "{hash}");
    }
    if let Ok(waypoint) = text.parse::<Waypoint>() {
        assert_eq!(waypoint.to_string().parse(), Ok(waypoint));
    }
});

fn keys(text: &str) {
    if let Ok(key) = text.parse::<Key>() {
        assert!(key.as_ref() == text && text.len() <= Key::MAX_LENGTH, "{key}");
        let stays = Path::new(text).components().all(|part| matches!(part, Component::Normal(_)));
        assert!(stays && !text.contains('\0'), "as a path it leaves its root: {text:?}");
        assert_eq!(Path::new(text).components().count(), text.split('/').count(), "two keys would be one path");
    }
    if let Some((prefix, name)) = text.split_once('\n')
        && let Ok(key) = name.parse::<Key>()
        && let Ok(below) = key.below(prefix)
    {
        let prefix = prefix.trim_matches('/');
        assert!(below.as_ref().starts_with(prefix) && below.as_ref().ends_with(name), "{below}");
        assert!(below.as_ref().parse::<Key>().is_ok(), "{below}");
    }
}

fn names(text: &str) {
    let Ok(name) = text.parse::<ShellSafeName>() else { return };
    assert_eq!(name.as_ref(), text);
    assert_eq!(shlex::try_quote(text).expect("no zero byte"), text, "a shell needs quotes for it");
    assert!(text.parse::<Key>().is_ok() && text.parse::<FileHandle>().is_ok(), "{text}");
}

fn handles(text: &str) {
    let (file, backup) = (text.parse::<FileHandle>(), text.parse::<BackupHandle>());
    assert_eq!(file.is_ok(), backup.is_ok());
    if let Ok(file) = file {
        assert!(file.as_ref() == text && text.lines().count() == 1, "{text:?}");
        assert_eq!(Key::try_from(&file).is_ok(), text.parse::<Key>().is_ok());
    }
}
