//! Facts about processes, from Linux's /proc.

use std::fs;

/// The open descriptors of this process, and what they are.
pub fn open_descriptors() -> Vec<(i32, String)> {
    let entries = fs::read_dir("/proc/self/fd").expect("/proc");
    let mut open: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let number = entry.file_name().to_str()?.parse().ok()?;
            let target = fs::read_link(entry.path()).ok()?.display().to_string();
            // The one that this listing itself has open.
            (!target.contains("/proc/")).then_some((number, target))
        })
        .collect();
    open.sort_unstable();
    open
}

/// How many threads this process has, without those that come and go as they like: the test harness's, which are named
/// after their tests, and the runtime's.
pub fn threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("/proc");
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| !name.contains("::") && !name.starts_with("tokio-")).count()
}

/// All descendants of a process: id, state (`Z` for a zombie), name.
pub fn children_of(pid: u32) -> Vec<(u32, char, String)> {
    let entries = fs::read_dir("/proc").expect("/proc");
    let stats: Vec<(u32, u32, char, String)> = entries
        .filter_map(|entry| {
            let id: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let (parent, state, name) = stat(id)?;
            Some((id, parent, state, name))
        })
        .collect();
    let mut found = Vec::new();
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for (id, of, state, name) in &stats {
            if *of == parent {
                parents.push(*id);
                found.push((*id, *state, name.clone()));
            }
        }
    }
    found
}

/// Whether a process is running. A zombie is not.
pub fn process_exists(pid: u32) -> bool {
    stat(pid).is_some_and(|(_, state, _)| state != 'Z')
}

/// Parent, state and name: the name is in parentheses and may hold any character (proc_pid_stat(5)).
fn stat(pid: u32) -> Option<(u32, char, String)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (head, tail) = text.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_owned();
    let mut fields = tail.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((fields.next()?.parse().ok()?, state, name))
}

/// The memory of this process that is resident, in bytes.
pub fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib << 10
}
