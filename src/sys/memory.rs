//! How much memory the process may have.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Where control groups are mounted: those of version 2, and those of version 1 for memory.
const GROUPS: &str = "/sys/fs/cgroup";
const MEMORY_GROUPS: &str = "/sys/fs/cgroup/memory";

/// The memory limit in bytes that control groups set for the process, if they do: those of a
/// container, or of a service. It is read once, so the first call must come before a sandbox.
pub(crate) fn memory_limit() -> Option<usize> {
    static LIMIT: LazyLock<Option<usize>> = LazyLock::new(|| {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let files = groups.lines().flat_map(limit_files);
        let limits = files.filter_map(|file| fs::read_to_string(file).ok());
        // An unlimited group says `max`.
        limits.filter_map(|text| text.trim().parse().ok()).min()
    });
    *LIMIT
}

/// The files that may hold a limit, of the group in a line of `/proc/self/cgroup` and of its
/// parents. A container may see its own group as the root.
fn limit_files(line: &str) -> Vec<PathBuf> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (root, name) = match parts.next() {
        Some("") => (GROUPS, "memory.max"),
        Some(kinds) if kinds.split(',').any(|kind| kind == "memory") => {
            (MEMORY_GROUPS, "memory.limit_in_bytes")
        }
        _ => return Vec::new(),
    };
    let group = parts.next().unwrap_or_default().trim_start_matches('/');
    let groups = Path::new(group).ancestors();
    groups
        .map(|group| Path::new(root).join(group).join(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_may_limit() {
        for (line, files) in [
            (
                "0::/system.slice/rhttp.service",
                &[
                    "/sys/fs/cgroup/system.slice/rhttp.service/memory.max",
                    "/sys/fs/cgroup/system.slice/memory.max",
                    "/sys/fs/cgroup/memory.max",
                ][..],
            ),
            ("0::/", &["/sys/fs/cgroup/memory.max"]),
            (
                "4:memory,x:/docker",
                &[
                    "/sys/fs/cgroup/memory/docker/memory.limit_in_bytes",
                    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                ],
            ),
            ("3:cpu:/docker", &[]),
            ("", &[]),
        ] {
            let found = limit_files(line);
            assert_eq!(
                found,
                files.iter().map(PathBuf::from).collect::<Vec<_>>(),
                "{line}"
            );
        }
    }
}
