//! What this process may use of the machine it runs on.
//!
//! How many processors that are, the standard library knows: it counts those of the affinity mask, and a control group's quota
//! (`std::thread::available_parallelism`).

use bytesize::ByteSize;
use rustix::process::{Resource, getrlimit};
use sealift::Budget;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::{fs, io};
use tokio::runtime::{Builder, Runtime};

/// One part in so many of the memory is for data.
const SHARE: u64 = 32;
/// More than this is not taken unasked: one stream to a service 100 ms away is as fast as it gets with it.
const MOST: u64 = 256 * MIB;
const MIB: u64 = 1 << 20;

/// The most threads for what blocks: reading files, syncing them, looking names up. Each call is a short one, so more calls
/// wait in turn. A folder's files would otherwise be hundreds of threads, each with a stack and an arena of its own.
const BLOCKING: usize = 32;

/// From what size on glibc's allocator takes memory from the system and gives it back there, in bytes: what it is at the start by
/// mallopt(3), `M_MMAP_THRESHOLD`, would be 128 KiB, but what blocks become when they are compressed had better be used again.
#[cfg(target_env = "gnu")]
const OWN_MAPPING: libc::c_int = 1 << 20;

/// Keeps the memory of this process to what it uses. By itself, glibc's allocator learns from each large buffer that is given
/// back to keep such buffers, one heap for several threads each, until half of `--memory` comes on top of it. Call it before
/// there are threads.
pub(crate) fn keep_memory_small() {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: mallopt sets a number in the allocator; it takes no pointer, and no other thread is there yet.
        #[expect(unsafe_code, reason = "glibc has no other way, but a variable of the environment before the start")]
        let set = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_MAPPING) };
        debug_assert_eq!(set, 1, "by mallopt(3), 1 is success");
    }
}

/// The runtime of the command.
pub(crate) fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().max_blocking_threads(BLOCKING).build()
}

/// Descriptors that are left for what is open all the time: the terminal, the runtime, libraries, locks, threads that look up a name.
const OTHERS: u64 = 64;

/// How many files or objects are under way at a time: at most `most`, and no more than the process may have descriptors for
/// (`ulimit -n`). Each has a connection, a file or two, and some connections are made for another that is free by then.
pub(crate) fn under_way_at_once(most: NonZeroUsize) -> NonZeroUsize {
    let each = 3;
    let may_have = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let have_room = usize::try_from(may_have.saturating_sub(OTHERS) / each).unwrap_or(usize::MAX);
    most.min(NonZeroUsize::MIN.saturating_add(have_room))
}

/// What `--memory` is unless it is said: a share of what the process may use, within bounds.
pub(crate) fn memory() -> ByteSize {
    ByteSize::b(share_of(Memory { root: Path::new("/") }.may_be_used()))
}

/// In whole MiB, for people.
fn share_of(memory: Option<u64>) -> u64 {
    memory.map_or(Budget::DEFAULT, |all| (all / SHARE / MIB * MIB).clamp(Budget::DEFAULT, MOST))
}

/// Where a system says what memory there is. The root is `/`; tests have one of their own.
struct Memory<'a> {
    root: &'a Path,
}

