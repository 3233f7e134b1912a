//! `--codec` and `--level`: what they take, what is stored, and who reads it.

use crate::on;
use sealift_tests::cli::{self, end, run, run_with_input};
use sealift_tests::cloud::{Cloud, Step};
use sealift_tests::data::Pattern;
use sealift_tests::proxy::{Fault, FaultProxy};
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

fn pattern(len: usize) -> Vec<u8> {
    let mut data = vec![0; len];
    Pattern::new(5).fill(&mut data);
    data
}

fn in_folder(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = cli::command(arguments);
    command.env("SEALIFT_STORAGE", format!("file://{}", folder.display()));
    command
}

async fn zstd_is_stored_and_read_back_by_default<C: Cloud>() {
    let remote = C::new("cli").await;
    for len in [1, 1 << 20, 21 << 20] {
        let data = pattern(len);
        let put = ["put", "file", "--codec", "zstd", "--level", "1", "--json"];
        let put = run_with_input(on(&remote, remote.endpoint(), &put), &data).await.expect_code(0).json();
        let stored = remote.get("p/file").await.expect("stored");
        assert_eq!((&put["bytes_in"], &put["bytes_stored"]), (&len.into(), &stored.len().into()));
        assert!(len == 1 || stored.len() < len);
        for arguments in [&["get", "file"][..], &["get", "file", "--codec", "zstd"]] {
            let get = run(on(&remote, remote.endpoint(), arguments)).await.expect_code(0);
            assert!(get.stdout == data, "{len} bytes by {arguments:?}");
        }
        let get = run(on(&remote, remote.endpoint(), &["get", "file", "--codec", "none"])).await.expect_code(0);
        assert!(get.stdout == stored);
    }
    let stored = remote.get("p/file").await.expect("stored");
    remote.put("p/file", stored.slice(..stored.len() - 31)).await;
    let ended = run(on(&remote, remote.endpoint(), &["get", "file"])).await.expect_code(7);
    assert!(ended.stderr.contains("cut off") && ended.stderr.contains("/p/file"), "{}", ended.stderr);
}

/// The tool, where it is installed.
#[tokio::test]
async fn zstd_itself_reads_what_sealift_wrote_and_the_other_way_round() {
    let folder = tempfile::tempdir().expect("a folder");
    let zstd = |arguments: &[&str]| {
        let mut zstd = Command::new("zstd");
        zstd.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        zstd
    };
    if zstd(&["--version"]).output().await.is_err() {
        println!("NOT TESTED: there is no zstd here");
        return;
    }
    for len in [0, 1, (5 << 20) + 3] {
        let data = pattern(len);
        let put = ["put", "file", "--codec", "zstd", "--allow-empty"];
        run_with_input(in_folder(folder.path(), &put), &data).await.expect_code(0);
        let file = folder.path().join("file");
        for arguments in [&["-dc"][..], &["-dc", "--single-thread"]] {
            let mut zstd = zstd(arguments);
            zstd.arg(&file);
            assert!(run(zstd).await.expect_code(0).stdout == data, "{len} bytes");
        }
        let foreign = run_with_input(zstd(&["-c"]), &data).await.expect_code(0).stdout;
        std::fs::write(&file, foreign).expect("written");
        let get = run(in_folder(folder.path(), &["get", "file", "--codec", "zstd"])).await.expect_code(0);
        assert!(get.stdout == data, "{len} bytes");
    }
}

#[tokio::test]
async fn a_folder_gives_what_is_in_it_unless_told_otherwise() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = pattern(3 << 20);
    for (codec, magic) in [("gzip", [0x1f, 0x8b]), ("zstd", [0x28, 0xb5])] {
        run_with_input(in_folder(folder.path(), &["put", "file", "--codec", codec]), &data).await.expect_code(0);
        let stored = std::fs::read(folder.path().join("file")).expect("there");
        assert!(stored.starts_with(&magic));
        assert!(run(in_folder(folder.path(), &["get", "file"])).await.expect_code(0).stdout == stored);
        for reader in ["gzip", "zstd"] {
            let get = run(in_folder(folder.path(), &["get", "file", "--codec", reader])).await.expect_code(0);
            assert!(get.stdout == data, "{codec} by {reader}");
        }
    }
}

#[tokio::test]
async fn a_level_is_one_of_its_codec() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arguments, hint) in [
        (&["--codec", "gzip", "--level", "13"][..], "13 is no level of gzip: 1 (fastest) to 12 (smallest)"),
        (&["--codec", "gzip", "--level", "0"], "0 is no level of gzip"),
        (&["--codec", "zstd", "--level", "20"], "20 is no level of zstd: 1 (fastest) to 19 (smallest)"),
        (&["--codec", "none", "--level", "3"], "--codec gzip or --codec zstd"),
        (&["--level", "3"], "--codec gzip or --codec zstd"),
        (&["--codec", "lz4"], "gzip, zstd, none"),
        (&["--codec", "gzip", "--level", "x"], "a level is a number, or auto"),
        (&["--codec", "none", "--level", "auto"], "--codec gzip or --codec zstd"),
    ] {
        let ended = run(in_folder(folder.path(), &[&["put", "file"][..], arguments].concat())).await.expect_code(2);
        assert!(ended.stderr.contains(hint), "{arguments:?}: {}", ended.stderr);
    }
    let data = pattern(1 << 20);
    let mut sizes = Vec::new();
    for (codec, level) in [("gzip", "1"), ("gzip", "12"), ("zstd", "1"), ("zstd", "19")] {
        let put = ["put", "file", "--json", "--codec", codec, "--level", level];
        let put = run_with_input(in_folder(folder.path(), &put), &data).await.expect_code(0).json();
        sizes.push(put["bytes_stored"].as_u64().expect("a number"));
    }
    assert!(sizes[0] > sizes[1] && sizes[2] > sizes[3], "{sizes:?}");
}

