//! `get --folder`: the counterpart of `put --folder`.

use crate::{in_folder, interrupt, on};
use sealift_tests::cli::{command_of, end, run};
use sealift_tests::cloud::Cloud;
use sealift_tests::data::Pattern;
use sealift_tests::patience::HANGS;
use sealift_tests::proxy::{Fault, FaultProxy, Head, Match};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;
use tokio::time::timeout;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Small files, an empty one, and one of several parts.
fn stored_files() -> (TempDir, BTreeMap<String, Vec<u8>>) {
    let folder = folder();
    let mut files: BTreeMap<String, Vec<u8>> =
        (0..120).map(|n| (format!("day-{}/{n:03}.log", n % 7), Pattern::bytes(n, 1000 + 700 * n as usize))).collect();
    files.insert("empty".into(), Vec::new());
    files.insert("deep/er/large".into(), Pattern::bytes(9, 12 << 20));
    for (name, data) in &files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, data).expect("written");
    }
    (folder, files)
}

/// Each file below `folder`, by its path there.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_str().expect("UTF-8").to_owned();
        match path.symlink_metadata().expect("there") {
            link if link.is_symlink() => {}
            folder if folder.is_dir() => {
                found.extend(files(&path).into_iter().map(|(below, data)| (format!("{name}/{below}"), data)))
            }
            _ => drop(found.insert(name, fs::read(&path).expect("read"))),
        }
    }
    found
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

async fn a_folder_goes_and_comes_back<C: Cloud>() {
    let (remote, (from, expected), to) = (C::new("everyday").await, stored_files(), folder());
    run(on(&remote, &["put", "logs", "--folder", text(from.path())])).await.expect_code(0);
    remote.put("p/logs2/other", "not below logs".into()).await;
    let to = to.path().join("made/for it");
    let get = run(on(&remote, &["get", "logs", "--folder", text(&to), "--json", "--memory=16MiB"])).await;
    let told = get.expect_code(0).json();
    assert_eq!((told["files"].as_u64(), told["without_checksum"].as_u64()), (Some(expected.len() as u64), Some(0)));
    let peak = told["peak_memory_bytes"].as_u64().expect("a number");
    assert!(peak < (16 + 64) << 20, "{} MiB resident", peak >> 20);
    assert!(files(&to) == expected, "{:?}", files(&to).keys());
    // Only what is missing comes again.
    fs::remove_file(to.join("empty")).expect("removed");
    fs::write(to.join("day-0/000.log"), "mine").expect("written");
    let again = run(on(&remote, &["get", "logs/", "--folder", text(&to), "--skip-existing"])).await.expect_code(0);
    assert!(again.text().starts_with("read 1 object below"), "{}", again.text());
    assert!(again.text().contains(&format!("{} were there already", expected.len() - 1)), "{}", again.text());
    assert_eq!(fs::read(to.join("day-0/000.log")).expect("there"), b"mine");
    run(on(&remote, &["get", "logs", "--folder", text(&to), "--quiet"])).await.expect_code(0);
    assert!(files(&to) == expected);
}

/// Only the others are written, and nothing outside.
async fn what_leads_out_or_is_damaged_is_named_and_the_others_come<C: Cloud>() {
    let (remote, outside) = (C::new("everyday").await, folder());
    run(on(&remote, &["run", "a/whole", "--", "echo", "whole"])).await.expect_code(0);
    for name in ["p/a/../../up", "p/a//double", "p/a/./here", "p/a/link/in"] {
        remote.put(name, "bytes".into()).await;
    }
    // As consoles make them, so that a folder is seen.
    remote.put("p/a/seen/", "".into()).await;
    // What says that it is gzip, and breaks off.
    remote.put("p/a/damaged.gz", vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3].into()).await;
    let to = outside.path().join("to");
    fs::create_dir(&to).expect("made");
    symlink(outside.path(), to.join("link")).expect("linked");
    let ended = run(on(&remote, &["get", "a", "--folder", text(&to)])).await;
    let said = &ended.stderr;
    for name in ["a/../../up", "a//double", "a/./here", "in", "damaged.gz"] {
        assert!(
            said.lines().any(|line| line.starts_with("sealift: not read:") && line.contains(name)),
            "{name}: {said}"
        );
    }
    assert!(said.contains("5 objects were not read; the first") && said.contains("1 file was written"), "{said}");
    assert_eq!(files(&to).into_iter().collect::<Vec<_>>()[..], [("whole".to_owned(), b"whole\n".to_vec())][..]);
    let outside = fs::read_dir(outside.path()).expect("a folder").count();
    assert_eq!(outside, 1, "nothing is beside the folder");
    assert!(matches!(ended.code, Some(1 | 2 | 7)), "{ended:?}");
}

