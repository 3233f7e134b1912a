//! What a folder tells when it is examined: its file system, and what a user has to be allowed.

use crate::failure::blocking;
use crate::store::LocalFs;
use async_trait::async_trait;
use sealift::doctor::{Capability, Examined, Finding, Sent, Settings, Verdict};
use sealift::{Attempts, CommitOptions, Committed, Error, ErrorKind, IfExists, Key, ObjectStore, Payload, Result};
use std::path::Path;

const NO_CHECKSUMS: Sent =
    Sent::Nothing("files have no checksums: what the disk does to them, only reading them shows");

#[async_trait]
impl Examined for LocalFs {
    fn endpoint(&self) -> Option<String> {
        None
    }

    fn uses_proxies(&self) -> bool {
        false
    }

    fn permission(&self, capability: Capability) -> &'static str {
        match capability {
            Capability::Look => "x on the folders",
            Capability::Read | Capability::ReadRange => "r on the file",
            Capability::List | Capability::ListedAtOnce => "r and x on the folders",
            Capability::ListUploads | Capability::ListParts => "r and x on .sealift-tmp",
            _ => "w and x on the folders",
        }
    }

    fn trial_parts(&self) -> [usize; 3] {
        [64 << 10, 128 << 10, 1000]
    }

    fn sent_with(&self, _capability: Capability) -> Sent {
        NO_CHECKSUMS
    }

    async fn put_damaged(&self, key: &Key, payload: Payload, attempts: &Attempts) -> Result<Committed> {
        self.put(key, payload, &CommitOptions::new(IfExists::Replace), attempts).await
    }

    async fn settings(&self) -> Settings {
        let root = self.root().to_owned();
        let told = blocking("look at the file system of", self.url(), move || file_system(&root)).await;
        let file_system = match told {
            Ok(evidence) => Finding::noted(Capability::FileSystem, evidence),
            Err(error) => Finding::new(Capability::FileSystem, Verdict::Unknown, error.reason()),
        };
        let findings = vec![
            Finding::new(Capability::Versioning, Verdict::Absent, "a file that is removed or replaced is gone"),
            Finding::noted(
                Capability::IncompleteUploads,
                "temporary files of a crash stay until `sealift sweep` removes them",
            ),
            file_system,
        ];
        Settings { findings, keeps_versions: Some(false), ..Settings::default() }
    }
}

/// The file system of the folder, or of the nearest one above it that is there.
fn file_system(root: &Path) -> Result<String> {
    let there = root.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    let told = |error: rustix::io::Errno| {
        Error::new(ErrorKind::Io, "look at the file system of", there.display().to_string(), error.to_string())
    };
    let room = rustix::fs::statvfs(there).map_err(told)?;
    let free = room.f_bavail.saturating_mul(room.f_frsize) >> 20;
    let missing = match there == root {
        true => String::new(),
        false => format!("; the folder is not there yet, and {} above it is", there.display()),
    };
    Ok(format!("{}, {free} MiB free for this user{missing}", kind(there).map_err(told)?))
}

/// Linux, statfs(2): the types of file systems whose disk may be on another machine, and some that are not.
#[cfg(target_os = "linux")]
fn kind(folder: &Path) -> rustix::io::Result<String> {
    let kind = rustix::fs::statfs(folder)?.f_type as u32;
    let (name, on_network) = match kind {
        0x6969 => ("NFS", true),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => ("SMB", true),
        0x0102_1997 => ("9P", true),
        0x00c3_6400 => ("Ceph", true),
        0x5346_414f => ("AFS", true),
        0x6573_5546 => return Ok("FUSE: what is behind it is not told".to_owned()),
        0xef53 => ("ext2, ext3 or ext4", false),
        0x5846_5342 => ("XFS", false),
        0x9123_683e => ("btrfs", false),
        0x0102_1994 => ("tmpfs: in memory, gone with the machine", false),
        0x794c_7630 => ("overlay", false),
        0x2fc1_2fc1 => ("ZFS", false),
        other => return Ok(format!("a file system of the type {other:#x}")),
    };
    Ok(match on_network {
        true => format!("{name}: a network file system"),
        false => name.to_owned(),
    })
}

#[cfg(not(target_os = "linux"))]
fn kind(_folder: &Path) -> rustix::io::Result<String> {
    Ok("a file system whose type is not told here".to_owned())
}
