//! rhttp on a server: where it listens, what it tells its manager, how it ends by itself.

#[cfg(target_os = "linux")]
mod containers;
mod generate;
mod listening;
mod logs;
#[cfg(target_os = "linux")]
mod machines;
mod manager;
#[cfg(target_os = "linux")]
mod packages;
mod proxies;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

/// A server whose output is read to the end.
struct Server {
    process: Child,
    /// The lines of its banner.
    banner: Vec<String>,
}

impl Server {
    /// Starts rhttp and reads this many lines of its banner.
    fn start<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>, lines: usize) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        Self::run(command, lines)
    }

    fn run(mut command: Command, lines: usize) -> Self {
        command.stdout(Stdio::piped());
        let mut process = command.spawn().expect("it runs");
        let output = process.stdout.take().expect("it is a pipe");
        let banner = BufReader::new(output).lines().take(lines);
        let banner = banner.map(|line| line.expect("it is text")).collect();
        Self { process, banner }
    }

    /// The URL in a line of the banner, without its scheme.
    fn address(&self, line: usize) -> &str {
        let (_, rest) = self.banner[line].split_once("://").expect("there is a URL");
        rest.split_once("/)").expect("it has an end").0
    }

    fn terminate(&mut self) -> ExitStatus {
        let id = i32::try_from(self.process.id()).expect("it is small");
        let id = rustix::process::Pid::from_raw(id).expect("a process has an id");
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it is ours");
        self.process.wait().expect("it ends")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Asks at a path and reads to the end.
fn ask_at(path: &Path, request: &str) -> String {
    let mut client = UnixStream::connect(path).expect("somebody listens");
    client.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("it comes whole");
    answer
}
