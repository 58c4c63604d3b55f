//! A server that runs as a process of its own.

use super::{PATIENCE, Readable, Tree};
use rhttp::http::Scheme;
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// A running server, killed on drop.
pub(crate) struct Running {
    process: Child,
    address: SocketAddr,
    scheme: Scheme,
    output: Arc<Lines>,
    log: Arc<Lines>,
}

impl Running {
    /// rhttp on a free port of 127.0.0.1, with further arguments.
    pub(crate) fn rhttp<I>(arguments: I) -> Self
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
        command.args(["0", "--bind", "127.0.0.1"]).args(arguments);
        Self::start(command)
    }

    /// The same over this scheme: with a certificate that it makes for itself, where that is HTTPS.
    pub(crate) fn rhttp_over<I>(scheme: Scheme, arguments: I) -> Self
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
        command.args(["0", "--bind", "127.0.0.1"]).args(arguments);
        if scheme == Scheme::Https {
            command.arg("--tls-self-signed");
        }
        Self::start(command)
    }

    /// rhttp on a tree, as a user whom permissions bind, as they do not bind root.
    pub(crate) fn of_ordinary_user(tree: &Tree) -> Option<Self> {
        let directory = tree.path().as_os_str();
        if !rustix::process::geteuid().is_root() {
            return Some(Self::rhttp(["--directory".as_ref(), directory]));
        }
        let setpriv = || {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
            command
        };
        let probe = setpriv().arg("true").status();
        probe.is_ok_and(|status| status.success()).then(|| {
            let mut command = setpriv();
            command.args([env!("CARGO_BIN_EXE_rhttp"), "0", "--bind", "127.0.0.1"]);
            command.arg("--directory").arg(directory);
            Self::start(command)
        })
    }

    /// Any server that prints a banner like CPython's.
    pub(crate) fn start(mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let output = Lines::of(process.stdout.take().expect("standard output is a pipe"));
        let log = Lines::of(process.stderr.take().expect("standard error is a pipe"));
        let Some(banner) = output.wait_for(|lines| lines.first().cloned()) else {
            process.kill().expect("the process is still ours");
            panic!("{command:?} printed no banner, but this: {}", log.to_text());
        };
        let (scheme, address) = url_in(&banner);
        Self {
            process,
            address,
            scheme,
            output,
            log,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("a process has an id"), signal)
            .expect("the process can be signalled");
    }

    /// The lines printed so far, the banner first.
    pub(crate) fn output(&self) -> Vec<Vec<u8>> {
        self.output.so_far()
    }

    /// The lines logged so far.
    pub(crate) fn log(&self) -> Vec<Vec<u8>> {
        self.log.so_far()
    }

    /// Waits until `find` finds what it looks for in the log.
    pub(crate) fn wait_for_log<T>(&self, find: impl Fn(&[Vec<u8>]) -> Option<T>) -> T {
        let found = self.log.wait_for(find);
        found.unwrap_or_else(|| panic!("the log is not as expected: {}", self.log.to_text()))
    }

    /// Waits until the process has ended by itself, and all that it wrote was read.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let ended = self.output.wait_for_end() && self.log.wait_for_end();
        assert!(
            ended,
            "the server does not end; its log: {}",
            self.log.to_text()
        );
        self.process.wait().expect("the process can be waited for")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to do about an error here.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The scheme and the address of the URL in a banner.
fn url_in(banner: &[u8]) -> (Scheme, SocketAddr) {
    let text = String::from_utf8_lossy(banner);
    let found = [Scheme::Http, Scheme::Https]
        .into_iter()
        .find_map(|scheme| {
            let (_, rest) = text.split_once(&format!("({scheme}://"))?;
            let (address, _) = rest.split_once("/)")?;
            Some((scheme, address.parse().ok()?))
        });
    found.unwrap_or_else(|| panic!("no address in the banner {text:?}"))
}

/// The lines of a stream, collected by a thread as they come.
struct Lines {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<Vec<u8>>,
    ended: bool,
}

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Arc<Self> {
        let lines = Arc::new(Self {
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let collector = Arc::clone(&lines);
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                collector.change(|state| state.lines.push(line));
            }
            collector.change(|state| state.ended = true);
        });
        lines
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn so_far(&self) -> Vec<Vec<u8>> {
        self.lock().lines.clone()
    }

    fn to_text(&self) -> String {
        let lines = self.so_far().join(b"\n".as_slice());
        format!("\n{}", Readable(&lines).to_string().replace("\\n", "\n"))
    }

    /// `None` when the stream ends, or patience does, before `find` finds anything.
    fn wait_for<T>(&self, find: impl Fn(&[Vec<u8>]) -> Option<T>) -> Option<T> {
        let state = self.wait_until(|state| state.ended || find(&state.lines).is_some());
        find(&state.lines)
    }

    fn wait_for_end(&self) -> bool {
        self.wait_until(|state| state.ended).ended
    }

    fn wait_until(&self, done: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        self.changed
            .wait_timeout_while(self.lock(), PATIENCE, |state| !done(state))
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }
}
