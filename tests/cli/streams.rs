//! Streams there and back: through `sealift`, and through the tools that people have.

use crate::{bucket, incompressible, on};
use sealift_tests::cli::{run, run_with_input};
use sealift_tests::cloud::{Cloud, Errand};
use sealift_tests::data::Pattern;
use std::process::Stdio;
use tokio::process::Command;

fn pattern(len: usize) -> Vec<u8> {
    let mut data = vec![0; len];
    Pattern::new(3).fill(&mut data);
    data
}

async fn sizes_around_every_border_come_back_identical<C: Cloud>() {
    let remote = C::new("cli").await;
    for len in [1, 1 << 20, (1 << 20) + 1, 8 << 20, (8 << 20) + 1, 25 << 20] {
        let data = pattern(len);
        let put = run_with_input(on(&remote, remote.endpoint(), &["put", "file", "--json"]), &data).await;
        let summary = put.expect_code(0).json();
        assert_eq!(summary["bytes_in"], len);
        let objects = remote.objects().await;
        assert_eq!(objects, ["p/file"]);
        let stored = remote.get("p/file").await.expect("stored");
        assert_eq!(summary["bytes_stored"], stored.len());
        let get = run(on(&remote, remote.endpoint(), &["get", "file"])).await.expect_code(0);
        assert!(get.stdout == data, "{len} bytes");
    }
    assert!(remote.unfinished().await.is_empty());
}

/// `data` through `gzip` with these options.
async fn gzip(options: &str, data: &[u8]) -> Vec<u8> {
    let mut gzip = Command::new("gzip");
    gzip.arg(options).stdout(Stdio::piped()).stderr(Stdio::piped());
    run_with_input(gzip, data).await.expect_code(0).stdout
}

async fn the_vendors_client_and_gzip_read_what_sealift_wrote<C: Cloud>() {
    let remote = C::new("cli").await;
    // One part, and several.
    for (name, len) in [("small", 1000), ("large", 21 << 20)] {
        let data = pattern(len);
        run_with_input(on(&remote, remote.endpoint(), &["put", name]), &data).await.expect_code(0);
        let read = run_with_input(remote.vendor(Errand::Read(&format!("p/{name}"))), b"").await.expect_code(0);
        assert!(gzip("-dc", &read.stdout).await == data);
    }
    // And it lists what Sealift lists.
    let listed = run_with_input(remote.vendor(Errand::List), b"").await.expect_code(0).text();
    let listed: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    let mut ours = Vec::new();
    for name in ["large", "small"] {
        let stat = run(on(&remote, remote.endpoint(), &["stat", name, "--json"])).await.expect_code(0).json();
        ours.push([format!("p/{name}"), stat["bytes_stored"].to_string()]);
    }
    assert_eq!(listed, ours);
}

async fn sealift_reads_what_gzip_and_the_vendors_client_wrote<C: Cloud>() {
    let remote = C::new("cli").await;
    let data = pattern(21 << 20);
    let stored = gzip("-c", &data).await;
    run_with_input(remote.vendor(Errand::Write("p/file")), &stored).await.expect_code(0);
    let names = run(on(&remote, remote.endpoint(), &["ls", "--names"])).await.expect_code(0);
    assert_eq!(names.text(), "file\n");
    let get = run(on(&remote, remote.endpoint(), &["get", "file"])).await.expect_code(0);
    assert!(get.stdout == data);
}

async fn a_file_appears_only_when_all_was_verified<C: Cloud>() {
    let remote = C::new("cli").await;
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("out");
    let output_arg = output.to_str().expect("UTF-8");
    let data = incompressible(3 << 20);
    run_with_input(on(&remote, remote.endpoint(), &["put", "file"]), &data).await.expect_code(0);
    run(on(&remote, remote.endpoint(), &["get", "file", "-o", output_arg])).await.expect_code(0);
    assert!(std::fs::read(&output).expect("there") == data);

    std::fs::write(&output, "old").expect("written");
    let stored = remote.get("p/file").await.expect("stored");
    remote.put("p/file", stored.slice(..stored.len() - 1)).await;
    run(on(&remote, remote.endpoint(), &["get", "file", "-o", output_arg])).await.expect_code(7);
    assert_eq!(std::fs::read(&output).expect("there"), b"old");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "no temporary file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_standard_output_that_leaves_is_no_hang() {
    let remote = bucket().await;
    run_with_input(on(&remote, remote.endpoint(), &["put", "file"]), &incompressible(3 << 20)).await.expect_code(0);
    let mut child = on(&remote, remote.endpoint(), &["get", "file"]).spawn().expect("starts");
    drop(child.stdout.take());
    assert_eq!(child.wait().await.expect("ended").code(), Some(1));
}

