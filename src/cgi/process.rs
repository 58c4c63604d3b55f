//! A running script: it is fed the request's body while its output is read, and it is ended once
//! nobody needs it any more.
//!
//! A script belongs to the thread of its connection until it is gone: that thread ends it and waits
//! for its exit. So there are never more scripts than connections, and nothing else has to look
//! after them.

use super::groups::{self, GRACE};
use super::launch::{Handle, Launch};
use crate::http::{Exchange, ExchangeFailed, RequestBody, Wait};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::ioctl_fionread;
use rustix::process::Signal;
use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{ChildStdin, ChildStdout, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

/// How much of a request's body is buffered on its way to a script.
const CHUNK: usize = 64 * 1024;
/// The interval at which a silent script is polled for its exit, at first and at most. Normally the
/// end of its output shows that it is done, unless something that it started holds the output open.
const LOOKS: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];
/// How long a script may keep running when it can add nothing more to its response, and how long
/// the output may be silent when the script has ended but something else holds it open.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// How long output is passed on beyond what the script itself has printed: a process that it leaves
/// running may print forever.
const AFTERMATH: Duration = Duration::from_secs(5);
/// How long the processes that a script has started may go on once the script itself has followed
/// SIGTERM.
const DESCENDANTS: Duration = Duration::from_millis(50);

/// A running script. If it is dropped before it has finished, it is ended together with everything
/// it has started.
pub(crate) struct Process {
    handle: Handle,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    /// The part of the request's body that has been read, but not yet taken by the script; it
    /// starts at `written`.
    pending_input: Vec<u8>,
    written: usize,
    ended: Option<Ending>,
    /// When to check next whether it has ended.
    next_look: Instant,
    patience: Duration,
}

/// The end of a script, as observed.
#[derive(Clone, Copy)]
struct Ending {
    status: ExitStatus,
    /// The bytes that were available to read at that time: the script's own are among them. They
    /// are passed on however slow the client is.
    unread: u64,
    /// When the last of these had been read.
    since: Instant,
    /// When output last arrived.
    last: Instant,
}

impl Process {
    /// Starts a script.
    pub(crate) fn start(launch: Launch<'_>) -> io::Result<Self> {
        let started = groups::spawn(|| launch.start())?;
        let [patience, _] = LOOKS;
        let process = Self {
            handle: started.process,
            stdin: started.stdin,
            stdout: started.stdout,
            pending_input: Vec::new(),
            written: 0,
            ended: None,
            next_look: Instant::now() + patience,
            patience,
        };
        if let Some(stdin) = &process.stdin {
            // Only our end: the script's end of the pipe stays blocking.
            rustix::fs::fcntl_setfl(stdin, OFlags::NONBLOCK)?;
        }
        Ok(process)
    }

