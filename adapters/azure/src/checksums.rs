//! The checksum that goes with each request that stores bytes, and that the service compares with what arrived. It keeps
//! none over a whole blob of many blocks, so the whole is settled by these and by its size.

use azure_core::base64;
use azure_core::http::Context;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::request::Request;
use futures::TryStreamExt;
use md5::{Digest, Md5};
use sealift::Payload;
use std::io;
use std::sync::Arc;

/// Which checksum is sent with the bytes of each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Checksums {
    /// CRC-64, which costs nothing: the library has it already. Azure takes it since version 2019-02-02.
    Crc64,
    /// MD5, which is computed for it. For services that take no CRC-64, like Azurite.
    Md5,
    /// None: bytes are checked by nothing but the connection, the whole by its size.
    None,
}

/// Hosts of Azure itself, in all its clouds.
const AZURE: [&str; 4] = [
    ".blob.core.windows.net",
    ".blob.core.chinacloudapi.cn",
    ".blob.core.usgovcloudapi.net",
    ".blob.storage.azure.net",
];

impl Checksums {
    /// What the service at `host` takes.
    pub(crate) fn of_host(host: &str) -> Self {
        let zoned = host.ends_with(".storage.azure.net") && host.contains(".blob.");
        match zoned || AZURE.iter().any(|known| host.ends_with(known)) {
            true => Checksums::Crc64,
            false => Checksums::Md5,
        }
    }
}

/// The checksum of one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Transactional {
    pub(crate) crc64: Option<Vec<u8>>,
    pub(crate) md5: Option<Vec<u8>>,
}

impl Transactional {
    /// The checksum of `payload` that `checksums` asks for.
    pub(crate) async fn of(checksums: Checksums, payload: &Payload) -> io::Result<Self> {
        Ok(match checksums {
            Checksums::None => Transactional::default(),
            // CRC-64/NVME ("Announcing general availability of client-side data integrity protections in Azure Blob
            // Storage", Microsoft, June 2026), least significant byte first.
            Checksums::Crc64 => {
                let mut crc = payload.checksum().to_be_bytes();
                crc.reverse();
                Transactional { crc64: Some(crc), md5: None }
            }
            Checksums::Md5 => {
                let mut md5 = Md5::new();
                let mut bytes = payload.stream();
                while let Some(bytes) = bytes.try_next().await? {
                    md5.update(&bytes);
                    tokio::task::yield_now().await;
                }
                Transactional { crc64: None, md5: Some(md5.finalize().to_vec()) }
            }
        })
    }
}

/// Adds the [`Transactional`] of a call's context to its request: the SDK has no parameter for it in Put Blob.
#[derive(Debug)]
pub(crate) struct AddChecksum;

#[async_trait::async_trait]
impl Policy for AddChecksum {
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        if let Some(checksum) = ctx.value::<Transactional>() {
            if let Some(crc64) = &checksum.crc64 {
                request.insert_header("x-ms-content-crc64", base64::encode(crc64));
            }
            if let Some(md5) = &checksum.md5 {
                request.insert_header("content-md5", base64::encode(md5));
            }
        }
        next[0].send(ctx, request, &next[1..]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealift::{Checksum, ChecksumAlgorithm};

    #[test]
    fn azure_takes_crc64() {
        for (host, expected) in [
            ("account.blob.core.windows.net", Checksums::Crc64),
            ("account.z1.blob.storage.azure.net", Checksums::Crc64),
            ("127.0.0.1", Checksums::Md5),
            ("blob.core.windows.net.example", Checksums::Md5),
        ] {
            assert_eq!(Checksums::of_host(host), expected, "{host}");
        }
    }

    /// Over the ASCII digits 1 to 9: the check value ae8b14860a799888 of CRC-64/NVME, and RFC 1321's MD5.
    #[tokio::test]
    async fn known_answers() {
        let checksum = Checksum::of(ChecksumAlgorithm::Crc64Nvme, b"123456789");
        let payload = Payload::from_segments(vec!["1234".into(), "56789".into()], checksum);
        let of = async |checksums| Transactional::of(checksums, &payload).await.expect("read");
        assert_eq!(of(Checksums::Crc64).await.crc64.map(base64::encode).as_deref(), Some("iJh5CoYUi64="));
        assert_eq!(of(Checksums::Md5).await.md5.map(base64::encode).as_deref(), Some("JfnnlDI7RTiF9RgfG2JNCw=="));
    }
}