/// Those under way are given up, and what has its name is whole.
async fn a_signal_ends_it_and_leaves_whole_files_only<C: Cloud>() {
    let (remote, (from, expected), to) = (C::new("everyday").await, stored_files(), folder());
    run(on(&remote, &["put", "logs", "--folder", text(from.path())])).await.expect_code(0);
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let large = |head: &Head<'_>| head.method().as_str() == "GET" && head.path().contains("large");
    let silent = proxy.on(Match::new(large), Fault::Stall);
    let mut command = on(&remote, &["get", "logs", "--folder", text(to.path()), "--give-up-after=1h"]);
    let child = command.envs(C::variables(&proxy.endpoint())).spawn().expect("starts");
    silent.wait_fired(1).await;
    interrupt(&child);
    let said = timeout(HANGS, end(child)).await.expect("it ends").expect_code(130).stderr;
    let found = files(to.path());
    let written = match found.len() {
        1 => "1 file was written".to_owned(),
        many => format!("{many} files were written"),
    };
    assert!(said.contains(&written), "{} files: {said}", found.len());
    assert!(found.iter().all(|(name, data)| expected.get(name) == Some(data)), "{:?}", found.keys());
    proxy.shutdown().await;
}

/// A process may have fewer descriptors than there are files.
async fn few_descriptors_are_enough<C: Cloud>() {
    let (remote, (from, expected), to, copied) = (C::new("everyday").await, stored_files(), folder(), folder());
    let copy_to = format!("file://{}", copied.path().display());
    for arguments in [
        &["put", "logs", "--folder", text(from.path()), "--codec=none"][..],
        &["get", "logs", "--folder", text(to.path()), "--codec=none"],
        &["copy", "logs", &copy_to],
        &["verify", "logs"],
        &["rm", "--recursive", "logs"],
    ] {
        let sealift = on(&remote, arguments);
        let sealift = sealift.as_std();
        let mut limited = command_of("sh");
        limited.args(["-c", r#"ulimit -n 100 && exec "$0" "$@""#]).arg(sealift.get_program()).args(sealift.get_args());
        limited.envs(sealift.get_envs().filter_map(|(name, value)| Some((name, value?))));
        run(limited).await.expect_code(0);
    }
    assert!(files(to.path()) == expected, "{:?}", files(to.path()).keys());
    assert!(files(copied.path()) == expected, "{:?}", files(copied.path()).keys());
}

on_every_cloud!(a_folder_goes_and_comes_back, few_descriptors_are_enough, a_signal_ends_it_and_leaves_whole_files_only);

mod on_s3 {
    #[tokio::test(flavor = "multi_thread")]
    async fn what_leads_out_or_is_damaged_is_named_and_the_others_come() {
        super::what_leads_out_or_is_damaged_is_named_and_the_others_come::<sealift_tests::s3::TestBucket>().await;
    }
}

#[tokio::test]
async fn the_first_failure_ends_it_where_that_is_said() {
    let (storage, to) = (folder(), folder());
    for name in ["a", "b", "c"] {
        fs::write(storage.path().join(name), "data").expect("written");
        fs::create_dir(to.path().join(name)).expect("a folder is in the way");
    }
    let get = |more: &[&str]| in_folder(storage.path(), &[&["get", "", "--folder", text(to.path())], more].concat());
    let said = run(get(&["--fail-fast"])).await.expect_code(1).stderr;
    assert!(
        said.contains("no other was tried after it (--fail-fast)") && said.contains("0 files were written"),
        "{said}"
    );
    let said = run(get(&[])).await.expect_code(1).stderr;
    assert!(said.contains("3 objects were not read") && said.contains("something else than a file is there"), "{said}");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let (storage, to) = (folder(), folder());
    fs::write(to.path().join("file"), "mine").expect("written");
    let file = to.path().join("file");
    for (arguments, code, why) in [
        (&["get"][..], 2, "NAME"),
        (&["get", "a", "--folder", text(to.path()), "-o", "x"], 2, "--output"),
        (&["get", "a", "--skip-existing"], 2, "--folder"),
        (&["get", "a", "--folder", text(&file)], 2, "it is no folder"),
        (&["get", "a", "--folder", text(to.path())], 3, "there is no object of this name, or below it"),
    ] {
        let said = run(in_folder(storage.path(), arguments)).await.expect_code(code).stderr;
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
    // One object by its whole name, as `ls` takes it.
    fs::write(storage.path().join("one"), "data").expect("written");
    let get = run(in_folder(storage.path(), &["get", "--folder", text(to.path()), "one"])).await.expect_code(0);
    assert!(get.text().starts_with("read 1 object below"), "{}", get.text());
    assert_eq!(fs::read(to.path().join("one")).expect("there"), b"data");
}
