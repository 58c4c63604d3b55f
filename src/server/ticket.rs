//! What the server knows about one open connection, and how other threads end it.

use super::places::Holder;
use super::transport::has_arrived;
use crate::sys;
use rustix::net::{Shutdown, shutdown};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// What a connection is doing, in two bits:
///
/// | `WAITING` | `LAST` | the connection |
/// |---|---|---|
/// | no | no | is at work on a request |
/// | yes | no | waits for its first or next request, and may be evicted |
/// | no | yes | is at work on its last request |
/// | yes | yes | waits for its last request, for a short time |
///
/// Its thread sets and clears `WAITING`. `LAST` is set by other threads, when the connection is
/// evicted or has been idle for too long, and when the server drains, and it stays set.
const WAITING: u8 = 1;
pub(super) const LAST: u8 = 2;
/// It has had a response.
const ANSWERED: u8 = 4;
/// It was evicted, and another has its place.
const EVICTED: u8 = 8;
/// There was no place for it.
pub(super) const REFUSED: u8 = 16;
/// Its request was read, or is not read any further, and the next has not begun.
const AT_WORK: u8 = 32;
/// It must drop the head that it is reading: all unfinished heads together are too large, or the
/// server has waited for its end for long enough.
const DROPS_HEAD: u8 = 64;

/// How long to wait for a request that a client may have sent before it could know that the server
/// drains, or that it is evicted. So a proxy that keeps connections open sends no request in vain.
pub(super) const LAST_CALL: Duration = Duration::from_millis(500);
/// How long a server that drains waits for the rest of a head.
const HEAD_CALL: Duration = Duration::from_secs(2);
/// What ends a connection of a server that drains, and how long after the drain has begun.
type LastCall = (Duration, fn(&Ticket));

/// What ends connections without a request, and those with an unfinished head.
pub(super) const LAST_CALLS: [LastCall; 2] = [
    (LAST_CALL, Ticket::end_if_waiting),
    (HEAD_CALL, Ticket::end_unless_at_work),
];

/// What a connection holds while it is open.
#[derive(Debug)]
pub(super) struct Ticket {
    socket: OwnedFd,
    holder: Holder,
    state: AtomicU8,
    /// When it was admitted, last began to wait, or its response last made progress: nanoseconds of
    /// [`uptime`](sys::uptime).
    since: AtomicU64,
    /// Its number among the connections being served.
    place: AtomicU64,
    /// Its index among all tickets.
    pub(super) index: AtomicUsize,
    /// Bytes of its unfinished head, or of a response in memory, or zero.
    memory: AtomicUsize,
    /// Shared by all tickets of a server: one of them has become idle.
    has_waiting: Arc<AtomicBool>,
}

/// How useful a connection is to its client, least useful first; the longer ago, the less useful.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Usefulness {
    Waits(u64),
    Begins(u64),
    Works(u64),
}

fn now() -> u64 {
    u64::try_from(sys::uptime().as_nanos()).unwrap_or(u64::MAX)
}

impl Ticket {
    pub(super) fn new(
        socket: OwnedFd,
        holder: Holder,
        bits: u8,
        index: usize,
        has_waiting: Arc<AtomicBool>,
    ) -> Self {
        Self {
            socket,
            holder,
            state: AtomicU8::new(bits),
            since: AtomicU64::new(now()),
            place: AtomicU64::new(0),
            index: AtomicUsize::new(index),
            memory: AtomicUsize::new(0),
            has_waiting,
        }
    }

    /// The connection's socket, for the connection.
    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The holder whose places it counts towards.
    pub(super) fn holder(&self) -> Holder {
        self.holder
    }

    pub(super) fn place(&self) -> u64 {
        self.place.load(Ordering::Relaxed)
    }

    pub(super) fn set_place(&self, number: u64) {
        self.place.store(number, Ordering::Relaxed);
    }

    /// Whether the request being read or answered is the connection's last, whatever the client
    /// wants.
    pub(super) fn is_last(&self) -> bool {
        self.bits() & LAST != 0
    }

    /// Whether there was no place for the connection when it arrived.
    pub(super) fn is_refused(&self) -> bool {
        self.bits() & REFUSED != 0
    }

    /// Whether the connection was evicted before it had any response: it is still owed one.
    pub(super) fn owes_response(&self) -> bool {
        self.bits() & (EVICTED | ANSWERED) == EVICTED
    }

    /// Whether the connection has had a response.
    pub(super) fn is_answered(&self) -> bool {
        self.bits() & ANSWERED != 0
    }

    /// Notes that the connection has had a response: from now on it may be evicted whenever it is
    /// idle.
    pub(super) fn answered(&self) {
        if self.bits() & ANSWERED == 0 {
            self.state.fetch_or(ANSWERED, Ordering::Relaxed);
        }
    }

    /// Marks the connection as waiting, for a request or for its client to close it; returns
    /// [`is_last`](Self::is_last).
    pub(super) fn begin_wait(&self) -> bool {
        self.touch();
        let is_last = self.state.fetch_or(WAITING, Ordering::SeqCst) & LAST != 0;
        // It is usually set already, and then only read.
        if !self.has_waiting.load(Ordering::SeqCst) {
            self.has_waiting.store(true, Ordering::SeqCst);
        }
        is_last
    }

