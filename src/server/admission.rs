//! Which connections there are, who of them is waiting, and how all of them come to an end.

use rustix::net::{Shutdown, shutdown};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a connection is doing, in two bits:
///
/// | `WAITING` | `LAST` | the connection |
/// |---|---|---|
/// | no | no | is at work on a request |
/// | yes | no | waits for its first or next request, and may have to make room |
/// | no | yes | is at work on its last request |
/// | yes | yes | waits for its last request, for a short time |
///
/// Its thread sets and clears `WAITING`. `LAST` is set by others and stays: when the connection
/// must make room, and when the server shuts down.
const WAITING: u8 = 1;
const LAST: u8 = 2;
/// It has had a response.
const ANSWERED: u8 = 4;
/// It was told to leave, and another has its room.
const MADE_ROOM: u8 = 8;
/// There was no room for it.
const REFUSED: u8 = 16;

/// How long a connection is waited for whose client may have sent a request before it could know
/// that the server shuts down, or that a new connection must make room. A proxy that keeps
/// connections sends none in vain.
pub(super) const LAST_CALL: Duration = Duration::from_millis(500);

/// No place among the tickets.
const NOWHERE: usize = usize::MAX;

/// All open connections of a server.
///
/// Its lock is taken when a connection begins and when it ends, not for requests.
#[derive(Debug, Default)]
pub(super) struct Admission {
    state: Mutex<State>,
    called: Condvar,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    room: Room,
    tickets: Vec<Arc<Ticket>>,
    /// Those among them that have room, and have not made it for others.
    served: usize,
    /// Those that were refused.
    refused: usize,
    /// How many have ended.
    ended: u64,
    /// Threads that want to know when one ends; mostly nobody does.
    watchers: usize,
    /// How often a thread was asked for that accepts.
    calls: usize,
    is_closing: bool,
    /// Responses in progress are not waited for either.
    is_aborted: bool,
    /// The time for all to end is over: who comes now is cut, too.
    is_over: bool,
}

/// How many connections there may be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Room {
    /// Those that are served.
    pub(super) served: usize,
    /// Those that are being refused, beyond these.
    pub(super) refused: usize,
}

/// What becomes of a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is served.
    Serve,
    /// There is no room: it is told so.
    Refuse,
    /// Nor is there room for one that is being refused: it is told so without waiting for its end.
    TurnAway,
}

/// What a connection holds while it is open.
#[derive(Debug)]
pub(super) struct Ticket {
    socket: Arc<OwnedFd>,
    state: AtomicU8,
    /// When it came.
    admitted: Instant,
    /// When it last began to wait: nanoseconds after it came.
    waiting_since: AtomicU64,
    /// Its place among the tickets.
    index: AtomicUsize,
}

impl Admission {
    /// Begins to let connections in.
    pub(super) fn open(&self, room: Room) {
        self.lock().room = room;
    }

    /// Lets a connection in, if there is room or another makes some. While the server shuts down,
    /// all that have come already are served, one request each.
    pub(super) fn admit(&self, socket: OwnedFd) -> (Arc<Ticket>, Verdict) {
        let mut state = self.lock();
        let has_room = state.is_closing || state.served < state.room.served;
        let (verdict, bits) = if has_room || state.make_room() {
            state.served += 1;
            (Verdict::Serve, if state.is_closing { LAST } else { 0 })
        } else if state.refused < state.room.refused {
            state.refused += 1;
            (Verdict::Refuse, LAST | REFUSED)
        } else {
            let ticket = Ticket::new(socket, LAST | REFUSED, NOWHERE);
            return (Arc::new(ticket), Verdict::TurnAway);
        };
        let ticket = Arc::new(Ticket::new(socket, bits, state.tickets.len()));
        if state.is_over {
            ticket.cut();
        }
        state.tickets.push(Arc::clone(&ticket));
        (ticket, verdict)
    }

    /// Lets a connection out.
    pub(super) fn release(&self, ticket: &Ticket) {
        let mut state = self.lock();
        let index = ticket.index.load(Ordering::Relaxed);
        if index >= state.tickets.len() {
            return;
        }
        state.tickets.swap_remove(index);
        if let Some(moved) = state.tickets.get(index) {
            moved.index.store(index, Ordering::Relaxed);
        }
        match ticket.bits() & (MADE_ROOM | REFUSED) {
            0 => state.served -= 1,
            REFUSED => state.refused -= 1,
            _ => {}
        }
        state.ended += 1;
        if state.watchers > 0 {
            self.ended.notify_all();
        }
    }

    /// For when the system has no descriptor or no thread for another connection: the connection
    /// that has waited longest makes room. Returns when one has ended, which it tells, but after
    /// `limit` in any case.
    pub(super) fn wait_for_room(&self, limit: Duration) -> bool {
        let mut state = self.lock();
        // One at a time: others may be waiting for the same.
        if state.served + state.refused == state.tickets.len() {
            state.make_room();
        }
        let (ended, is_closing) = (state.ended, state.is_closing);
        let nothing_new =
            |state: &mut State| state.ended == ended && state.is_closing == is_closing;
        self.watch(state, limit, nothing_new).ended != ended
    }

    /// How many connections there are.
    pub(super) fn connections(&self) -> usize {
        self.lock().tickets.len()
    }

