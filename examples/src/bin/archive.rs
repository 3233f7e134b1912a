//! A backup archive as Aptos's tools have it, over any store: files in groups, and a line of metadata for each backup,
//! which is written last and makes it known.

use sealift::{Archive, BackupStorage, MemoryStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let bucket = sealift_examples::bucket(MemoryStore::new())?;
    let archive = Archive::new(bucket.clone(), "mainnet")?;

    let backup = archive.create_backup(&"epoch_ending_0-".parse()?).await?;
    let (file, mut writer) = archive.create_for_write(&backup, &"0-.chunk".parse()?).await?;
    writer.write_all(b"the endings of epochs").await?;
    writer.shutdown().await?;
    archive.save_metadata_line(&"epoch_ending_0-99.meta".parse()?, &"{\"EpochEndingBackup\":{}}".parse()?).await?;

    for metadata in archive.list_metadata_files().await? {
        let mut line = String::new();
        archive.open_for_read(&metadata).await?.read_to_string(&mut line).await?;
        print!("{metadata}: {line}");
    }
    let mut content = String::new();
    archive.open_for_read(&file).await?.read_to_string(&mut content).await?;
    println!("{file}: {content}");
    sealift_examples::close(&bucket).await
}