    /// Ends the wait: a request has begun to arrive, or none will.
    pub(super) fn end_wait(&self) {
        self.state.fetch_and(!WAITING, Ordering::SeqCst);
    }

    /// Notes that its response has made progress.
    pub(super) fn touch(&self) {
        self.since.store(now(), Ordering::Relaxed);
    }

    /// Records how much memory it holds for its head, or for a response being sent.
    pub(super) fn set_memory(&self, bytes: usize) {
        self.memory.store(bytes, Ordering::Release);
    }

    pub(super) fn memory(&self) -> usize {
        self.memory.load(Ordering::Acquire)
    }

    /// Notes that its request has been read, and that it works on the response.
    pub(super) fn begin_work(&self) {
        self.state.fetch_or(AT_WORK, Ordering::Release);
    }

    /// Notes that it is reading a request.
    pub(super) fn begin_request(&self) {
        if self.bits() & AT_WORK != 0 {
            self.state.fetch_and(!AT_WORK, Ordering::Relaxed);
        }
    }

    /// Whether it is working on a response.
    pub(super) fn is_at_work(&self) -> bool {
        self.state.load(Ordering::Acquire) & AT_WORK != 0
    }

    /// Makes it drop the head that it is reading.
    pub(super) fn drop_head(&self) {
        self.state.fetch_or(DROPS_HEAD | LAST, Ordering::SeqCst);
        self.stop_reading();
    }

    /// Whether it must drop the head that it is reading.
    pub(super) fn must_drop_head(&self) -> bool {
        self.bits() & DROPS_HEAD != 0
    }

    /// Whether it may be evicted as an idle connection. A client that has just connected is about
    /// to send a request, and would get nothing at all.
    pub(super) fn is_evictable(&self) -> bool {
        let bits = self.bits();
        let is_new = || self.unchanged_for() < LAST_CALL;
        bits & (WAITING | LAST) == WAITING && (bits & ANSWERED != 0 || !is_new())
    }

    /// For how long it has been idle, or its response has made no progress.
    pub(super) fn unchanged_for(&self) -> Duration {
        Duration::from_nanos(now().saturating_sub(self.since()))
    }

    /// Which of several has been so for longest: the one with the least number.
    pub(super) fn since(&self) -> u64 {
        self.since.load(Ordering::Relaxed)
    }

    /// How useful it is to its client.
    pub(super) fn usefulness(&self) -> Usefulness {
        let since = self.since();
        match self.bits() {
            bits if bits & WAITING != 0 => Usefulness::Waits(since),
            bits if bits & AT_WORK == 0 => Usefulness::Begins(since),
            _ => Usefulness::Works(since),
        }
    }

    /// Evicts an idle connection; returns false if it is no longer idle.
    pub(super) fn evict_waiting(&self) -> bool {
        self.end_waiting(LAST | EVICTED)
    }

    /// Ends the connection if it has waited for its next request for `limit`; returns how long it
    /// will be until it could have. While it waits for its first, or for its client to close it, its
    /// socket has a limit of its own.
    pub(super) fn end_if_idle_for(&self, limit: Duration) -> Duration {
        let bits = self.state.load(Ordering::SeqCst);
        if bits & (WAITING | ANSWERED | AT_WORK | LAST) != WAITING | ANSWERED {
            return limit;
        }
        let left = limit.saturating_sub(self.unchanged_for());
        if !left.is_zero() {
            return left;
        }
        // A request that has just arrived may have its end still to come.
        if !has_arrived(&self.socket) {
            self.end_waiting(LAST);
        }
        limit
    }

    /// Ends the connection, and adds `bits` to its state, if it waits for a request; returns
    /// whether it does.
    fn end_waiting(&self, bits: u8) -> bool {
        let waits = |before| (before & WAITING != 0).then_some(before | bits);
        let told = self
            .state
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, waits);
        if told.is_ok() {
            self.stop_reading();
        }
        told.is_ok()
    }

    /// Evicts a connection, whatever it is doing.
    pub(super) fn evict(&self) {
        self.state.fetch_or(LAST | EVICTED, Ordering::SeqCst);
        self.cut();
    }

    /// Marks the request being read or answered as the last.
    pub(super) fn make_last(&self) {
        self.state.fetch_or(LAST, Ordering::SeqCst);
    }

    fn bits(&self) -> u8 {
        self.state.load(Ordering::Relaxed)
    }

    /// Ends the connection, whatever it is doing.
    pub(super) fn cut(&self) {
        // This fails when the client is already gone.
        let _ = shutdown(&self.socket, Shutdown::Both);
    }

    /// Ends the connection if it waits for a request: one that has arrived is still served.
    fn end_if_waiting(&self) {
        self.end_waiting(LAST);
    }

    /// Ends the connection unless it is working on a response.
    fn end_unless_at_work(&self) {
        if !self.is_at_work() {
            self.drop_head();
        }
    }

    /// Shuts down receiving: what has arrived can still be read, then the stream ends.
    pub(super) fn stop_reading(&self) {
        // This fails when the client is already gone.
        let _ = shutdown(&self.socket, Shutdown::Read);
    }
}