    /// Tells all connections to end after their response. Those that wait are given a
    /// [`LAST_CALL`] by [`finish`](Self::finish).
    pub(super) fn begin_closing(&self) {
        let mut state = self.lock();
        state.is_closing = true;
        for ticket in &state.tickets {
            ticket.state.fetch_or(LAST, Ordering::SeqCst);
        }
        self.called.notify_all();
        self.ended.notify_all();
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

    /// Asks the server for another thread.
    pub(super) fn call(&self) {
        self.lock().calls += 1;
        self.called.notify_one();
    }

    /// Waits for a [`call`](Self::call), which it tells, or for the end.
    pub(super) fn wait_for_call(&self) -> bool {
        let idle = |state: &mut State| state.calls == 0 && !state.is_closing;
        let mut state = self
            .called
            .wait_while(self.lock(), idle)
            .unwrap_or_else(PoisonError::into_inner);
        state.calls = 0;
        !state.is_closing
    }

    /// Waits until all connections have ended, but no longer than `limit`; then cuts the rest.
    pub(super) fn finish(&self, limit: Duration) {
        let last_call = limit.min(LAST_CALL);
        for ticket in &self.wait_for_end(last_call).tickets {
            if ticket.is_waiting() {
                ticket.stop_reading();
            }
        }
        let mut state = self.wait_for_end(limit.saturating_sub(last_call));
        state.is_over = true;
        for ticket in &state.tickets {
            ticket.cut();
        }
    }

    /// Waits until there are no connections, but no longer than `limit`.
    fn wait_for_end(&self, limit: Duration) -> MutexGuard<'_, State> {
        let in_progress = |state: &mut State| !state.tickets.is_empty() && !state.is_aborted;
        self.watch(self.lock(), limit, in_progress)
    }

    /// Waits while `condition` holds, which only the end of a connection or of all can change.
    fn watch<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        limit: Duration,
        condition: impl FnMut(&mut State) -> bool,
    ) -> MutexGuard<'a, State> {
        state.watchers += 1;
        let (mut state, _) = self
            .ended
            .wait_timeout_while(state, limit, condition)
            .unwrap_or_else(PoisonError::into_inner);
        state.watchers -= 1;
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Tells the connection that has waited longest to leave; false if none may be told so.
    fn make_room(&mut self) -> bool {
        let now = Instant::now();
        loop {
            let waiting = self
                .tickets
                .iter()
                .filter(|ticket| ticket.may_make_room(now));
            let Some(longest) = waiting.min_by_key(|ticket| ticket.waiting_since()) else {
                return false;
            };
            // If its request has just come, the next is asked.
            if longest.leave() {
                self.served -= 1;
                return true;
            }
        }
    }
}

impl Ticket {
    fn new(socket: OwnedFd, bits: u8, index: usize) -> Self {
        Self {
            socket: Arc::new(socket),
            state: AtomicU8::new(bits),
            admitted: Instant::now(),
            waiting_since: AtomicU64::new(0),
            index: AtomicUsize::new(index),
        }
    }

    /// The connection's socket, for the connection. The ticket has it for `shutdown` alone.
    pub(super) fn socket(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.socket)
    }

    /// Whether the request being read or answered is the connection's last, whatever the client
    /// wants.
    pub(super) fn is_last(&self) -> bool {
        self.bits() & LAST != 0
    }

    /// Whether there was no room for the connection from the beginning.
    pub(super) fn is_refused(&self) -> bool {
        self.bits() & REFUSED != 0
    }

    /// Whether the connection had to make room before it was answered anything: it is owed a
    /// word.
    pub(super) fn is_unheard(&self) -> bool {
        self.bits() & (MADE_ROOM | ANSWERED) == MADE_ROOM
    }

    /// Whether the connection has had a response.
    pub(super) fn is_answered(&self) -> bool {
        self.bits() & ANSWERED != 0
    }

    /// The connection has had a response: from now on it may make room whenever it waits.
    pub(super) fn answered(&self) {
        if self.bits() & ANSWERED == 0 {
            self.state.fetch_or(ANSWERED, Ordering::Relaxed);
        }
    }

    /// The connection begins to wait, for a request or for its client to end it; tells whether
    /// [`is_last`](Self::is_last).
    pub(super) fn begin_wait(&self) -> bool {
        let since = u64::try_from(self.admitted.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.waiting_since.store(since, Ordering::Relaxed);
        self.state.fetch_or(WAITING, Ordering::SeqCst) & LAST != 0
    }

    /// A request has begun to arrive, or the wait is over without one.
    pub(super) fn end_wait(&self) {
        self.state.fetch_and(!WAITING, Ordering::SeqCst);
    }

    fn is_waiting(&self) -> bool {
        self.state.load(Ordering::SeqCst) & WAITING != 0
    }

    /// A client that has just come is about to ask, and would hear nothing at all.
    fn may_make_room(&self, now: Instant) -> bool {
        let bits = self.bits();
        let is_new = || now.saturating_duration_since(self.waiting_since()) < LAST_CALL;
        bits & (WAITING | LAST) == WAITING && (bits & ANSWERED != 0 || !is_new())
    }

    fn waiting_since(&self) -> Instant {
        self.admitted + Duration::from_nanos(self.waiting_since.load(Ordering::Relaxed))
    }

    /// Tells a waiting connection to end; false if it does not wait any more.
    fn leave(&self) -> bool {
        let waits = |bits| (bits & WAITING != 0).then_some(bits | LAST | MADE_ROOM);
        let told = self
            .state
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, waits);
        if told.is_ok() {
            self.stop_reading();
        }
        told.is_ok()
    }

    fn bits(&self) -> u8 {
        self.state.load(Ordering::Relaxed)
    }

    /// Ends the connection, whatever it is doing.
    fn cut(&self) {
        // It fails when the client is gone already.
        let _ = shutdown(&*self.socket, Shutdown::Both);
    }

    /// What has arrived can still be read, then comes the end.
    fn stop_reading(&self) {
        // It fails when the client is gone already.
        let _ = shutdown(&*self.socket, Shutdown::Read);
    }
}
