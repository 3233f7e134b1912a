//! A folder of small files in an object store: where the record, plans and reports are.

use super::files::of_io;
use crate::bucket::Bucket;
use crate::error::{Error, ErrorKind, Result};
use crate::name::Key;
use crate::object::IfExists;
use futures::TryStreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::pin::pin;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The longest file that is read, in bytes: a plan or a report has some hundred bytes for each object.
const MAX: u64 = 4 << 30;

/// Small files below a prefix of a bucket. Each is sealed by itself.
#[derive(Debug, Clone)]
pub struct Folder {
    bucket: Bucket,
    prefix: String,
}

impl Folder {
    /// The folder `prefix`, which may be empty.
    pub fn new(bucket: Bucket, prefix: &str) -> Self {
        Folder { bucket, prefix: prefix.trim_matches('/').to_owned() }
    }

    /// The folder of this name in it.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        Folder { bucket: self.bucket.clone(), prefix: self.name(name) }
    }

    /// Its URL, without credentials.
    pub fn url(&self) -> String {
        format!("{}/{}", self.bucket.url(), self.prefix)
    }

    /// Its bucket.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// The names of all files in it, in order; none when there is no such folder.
    ///
    /// # Errors
    /// What the service says.
    ///
    /// # Cancel safety
    /// Cancel-safe.
    pub async fn list(&self) -> Result<Vec<String>> {
        let folder = if self.prefix.is_empty() { String::new() } else { format!("{}/", self.prefix) };
        let mut objects = pin!(self.bucket.list(&folder));
        let mut names = Vec::new();
        loop {
            match objects.try_next().await {
                Ok(Some(info)) => names.extend(info.key.strip_prefix(&folder).map(str::to_owned)),
                Ok(None) => return Ok(names),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound) => return Ok(Vec::new()),
                Err(error) => return Err(error),
            }
        }
    }

    /// All of a file.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Corrupt`] when it is longer than any of them is, or what else the service says.
    ///
    /// # Cancel safety
    /// Cancel-safe.
    pub async fn read(&self, name: &str) -> Result<Vec<u8>> {
        let reader = self.bucket.open(&self.key(name)?).await?;
        let mut content = Vec::new();
        let read = reader.take(MAX + 1).read_to_end(&mut content).await.map_err(|error| of_io(name, error))?;
        match read as u64 > MAX {
            true => Err(self.corrupt(name, format!("it is longer than {MAX} bytes"))),
            false => Ok(content),
        }
    }

    /// A file that holds one value as JSON.
    ///
    /// # Errors
    /// As [`read`](Self::read); [`ErrorKind::Corrupt`] when it holds something else.
    ///
    /// # Cancel safety
    /// Cancel-safe.
    pub async fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        serde_json::from_slice(&self.read(name).await?).map_err(|error| self.corrupt(name, error.to_string()))
    }

    /// Seals a file.
    ///
    /// # Errors
    /// As those of a [`Sink`](crate::Sink).
    ///
    /// # Cancel safety
    /// Dropped, it leaves nothing.
    pub async fn write(&self, name: &str, content: &[u8], if_exists: IfExists) -> Result<()> {
        let mut sink = self.bucket.create_sized(&self.key(name)?, if_exists, content.len() as u64)?;
        sink.write_all(content).await.map_err(|error| of_io(name, error))?;
        sink.seal().await.map(drop)
    }

    /// Seals a file that holds one value as JSON.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    ///
    /// # Cancel safety
    /// As [`write`](Self::write).
    pub async fn write_json(&self, name: &str, value: &impl Serialize, if_exists: IfExists) -> Result<()> {
        let json = serde_json::to_vec(value).map_err(|error| self.corrupt(name, error.to_string()))?;
        self.write(name, &json, if_exists).await
    }

    fn key(&self, name: &str) -> Result<Key> {
        self.name(name).parse()
    }

    fn name(&self, name: &str) -> String {
        match self.prefix.as_str() {
            "" => name.to_owned(),
            prefix => format!("{prefix}/{name}"),
        }
    }

    fn corrupt(&self, name: &str, reason: String) -> Error {
        Error::new(ErrorKind::Corrupt, "read", format!("{}/{name}", self.url()), reason)
    }
}
