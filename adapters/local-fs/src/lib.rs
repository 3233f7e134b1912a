//! Sealift's adapter for a folder of the local file system: [`LocalFs`], where the key `a/b` is the file `a/b` below
//! a root folder.
//!
//! An upload is a temporary file below `<root>/.sealift-tmp/`, on the same file system as what it becomes. Parts are
//! appended to it in order; a commit makes its content durable (`fsync`), renames it to its place in one step, and
//! makes the rename durable. Before that rename nothing is visible under the key; whatever goes wrong before it
//! removes the temporary file. It is locked (`flock`) while its writer lives, so that a sweep can tell an upload
//! under way from what a crash left. Where the rename cannot be made durable, the commit fails and its error names the file,
//! which is visible: whether it outlasts a crash of the machine, nobody knows.
//!
//! How the contract of [`ObjectStore`](sealift::ObjectStore) is met by plain files:
//! - The tag of a content (`etag`) is its device, inode, time of modification and size. The time is set to the
//!   nanosecond at the commit, so two commits never share a tag, even when an inode number is used again.
//! - The token of a commit has no place in a plain file. The store remembers the tokens of its own last commits in
//!   memory, by tag, and [`head`](sealift::ObjectStore::head) reports one when the file still has that tag. That
//!   serves its purpose: after a commit whose future was dropped, the same process looks whether it has happened.
//!   Across processes there is nothing to settle, since a process that died has no reply to wait for.
//! - No checksum is kept beside a file, so `head` reports none. A commit compares what was hashed while it was
//!   being written with what the caller says it is.
//! - There are no empty folders, as in any object storage: folders come with the first object in them, and go with
//!   the last one that is deleted or moved away.
//! - A symbolic link to a file is read and listed as that file; folders behind symbolic links are not listed.
//!
//! The modules: `store` is [`LocalFs`], `upload` one upload, `temporary` its file and the way to its place,
//! `recent` the tokens, `read` and `list` the way back, `remove` deleting and moving, `sweep` leftovers, `folders`
//! making and removing folders, `disk` the steps that fail in tests, `paths` names on disk, `failure` the operating system's errors in words.

#![forbid(unsafe_code)]

mod disk;
mod doctor;
mod failure;
#[cfg(test)]
mod fault_tests;
mod folders;
mod list;
mod paths;
mod read;
mod recent;
mod remove;
mod store;
mod sweep;
mod temporary;
mod upload;

pub use paths::EmptiedFolders;
pub use store::LocalFs;
