//! Which connections there are, who of them is idle, and how all of them come to an end.

use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The connection is at work on a request.
const BUSY: u8 = 0;
/// It waits for the first byte of one.
const IDLE: u8 = 1;
/// The server shuts down: no request is waited for any more.
const LAST: u8 = 2;

/// All open connections of a server.
#[derive(Debug, Default)]
pub(super) struct Admission {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    tickets: Vec<Arc<Ticket>>,
    is_closing: bool,
    /// Responses in progress are not waited for either.
    is_aborted: bool,
}

/// What a connection holds while it is open.
#[derive(Debug)]
pub(super) struct Ticket {
    socket: TcpStream,
    state: AtomicU8,
    /// Its place among the tickets.
    index: AtomicUsize,
}

impl Admission {
    /// Lets a connection in. While the server shuts down, what it has sent already is served.
    pub(super) fn admit(&self, socket: TcpStream) -> Arc<Ticket> {
        let mut state = self.lock();
        let ticket = Arc::new(Ticket {
            socket,
            state: AtomicU8::new(if state.is_closing { LAST } else { BUSY }),
            index: AtomicUsize::new(state.tickets.len()),
        });
        state.tickets.push(Arc::clone(&ticket));
        ticket
    }

    /// Lets a connection out.
    pub(super) fn release(&self, ticket: &Ticket) {
        let mut state = self.lock();
        let index = ticket.index.load(Ordering::Relaxed);
        if index < state.tickets.len() {
            state.tickets.swap_remove(index);
        }
        if let Some(moved) = state.tickets.get(index) {
            moved.index.store(index, Ordering::Relaxed);
        }
        if state.is_closing && state.tickets.is_empty() {
            self.changed.notify_all();
        }
    }

    /// Ends the idle connections, and tells the busy ones to end after their response.
    pub(super) fn begin_closing(&self) {
        let mut state = self.lock();
        state.is_closing = true;
        for ticket in &state.tickets {
            if ticket.state.swap(LAST, Ordering::SeqCst) == IDLE {
                ticket.stop_reading();
            }
        }
        self.changed.notify_all();
    }

    /// As [`begin_closing`](Self::begin_closing), and cuts what is in progress.
    pub(super) fn abort(&self) {
        self.lock().is_aborted = true;
        self.begin_closing();
    }

    /// Whether the server shuts down.
    pub(super) fn is_closing(&self) -> bool {
        self.lock().is_closing
    }

    /// Waits until `begin_closing` was called.
    pub(super) fn wait_for_closing(&self) {
        let mut state = self.lock();
        while !state.is_closing {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until all connections have ended, but no longer than `limit`; then cuts the rest.
    pub(super) fn finish(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        while !state.tickets.is_empty() && !state.is_aborted {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                break;
            };
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        for ticket in &state.tickets {
            // It fails when the client is gone already.
            let _ = ticket.socket.shutdown(Shutdown::Both);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// The connection's socket.
    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Whether the response being made is the connection's last because the server shuts down.
    pub(super) fn is_last(&self) -> bool {
        self.state.load(Ordering::Relaxed) == LAST
    }

    /// The connection begins to wait for a request. While the server shuts down, only one that
    /// has arrived already will be read.
    pub(super) fn begin_idle(&self) {
        if self.change(BUSY, IDLE).is_err() {
            self.stop_reading();
        }
    }

    /// A request has begun to arrive, or the wait is over without one.
    pub(super) fn end_idle(&self) {
        // If it is the last, it stays that.
        let _ = self.change(IDLE, BUSY);
    }

    /// What has arrived can still be read, then comes the end.
    fn stop_reading(&self) {
        // It fails when the client is gone already.
        let _ = self.socket.shutdown(Shutdown::Read);
    }

    fn change(&self, from: u8, to: u8) -> Result<u8, u8> {
        self.state
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
    }
}
