//! What holds for an archive behind any of the samples, and what is needed to find out.

use sealift::{BackupHandle, BackupStorage, Error, FileHandle, FileWriter, ShellSafeName, TextLine};
use sealift_command::{CommandConfig, CommandStorage, EnvVar};
use sealift_tests::data::Pattern;
use sealift_tests::eventually::eventually;
use sealift_tests::process::children_of;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// More than the tools hold, and than they send at once.
pub(crate) const LARGE: usize = 20 << 20;
/// The prefix of every test's archive.
pub(crate) const PREFIX: &str = "backups/e1";

/// A sample in the repository.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../adapters/command/samples/{name}.yaml"))
}

/// The archive behind the sample `name`, its variables set to `values` and with `more` in the environment.
pub(crate) fn sample(name: &str, values: &[(&str, &str)], more: &[(&str, &str)]) -> CommandStorage {
    let mut config = CommandConfig::load(&path(name)).expect("a configuration");
    let keys: Vec<_> = config.env_vars.iter().map(|variable| variable.key.as_str()).collect();
    assert_eq!(keys, values.iter().map(|(key, _)| *key).collect::<Vec<_>>(), "all of {name}'s variables");
    let variable = |(key, value): &(&str, &str)| EnvVar { key: (*key).to_owned(), value: (*value).to_owned() };
    config.env_vars = values.iter().chain(more).map(variable).collect();
    CommandStorage::new(config)
}

/// Where `localstack/up` puts what it installs.
pub(crate) fn emulators() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../localstack/.state")
}

/// Who vouches for the emulators that speak TLS: a file.
pub(crate) fn authority() -> String {
    std::env::var("SEALIFT_TEST_CA").unwrap_or_else(|_| emulators().join("tls/client.pem").display().to_string())
}

/// The search path with `folder` first, in which there must be `tool`.
pub(crate) fn search_path(folder: &Path, tool: &str) -> String {
    let program = folder.join(tool);
    assert!(program.exists(), "{} is missing: run ./localstack/up", program.display());
    format!("{}:{}", folder.display(), std::env::var("PATH").expect("UTF-8"))
}

/// The address in the variable, or where `localstack/up` starts it. Something must listen there.
pub(crate) fn emulator(variable: &str, default: &str) -> String {
    let url = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    let address = url.split('/').nth(2).expect("a URL");
    if let Err(error) = std::net::TcpStream::connect(address) {
        panic!("no emulator at {url}: run ./localstack/up first ({error})");
    }
    url
}

pub(crate) fn name(name: &str) -> ShellSafeName {
    name.parse().expect("a name")
}

fn handle(handle: &str) -> FileHandle {
    handle.parse().expect("a handle")
}

fn pattern(len: usize) -> Vec<u8> {
    let mut data = vec![0; len];
    Pattern::new(5).fill(&mut data);
    data
}

async fn create(storage: &CommandStorage, file: &str) -> sealift::Result<(FileHandle, FileWriter)> {
    let backup: BackupHandle = storage.create_backup(&name("backup.0af1")).await?;
    assert_eq!(backup.as_ref(), "backup.0af1");
    storage.create_for_write(&backup, &name(file)).await
}

async fn write(storage: &CommandStorage, file: &str, data: &[u8]) -> Result<FileHandle, Error> {
    let ours = |error: std::io::Error| Error::from_io(&error).expect("ours").clone();
    let (handle, mut writer) = create(storage, file).await?;
    writer.write_all(data).await.map_err(ours)?;
    writer.shutdown().await.map_err(ours)?;
    Ok(handle)
}

async fn read(storage: &CommandStorage, file: &FileHandle) -> Result<Vec<u8>, Error> {
    let mut content = Vec::new();
    let read = storage.open_for_read(file).await?.read_to_end(&mut content).await;
    read.map(|_| content).map_err(|error| Error::from_io(&error).expect("ours").clone())
}

