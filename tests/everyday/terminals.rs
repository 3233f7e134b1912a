//! What is stored does not go to a terminal unasked.

use sealift_tests::cli::{self, Ended, run};
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;

/// `sealift` on a terminal of its own.
async fn on_a_terminal(storage: &str, arguments: &[&str]) -> Ended {
    const SPAWN: &str = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let mut command = cli::command_of("python3");
    command.args(["-c", SPAWN]).arg(cli::sealift()).args(arguments).env("SEALIFT_STORAGE", storage);
    timeout(Duration::from_secs(60), run(command)).await.expect("it ends")
}

#[tokio::test]
async fn what_may_be_binary_is_not_written_to_a_terminal() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("x"), "\u{1b}]0;mine\u{7}text").expect("written");
    let storage = format!("file://{}", folder.path().display());
    // Before any request: there is no such service.
    for storage in [&*storage, "s3://bucket"] {
        let said =
            on_a_terminal(storage, &["get", "x", "--endpoint-url=http://127.0.0.1:9"]).await.expect_code(2).text();
        assert!(said.contains("standard output is a terminal") && said.contains("-o -"), "{said}");
    }
    let shown = on_a_terminal(&storage, &["get", "x", "-o", "-"]).await.expect_code(0).text();
    assert!(shown.contains("text"), "{shown}");
    let out = folder.path().join("out");
    on_a_terminal(&storage, &["get", "x", "-o", out.to_str().expect("UTF-8")]).await.expect_code(0);
    assert!(Path::new(&out).exists());
}
