//! The machine under the figures, and what it cannot do.

use std::process::Command;
use std::{fs, thread};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::facts::{first_line, number_after, value_after};
use crate::user;
use crate::workload::{Drive, Mode, Workload};
use crate::wrk;

/// Enough for 5,000 connections at both ends, and what both need besides.
const FILES: u64 = 16_384;
/// Descriptors a load generator wants beyond its connections.
const SPARE_FILES: u64 = 100;

/// Its lines in the report: name and value.
pub(crate) type Machine = Vec<(&'static str, String)>;

pub(crate) fn describe() -> Machine {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let memory = number_after("/proc/meminfo", "MemTotal:").map(|kib| kib >> 20);
    vec![
        ("cores", cores.to_string()),
        (
            "processor",
            value_after("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
        ),
        (
            "memory",
            memory.map_or_else(unknown, |gib| format!("{gib} GiB")),
        ),
        (
            "kernel",
            first_line(Command::new("uname").arg("-srm")).unwrap_or_else(unknown),
        ),
        (
            "load average before",
            load_average().unwrap_or_else(unknown),
        ),
        (
            "load generator",
            wrk::version().unwrap_or_else(|| "wrk is not installed".to_owned()),
        ),
        (
            "compiler",
            first_line(Command::new("rustc").arg("--version")).unwrap_or_else(unknown),
        ),
    ]
}

/// Why this machine cannot run a workload at all.
pub(crate) fn cannot(workload: &Workload) -> Option<String> {
    let reason = match workload.mode {
        Mode::Cgi => user::cannot(),
        Mode::CgiAsRoot => user::cannot_be_root(),
        _ => None,
    };
    if reason.is_some() {
        return reason;
    }
    let connections = match workload.drive {
        Drive::Load { connections, .. } => {
            if wrk::version().is_none() {
                return Some("wrk is not installed".to_owned());
            }
            connections
        }
        Drive::Idle { connections } | Drive::Handshakes { connections, .. } => connections,
        Drive::Download | Drive::Archive | Drive::Upload | Drive::Start => 1,
    };
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let wanted = connections as u64 + SPARE_FILES;
    (limit < wanted).then(|| format!("{wanted} open files are needed, {limit} are allowed"))
}

/// As many open files as the workloads want, or as this user may have.
pub(crate) fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < FILES) {
        let current = Some(limit.maximum.map_or(FILES, |maximum| maximum.min(FILES)));
        // Where it fails, the workloads that need more are left out by name.
        let _ = setrlimit(Resource::Nofile, Rlimit { current, ..limit });
    }
}

pub(crate) fn load_average() -> Option<String> {
    let all = fs::read_to_string("/proc/loadavg").ok()?;
    Some(all.split(' ').take(3).collect::<Vec<_>>().join(" "))
}

fn unknown() -> String {
    "unknown".to_owned()
}
