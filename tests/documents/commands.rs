//! Every command of every document is run, and says what the document says that it does; or it stands in one table, with the
//! reason why it cannot be run here.

use crate::document::{self, Block, Document, Line, lines};
use crate::stage::{Before, Stage};
use crate::words::agree;
use futures::StreamExt;

/// Commands that are not run, by how they begin, and why.
const ELSEWHERE: &[(&str, &str)] = &[
    ("tests/run", "this test is a part of it"),
    (".ci/run", "this test is a part of it"),
    ("cargo install", "it installs another program"),
    ("cargo semver-checks", "it is another program, and no version is published that it could compare with"),
    ("cargo build", "this test has it built"),
    ("cargo test", "this test is run by it"),
    ("eval \"$(localstack/up)\"", "it has started what this test talks to"),
    ("localstack/down", "it would stop what this test talks to"),
    (
        "aptos-db-tool",
        "it is the node's own, and not installed here; its reading of what Sealift writes is in tests/samples",
    ),
];

/// A document whose first commands make the archive that its later ones are about.
const MAKES_ITS_ARCHIVE: &str = "docs/aptos.md";

fn elsewhere(command: &str) -> Option<usize> {
    ELSEWHERE.iter().position(|(begins, _)| command.starts_with(begins))
}

/// What is wrong with one document's commands.
async fn tried(document: &Document) -> Vec<String> {
    let blocks = document.for_a_shell();
    let runnable = |block: &Block| {
        let mut all = lines(block).into_iter();
        all.any(|line| !matches!(line, Line::Command(command) if elsewhere(&command).is_some()))
    };
    if !blocks.iter().any(|(block, _)| runnable(block)) {
        return Vec::new();
    }
    let before = if document.name == MAKES_ITS_ARCHIVE { Before::Nothing } else { Before::Archive };
    let mut stage = Stage::new(before).await;
    let mut wrong = Vec::new();
    for (block, output) in blocks {
        let (mut said, mut variables) = (String::new(), Vec::new());
        for line in lines(block) {
            let command = match line {
                Line::Variable(name, value) => {
                    variables.push((name, value));
                    continue;
                }
                Line::Cron(command) => {
                    if command.replace("\\%", "").contains('%') {
                        wrong.push(format!("{}:{}: cron takes `%` for a line break", document.name, block.line));
                    }
                    command
                }
                Line::Command(command) if elsewhere(&command).is_some() => continue,
                Line::Command(command) => command,
            };
            let ended = stage.shell(&command, &variables).await;
            if ended.code != Some(0) {
                let end = format!("{:?}\n{}{}", ended.code, ended.text(), ended.stderr);
                wrong.push(format!("{}:{}: `{command}` ends with {end}", document.name, block.line));
            }
            if let Some((_, rest)) = ended.text().split_once("from the state snapshot at version ") {
                let version: String = rest.chars().take_while(char::is_ascii_digit).collect();
                stage.let_stand("SNAPSHOT", &version);
            }
            said.push_str(&stage.there(&format!("{}{}", ended.text(), ended.stderr)));
        }
        if let Some(written) = output.filter(|written| !agree(written, &said)) {
            let at = format!("{}:{}", document.name, block.line);
            wrong.push(format!("{at}: the document says\n{written}and it is\n{said}"));
        }
    }
    wrong.extend(together(document, &stage));
    stage.clear().await;
    wrong
}

/// What has to be so once all commands of a document were run.
fn together(document: &Document, stage: &Stage) -> Option<String> {
    let files = |folder: &str| std::fs::read_dir(stage.path(folder)).map(Iterator::count).unwrap_or_default();
    let (copied, by_commands) = (files("srv/restore"), files("srv/by-commands"));
    let same = copied > 0 && copied == by_commands;
    (document.name == "docs/RESTORE.md" && !same)
        .then(|| format!("{}: {copied} and {by_commands} files", document.name))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_does_what_the_document_says() {
    let documents = document::all();
    // A few at a time: each waits more than it works.
    let tried: Vec<Vec<String>> = futures::stream::iter(&documents).map(tried).buffer_unordered(4).collect().await;
    let wrong: Vec<String> = tried.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn what_is_not_run_stands_in_a_document() {
    let all: Vec<Line> =
        document::all().iter().flat_map(Document::for_a_shell).flat_map(|(block, _)| lines(block)).collect();
    for (at, (begins, why)) in ELSEWHERE.iter().enumerate() {
        let used = all.iter().any(|line| matches!(line, Line::Command(command) if elsewhere(command) == Some(at)));
        assert!(used, "no document has `{begins}` ({why})");
    }
}