impl Memory<'_> {
    /// The least of what the machine has and of what this process's control group, and those above it, may use. `None` where
    /// nothing is told.
    fn may_be_used(&self) -> Option<u64> {
        let groups = self.groups().into_iter().filter_map(|limit| self.read(&limit)?.trim().parse().ok());
        groups.chain(self.physical()).min()
    }

    /// `MemTotal` of proc_meminfo(5), which is in KiB.
    fn physical(&self) -> Option<u64> {
        let told = self.read(Path::new("proc/meminfo"))?;
        let total = told.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        total.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    }

    /// The files that may hold a limit: by proc_pid_cgroup(5), and `memory.max` of the kernel's cgroup-v2, or
    /// `memory.limit_in_bytes` of cgroup-v1, which says "no limit" by a number that is larger than any memory.
    fn groups(&self) -> Vec<PathBuf> {
        let told = self.read(Path::new("proc/self/cgroup")).unwrap_or_default();
        let of_line = |line: &str| {
            let mut fields = line.splitn(3, ':').skip(1);
            let (controllers, path) = (fields.next()?.to_owned(), fields.next()?.trim_start_matches('/').to_owned());
            let (mount, limit) = match controllers.as_str() {
                "" => ("sys/fs/cgroup", "memory.max"),
                some if some.split(',').any(|one| one == "memory") => ("sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                _ => return None,
            };
            // A container sees its own group at the mount, whatever the path says: the mount itself is asked, too.
            let above: Vec<PathBuf> =
                Path::new(&path).ancestors().map(|group| Path::new(mount).join(group).join(limit)).collect();
            Some(above)
        };
        told.lines().filter_map(of_line).flatten().collect()
    }

    fn read(&self, file: &Path) -> Option<String> {
        fs::read_to_string(self.root.join(file)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn told(files: &[(&str, &str)]) -> Option<u64> {
        let root = tempfile::tempdir().expect("a folder");
        for (file, content) in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, content).expect("written");
        }
        Memory { root: root.path() }.may_be_used()
    }

    const MACHINE: (&str, &str) = ("proc/meminfo", "MemTotal:        8388608 kB\nMemFree:  1 kB\n");

    #[test]
    fn the_least_of_the_machine_and_of_all_groups_above() {
        let group = ("proc/self/cgroup", "0::/system.slice/backup.service\n");
        let (unit, slice) =
            ("sys/fs/cgroup/system.slice/backup.service/memory.max", "sys/fs/cgroup/system.slice/memory.max");
        assert_eq!(told(&[MACHINE]), Some(8 * GIB));
        assert_eq!(told(&[MACHINE, group, (unit, "max\n"), (slice, "max\n")]), Some(8 * GIB));
        assert_eq!(told(&[MACHINE, group, (unit, "1073741824\n"), (slice, "max\n")]), Some(GIB));
        assert_eq!(told(&[MACHINE, group, (unit, "4294967296\n"), (slice, "2147483648\n")]), Some(2 * GIB));
        // In a container, whose group is mounted at the top.
        let container = ("proc/self/cgroup", "0::/\n");
        assert_eq!(told(&[MACHINE, container, ("sys/fs/cgroup/memory.max", "3221225472\n")]), Some(3 * GIB));
        assert_eq!(told(&[MACHINE, group, ("sys/fs/cgroup/memory.max", "3221225472\n")]), Some(3 * GIB));
    }

    #[test]
    fn groups_of_the_first_version() {
        let group = ("proc/self/cgroup", "12:cpu,cpuacct:/\n5:memory:/docker/1f\n");
        let limit = "sys/fs/cgroup/memory/docker/1f/memory.limit_in_bytes";
        assert_eq!(told(&[MACHINE, group, (limit, "1073741824\n")]), Some(GIB));
        assert_eq!(told(&[MACHINE, group, (limit, "9223372036854771712\n")]), Some(8 * GIB));
    }

    #[test]
    fn what_cannot_be_read_is_not_believed() {
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[("proc/meminfo", "MemTotal: much\n"), ("proc/self/cgroup", "nonsense\n\n::\n")]), None);
    }

    #[test]
    fn a_share_within_bounds() {
        let mib = |memory| share_of(memory) >> 20;
        assert_eq!(
            (mib(None), mib(Some(GIB)), mib(Some(4 * GIB + 50_000_000)), mib(Some(64 * GIB))),
            (64, 64, 129, 256)
        );
    }

    #[test]
    fn this_machine_tells() {
        assert!(Memory { root: Path::new("/") }.may_be_used().is_some_and(|all| all > 64 << 20));
    }
}
