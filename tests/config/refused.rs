//! What a configuration is refused for, each with its file and line, and never with a secret.

use crate::Home;
use sealift_tests::cli::{SECRET, run};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};

#[tokio::test]
async fn what_is_wrong_in_it_is_said_with_its_line() {
    for (text, line, why) in [
        ("memroy = '1GiB'", 1, "memroy: there is no such option; did you mean memory?"),
        ("\n[put]\nskip_existing = true", 3, "skip_existing: put has no such option; did you mean skip-existing?"),
        ("[ls]\nif-absent = true", 2, "if-absent: ls has no such option"),
        ("[putt]\nif-absent = true", 1, "putt: there is no such command; did you mean put?"),
        ("[profile.x]\nregoin = 'a'", 2, "regoin: there is no such option; did you mean region?"),
        ("[profile]\nx = 1", 2, "x: a profile is a table"),
        ("put = 1", 1, "put: a command's settings are a table"),
        ("memory = true", 1, "memory: it takes a value, in quotes"),
        ("memory = ['1GiB']", 1, "memory: it takes one value"),
        ("json = 'yes'", 1, "json: it is true or false"),
        ("[memory]\nx = 1", 1, "memory: it takes a value, and is no table"),
        ("[rm]\nyes = true", 2, "yes: rm has no such option"),
        ("[sweep]\nyes = true", 2, "yes: this cannot be set in a file"),
        ("config = 'x'", 1, "config: this cannot be set in a file"),
        ("codec = 'lzma'", 1, "codec: this is no value for --codec <CODEC>; it takes gzip, zstd, none"),
        ("\ngive-up-after = 'soon'", 2, "give-up-after: this is no value for --give-up-after <TIME>"),
        ("memory = \n", 1, ""),
    ] {
        let home = Home::with(text);
        let said = run(home.sealift(&["ls", &home.url()])).await.expect_code(2).stderr;
        let expected = format!("sealift: {}:{line}: {why}", home.file().display());
        assert!(said.starts_with(&expected), "{text}: {said}\n{expected}");
    }
}

#[tokio::test]
async fn secrets_are_refused_and_not_repeated() {
    for key in
        ["secret-access-key", "AWS_SECRET_ACCESS_KEY", "account-key", "sas-token", "password", "connection-string"]
    {
        for text in [format!("{key} = '{SECRET}'"), format!("[profile.x]\n{key} = '{SECRET}'")] {
            let home = Home::with(&text);
            // That none is shown, `expect_code` sees to.
            let said = run(home.sealift(&["ls", &home.url()])).await.expect_code(2).stderr;
            assert!(said.contains("secrets are not kept in this file") && said.contains("sas-file"), "{said}");
        }
    }
    // What is no TOML is told without the line it is in.
    for text in [format!("password = {SECRET}"), format!("codec = '{SECRET}"), format!("= '{SECRET}'")] {
        let home = Home::with(&text);
        let said = run(home.sealift(&["ls", &home.url()])).await.expect_code(2).stderr;
        assert!(said.contains("config.toml:1:"), "{said}");
    }
}

#[tokio::test]
async fn a_profile_or_a_file_that_is_not_there() {
    let home = Home::with("[profile.nightly]\nmemory = '64MiB'\n[profile.node]\n");
    let said = run(home.sealift(&["ls", &home.url(), "--profile", "nihgtly"])).await.expect_code(2).stderr;
    assert!(
        said.contains("--profile nihgtly: there is no such profile") && said.contains("only nightly, node"),
        "{said}"
    );
    let said = run(home.sealift(&["ls", &home.url(), "--config", "/nowhere/config.toml"])).await.expect_code(2).stderr;
    assert!(said.contains("--config /nowhere/config.toml: there is no such file"), "{said}");
    // Named as nothing, it is none; a profile of it is an error then.
    let said = run(home.sealift(&["ls", &home.url(), "--config=", "--profile=node"])).await.expect_code(2).stderr;
    assert!(said.contains("there is no configuration file"), "{said}");
    home.write("config.toml", "nonsense");
    run(home.sealift(&["ls", &home.url(), "--config=", "--names"])).await.expect_code(0);
    // What is about no storage works whatever is in it.
    for arguments in [&["help", "config"][..], &["completions", "bash"], &["--version"], &["put", "--help"]] {
        run(home.sealift(arguments)).await.expect_code(0);
    }
    let other = home.write("other.toml", "[profile.other]\n");
    let mut listed = home.sealift(&["ls", &home.url(), "--profile=other", "--names"]);
    listed.env("SEALIFT_CONFIG", other);
    run(listed).await.expect_code(0);
}

/// As ssh has it: who may write it could have other commands run.
#[tokio::test]
async fn a_file_that_others_may_write_is_not_believed() {
    let home = Home::with("memory = '64MiB'\n");
    for mode in [0o666, 0o664, 0o646] {
        fs::set_permissions(home.file(), Permissions::from_mode(mode)).expect("set");
        let said = run(home.sealift(&["ls", &home.url(), "--names"])).await.expect_code(2).stderr;
        assert!(said.contains("may be written by others") && said.contains("chmod go-w"), "{said}");
    }
    fs::set_permissions(home.file(), Permissions::from_mode(0o600)).expect("set");
    run(home.sealift(&["ls", &home.url(), "--names"])).await.expect_code(0);
    if rustix::process::geteuid().is_root() {
        chown(home.file(), Some(65534), None).expect("given away");
        let said = run(home.sealift(&["ls", &home.url(), "--names"])).await.expect_code(2).stderr;
        assert!(said.contains("belongs to another user"), "{said}");
    }
}
