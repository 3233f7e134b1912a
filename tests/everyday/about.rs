//! The version, the help, completions and manual pages.

use sealift_tests::cli::{self, run, sealift};
use std::fs;

#[tokio::test]
async fn the_version_says_what_it_was_built_of() {
    let told = run(cli::command(["--version"])).await.expect_code(0).text();
    let commit = std::process::Command::new("git").args(["rev-parse", "--short=7", "HEAD"]).output();
    let commit = commit
        .ok()
        .filter(|told| told.status.success())
        .map(|told| String::from_utf8_lossy(&told.stdout).trim().to_owned());
    let of_what = match commit {
        Some(commit) => format!("{commit}, s3 gcs azure otel"),
        None => "s3 gcs azure otel".to_owned(),
    };
    assert_eq!(told, format!("sealift {} ({of_what})\n", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn topics_and_commands_are_explained() {
    for (arguments, part) in [
        (&["help"][..], "Usage: sealift"),
        (&["help", "put"], "Usage: sealift put"),
        (&["help", "backup", "continuously"], "--transaction-batch-size"),
        (&["help", "names"], "az://CONTAINER/NAME"),
        (&["help", "config"], "/etc/sealift/config.toml"),
        (&["help", "exit-codes"], "124  the --deadline has passed"),
    ] {
        let told = run(cli::command(arguments)).await.expect_code(0).text();
        assert!(told.contains(part), "{arguments:?}: {told}");
    }
    let said = run(cli::command(["help", "storages"])).await.expect_code(2).stderr;
    assert!(said.contains("topics are storage, names, config, exit-codes"), "{said}");
}

/// The topic names options and variables: each of them is there.
#[tokio::test]
async fn what_the_topic_of_storages_names_is_there() {
    let told = run(cli::command(["help", "storage"])).await.expect_code(0).text();
    let help = run(cli::command(["help", "get"])).await.expect_code(0).text()
        + &run(cli::command(["help", "ls"])).await.expect_code(0).text();
    let words = told.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let options: Vec<_> = words.filter(|word| word.starts_with("--") && word.len() > 2).collect();
    assert!(options.len() > 15, "{options:?}");
    for option in options {
        assert!(help.contains(option), "{option} is no option");
    }
    for url in ["s3://", "gs://", "az://", "file:///", "command-adapter"] {
        assert!(told.contains(url), "{url}");
    }
}

#[tokio::test]
async fn completions_complete() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let told = run(cli::command(["completions", shell])).await.expect_code(0).text();
        assert!(told.contains("skip-existing"), "{shell}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("sealift");
    fs::write(&script, run(cli::command(["completions", "bash"])).await.expect_code(0).stdout).expect("written");
    let ask = "source \"$0\"; COMP_WORDS=(sealift get --skip); COMP_CWORD=2; _sealift sealift --skip get; echo \"${COMPREPLY[@]}\"";
    let told = std::process::Command::new("bash").args(["-c", ask]).arg(&script).output().expect("bash runs");
    assert_eq!(String::from_utf8_lossy(&told.stdout).trim(), "--skip-existing", "{told:?}");
}

#[tokio::test]
async fn each_command_has_a_manual_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let pages = folder.path().join("man1");
    run(cli::command(["man", pages.to_str().expect("UTF-8")])).await.expect_code(0);
    for page in ["sealift.1", "sealift-put.1", "sealift-backup-continuously.1", "sealift-config-show.1"] {
        let text = fs::read_to_string(pages.join(page)).expect(page);
        assert!(text.contains(".SH NAME") && text.contains(".SH OPTIONS"), "{page}");
    }
    assert!(sealift().exists());
}
