//! What things are called: any key that is there can be listed, read, moved and removed; a name is a whole name; a URL is a
//! name too.

use crate::on;
use sealift_tests::cli::{self, run, run_with_input};
use sealift_tests::cloud::Cloud;
use std::collections::BTreeSet;

/// Names that other programs give, below `p`, on every cloud.
const NAMES: [&str; 7] = ["/lead", "dir/", "a//b", "a b", "it's $(x)", "a+b%20c%2Bd", "\u{fc}\u{1f600}"];

/// More names, which the others have not, or their emulators cannot keep: Azure's URLs fold dots and drop tabs, and Azurite writes
/// XML that nobody reads; Google's takes dots for a path.
fn more(url: &str) -> &'static [&'static str] {
    match url.split(':').next() {
        Some("s3") => &["tab\there", "\u{1}", "./x", "a/../b"],
        Some("gs") => &["tab\there", "\u{1}"],
        _ => &[],
    }
}

async fn every_key_that_is_there_is_listed_read_moved_and_removed<C: Cloud>() {
    let remote = C::new("cli").await;
    let url = remote.url();
    let names: BTreeSet<&str> = NAMES.iter().chain(more(&url)).copied().collect();
    for name in &names {
        remote.put(&format!("p/{name}"), name.as_bytes().to_vec().into()).await;
    }
    let listed = run(on(&remote, remote.endpoint(), &["ls", "--names"])).await.expect_code(0).text();
    assert_eq!(listed.lines().collect::<BTreeSet<_>>(), names);
    let listed = run(on(&remote, remote.endpoint(), &["ls", "--json"])).await.expect_code(0).text();
    let told =
        listed.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["name"].clone());
    let told: Vec<String> = told.map(|name| name.as_str().expect("a name").to_owned()).collect();
    assert_eq!(told.iter().map(String::as_str).collect::<BTreeSet<_>>(), names);
    for name in &names {
        let url = format!("{}/p/{name}", remote.url());
        for spelled in [name, url.as_str()] {
            let get = run(on(&remote, remote.endpoint(), &["get", "--codec", "none", "--", spelled])).await;
            assert_eq!(get.expect_code(0).text(), *name);
        }
        run(on(&remote, remote.endpoint(), &["stat", "--", name])).await.expect_code(0);
        run(on(&remote, remote.endpoint(), &["mv", "--", name, "moved"])).await.expect_code(0);
        let moved = run(on(&remote, remote.endpoint(), &["get", "--codec", "none", "moved"])).await.expect_code(0);
        assert_eq!(moved.text(), *name);
        remote.put(&format!("p/{name}"), name.as_bytes().to_vec().into()).await;
        run(on(&remote, remote.endpoint(), &["rm", "--", name, "moved"])).await.expect_code(0);
    }
    assert_eq!(remote.objects().await, Vec::<String>::new());
}

async fn only_what_is_written_anew_has_rules<C: Cloud>() {
    let remote = C::new("cli").await;
    for name in ["/lead", "dir/", "a//b", "tab\there", "./x", "a/../b", ".."] {
        let put = run_with_input(on(&remote, remote.endpoint(), &["put", "--", name]), b"data").await.expect_code(2);
        assert!(put.stderr.contains("choose another name"), "{name}: {}", put.stderr);
        run_with_input(on(&remote, remote.endpoint(), &["put", "file"]), b"data").await.expect_code(0);
        let mv = run(on(&remote, remote.endpoint(), &["mv", "--", "file", name])).await.expect_code(2);
        assert!(mv.stderr.contains("choose another name"), "{name}: {}", mv.stderr);
        assert_eq!(remote.objects().await, ["p/file"]);
    }
}

