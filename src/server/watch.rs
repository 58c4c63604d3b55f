//! Waiting for several things at once, with an eye on the client.

use crate::config::Config;
use crate::http::{Ready, Wait};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::cell::Cell;
use std::io;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// The client sends no more: it is done with its request, or it is gone.
#[cfg(target_os = "linux")]
const SENDS_NO_MORE: PollFlags = PollFlags::RDHUP;
#[cfg(not(target_os = "linux"))]
const SENDS_NO_MORE: PollFlags = PollFlags::empty();

/// Nobody is there any more.
const GONE: PollFlags = PollFlags::ERR.union(PollFlags::HUP);

/// What is known about a client that waits for its response.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// It sends no more, since then.
    sends_no_more: Cell<Option<Instant>>,
    /// Nothing has happened, since then.
    silent: Cell<Option<Instant>>,
}

impl Watch {
    /// A new request begins, and with it a new silence.
    pub(super) fn begin_request(&self) {
        self.silent.set(None);
    }

    /// Waits for the client behind `socket`, and for what else `wait` says.
    ///
    /// Whether a client that sends no more still reads cannot be known before something is sent
    /// to it. So it is served, but not for longer than [`Config::half_closed_timeout`] while
    /// there is nothing to send.
    pub(super) fn wait(
        &self,
        socket: &TcpStream,
        config: &Config,
        wait: &Wait<'_>,
    ) -> io::Result<Ready> {
        let now = Instant::now();
        let silent = self.silent.get().unwrap_or(now);
        self.silent.set(Some(silent));
        let deadline = earliest([
            end_of(now, wait.limit),
            wait.body
                .then(|| end_of(silent, config.stall_timeout))
                .flatten(),
            self.sends_no_more
                .get()
                .and_then(|since| end_of(since.max(silent), config.half_closed_timeout)),
        ]);
        let ready = self.poll(socket, wait, deadline)?;
        if ready != Ready::default() {
            self.silent.set(None);
            return Ok(ready);
        }
        let passed = |since: Instant, limit: Option<Duration>| {
            limit.is_some_and(|limit| since.elapsed() >= limit)
        };
        if wait.body && passed(silent, config.stall_timeout) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match self.sends_no_more.get() {
            Some(since) if passed(since.max(silent), config.half_closed_timeout) => {
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            _ => Ok(ready),
        }
    }

    fn poll(
        &self,
        socket: &TcpStream,
        wait: &Wait<'_>,
        deadline: Option<Instant>,
    ) -> io::Result<Ready> {
        let mut client = PollFlags::empty();
        client.set(PollFlags::IN, wait.body);
        client.set(SENDS_NO_MORE, self.sends_no_more.get().is_none());
        // A descriptor that is not waited for is the client's again, asked about nothing.
        let socket = socket.as_fd();
        let readable = wait.readable.map_or(PollFlags::empty(), |_| PollFlags::IN);
        let writable = wait.writable.map_or(PollFlags::empty(), |_| PollFlags::OUT);
        let mut polled = [
            PollFd::from_borrowed_fd(socket, client),
            PollFd::from_borrowed_fd(wait.readable.unwrap_or(socket), readable),
            PollFd::from_borrowed_fd(wait.writable.unwrap_or(socket), writable),
        ];
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            // A time that is too long to be told is for ever.
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            match poll(&mut polled, left.as_ref()) {
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => break,
            }
        }
        let [client, readable, writable] = polled.map(|polled| polled.revents());
        if client.intersects(GONE) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if client.contains(SENDS_NO_MORE) && !SENDS_NO_MORE.is_empty() {
            self.sends_no_more.set(Some(Instant::now()));
        }
        Ok(Ready {
            readable: wait.readable.is_some() && !readable.is_empty(),
            writable: wait.writable.is_some() && !writable.is_empty(),
            body: wait.body && !client.is_empty(),
        })
    }
}

/// When `limit` from `start` on is over; one that is too long to be told never is.
fn end_of(start: Instant, limit: Option<Duration>) -> Option<Instant> {
    start.checked_add(limit?)
}

fn earliest<const N: usize>(deadlines: [Option<Instant>; N]) -> Option<Instant> {
    deadlines.into_iter().flatten().min()
}