    /// Reads what the script prints, feeding it the request's body in the meantime. Zero bytes mean
    /// the end of its output.
    pub(crate) fn read_output(
        &mut self,
        request: &mut RequestBody<'_>,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        while let Some(stdout) = &self.stdout {
            let wants_input = self.pending_input.is_empty();
            if wants_input && request.is_finished() {
                self.stdin = None;
            }
            let stdin = self.stdin.as_ref();
            let now = Instant::now();
            let ready = request.wait(&Wait {
                readable: Some(stdout.as_fd()),
                writable: stdin.filter(|_| !wants_input).map(AsFd::as_fd),
                body: stdin.is_some() && wants_input,
                limit: Some(self.next_look.saturating_duration_since(now)),
            })?;
            if ready.body {
                self.take_input(request)?;
            }
            if ready.body || ready.writable {
                self.write_input()?;
            }
            self.poll_end();
            let is_over = self.is_over(ready.readable);
            if ready.readable {
                let count = read(self.stdout.as_mut(), buffer)?;
                if count > 0 && is_over {
                    // A truncated response must not look complete.
                    return Err(io::Error::other("a script has left what prints on and on"));
                }
                if count > 0 {
                    self.count_passed_on(count);
                    return Ok(count);
                }
            }
            if ready.readable || is_over {
                self.stdout = None;
                self.check_end()?;
            }
        }
        Ok(0)
    }

    /// Turns the end of the output into an error if a signal has ended the script: its partial
    /// output must not look complete.
    fn check_end(&mut self) -> io::Result<()> {
        self.wait_for_end(Instant::now() + LAST_WORDS);
        match self.ended {
            Some(Ending { status, .. }) if status.signal().is_some() => {
                Err(io::Error::other(ExchangeFailed(exit_message(status))))
            }
            _ => Ok(()),
        }
    }

    /// Counts the output that has been passed on.
    fn count_passed_on(&mut self, count: usize) {
        if let Some(ending) = &mut self.ended {
            ending.last = Instant::now();
            if ending.unread > 0 {
                ending.unread = ending.unread.saturating_sub(count as u64);
                ending.since = ending.last;
            }
        }
    }

    /// Reads more of the request's body.
    fn take_input(&mut self, request: &mut RequestBody<'_>) -> io::Result<()> {
        self.pending_input.resize(CHUNK, 0);
        let count = read(Some(request), &mut self.pending_input)?;
        self.pending_input.truncate(count);
        self.written = 0;
        Ok(())
    }

    /// Writes as much to the script as it takes now.
    fn write_input(&mut self) -> io::Result<()> {
        let Some(stdin) = &mut self.stdin else {
            return Ok(());
        };
        match stdin.write(self.pending_input.get(self.written..).unwrap_or_default()) {
            Ok(count) => self.written += count,
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {}
                // It has stopped reading, as it may.
                io::ErrorKind::BrokenPipe => {
                    self.stdin = None;
                    self.pending_input = Vec::new();
                }
                _ => return Err(error),
            },
        }
        if self.written >= self.pending_input.len() {
            self.pending_input.clear();
            self.written = 0;
        }
        Ok(())
    }

    /// Checks whether the script has ended, if a check is due.
    fn poll_end(&mut self) {
        let now = Instant::now();
        if now < self.next_look {
            return;
        }
        let [_, at_most] = LOOKS;
        self.patience = if self.has_ended() {
            LAST_WORDS
        } else {
            (self.patience * 2).min(at_most)
        };
        self.next_look = now + self.patience;
    }

    /// Whether the script has ended; if so, it is reaped.
    fn has_ended(&mut self) -> bool {
        if self.ended.is_none()
            && let Ok(Some(status)) = groups::reap(&mut self.handle)
        {
            let unread = self.stdout.as_ref().map(ioctl_fionread);
            let now = Instant::now();
            self.ended = Some(Ending {
                status,
                unread: unread.and_then(Result::ok).unwrap_or_default(),
                since: now,
                last: now,
            });
        }
        self.ended.is_some()
    }

    /// Whether to stop waiting for further output.
    fn is_over(&self, readable: bool) -> bool {
        self.ended.is_some_and(|ending| {
            let is_late = if readable {
                ending.since.elapsed() >= AFTERMATH
            } else {
                ending.last.elapsed() >= LAST_WORDS
            };
            ending.unread == 0 && is_late
        })
    }

    /// Ends a script that can add nothing more to its response, and returns its exit code as Python
    /// counts it. The script has a moment to exit by itself.
    pub(crate) fn settle(mut self) -> Option<i32> {
        self.wait_for_end(Instant::now() + LAST_WORDS);
        self.end();
        self.ended.map(|ending| exit_code(ending.status))
    }

    /// Waits until the script has ended, but not beyond `deadline`. Its output is discarded.
    fn wait_for_end(&mut self, deadline: Instant) {
        self.stdin = None;
        let mut pause = Duration::from_micros(50);
        while !self.has_ended() && Instant::now() < deadline {
            if self.stdout.is_some() {
                self.discard_output(deadline);
            } else {
                thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(10));
            }
        }
    }

    /// Ends a script that is still running, with everything it has started: SIGTERM, then SIGKILL
    /// once the script has followed that or [`GRACE`] is over.
    ///
    /// The script is not reaped before that: only while its id is taken is the group's id certain
    /// to be its own. A process that not even SIGKILL ends keeps this thread, and its connection's
    /// place.
    fn end(&mut self) {
        if self.has_ended() {
            return;
        }
        self.stdin = None;
        self.stdout = None;
        let id = self.handle.id();
        groups::signal(id, Signal::TERM);
        groups::wait_without_reaping(id, GRACE);
        thread::sleep(DESCENDANTS.min(GRACE));
        groups::signal(id, Signal::KILL);
        while !self.has_ended() && !groups::are_closed() {
            groups::wait_without_reaping(id, GRACE);
        }
    }

    /// Waits for more output, and discards it.
    fn discard_output(&mut self, deadline: Instant) {
        let Some(stdout) = &mut self.stdout else {
            return;
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap_or_default();
        let readable = poll(&mut [PollFd::new(stdout, PollFlags::IN)], Some(&left));
        let mut rubbish = [0; 4096];
        if readable.is_ok_and(|count| count > 0) && !matches!(stdout.read(&mut rubbish), Ok(1..)) {
            self.stdout = None;
        }
    }
}

impl Exchange for Process {
    fn read(&mut self, request: &mut RequestBody<'_>, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_output(request, buffer)
    }

    fn finish(self: Box<Self>) -> Option<Cow<'static, str>> {
        let has_ended = self.ended.is_some();
        let code = self.settle().filter(|&code| code != 0)?;
        // If it was ended here, that is not its fault.
        let is_own = has_ended || code > 0;
        is_own.then(|| format!("CGI script exit code {code}").into())
    }
}

/// If it is dropped before it has finished, it is ended at once: its client is gone.
impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// What CPython logs for a script that has failed.
fn exit_message(status: ExitStatus) -> Cow<'static, str> {
    format!("CGI script exit code {}", exit_code(status)).into()
}

/// Python's `os.waitstatus_to_exitcode`: signals are negative.
fn exit_code(status: ExitStatus) -> i32 {
    status
        .code()
        .or(status.signal().map(|signal| -signal))
        .unwrap_or_default()
}

/// Reads once, retrying when interrupted by a signal; without a source, returns end of file.
fn read<R: Read + ?Sized>(source: Option<&mut R>, buffer: &mut [u8]) -> io::Result<usize> {
    let Some(source) = source else { return Ok(0) };
    loop {
        match source.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests;