/// What comes slowly is stored smaller, and what comes at once is not: that would only take longer.
#[tokio::test(flavor = "multi_thread")]
async fn a_level_is_found_by_what_is_waited_for() {
    const BLOCK: usize = 1 << 20;
    // Of which each takes some milliseconds, also on a busy machine.
    const PACE: Duration = Duration::from_millis(250);
    let folder = tempfile::tempdir().expect("a folder");
    let data = pattern(18 * BLOCK);
    for (codec, level) in [("gzip", "5"), ("zstd", "3")] {
        let put = |name, level| {
            let options = ["--codec", codec, "--level", level, "--compress-threads=1", "--json"];
            in_folder(folder.path(), &[&["put", name], &options[..]].concat())
        };
        let fixed = run_with_input(put("fixed", level), &data).await.expect_code(0).json();
        let mut slowly = put("slowly", "auto").stdin(Stdio::piped()).spawn().expect("starts");
        let mut input = slowly.stdin.take().expect("a pipe");
        for block in data.chunks(BLOCK) {
            input.write_all(block).await.expect("taken");
            tokio::time::sleep(PACE).await;
        }
        drop(input);
        let slowly = end(slowly).await.expect_code(0).json();
        let stored = |of: &Value| of["bytes_stored"].as_u64().expect("a number");
        assert!(stored(&slowly) < stored(&fixed), "{codec}: {slowly} {fixed}");
        run_with_input(put("at once", "auto"), &data).await.expect_code(0);
        for name in ["fixed", "slowly", "at once"] {
            let get = run(in_folder(folder.path(), &["get", name, "--codec", codec])).await.expect_code(0);
            assert!(get.stdout == data, "{codec}, {name}");
        }
    }
}

#[tokio::test]
async fn a_backup_is_not_stored_as_zstd() {
    let folder = tempfile::tempdir().expect("a folder");
    let backup = ["backup", "epoch-ending", "--start-epoch", "0", "--end-epoch", "1", "--codec", "zstd"];
    let ended = run(in_folder(folder.path(), &backup)).await.expect_code(2);
    assert!(ended.stderr.contains("Aptos tools could not restore"), "{}", ended.stderr);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

/// As it is, it goes out before its checksum is known: only a file, which nobody sees before its end, is read again.
async fn what_comes_damaged_is_read_again<C: Cloud>() {
    let remote = C::new("cli").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (file, data) = (folder.path().join("file"), pattern(21 << 20));
    let path = file.to_str().expect("UTF-8");
    run_with_input(on(&remote, remote.endpoint(), &["put", "large", "--codec", "none"]), &data).await.expect_code(0);
    run_with_input(on(&remote, remote.endpoint(), &["put", "small", "--codec", "none"]), &data[..999])
        .await
        .expect_code(0);
    run_with_input(on(&remote, remote.endpoint(), &["put", "blocks"]), &data).await.expect_code(0);
    let get = async |arguments: &[&str], times: usize, code| {
        let flipped = proxy.on(C::on(Step::Read).times(times), Fault::Corrupt { at: 77 });
        let ended = run(on(&remote, &proxy.endpoint(), &[&["get"], arguments].concat())).await.expect_code(code);
        assert_eq!(flipped.fired(), times, "{arguments:?}");
        proxy.clear();
        ended
    };
    assert!(get(&["small", "--codec", "none"], 2, 0).await.stdout == data[..999]);
    assert!(get(&["blocks"], 1, 0).await.stdout == data);
    get(&["large", "--codec", "none", "-o", path], 2, 0).await;
    assert!(std::fs::read(&file).expect("written") == data);
    let ended = get(&["large", "--codec", "none"], 1, 7).await;
    assert!(ended.stderr.contains("must not be used"), "{}", ended.stderr);
}

#[tokio::test]
async fn what_cat_and_a_block_device_make_of_a_file_is_read_as_gzip_reads_it() {
    let (folder, data) = (tempfile::tempdir().expect("a folder"), pattern(3 << 20));
    run_with_input(in_folder(folder.path(), &["put", "ours", "--codec", "gzip"]), &data).await.expect_code(0);
    let ours = std::fs::read(folder.path().join("ours")).expect("stored");
    let mut gzip = Command::new("gzip");
    gzip.arg("-c").stdout(Stdio::piped()).stderr(Stdio::piped());
    let theirs = run_with_input(gzip, &data).await.expect_code(0).stdout;
    for joined in [[&ours[..], &ours].concat(), [&ours[..], &theirs, &ours].concat(), [&theirs[..], &ours].concat()] {
        for zeros in [0, 512, 1 << 20] {
            let file = folder.path().join("joined");
            std::fs::write(&file, [&joined[..], &vec![0; zeros]].concat()).expect("written");
            let mut gzip = Command::new("gzip");
            gzip.arg("-dc").arg(&file).stdout(Stdio::piped()).stderr(Stdio::piped());
            let expected = run(gzip).await.expect_code(0).stdout;
            let get = run(in_folder(folder.path(), &["get", "joined", "--codec", "gzip"])).await.expect_code(0);
            assert!(get.stdout == expected, "{zeros} zeros behind {} bytes", joined.len());
        }
    }
}

on_every_cloud!(zstd_is_stored_and_read_back_by_default, what_comes_damaged_is_read_again);
