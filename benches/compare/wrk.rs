//! Drives wrk and reads what it found.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::certificate::HOST;
use crate::client::Request;
use crate::facts;
use crate::guard::{Ending, Guard};
use crate::target::Version;
use crate::tree::RANDOM_FILES;

/// What wrk may take beyond the time it was given.
const GRACE: Duration = Duration::from_secs(20);
/// A request that takes longer is an error, not a slow answer.
const TIMEOUT: &str = "20s";

/// Figures instead of prose: wrk calls this at its end.
const REPORT: &str = r#"
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("FIGURES %.0f %.0f %.0f %.0f %.0f %.0f %.0f %.0f %.0f %.0f\n",
    summary.requests, summary.duration, summary.bytes,
    e.connect, e.read, e.write, e.timeout, e.status,
    latency:percentile(50), latency:percentile(99)))
end
"#;

/// wrk itself speaks HTTP/1.1 only.
const HTTP_1_0: &str = r#"
local format = wrk.format
wrk.format = function(...)
  return (format(...):gsub("HTTP/1%.1", "HTTP/1.0", 1))
end
"#;

/// Each thread has its own sequence, the same in every run.
const RANDOM: &str = r#"
local threads = 0
function setup(thread)
  thread:set("seed", threads)
  threads = threads + 1
end
function init(args)
  math.randomseed(seed)
  prepared = {}
  for i = 0, FILES - 1 do
    prepared[i] = wrk.format("GET", string.format("/many/%05d.bin", i))
  end
end
function request()
  return prepared[math.random(0, FILES - 1)]
end
"#;

pub(crate) struct Load<'a> {
    pub(crate) port: u16,
    pub(crate) tls: bool,
    pub(crate) path: &'a str,
    pub(crate) request: &'a Request,
    pub(crate) connections: usize,
    pub(crate) seconds: u64,
    pub(crate) random: bool,
}

pub(crate) struct Figures {
    pub(crate) requests: f64,
    pub(crate) seconds: f64,
    pub(crate) bytes: f64,
    pub(crate) connections: f64,
    pub(crate) read_errors: f64,
    /// Failures to connect or write, and answers that came too late.
    pub(crate) other_errors: f64,
    /// Answers with a status of 400 or more.
    pub(crate) bad_statuses: f64,
    /// Both in milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

pub(crate) fn run(load: &Load<'_>, place: &Path, guard: &Guard) -> Result<Figures, String> {
    let script = place.join("wrk.lua");
    let mut text = REPORT.to_owned();
    if load.request.version == Version::Http10 {
        text.push_str(HTTP_1_0);
    }
    if load.random {
        text.push_str(&RANDOM.replace("FILES", &RANDOM_FILES.to_string()));
    }
    fs::write(&script, text).map_err(|error| format!("wrk's script: {error}"))?;

    let threads = machine_threads().min(load.connections);
    let mut command = Command::new("wrk");
    command
        .args(["--timeout", TIMEOUT, "--threads", &threads.to_string()])
        .args(["--connections", &load.connections.to_string()])
        .args(["--duration", &format!("{}s", load.seconds)])
        .arg("--script")
        .arg(script);
    for field in &load.request.fields {
        command.args(["--header", field]);
    }
    // A name, since in TLS a server may be asked by that alone.
    let origin = if load.tls {
        format!("https://{HOST}")
    } else {
        "http://127.0.0.1".to_owned()
    };
    command.arg(format!("{origin}:{}{}", load.port, load.path));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());

    let printed = bounded(
        &mut command,
        Duration::from_secs(load.seconds) + GRACE,
        guard,
    )?;
    figures(&printed, load.connections).ok_or_else(|| "wrk gave no figures".to_owned())
}

pub(crate) fn version() -> Option<String> {
    let line = facts::first_line(Command::new("wrk").arg("-v"))?;
    // "wrk VERSION [epoll] Copyright …"
    Some(line.split(" Copyright").next().unwrap_or(&line).to_owned())
}

/// One for each core, two at most: the servers live on the same cores.
fn machine_threads() -> usize {
    thread::available_parallelism()
        .map_or(1, usize::from)
        .min(2)
}

fn bounded(command: &mut Command, limit: Duration, guard: &Guard) -> Result<String, String> {
    let mut child = guard
        .spawn(command)
        .map_err(|error| format!("wrk: {error}"))?;
    let started = Instant::now();
    while matches!(child.try_wait(), Ok(None)) && started.elapsed() < limit {
        thread::sleep(Duration::from_millis(10));
    }
    let output = child.stdout.take();
    let Ok(Some(status)) = child.try_wait() else {
        guard.end(&mut child, Ending::AtOnce);
        return Err("wrk did not end".to_owned());
    };
    guard.forget(&child);
    if !status.success() {
        return Err("wrk failed".to_owned());
    }
    // A page at most: it fits the pipe, so that wrk never waited for a reader.
    let mut output = output.ok_or("wrk has no output")?;
    std::io::read_to_string(&mut output).map_err(|error| format!("wrk: {error}"))
}

fn figures(printed: &str, connections: usize) -> Option<Figures> {
    let line = printed
        .lines()
        .find_map(|line| line.strip_prefix("FIGURES "))?;
    let numbers: Option<Vec<f64>> = line.split(' ').map(|word| word.parse().ok()).collect();
    let numbers = numbers?;
    let &[
        requests,
        duration,
        bytes,
        connect,
        read,
        write,
        timeout,
        bad_statuses,
        p50,
        p99,
    ] = numbers.as_slice()
    else {
        return None;
    };
    Some(Figures {
        requests,
        seconds: duration / 1e6,
        bytes,
        connections: connections as f64,
        read_errors: read,
        other_errors: connect + write + timeout,
        bad_statuses,
        p50: p50 / 1e3,
        p99: p99 / 1e3,
    })
}