async fn without_compression_the_object_is_the_input<C: Cloud>() {
    let remote = C::new("cli").await;
    let data = pattern(9 << 20);
    let put = run_with_input(on(&remote, remote.endpoint(), &["put", "file", "--codec", "none"]), &data).await;
    put.expect_code(0);
    assert!(remote.get("p/file").await.expect("stored") == data);
    let get = run(on(&remote, remote.endpoint(), &["get", "file", "--codec", "none"])).await.expect_code(0);
    assert!(get.stdout == data);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_the_checksums_is_served() {
    let remote = bucket().await;
    let data = pattern(21 << 20);
    for size in [1000, data.len()] {
        let put = on(&remote, remote.endpoint(), &["put", "file", "--checksums", "none"]);
        run_with_input(put, &data[..size]).await.expect_code(0);
        let get = on(&remote, remote.endpoint(), &["get", "file", "--checksums", "none"]);
        assert!(run(get).await.expect_code(0).stdout == data[..size]);
    }
}

async fn listing_showing_and_removing<C: Cloud>() {
    let remote = C::new("cli").await;
    for name in ["b/2", "a", "b/1"] {
        run_with_input(on(&remote, remote.endpoint(), &["put", name]), b"x").await.expect_code(0);
    }
    let names = async |arguments: &[&str]| {
        let listed = run(on(&remote, remote.endpoint(), arguments)).await.expect_code(0).text();
        listed.lines().map(|line| line.split_whitespace().last().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&["ls"]).await, ["a", "b/1", "b/2"]);
    assert_eq!(names(&["ls", "b/"]).await, ["b/1", "b/2"]);
    let only_names = run(on(&remote, remote.endpoint(), &["ls", "b/", "--names"])).await.expect_code(0);
    assert_eq!(only_names.text(), "b/1\nb/2\n");
    let stat = run(on(&remote, remote.endpoint(), &["stat", "a", "--json"])).await.expect_code(0).json();
    assert_eq!(stat["bytes_stored"], remote.get("p/a").await.expect("stored").len());
    // A name that is wrong removes nothing.
    run(on(&remote, remote.endpoint(), &["rm", "a", "no-such-object"])).await.expect_code(3);
    assert_eq!(names(&["ls"]).await.len(), 3);
    run(on(&remote, remote.endpoint(), &["rm", "a", "b/1"])).await.expect_code(0);
    assert_eq!(names(&["ls"]).await, ["b/2"]);
    let moved = run(on(&remote, remote.endpoint(), &["mv", "b/2", "c/3"])).await.expect_code(0);
    assert!(moved.text().contains("/p/b/2 to ") && moved.text().contains("/p/c/3"), "{}", moved.text());
    assert_eq!(names(&["ls"]).await, ["c/3"]);
    run(on(&remote, remote.endpoint(), &["mv", "b/2", "c/4"])).await.expect_code(3);
    let quiet = run_with_input(on(&remote, remote.endpoint(), &["put", "q", "--quiet"]), b"x").await.expect_code(0);
    assert_eq!((quiet.text(), quiet.stderr), (String::new(), String::new()));
}

async fn a_whole_url_names_the_object<C: Cloud>() {
    let remote = C::new("cli").await;
    let url = format!("{}/deep/er/file", remote.url());
    let mut put = on(&remote, remote.endpoint(), &["put", &url]);
    put.env_remove("SEALIFT_STORAGE");
    run_with_input(put, b"x").await.expect_code(0);
    assert_eq!(remote.objects().await, ["deep/er/file"]);
}

/// With the same environment.
async fn a_printed_location_is_taken_back<C: Cloud>() {
    let remote = C::new("cli").await;
    let put = run_with_input(on(&remote, remote.endpoint(), &["put", "a/file", "--json"]), b"x").await.expect_code(0);
    let location = put.json()["location"].as_str().expect("text").to_owned();
    let mut get = on(&remote, remote.endpoint(), &["get", &location]);
    get.env_remove("SEALIFT_STORAGE");
    assert_eq!(run(get).await.expect_code(0).stdout, b"x");
}

async fn the_summary_says_what_was_stored<C: Cloud>() {
    let remote = C::new("cli").await;
    let put = run_with_input(on(&remote, remote.endpoint(), &["put", "file"]), &[0; 100_000]).await.expect_code(0);
    let text = put.text();
    for part in ["sealed ", &format!("{}/p/file", remote.url()), "97.7 KiB in", "stored (ratio", "1 part", "crc"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

on_every_cloud!(
    sizes_around_every_border_come_back_identical,
    the_vendors_client_and_gzip_read_what_sealift_wrote,
    sealift_reads_what_gzip_and_the_vendors_client_wrote,
    a_file_appears_only_when_all_was_verified,
    without_compression_the_object_is_the_input,
    listing_showing_and_removing,
    a_whole_url_names_the_object,
    a_printed_location_is_taken_back,
    the_summary_says_what_was_stored,
);