/// Everything that an archive is for, in one that is empty.
pub(crate) async fn serves(storage: &CommandStorage) {
    assert_eq!(storage.list_metadata_files().await.expect("there is none yet"), []);
    for (file, len) in [("empty", 0), ("small", 1000), ("large", LARGE)] {
        let data = pattern(len);
        let stored = write(storage, file, &data).await.expect(file);
        assert_eq!(stored, handle(&format!("backup.0af1/{file}")));
        assert!(read(storage, &stored).await.expect(file) == data, "{file} is read as it was written");
    }
    read(storage, &handle("backup.0af1/never")).await.expect_err("a file that was never written");

    let lines: Vec<TextLine> =
        ["{\"a\":1}", "{\"b\":\"$HOME 'x' \\\\\"}"].map(|line| line.parse().expect("a line")).into();
    for file in ["two.meta", "one.meta"] {
        let saved = storage.save_metadata_lines(&name(file), &lines).await.expect("saved");
        assert_eq!(saved, handle(&format!("metadata/{file}")));
    }
    let listed = storage.list_metadata_files().await.expect("listed");
    assert_eq!(listed, [handle("metadata/one.meta"), handle("metadata/two.meta")]);
    let content = format!("{}\n{}\n", lines[0].as_ref(), lines[1].as_ref());
    assert_eq!(read(storage, &listed[0]).await.expect("read"), content.as_bytes());

    // An existing one stays as it is, and that is no failure.
    let again = storage.save_metadata_lines(&name("one.meta"), &lines[..1]).await.expect("kept");
    assert_eq!(again, listed[0]);
    assert_eq!(read(storage, &listed[0]).await.expect("read"), content.as_bytes());

    storage.backup_metadata_file(&listed[0]).await.expect("moved");
    assert_eq!(storage.list_metadata_files().await.expect("listed"), listed[1..]);
    assert_eq!(read(storage, &handle("metadata_backup/one.meta")).await.expect("moved"), content.as_bytes());
    storage.backup_metadata_file(&listed[0]).await.expect_err("it is gone");
}

/// Every call of an archive that is not there fails, with `said`, which the tool says on its standard error.
pub(crate) async fn fails_saying(storage: &CommandStorage, said: &str) {
    let metadata = handle("metadata/a.meta");
    let line = "{}".parse().expect("a line");
    let failures = [
        ("create_for_write", write(storage, "file", &pattern(1000)).await.err()),
        ("open_for_read", read(storage, &handle("backup/file")).await.err()),
        ("save_metadata_line", storage.save_metadata_line(&name("a.meta"), &line).await.err()),
        ("list_metadata_files", storage.list_metadata_files().await.err()),
        ("backup_metadata_file", storage.backup_metadata_file(&metadata).await.err()),
    ];
    for (command, error) in failures {
        let error = error.unwrap_or_else(|| panic!("{command} is to fail")).to_string();
        assert!(error.contains("status ") && error.contains(said), "{command}: {error}");
    }
    storage.close().await;
}

/// A file that is dropped while `tool` is at it never exists: `objects` tells the keys of all that do. And until then,
/// `secret` is on the command line of no process.
pub(crate) async fn leaves_nothing_and_tells_nothing(
    storage: &CommandStorage,
    tool: &str,
    secret: &str,
    objects: impl AsyncFn() -> Vec<String>,
) {
    // Of this test only: others run beside it in the same process.
    let file = format!("half-{:016x}", rand::random::<u64>());
    let (_, mut writer) = create(storage, &file).await.expect("begun");
    writer.write_all(&pattern(LARGE)).await.expect("taken");
    eventually(&format!("{tool} runs"), Duration::from_secs(60), async || {
        let lines = command_lines();
        assert!(!lines.iter().any(|line| line.contains(secret)), "a secret on a command line: {lines:?}");
        let found = lines.iter().any(|line| line.contains(tool) && (tool == "gzip" || line.contains(&file)));
        found.then_some(()).ok_or_else(|| format!("{lines:?}"))
    })
    .await;
    drop(writer);
    storage.close().await;
    assert_eq!(objects().await, Vec::<String>::new());
}

/// The command lines of everything that this process has started.
fn command_lines() -> Vec<String> {
    let children = children_of(std::process::id());
    let read = |(pid, ..): &(u32, char, String)| std::fs::read(format!("/proc/{pid}/cmdline")).ok();
    let line = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace('\0', " ");
    children.iter().filter_map(read).map(line).collect()
}
