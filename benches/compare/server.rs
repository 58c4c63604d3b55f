//! A running server: started, waited for, watched through /proc, ended.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{self, Request};
use crate::facts;
use crate::guard::{Ending, Guard};
use crate::origin::Origin;
use crate::peers::Peer;
use crate::recipe::Site;
use crate::setting::Setting;
use crate::workload::Mode;

const START_LIMIT: Duration = Duration::from_secs(20);
/// /proc counts processor time in `USER_HZ`, which is 100 on every Linux that
/// std supports.
const TICKS_PER_SECOND: f64 = 100.0;

pub(crate) struct Server<'a> {
    child: Child,
    guard: &'a Guard,
    ending: Ending,
    place: PathBuf,
    pub(crate) origin: Origin,
    /// From exec to the end of the first answer.
    pub(crate) first_answer: Duration,
}

/// Sums over a server and all its descendants.
#[derive(Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) cpu_seconds: f64,
    pub(crate) resident_kib: u64,
    pub(crate) peak_kib: u64,
    /// What is in no file: of what is resident, the part that grows with use.
    pub(crate) anonymous_kib: u64,
}

impl<'a> Server<'a> {
    /// Starts it and waits until it answers a request for `path`, asking again
    /// every `pause`.
    pub(crate) fn start(
        peer: &Peer,
        mode: Mode,
        setting: Setting<'a>,
        place: &Path,
        path: &str,
        pause: Duration,
    ) -> Result<Self, String> {
        let port = free_port().map_err(|error| format!("no free port: {error}"))?;
        let mut command = peer.command(&Site {
            tree: setting.tree.root(),
            certificate: setting.certificate,
            place,
            port,
            mode,
        })?;
        let logs = File::create(place.join("output.log"))
            .and_then(|output| Ok((output.try_clone()?, output)));
        let (out, err) = logs.map_err(|error| format!("no log: {error}"))?;
        command.stdin(Stdio::null()).stdout(out).stderr(err);

        let guard = setting.guard;
        let tls = (mode == Mode::Tls).then(|| setting.certificate.verifying());
        let tls = tls.transpose();
        let tls = tls.map_err(|error| format!("no client: {error}"))?;
        let origin = Origin { port, tls };

        let started = Instant::now();
        let child = guard
            .spawn(&mut command)
            .map_err(|error| format!("does not start: {error}"))?;
        let place = place.to_owned();
        let first_answer = Duration::ZERO;
        let mut server = Self {
            child,
            guard,
            ending: Ending::Kindly,
            place,
            origin,
            first_answer,
        };
        while client::fetch(&server.origin, path, &Request::plain()).is_err() {
            if !matches!(server.child.try_wait(), Ok(None)) {
                return Err(format!("ends at once: {}", server.last_words()));
            }
            if started.elapsed() > START_LIMIT {
                return Err("does not answer".to_owned());
            }
            thread::sleep(pause);
        }
        server.first_answer = started.elapsed();
        Ok(server)
    }

    pub(crate) fn usage(&self) -> Usage {
        let processes = processes();
        let mut usage = Usage::default();
        let mut family = vec![self.child.id()];
        while let Some(pid) = family.pop() {
            let Some(process) = processes.get(&pid) else {
                continue;
            };
            usage.cpu_seconds += process.ticks as f64 / TICKS_PER_SECOND;
            let status = format!("/proc/{pid}/status");
            usage.resident_kib += facts::number_after(&status, "VmRSS:").unwrap_or(0);
            usage.anonymous_kib += facts::number_after(&status, "RssAnon:").unwrap_or(0);
            usage.peak_kib += facts::number_after(&status, "VmHWM:").unwrap_or(0);
            family.extend(
                processes
                    .iter()
                    .filter(|(_, other)| other.parent == pid)
                    .map(|(&pid, _)| pid),
            );
        }
        usage
    }

    /// Lines in its logs. Some write late, so this is asked at the end.
    pub(crate) fn logged_lines(&self) -> u64 {
        let logs = ["access.log", "output.log"].map(|name| self.place.join(name));
        logs.iter().filter_map(|log| lines_in(log).ok()).sum()
    }

    /// For a server that was started only to see how long it takes.
    pub(crate) fn end_at_once(mut self) {
        self.ending = Ending::AtOnce;
    }

    fn last_words(&self) -> String {
        let said = ["output.log", "error.log"]
            .iter()
            .filter_map(|name| fs::read_to_string(self.place.join(name)).ok())
            .collect::<String>();
        let complaint = said.lines().find(|line| line.contains("error"));
        let words = complaint.or(said.lines().last());
        words.unwrap_or("says nothing").to_owned()
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        self.guard.end(&mut self.child, self.ending);
    }
}

struct Process {
    parent: u32,
    /// Its own time and that of the children it has waited for.
    ticks: u64,
}

fn processes() -> HashMap<u32, Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: u32| Some((pid, Process::read(pid)?)))
        .collect()
}

impl Process {
    fn read(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name before this may hold spaces and parentheses.
        let (_, rest) = stat.rsplit_once(") ")?;
        let mut fields = rest.split(' ').map(str::parse::<u64>);
        // proc_pid_stat(5): state is 3, ppid 4, utime to cstime 14 to 17.
        let parent = u32::try_from(fields.nth(1)?.ok()?).ok()?;
        let ticks = fields.skip(9).take(4).filter_map(Result::ok).sum();
        Some(Self { parent, ticks })
    }
}

/// A log may be larger than memory should be, so it passes through a buffer.
fn lines_in(file: &Path) -> io::Result<u64> {
    let mut file = File::open(file)?;
    let mut buffer = vec![0; 256 * 1024];
    let mut lines = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(lines);
        }
        let there = buffer.iter().take(read);
        lines += there.filter(|byte| **byte == b'\n').count() as u64;
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}
