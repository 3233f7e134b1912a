//! A sample, and what every one of them must do.

use sealift::{BackupStorage, FileHandle};
use sealift_command::{CommandConfig, CommandStorage, EnvVar};
use std::path::PathBuf;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The sample of this name, with these values for its variables, and further variables of the environment.
pub(crate) fn sample(name: &str, values: &[(&str, &str)], environment: &[(&str, &str)]) -> CommandStorage {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../adapters/command/samples").join(name);
    let mut config = CommandConfig::load(&path).expect("a configuration");
    for (key, value) in values {
        let variable = config.env_vars.iter_mut().find(|variable| variable.key == *key);
        variable.expect("it is one of its variables").value = (*value).to_owned();
    }
    let further = environment.iter().map(|(key, value)| EnvVar { key: (*key).into(), value: (*value).into() });
    config.env_vars.extend(further);
    CommandStorage::new(config)
}

pub(crate) fn data(len: usize) -> Vec<u8> {
    use rand::{RngExt, SeedableRng};
    let mut data = vec![0; len];
    rand::rngs::SmallRng::seed_from_u64(len as u64).fill(data.as_mut_slice());
    data
}

pub(crate) async fn read(storage: &CommandStorage, file: &FileHandle) -> Vec<u8> {
    let mut content = Vec::new();
    storage.open_for_read(file).await.expect("open").read_to_end(&mut content).await.expect("read");
    content
}

/// A whole archive, there and back.
pub(crate) async fn keeps_an_archive(storage: &CommandStorage) {
    assert_eq!(storage.list_metadata_files().await.expect("nothing there is no error"), []);
    let backup = storage.create_backup_with_random_suffix("epoch_ending_0-").await.expect("created");
    for (name, len) in [("empty", 0), ("small.chunk", 1000), ("large.chunk", 20 << 20)] {
        let data = data(len);
        let (file, mut writer) =
            storage.create_for_write(&backup, &name.parse().expect("a name")).await.expect("started");
        assert_eq!(file.as_ref(), format!("{backup}/{name}"));
        writer.write_all(&data).await.expect("written");
        writer.shutdown().await.expect("stored");
        assert!(read(storage, &file).await == data, "{name}");
    }
    let names = ["epoch_ending_0-1.meta", "a.meta"];
    for name in names {
        for line in ["{\"first\":1}", "{\"second\":2}"] {
            let saved =
                storage.save_metadata_line(&name.parse().expect("a name"), &line.parse().expect("a line")).await;
            assert_eq!(saved.expect("saved, or kept").as_ref(), format!("metadata/{name}"));
        }
    }
    let files = storage.list_metadata_files().await.expect("listed");
    assert_eq!(
        files.iter().map(AsRef::as_ref).collect::<Vec<_>>(),
        ["metadata/a.meta", "metadata/epoch_ending_0-1.meta"]
    );
    assert_eq!(read(storage, &files[0]).await, b"{\"first\":1}\n", "what was there is kept");
    storage.backup_metadata_file(&files[0]).await.expect("moved");
    assert_eq!(storage.list_metadata_files().await.expect("listed"), [files[1].clone()]);
    let moved = "metadata_backup/a.meta".parse().expect("a handle");
    assert_eq!(read(storage, &moved).await, b"{\"first\":1}\n");
    storage.backup_metadata_file(&files[0]).await.expect_err("it is gone");
}

/// A writer that is dropped when it has written a lot. Everything of it is gone when this returns.
pub(crate) async fn drop_half_way(storage: CommandStorage) {
    let (backup, name) = ("dropped".parse().expect("a handle"), "file".parse().expect("a name"));
    let (_, mut writer) = storage.create_for_write(&backup, &name).await.expect("started");
    writer.write_all(&data(10 << 20)).await.expect("written");
    drop(writer);
    storage.close().await;
}

/// Every call on a storage whose place is not there is an error, which `expected` is in.
pub(crate) async fn fails_as_a_whole(storage: &CommandStorage, expected: &str) {
    let (backup, name) = ("backup".parse().expect("a handle"), "file".parse().expect("a name"));
    let write = async {
        let (_, mut writer) = storage.create_for_write(&backup, &name).await?;
        let ours = |error: std::io::Error| sealift::Error::from_io(&error).expect("ours").clone();
        writer.write_all(&data(1000)).await.map_err(ours)?;
        writer.shutdown().await.map_err(ours)
    };
    let read = async {
        let mut reader = storage.open_for_read(&"backup/file".parse().expect("a handle")).await?;
        let read = reader.read_to_end(&mut Vec::new()).await;
        read.map(drop).map_err(|error| sealift::Error::from_io(&error).expect("ours").clone())
    };
    let line = "{}".parse().expect("a line");
    for (what, result) in [
        ("write", write.await),
        ("read", read.await),
        ("save", storage.save_metadata_line(&name, &line).await.map(drop)),
        ("list", storage.list_metadata_files().await.map(drop)),
        ("move", storage.backup_metadata_file(&"metadata/x.meta".parse().expect("a handle")).await),
    ] {
        let error = result.expect_err(what).to_string();
        assert!(error.contains(expected), "{what}: {error}");
    }
}