async fn a_name_is_a_whole_name<C: Cloud>() {
    let remote = C::new("cli").await;
    for key in ["p/db", "p/db/x", "p/db/y/z", "p/db-old", "p/db2/y", "q/db/x"] {
        remote.put(key, key.as_bytes().to_vec().into()).await;
    }
    let ls = async |name: &str| {
        let listed = run(on(&remote, remote.endpoint(), &["ls", "--names", name])).await.expect_code(0).text();
        listed.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(ls("db").await, ["db", "db/x", "db/y/z"]);
    assert_eq!(ls("db/").await, ["db/x", "db/y/z"]);
    assert_eq!(ls("d").await, Vec::<String>::new());
    let urls: Vec<String> = ["db", "db/x", "db/y/z"].iter().map(|name| format!("{}/p/{name}", remote.url())).collect();
    assert_eq!(ls(&urls[0]).await, urls, "as they can be pasted behind get");
    let mut below = on(&remote, remote.endpoint(), &["ls", "--names"]);
    below.env("SEALIFT_STORAGE", format!("{}/p/db", remote.url()));
    assert_eq!(run(below).await.expect_code(0).text(), "x\ny/z\n");
}

async fn whole_urls_of_one_storage_are_names_of_any_command<C: Cloud>() {
    let remote = C::new("cli").await;
    let url = |name: &str| format!("{}/q/{name}", remote.url());
    for key in ["q/a", "q/b"] {
        remote.put(key, key.as_bytes().to_vec().into()).await;
    }
    run(on(&remote, remote.endpoint(), &["mv", &url("a"), &url("c")])).await.expect_code(0);
    assert_eq!(remote.objects().await, ["q/b", "q/c"]);
    for pair in [[&url("b"), "s3://another-bucket/x"], [&url("b"), "file:///tmp/x"]] {
        for command in ["mv", "rm"] {
            let ended = run(on(&remote, remote.endpoint(), &[command, pair[0], pair[1]])).await.expect_code(2);
            assert!(ended.stderr.contains("two storages"), "{command}: {}", ended.stderr);
        }
    }
    let ended = run(on(&remote, remote.endpoint(), &["mv", &url("b"), "d"])).await.expect_code(2);
    assert!(ended.stderr.contains("all names are whole URLs"), "{}", ended.stderr);
    assert_eq!(remote.objects().await, ["q/b", "q/c"]);
    run(on(&remote, remote.endpoint(), &["rm", &url("b"), &url("c")])).await.expect_code(0);
    assert_eq!(remote.objects().await, Vec::<String>::new());
}

on_every_cloud!(
    every_key_that_is_there_is_listed_read_moved_and_removed,
    only_what_is_written_anew_has_rules,
    a_name_is_a_whole_name,
    whole_urls_of_one_storage_are_names_of_any_command,
);

/// A folder's files are named by paths, and its URLs are percent-encoded.
#[tokio::test]
async fn what_ls_prints_of_a_folder_can_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["a b", "100%", "new\nline", "d/e"] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, name).expect("written");
    }
    let url = format!("file://{}", folder.path().display());
    let listed = run(cli::command(["ls", &url, "--json"])).await.expect_code(0).text();
    assert_eq!(listed.lines().count(), 4);
    for line in listed.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let name = line["name"].as_str().expect("a name");
        let get = run(cli::command(["get", name])).await.expect_code(0).text();
        assert!(name.starts_with(&url) && get.len() as u64 == line["bytes_stored"].as_u64().expect("a size"), "{name}");
        let other = format!("{url}/moved/x");
        run(cli::command(["mv", name, &other])).await.expect_code(0);
        assert_eq!(run(cli::command(["get", &other])).await.expect_code(0).text(), get);
        run(cli::command(["rm", &other])).await.expect_code(0);
    }
    for outside in ["../x", "a/../../x", "/etc/passwd"] {
        let mut get = cli::command(["get", "--", outside]);
        get.env("SEALIFT_STORAGE", &url);
        let ended = run(get).await.expect_code(2);
        assert!(ended.stderr.contains("no path below the root"), "{}", ended.stderr);
    }
}

/// Of a folder that was never said to be a storage nothing goes but what was named; and one file is listed as itself.
#[tokio::test]
async fn urls_of_files_move_and_remove_those_and_no_folders() {
    let root = tempfile::tempdir().expect("a folder");
    for name in ["a/x", "b/y", "c/z"] {
        let path = root.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, name).expect("written");
    }
    let url = |name: &str| format!("file://{}/{name}", root.path().display());
    let listed = run(cli::command(["ls", "--names", &url("a/x")])).await.expect_code(0).text();
    assert_eq!(listed, format!("{}\n", url("a/x")));
    run(cli::command(["mv", &url("a/x"), &url("b/x")])).await.expect_code(0);
    run(cli::command(["rm", &url("b/y"), &url("c/z")])).await.expect_code(0);
    assert_eq!(std::fs::read_to_string(root.path().join("b/x")).expect("moved"), "a/x");
    assert!(root.path().join("a").is_dir() && root.path().join("c").is_dir(), "they are not Sealift's to remove");
}
