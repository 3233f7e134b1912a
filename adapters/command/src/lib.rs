//! Sealift's adapter for storage that only shell commands can reach: [`CommandStorage`] is a
//! [`BackupStorage`](sealift::BackupStorage) whose calls are the commands of a [`CommandConfig`], in the YAML format of
//! the Aptos backup tools.
//!
//! A pipeline such as `gzip -c | aws s3 cp - …` commits what it has when it sees the end of its input, and cannot tell
//! an end from an accident. So nothing here ever lets a command see the end of its input before the writer was shut
//! down, whatever happens to the writer, its task, the runtime or this whole process:
//!
//! - Each command runs in a process group of its own. A failure, a drop or a time limit sends SIGSTOP and SIGKILL to the
//!   whole group first; only then is the pipe closed.
//! - The group has a leader that holds the pipe open too and waits for a word of ours. When this process ends without
//!   that word (also by SIGKILL), the leader kills the group, itself included.
//! - A thread, not the runtime, waits for the group's end and reaps it, so no zombie stays when a runtime shuts down.
//!   [`CommandStorage::close`] waits for those threads.
//!
//! What this cannot do: a process that leaves its group (`setsid`, a daemon) is out of reach; a leader that is killed
//! together with this process (by the container's end, say) cannot act; once the end of the input was announced, the
//! command may have stored the whole object even when the `shutdown()` is then dropped. What a killed tool leaves in the
//! storage by itself (an incomplete upload of `aws`) is the storage's to clean up.
//!
//! The modules: `config` is the YAML, `storage` the six calls, `writer` and `reader` the two that stream, `running` one
//! command as the async side sees it, `stderr` its last words, `patience` time limits, `supervisor` the threads, `group`
//! and `members` the system calls. Nothing here knows what a command does.

#![forbid(unsafe_code)]

mod config;
mod group;
mod members;
mod patience;
mod reader;
mod running;
mod stderr;
mod storage;
mod supervisor;
mod writer;

pub use config::{CommandConfig, CommandName, Commands, EnvVar};
pub use storage::CommandStorage;
