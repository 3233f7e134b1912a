//! Storage behind commands: what can be tried is, and what cannot is said.

use crate::table::Table;
use sealift_tests::cli::{self, Ended};
use std::path::Path;
use tempfile::TempDir;

/// A folder with commands that store into it. `reading` is what reads a file.
fn folder(reading: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let yaml = format!(
        r#"
env_vars: [{{key: FOLDER, value: {:?}}}]
commands:
  create_backup: 'echo "$BACKUP_NAME"'
  create_for_write: |
    echo "$BACKUP_HANDLE/$FILE_NAME"; exec 1>&-
    mkdir -p "$FOLDER/$BACKUP_HANDLE"
    cat > "$FOLDER/.$FILE_NAME"; mv "$FOLDER/.$FILE_NAME" "$FOLDER/$BACKUP_HANDLE/$FILE_NAME"
  open_for_read: '{reading}'
  save_metadata_line: 'exit 1'
  list_metadata_files: 'echo metadata/a.meta; echo metadata/b.meta'
"#,
        folder.path()
    );
    std::fs::write(folder.path().join("config.yaml"), yaml).expect("written");
    folder
}

async fn doctor(folder: &Path, options: &[&str]) -> Ended {
    let mut command = cli::command([&["doctor", "--json", "--storage=command-adapter"], options].concat());
    command.arg("--command-adapter-config").arg(folder.join("config.yaml"));
    cli::run(command).await
}

fn stored(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("one").file_name());
    names.filter_map(|name| name.into_string().ok()).filter(|name| name != "config.yaml").collect()
}

#[tokio::test]
async fn without_a_word_nothing_is_stored() {
    let folder = folder("cat \"$FOLDER/$FILE_HANDLE\"");
    let table = Table::of(&doctor(folder.path(), &[]).await.expect_code(0));
    assert_eq!((table.verdict("list"), table.verdict("put"), table.verdict("read")), ("works", "unknown", "unknown"));
    assert!(table.evidence("list").contains("2 metadata files"));
    assert_eq!(stored(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_stored_is_read_back_and_named() {
    let folder = folder("cat \"$FOLDER/$FILE_HANDLE\"");
    let table = Table::of(&doctor(folder.path(), &["--yes"]).await.expect_code(0));
    assert_eq!((table.verdict("put"), table.verdict("read")), ("works", "works"));
    let there = stored(folder.path());
    assert_eq!(there.len(), 1, "{there:?}");
    assert!(table.left.iter().any(|left| left.contains(&there[0])), "{:?}", table.left);
}

#[tokio::test]
async fn a_command_that_reads_something_else_is_seen() {
    let folder = folder("head -c 100 \"$FOLDER/$FILE_HANDLE\"");
    let table = Table::of(&doctor(folder.path(), &["--yes"]).await.expect_code(1));
    assert_eq!((table.verdict("put"), table.verdict("read")), ("works", "fails"));
    assert_eq!((table.answer("get"), table.answer("put")), ("no", "yes"));
}
