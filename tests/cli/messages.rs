//! What is said on standard error beside the work: progress, the log and errors, in each of their forms.

use crate::local_fs::{folder, on};
use sealift_tests::cli::{self, Ended, end, run, run_with_input};
use serde_json::Value;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// A folder with a file whose name is not UTF-8, of which a listing warns, and so that it would colour what follows.
fn warned_of() -> tempfile::TempDir {
    let folder = folder();
    File::create(folder.path().join(std::ffi::OsStr::from_bytes(b"\xff\x1b[31mred"))).expect("created");
    folder
}

#[tokio::test]
async fn with_json_an_error_is_a_document_of_its_fields() {
    let folder = folder();
    let ended = run(on(folder.path(), &["stat", "missing", "--json"])).await.expect_code(3);
    let error: Value = serde_json::from_str(&ended.stderr).expect("one document");
    assert_eq!((&error["error"], &error["exit_code"]), (&"not_found".into(), &3.into()), "{error}");
    assert_eq!(error["location"], format!("file://{}/missing", folder.path().display()));
    for field in ["operation", "reason", "message"] {
        assert!(error[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {error}");
    }
    assert_eq!(error["left_behind"], serde_json::json!([]));
    run_with_input(on(folder.path(), &["put", "there"]), b"data").await.expect_code(0);
    let again = run_with_input(on(folder.path(), &["put", "there", "--if-absent", "--json"]), b"data").await;
    let error: Value = serde_json::from_str(&again.expect_code(5).stderr).expect("one document");
    assert_eq!((&error["error"], &error["outcome"]), (&"already_exists".into(), &"nothing was stored".into()));
    let empty = run(on(folder.path(), &["put", "empty", "--json"])).await.expect_code(9);
    let error: Value = serde_json::from_str(&empty.stderr).expect("one document");
    assert_eq!((&error["error"], &error["exit_code"]), (&"empty_input".into(), &9.into()), "{error}");
    assert!(error["hint"].as_str().is_some_and(|hint| hint.contains("--allow-empty")), "{error}");
}

/// What is wrong with the command line itself is told by its reader, and not by us.
#[tokio::test]
async fn with_json_a_command_line_that_cannot_be_read_is_a_document_too() {
    let url = "file:///nowhere";
    for (arguments, reason, hint) in [
        (&["ls", url, "--json", "--hooman"][..], "unexpected argument '--hooman' found", "'--human'"),
        (&["stat", "--json"], "the following required arguments were not provided: <NAME>", "Usage: sealift stat"),
        (&["ls", url, "--codec", "lzma", "--json"], "invalid value 'lzma' for '--codec <CODEC>'", "--help"),
        (&["ls", url, "--json", "--quiet"], "'--json' cannot be used with '--quiet'", "Usage: sealift ls"),
        (&["list", "--json"], "unrecognized subcommand 'list'", "--help"),
        (&["ls", url, "--json", "--profile", "none"], "--profile none: there is no configuration file", ""),
    ] {
        let mut command = cli::command(arguments);
        command.env("HOME", "/nowhere");
        let ended = run(command).await.expect_code(2);
        let error: Value = serde_json::from_str(&ended.stderr).unwrap_or_else(|_| panic!("{}", ended.stderr));
        assert_eq!((&error["error"], &error["exit_code"]), (&"usage".into(), &2.into()), "{error}");
        assert!(error["reason"].as_str().is_some_and(|text| text.contains(reason)), "{reason}: {error}");
        assert!(hint.is_empty() || error["hint"].as_str().is_some_and(|text| text.contains(hint)), "{hint}: {error}");
        assert!(ended.stdout.is_empty(), "{}", ended.text());
    }
    // For people, and help for all, as ever. What stands behind `--` is another program's.
    for (arguments, code) in [(&["ls", "--hooman"][..], 2), (&["run", "--hooman", "--", "x", "--json"], 2)] {
        let ended = run(cli::command(arguments)).await.expect_code(code);
        assert!(ended.stderr.starts_with("error: unexpected argument '--hooman'"), "{}", ended.stderr);
    }
    for help in [&["ls", "--json", "--help"][..], &["--version", "--json"]] {
        let ended = run(cli::command(help)).await.expect_code(0);
        assert!(ended.stderr.is_empty() && !ended.text().starts_with('{'), "{ended:?}");
    }
}

#[tokio::test]
async fn a_wrong_filter_of_the_log_is_an_error_that_says_what_to_write() {
    let folder = folder();
    for wrong in ["degub", "sealift=degub", "[{", "\u{e9}"] {
        let mut command = on(folder.path(), &["put", "file"]);
        command.env("SEALIFT_LOG", wrong);
        let said = run_with_input(command, b"data").await.expect_code(2).stderr;
        assert!(said.contains("SEALIFT_LOG=") && said.contains("write a level"), "{wrong}: {said}");
        assert!(!folder.path().join("file").exists(), "nothing was done");
    }
}

#[tokio::test]
async fn a_line_of_the_log_has_time_and_level_and_no_line_of_somebody_elses() {
    let folder = warned_of();
    let said = run(on(folder.path(), &["ls"])).await.expect_code(0).stderr;
    let (time, rest) = said.split_once(' ').expect("a time");
    time.parse::<jiff::Timestamp>().unwrap_or_else(|error| panic!("{error}: {said}"));
    assert!(rest.trim_start().starts_with("WARN sealift_local_fs"), "{said}");
    assert!(!said.contains('\x1b') && said.lines().count() == 1, "{said}");
}

#[tokio::test]
async fn the_log_as_json_is_one_document_a_line() {
    let folder = warned_of();
    let said = run(on(folder.path(), &["ls", "-vv", "--log-format", "json"])).await.expect_code(0).stderr;
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let warning = lines.iter().find(|line| line["level"] == "WARN").expect("a warning");
    assert!(warning["message"].as_str().is_some_and(|message| message.contains("not UTF-8")), "{warning}");
    assert!(warning["time"].is_string() && warning["target"].is_string(), "{warning}");
}

/// `sealift`, with a file as its standard error, which is what `JOURNAL_STREAM` says or not; returns what is in it.
async fn into_a_file(folder: &Path, stream: impl Fn(&File) -> String) -> String {
    let errors = tempfile::NamedTempFile::new().expect("a file");
    let mut command = on(folder, &["ls"]);
    command.env("JOURNAL_STREAM", stream(errors.as_file()));
    command.stderr(Stdio::from(errors.reopen().expect("opened")));
    end(command.spawn().expect("starts")).await.expect_code(0);
    std::fs::read_to_string(errors.path()).expect("text")
}

#[tokio::test]
async fn for_the_journal_lines_have_a_level_and_no_time_and_only_for_it() {
    let folder = warned_of();
    let stream = |file: &File| {
        let is = file.metadata().expect("known");
        format!("{}:{}", is.dev(), is.ino())
    };
    let said = into_a_file(folder.path(), stream).await;
    assert!(said.starts_with("<4>sealift_local_fs"), "{said}");
    let said = into_a_file(folder.path(), |file| format!("{}0", stream(file))).await;
    assert!(said.starts_with("20"), "another's journal is not ours: {said}");
}

/// `sealift`, with a terminal as its standard error alone. What it shows comes back as standard output.
async fn at_a_terminal(folder: &Path, with: impl Fn(&mut Command), script: &str) -> Ended {
    const SPAWN: &str = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let mut command = cli::command_of("python3");
    command.args(["-c", SPAWN, "bash", "-c", script]).arg(cli::sealift());
    command.env("SEALIFT_STORAGE", format!("file://{}", folder.display())).env("TERM", "xterm");
    with(&mut command);
    run(command).await
}

#[tokio::test]
async fn colours_are_for_terminals_whose_owner_wants_them() {
    let folder = warned_of();
    for (set, coloured) in [(&[][..], true), (&[("NO_COLOR", "1")], false), (&[("NO_COLOR", "")], true)] {
        let said = at_a_terminal(folder.path(), |command| _ = command.envs(set.iter().copied()), "$0 ls").await;
        assert_eq!(said.expect_code(0).text().contains("\x1b[33m WARN"), coloured, "{set:?}");
    }
}

#[tokio::test]
async fn progress_is_shown_while_it_works_and_is_gone_before_the_summary() {
    let folder = folder();
    // The source gives something, and then nothing until the line has been shown. It is counted by whole blocks of 1 MiB.
    let source = "{ head -c 3000000 /dev/zero; sleep 2; }";
    let shown = at_a_terminal(folder.path(), |_| {}, &format!("{source} | $0 put file")).await.expect_code(0).text();
    assert!(shown.contains("2.0 MiB in (") && shown.contains("waits for the source"), "{shown:?}");
    let (_, after) = shown.rsplit_once("waits for the source").expect("shown");
    let (_, summary) = after.split_once("sealed file://").expect("a summary");
    assert!(!summary.contains("waits for") && !summary.contains(" in ("), "it does not come back: {shown:?}");
    assert!(after.contains("\x1b[2K"), "it is erased: {shown:?}");
    for silent in ["--quiet", "--progress never"] {
        let shown = at_a_terminal(folder.path(), |_| {}, &format!("{source} | $0 put file {silent}")).await;
        assert!(!shown.expect_code(0).text().contains("waits for"), "{silent}");
    }
}

#[tokio::test]
async fn progress_is_on_standard_error_alone_and_not_where_nobody_looks() {
    let folder = folder();
    let script = "{ head -c 3000000 /dev/zero; sleep 2; } | $0 put file > $SUMMARY";
    let summary = folder.path().with_extension("summary");
    let shown = at_a_terminal(folder.path(), |command| _ = command.env("SUMMARY", &summary), script).await;
    assert!(shown.expect_code(0).text().contains("waits for the source"));
    let said = std::fs::read_to_string(&summary).expect("text");
    std::fs::remove_file(&summary).expect("removed");
    assert!(said.starts_with("sealed ") && said.lines().count() == 1, "{said}");
    let mut piped = cli::command_of("bash");
    piped.args(["-c", "{ head -c 3000000 /dev/zero; sleep 2; } | $0 put file"]).arg(cli::sealift());
    piped.env("SEALIFT_STORAGE", format!("file://{}", folder.path().display()));
    let ended = run(piped).await.expect_code(0);
    assert!(ended.stderr.is_empty(), "{}", ended.stderr);
}
