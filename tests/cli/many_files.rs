//! `put` of a folder and of a list.

use crate::{bucket, on};
use sealift_tests::cli::{run, run_with_input};
use sealift_tests::cloud::Cloud;
use sealift_tests::data::Pattern;
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;

/// A folder of many small files, an empty one, one of several parts, and a link; and what is in each.
fn folder() -> (TempDir, BTreeMap<String, Vec<u8>>) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut files: BTreeMap<String, Vec<u8>> =
        (0..200).map(|n| (format!("day-{}/{n:03}.log", n % 7), Pattern::bytes(n, 1000 + 700 * n as usize))).collect();
    files.insert("empty".into(), Vec::new());
    files.insert("deep/er/large".into(), Pattern::bytes(9, 12 << 20));
    for (name, data) in &files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, data).expect("written");
    }
    symlink(folder.path().join("day-0/000.log"), folder.path().join("link")).expect("linked");
    files.insert("link".into(), files["day-0/000.log"].clone());
    (folder, files)
}

async fn a_folder_comes_to_be_objects<C: Cloud>() {
    let (remote, (folder, files)) = (C::new("cli").await, folder());
    let from = folder.path().to_str().expect("UTF-8");
    let one = on(&remote, remote.endpoint(), &["put", "one", "--json", "--memory=16MiB"]);
    let one = run_with_input(one, b"one").await;
    let peak = |told: &Value| told["peak_memory_bytes"].as_u64().expect("a number");
    let program = peak(&one.expect_code(0).json());
    run(on(&remote, remote.endpoint(), &["rm", "one"])).await.expect_code(0);
    let put =
        run(on(&remote, remote.endpoint(), &["put", "logs/", "--folder", from, "--json", "--memory=16MiB"])).await;
    let told = put.expect_code(0).json();
    assert_eq!(told["files"], files.len());
    assert_eq!(told["bytes_in"], files.values().map(Vec::len).sum::<usize>());
    // The budget, and what hundreds of files take beside their data.
    let more = peak(&told).saturating_sub(program);
    assert!(more < (16 + 10) << 20, "{} MiB more than one file", more >> 20);
    let names: Vec<_> = files.keys().map(|name| format!("p/logs/{name}")).collect();
    assert_eq!(remote.objects().await, names);
    assert!(remote.unfinished().await.is_empty());
    for name in ["empty", "deep/er/large", "link", "day-3/101.log"] {
        let get = run(on(&remote, remote.endpoint(), &["get", &format!("logs/{name}")])).await.expect_code(0);
        assert!(get.stdout == files[name], "{name}");
    }
    // Again, without names of their own, and only what is not there yet: nothing is.
    let again = run(on(&remote, remote.endpoint(), &["put", "logs", "--folder", from, "--if-absent"])).await;
    assert!(again.expect_code(5).stderr.contains("0 files were stored"));
}

on_every_cloud!(a_folder_comes_to_be_objects);

