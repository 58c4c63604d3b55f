//! Connections that have waited too long for their next request.
//!
//! A time limit of the socket's own would start and stop a timer of the kernel for each request: 3 %
//! of the rate over 64 connections. When a connection began to wait is known anyway, so one thread
//! looks at all of them now and then.

use super::ticket::Ticket;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The time between two looks is at least the limit divided by this: a connection is ended at most
/// that late.
const PARTS: u32 = 32;
/// The least time between two looks.
const LEAST: Duration = Duration::from_millis(1);

/// When to look for connections that have been idle for too long.
#[derive(Debug, Default)]
pub(super) struct IdleLimit {
    limit: Option<Duration>,
    /// `None` while there is no connection, and where idle connections may stay.
    next_look: Option<Instant>,
}

impl IdleLimit {
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self {
            limit,
            next_look: None,
        }
    }

    /// Notes that there is a connection; returns whether there was no next look before.
    pub(super) fn begin(&mut self) -> bool {
        let Some(limit) = self.limit.filter(|_| self.next_look.is_none()) else {
            return false;
        };
        self.next_look = Instant::now().checked_add(limit);
        self.next_look.is_some()
    }

    /// The time until the next look.
    pub(super) fn time_left(&self) -> Option<Duration> {
        let next = self.next_look?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// Ends the connections that have been idle for too long, if it is time to look for them.
    pub(super) fn look(&mut self, tickets: &[Arc<Ticket>]) {
        let Some(limit) = self.limit else { return };
        let now = Instant::now();
        if self.next_look.is_none_or(|next| now < next) {
            return;
        }
        let left = tickets
            .iter()
            .map(|ticket| ticket.end_if_idle_for(limit))
            .min();
        self.next_look = left.and_then(|left| now.checked_add(left.max(limit / PARTS).max(LEAST)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Peer;
    use crate::server::places::Holder;
    use std::io::{ErrorKind, Read};
    use std::os::unix::net::UnixStream;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    /// Waits until it is time to look.
    fn wait_for_look(idle: &IdleLimit) {
        while idle.time_left() != Some(Duration::ZERO) {
            thread::yield_now();
        }
    }

    #[test]
    fn a_connection_ends_once_it_has_waited_too_long_for_another_request() {
        let limit = Duration::from_millis(20);
        let (client, socket) = UnixStream::pair().expect("a pair of sockets");
        let mut server = socket.try_clone().expect("a descriptor");
        server.set_nonblocking(true).expect("it can be set");
        let holder = Holder::of(&Peer::Unix(None));
        let has_waiting = Arc::new(AtomicBool::new(false));
        let ticket = Arc::new(Ticket::new(socket.into(), holder, 0, 0, has_waiting));
        let all = [Arc::clone(&ticket)];
        let mut idle = IdleLimit::new(Some(limit));
        assert!(idle.begin());
        assert!(!idle.begin());

        let look = |idle: &mut IdleLimit| {
            wait_for_look(idle);
            idle.look(&all);
            assert!(!ticket.is_last());
        };
        // For its first request the socket has a limit.
        ticket.begin_wait();
        look(&mut idle);
        // It is not idle while it works, nor while its client may still be sending.
        ticket.end_wait();
        ticket.begin_work();
        ticket.answered();
        look(&mut idle);
        ticket.begin_wait();
        look(&mut idle);

        ticket.end_wait();
        ticket.begin_request();
        let start = Instant::now();
        ticket.begin_wait();
        while !ticket.is_last() {
            wait_for_look(&idle);
            let error = server.read(&mut [0]).map_err(|error| error.kind());
            assert_eq!(error, Err(ErrorKind::WouldBlock));
            idle.look(&all);
        }
        assert!(start.elapsed() >= limit);
        assert_eq!(server.read(&mut [0]).ok(), Some(0));
        drop(client);

        // Nobody looks where there is no connection.
        wait_for_look(&idle);
        idle.look(&[]);
        assert_eq!(idle.time_left(), None);
        assert!(idle.begin());
    }

    #[test]
    fn without_a_limit_nobody_looks() {
        let mut idle = IdleLimit::new(None);
        assert!(!idle.begin());
        assert_eq!(idle.time_left(), None);
    }
}
