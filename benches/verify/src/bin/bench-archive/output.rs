//! Where the archive is written: one in a folder as it is, and the same one with gzip in another.

use anyhow::{Context, Result, anyhow};
use sealift::{
    Archive, BackupHandle, BackupStorage, Bucket, Budget, Codec, Compressor, FileHandle, FileWriter, Level,
    ShellSafeName,
};
use sealift_aptos::manifest::Manifest;
use sealift_aptos::metadata::Metadata;
use sealift_local_fs::LocalFs;
use std::path::Path;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;

/// The archives that are written, all alike.
pub(crate) struct Output(Vec<Archive>);

/// How many bytes are handed on at a time.
const BATCH: usize = 1 << 20;

impl Output {
    pub(crate) fn new(plain: Option<&Path>, gzip: Option<&Path>) -> Result<Self> {
        let forms = [(plain, Codec::Plain), (gzip, Codec::Gzip(Level::default()))];
        let wanted = forms.into_iter().filter_map(|(folder, codec)| Some((folder?, codec)));
        let archive = |(folder, codec): (&Path, Codec)| {
            std::fs::create_dir_all(folder)?;
            let store = LocalFs::open(folder)?;
            let bucket = Bucket::new(store, Arc::new(Compressor::new(codec, None)?), Budget::new(Budget::DEFAULT)?);
            anyhow::Ok(Archive::new(bucket, "")?)
        };
        Ok(Output(wanted.map(archive).collect::<Result<_>>()?))
    }

    pub(crate) async fn create(&self, backup: &str, name: &str) -> Result<OutputFile> {
        let (backup, name): (BackupHandle, ShellSafeName) = (backup.parse()?, name.parse()?);
        let mut writers = Vec::new();
        for archive in &self.0 {
            writers.push(archive.create_new(&backup, &name).await?.1);
        }
        Ok(OutputFile { handle: format!("{backup}/{name}").parse()?, writers, waiting: Vec::new(), bytes: 0 })
    }

    /// Writes a whole file.
    pub(crate) async fn write(&self, backup: &str, name: &str, content: &[u8]) -> Result<FileHandle> {
        let mut file = self.create(backup, name).await?;
        file.put(content).await?;
        file.end().await
    }

    /// Writes the manifest of a backup, and makes the backup known by the line that `line` gives of it.
    pub(crate) async fn announce<M: Manifest>(
        &self,
        backup: &str,
        name: &str,
        manifest: &M,
        line: impl FnOnce(FileHandle) -> Metadata,
    ) -> Result<()> {
        let line = line(self.write(backup, name, &manifest.to_json()?).await?);
        for archive in &self.0 {
            archive.save_new_metadata_lines(&line.file_name()?, &[line.to_line()?]).await?;
        }
        Ok(())
    }

    pub(crate) async fn close(self) -> Result<()> {
        for archive in self.0 {
            archive.bucket().close().await.map_err(|errors| anyhow!("{errors:?}"))?;
        }
        Ok(())
    }
}

/// A file that is being written.
pub(crate) struct OutputFile {
    handle: FileHandle,
    writers: Vec<FileWriter>,
    waiting: Vec<u8>,
    bytes: u64,
}

impl OutputFile {
    /// Adds a record, with its length before it.
    pub(crate) async fn put_record(&mut self, record: &[u8]) -> Result<()> {
        let length = u32::try_from(record.len()).context("a record is too long")?;
        self.put(&length.to_be_bytes()).await?;
        self.put(record).await
    }

    async fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.waiting.extend_from_slice(bytes);
        self.bytes += bytes.len() as u64;
        if self.waiting.len() >= BATCH { self.hand_on().await } else { Ok(()) }
    }

    async fn hand_on(&mut self) -> Result<()> {
        for writer in &mut self.writers {
            writer.write_all(&self.waiting).await?;
        }
        self.waiting.clear();
        Ok(())
    }

    /// How many bytes it has.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) async fn end(mut self) -> Result<FileHandle> {
        self.hand_on().await?;
        for writer in &mut self.writers {
            writer.shutdown().await?;
        }
        Ok(self.handle)
    }
}