#[tokio::test(flavor = "multi_thread")]
async fn a_list_names_the_files() {
    let (remote, (folder, files)) = (bucket().await, folder());
    let list = format!("./empty\nday-1/001.log\n\n{}\n", folder.path().join("link").display());
    let mut put = on(&remote, remote.endpoint(), &["put", "--files-from", "-"]);
    put.current_dir(folder.path());
    let told = run_with_input(put, list.as_bytes()).await.expect_code(0).text();
    assert!(told.starts_with("sealed 3 files below s3://"), "{told}");
    let absolute = format!("p{}/link", folder.path().display());
    let mut names = vec!["p/day-1/001.log".to_owned(), "p/empty".to_owned(), absolute];
    names.sort();
    assert_eq!(remote.objects().await, names);
    let get = run(on(&remote, remote.endpoint(), &["get", "day-1/001.log"])).await.expect_code(0);
    assert!(get.stdout == files["day-1/001.log"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_named_and_the_others_are_stored() {
    let (remote, (folder, files)) = (bucket().await, folder());
    symlink("nowhere", folder.path().join("broken")).expect("linked");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.path().join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .expect("made");
    let from = folder.path().to_str().expect("UTF-8");
    let ended = run(on(&remote, remote.endpoint(), &["put", "--folder", from])).await.expect_code(1);
    let said = &ended.stderr;
    assert!(said.contains("/broken") && said.contains("/pipe: it is no file") && said.contains("2 files"), "{said}");
    assert!(said.contains(&format!("{} files were stored", files.len())), "{said}");
    assert_eq!(remote.objects().await.len(), files.len());

    for (arguments, code, why) in [
        (&["put", "--files-from", "/nowhere/list"][..], 2, "/nowhere/list"),
        (&["put", "--folder", "/nowhere"], 2, "--folder /nowhere: No such file or directory (os error 2)"),
        (&["put", "--folder", "x", "--files-from", "y"], 2, "--folder"),
        (&["put"], 2, "NAME"),
    ] {
        let ended = run(on(&remote, remote.endpoint(), arguments)).await.expect_code(code);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
        let told = ended.stderr.lines().last().expect("a line");
        assert!(told.matches("No such file").count() < 2, "said twice: {told}");
    }
    assert!(!Path::new("x").exists());
}

/// A storage that refuses stops the whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_there_ends_it() {
    let (remote, (folder, _)) = (bucket().await, folder());
    let from = folder.path().to_str().expect("UTF-8");
    let mut put = on(&remote, remote.endpoint(), &["put", "--folder", from]);
    put.env("SEALIFT_STORAGE", "s3://sealift-nowhere/p");
    let said = run(put).await.expect_code(3).stderr;
    assert!(said.contains("sealift-nowhere") && said.contains("0 files were stored"), "{said}");
}

/// Two paths that give one name: one file would be lost. And what is no file: a pipe would be waited for.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_would_lose_a_file_stores_nothing() {
    let (remote, (folder, _)) = (bucket().await, folder());
    let absolute = folder.path().join("empty");
    let nested = folder.path().join(absolute.strip_prefix("/").expect("absolute"));
    std::fs::create_dir_all(nested.parent().expect("a folder")).expect("made");
    std::fs::write(&nested, "another").expect("written");
    let relative = absolute.strip_prefix("/").expect("absolute").display();
    let list = format!("day-1/001.log\n{}\n{relative}\n", absolute.display());
    let mut put = on(&remote, remote.endpoint(), &["put", "--files-from", "-"]);
    put.current_dir(folder.path());
    let said = run_with_input(put, list.as_bytes()).await.expect_code(2).stderr;
    assert!(said.contains(&format!("{} and {relative}", absolute.display())), "{said}");
    assert!(said.contains("0 files were stored"), "{said}");
    remote.assert_untouched().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_may_be_of_find_and_may_name_what_is_no_file() {
    let (remote, folder) = (bucket().await, tempfile::tempdir().expect("a folder"));
    std::fs::write(folder.path().join("two  words\u{a0}"), "odd").expect("written");
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().expect("mkfifo runs");
    assert!(made.success());
    let mut put = on(&remote, remote.endpoint(), &["put", "--files-from0", "-"]);
    put.current_dir(folder.path());
    let said = run_with_input(put, "./two  words\u{a0}\0pipe\0.\0".as_bytes()).await.expect_code(1).stderr;
    assert!(said.contains("pipe: it is no file") && said.contains("1 file was stored"), "{said}");
    assert_eq!(remote.get("p/two  words\u{a0}").await.as_deref().map(<[u8]>::is_empty), Some(false));
}

/// As an empty input is: an error, unless it is said to be fine.
#[tokio::test(flavor = "multi_thread")]
async fn no_file_at_all_is_an_error_unless_it_may_be() {
    let (remote, folder) = (bucket().await, tempfile::tempdir().expect("a folder"));
    let from = folder.path().to_str().expect("UTF-8");
    for arguments in [&["put", "--folder", from][..], &["put", "--files-from", "-"], &["put", "--files-from0", "-"]] {
        let said = run(on(&remote, remote.endpoint(), arguments)).await.expect_code(9).stderr;
        assert!(said.contains("the input was empty") && said.contains("--allow-empty"), "{said}");
        let arguments = [arguments, &["--allow-empty"]].concat();
        let told = run(on(&remote, remote.endpoint(), &arguments)).await.expect_code(0).text();
        assert!(told.contains("sealed 0 files"), "{told}");
    }
}
