//! Whether a process group still has a process that runs. A dead one that nobody has reaped yet holds nothing any more,
//! and not every system's first process reaps at once, or at all.

use rustix::process::Pid;

/// Whether any process of the group runs. Where the system does not tell, every process of a group that exists is
/// taken to run.
#[cfg(target_os = "linux")]
pub(crate) fn any_runs(group: Pid) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else { return true };
    processes.flatten().any(|entry| {
        let numbered = entry.file_name().to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        let stat = if numbered { std::fs::read_to_string(entry.path().join("stat")) } else { return false };
        stat.is_ok_and(|stat| runs_in(&stat, group.as_raw_nonzero().get()))
    })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn any_runs(_group: Pid) -> bool {
    true
}

/// Whether this line of /proc/PID/stat is of a process that is in the group and not dead. After the name, which is in
/// parentheses and may hold any character, come state, parent and group (proc_pid_stat(5)).
#[cfg(target_os = "linux")]
fn runs_in(stat: &str, group: i32) -> bool {
    let Some((_, fields)) = stat.rsplit_once(')') else { return false };
    let mut fields = fields.split_whitespace();
    let (state, its_group) = (fields.next(), fields.nth(1));
    !matches!(state, Some("Z" | "X") | None) && its_group.and_then(|group| group.parse().ok()) == Some(group)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn lines_of_proc() {
        assert!(runs_in("12 (a) b) S 1 77 77 0 -1", 77));
        assert!(!runs_in("12 (a) Z 1 77 77 0 -1", 77), "dead");
        assert!(!runs_in("12 (77) S 1 7 77 0 -1", 77), "another group");
        assert!(any_runs(rustix::process::getpgrp()));
    }
}
