//! Folders, by real modes and another user than root, to whom modes are nothing.

use crate::table::Table;
use sealift_tests::cli::{self, Ended, sealift};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A user that owns nothing.
const NOBODY: &str = "65534";

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn a_folder_does_all_but_what_folders_have_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file://{}", folder.path().display());
    let table = Table::of(&cli::run(cli::command(["doctor", "--json", &url])).await.expect_code(0));
    println!("{}", table.rows());
    let expected = [
        ("encryption", "absent"),
        ("versions", "absent"),
        ("incomplete uploads", "noted"),
        ("file system", "noted"),
        ("checksum kept", "absent"),
        ("checksum of a put", "absent"),
        ("checksum of a part", "absent"),
        ("checksum of the whole", "absent"),
        ("copy", "absent"),
    ];
    assert_eq!(table.differences(&expected), Vec::<String>::new());
    assert_eq!((table.set_up.as_str(), table.answer("verify"), table.answer("mv")), ("full", "less", "yes"));
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "no folder is left either");
}

/// `sealift doctor` on the folder of this mode, which is root's, as nobody. `None` where this user cannot become another.
async fn as_nobody(mode: u32) -> Option<(Ended, TempDir)> {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("there"), "something").expect("written");
    fs::set_permissions(folder.path(), Permissions::from_mode(mode)).expect("set");
    // The binary may lie where nobody may look.
    let program = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().expect("a folder");
    fs::copy(sealift(), program.path().join("sealift")).expect("copied");
    let mut command = cli::command_of("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]).arg(program.path().join("sealift"));
    command.args(["doctor", "--json"]).arg(format!("file://{}", folder.path().display()));
    let ended = cli::run(command).await;
    match ended.stderr.contains("setpriv:") {
        true => {
            println!("NOT TESTED: this user cannot become another ({})", ended.stderr);
            None
        }
        false => Some((ended, folder)),
    }
}

#[tokio::test]
async fn a_folder_that_may_only_be_read() {
    let Some((ended, folder)) = as_nobody(0o755).await else { return };
    let table = Table::of(&ended.expect_code(0));
    assert_eq!(table.set_up, "read-only", "{}", table.rows());
    assert_eq!((table.verdict("put"), table.verdict("read"), table.answer("ls")), ("missing", "works", "yes"));
    assert!(table.permission("put").expect("missing").contains("w and x"));
    assert_eq!(files(folder.path()).len(), 1);
}

#[tokio::test]
async fn a_folder_that_may_not_be_looked_into() {
    let Some((ended, _folder)) = as_nobody(0o700).await else { return };
    let table = Table::of(&ended.expect_code(4));
    assert_eq!(table.set_up, "nothing", "{}", table.rows());
}

#[tokio::test]
async fn a_folder_that_may_be_written() {
    let Some((ended, folder)) = as_nobody(0o777).await else { return };
    let table = Table::of(&ended.expect_code(0));
    assert_eq!(table.set_up, "full", "{}", table.rows());
    assert_eq!(files(folder.path()).len(), 1);
}
