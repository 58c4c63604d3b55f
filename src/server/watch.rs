//! Waiting for several events at once while watching the client.

use super::transport::Transport;
use crate::config::Config;
use crate::http::{Ready, Wait};
use rustix::event::PollFlags;
use std::io;
use std::time::{Duration, Instant};

/// The client sends nothing more: it is done with its request, or it is gone.
#[cfg(target_os = "linux")]
const HALF_CLOSED: PollFlags = PollFlags::RDHUP;
#[cfg(not(target_os = "linux"))]
const HALF_CLOSED: PollFlags = PollFlags::empty();

/// The client is gone.
const GONE: PollFlags = PollFlags::ERR.union(PollFlags::HUP);

/// What is known about a client that waits for its response.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Since when it has been half-closed.
    half_closed: Option<Instant>,
    /// Since when nothing has happened.
    silent: Option<Instant>,
}

impl Watch {
    /// Restarts the measurement of silence for a new request.
    pub(super) fn begin_request(&mut self) {
        self.silent = None;
    }

    /// Waits for the client at the other end of `transport`, and for everything else in `wait`.
    ///
    /// There is no way to know whether a half-closed client still reads before something is sent to
    /// it. So it is served, but for no longer than [`Config::half_closed_timeout`] while there is
    /// nothing to send.
    pub(super) fn wait(
        &mut self,
        transport: &mut Transport<'_>,
        config: &Config,
        wait: &Wait<'_>,
    ) -> io::Result<Ready> {
        let now = Instant::now();
        let silent = *self.silent.get_or_insert(now);
        let stalls = if wait.body {
            config.stall_timeout
        } else {
            None
        };
        let leaves = |since: Instant| end_of(since.max(silent), config.half_closed_timeout);
        let deadline = [
            end_of(now, wait.limit),
            end_of(silent, stalls),
            self.half_closed.and_then(leaves),
        ];
        let deadline = deadline.into_iter().flatten().min();
        let ready = self.poll(transport, wait, deadline)?;
        if ready != Ready::default() {
            self.silent = None;
            return Ok(ready);
        }
        let now = Instant::now();
        let has_passed = |end: Option<Instant>| end.is_some_and(|end| end <= now);
        if has_passed(end_of(silent, stalls)) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if has_passed(self.half_closed.and_then(leaves)) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(ready)
    }

    fn poll(
        &mut self,
        transport: &mut Transport<'_>,
        wait: &Wait<'_>,
        deadline: Option<Instant>,
    ) -> io::Result<Ready> {
        let mut client = PollFlags::empty();
        client.set(PollFlags::IN, wait.body);
        client.set(HALF_CLOSED, self.half_closed.is_none());
        let others = [
            wait.readable.map(|descriptor| (descriptor, PollFlags::IN)),
            wait.writable.map(|descriptor| (descriptor, PollFlags::OUT)),
        ];
        let [client, readable, writable] = transport.wait(client, others, deadline)?;
        if client.intersects(GONE) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if client.contains(HALF_CLOSED) && !HALF_CLOSED.is_empty() {
            self.half_closed = Some(Instant::now());
        }
        Ok(Ready {
            readable: wait.readable.is_some() && !readable.is_empty(),
            writable: wait.writable.is_some() && !writable.is_empty(),
            body: wait.body && !client.is_empty(),
        })
    }
}

/// When `limit`, counted from `start`, expires; one that is too long to be represented never does.
fn end_of(start: Instant, limit: Option<Duration>) -> Option<Instant> {
    start.checked_add(limit?)
}
