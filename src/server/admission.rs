//! Which connections are open, and which of them are evicted.

mod closing;

use super::capacity::Capacity;
use super::idle::IdleLimit;
use super::places::{Holder, Places};
use super::ticket::{LAST, REFUSED, Ticket};
use crate::http::Peer;
use crate::sys;
use std::mem;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The index of a ticket that is not among the others.
const NOWHERE: usize = usize::MAX;
/// How soon to look again for a connection to evict when there was none and none has become idle
/// since: one may have been silent for long enough by then. At the cap, a search for each newcomer
/// would cost more than refusing it.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long a response may make no progress before its memory may be reclaimed for others.
const STALLED: Duration = Duration::from_secs(1);
/// How long to wait for such a response to end.
const STALLED_LIMIT: Duration = Duration::from_secs(1);
/// How long to wait for more threads to end once one has ended. They began to wait together.
const SETTLED: Duration = Duration::from_secs(1);

/// All open connections of a server.
///
/// Its lock is taken when a connection begins and when it ends, not for requests.
#[derive(Debug, Default)]
pub(super) struct Admission {
    state: Mutex<State>,
    called: Condvar,
    ended: Condvar,
    /// A listener has no thread that accepts, and none can be started.
    lacks_threads: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    capacity: Capacity,
    tickets: Vec<Arc<Ticket>>,
    /// The tickets of connections that are being served and were not evicted.
    places: Places,
    /// How many connections are being refused.
    refused: usize,
    /// When to look again for a connection to evict, whether or not one has become idle.
    look_again: Option<Instant>,
    /// A connection has become idle since the last look.
    has_waiting: Arc<AtomicBool>,
    /// How many connections have ended.
    ended: u64,
    /// Since when there has been no connection.
    idle_since: Option<Instant>,
    /// What ends connections that wait too long for their next request.
    idle_limit: IdleLimit,
    /// How many threads wait for a connection to end; usually none does.
    watchers: usize,
    /// How many times another accepting thread was requested.
    calls: usize,
    /// When to give back what threads have left, and by which task.
    give_back: Option<(Instant, Task)>,
    is_closing: bool,
    /// Not even responses in progress are waited for.
    is_aborted: bool,
    /// The grace period is over: connections that arrive now are cut, too.
    is_over: bool,
}

/// What the thread that starts others is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    StartThreads,
    /// Threads have ended, because no client came: what they used goes back to the system.
    GiveBack,
    /// The last that waited at a listener ends, too: after that, another is to wait there.
    Renew(sys::ThreadId),
    ShutDown,
}

/// What becomes of a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is served.
    Serve,
    /// There is no place for it: it is told so.
    Refuse,
    /// As many connections as allowed are already being refused: it is told so, and dropped.
    RefuseAndDrop,
}

impl Admission {
    /// Starts admitting connections, which may be idle for no longer than `idle`.
    pub(super) fn open(&self, capacity: Capacity, idle: Option<Duration>) {
        let mut state = self.lock();
        state.capacity = capacity;
        state.idle_limit = IdleLimit::new(idle);
        state.idle_since = Some(Instant::now());
    }

    /// Admits a connection if there is a free place or another connection can be evicted. While the
    /// server drains, every connection already in the backlog is served, one request each.
    pub(super) fn admit(&self, socket: OwnedFd, client: &Peer) -> (Arc<Ticket>, Verdict) {
        let holder = Holder::of(client);
        let mut state = self.lock();
        let has_place = state.is_closing || state.places.count() < state.capacity.served;
        let (verdict, bits) = if has_place || state.evict_waiting() || state.evict_for(holder) {
            (Verdict::Serve, if state.is_closing { LAST } else { 0 })
        } else if state.refused < state.capacity.refused {
            state.refused += 1;
            (Verdict::Refuse, LAST | REFUSED)
        } else {
            let ticket = state.ticket(socket, holder, LAST | REFUSED);
            ticket.index.store(NOWHERE, Ordering::Relaxed);
            return (Arc::new(ticket), Verdict::RefuseAndDrop);
        };
        let ticket = Arc::new(state.ticket(socket, holder, bits));
        if state.is_over {
            ticket.cut();
        }
        state.idle_since = None;
        if state.idle_limit.begin() {
            self.called.notify_one();
        }
        state.tickets.push(Arc::clone(&ticket));
        if verdict == Verdict::Serve {
            state.places.take(&ticket);
        }
        (ticket, verdict)
    }

    /// Removes a connection that has ended.
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
        if ticket.is_refused() {
            state.refused -= 1;
        } else {
            state.places.free(ticket);
        }
        state.ended += 1;
        if state.tickets.is_empty() {
            state.idle_since = Some(Instant::now());
        }
        if state.watchers > 0 {
            self.ended.notify_all();
        }
    }

    /// Called when the system is out of descriptors or threads. Ends idle connections, as
    /// [`wait_for_task`](Self::wait_for_task) does, evicts the longest-idle one,
    /// then waits up to `limit`; returns whether any connection ended.
    pub(super) fn wait_for_room(&self, limit: Duration) -> bool {
        let mut state = self.lock();
        state.end_idle();
        // Evict one at a time: other threads may be waiting for the same.
        if state.places.count() + state.refused == state.tickets.len() {
            state.look_again = None;
            state.evict_waiting();
        }
        self.wait_for_an_end(state, limit)
    }

    /// Called when the memory for large responses is exhausted. Evicts the connection whose
    /// response has made no progress for longest, then waits a moment for it to end; returns false
    /// if none has stalled, or if none has ended by then.
    pub(super) fn evict_stalled(&self) -> bool {
        let mut state = self.lock();
        let stalls = |ticket: &&Arc<Ticket>| {
            let is_working = ticket.is_at_work() && !ticket.is_last();
            is_working && ticket.memory() > 0 && ticket.unchanged_for() >= STALLED
        };
        let longest = state
            .tickets
            .iter()
            .filter(stalls)
            .min_by_key(|ticket| ticket.since());
        let Some(longest) = longest.cloned() else {
            return false;
        };
        state.evict(&longest);
        self.wait_for_an_end(state, STALLED_LIMIT)
    }

    fn wait_for_an_end(&self, state: MutexGuard<'_, State>, limit: Duration) -> bool {
        let (ended, is_closing) = (state.ended, state.is_closing);
        let nothing_new =
            |state: &mut State| state.ended == ended && state.is_closing == is_closing;
        self.watch(state, limit, nothing_new).ended != ended
    }

    /// Makes room for the unfinished head of `own`, which has grown: if all heads together take more
    /// than `budget` bytes, the connection with the largest must drop it. Returns whether `own` may
    /// keep its head.
    ///
    /// A head that another connection drops no longer counts, although it may take a while until
    /// the thread of that connection runs. Meanwhile heads take up to twice the budget.
    pub(super) fn make_room_for_head(&self, own: &Ticket, budget: usize) -> bool {
        let state = self.lock();
        let (mut kept, mut dropped) = (0_usize, 0_usize);
        let mut largest: Option<&Arc<Ticket>> = None;
        for ticket in state.tickets.iter().filter(|ticket| !ticket.is_at_work()) {
            let memory = ticket.memory();
            if ticket.must_drop_head() {
                dropped = dropped.saturating_add(memory);
                continue;
            }
            kept = kept.saturating_add(memory);
            if largest.is_none_or(|largest| largest.memory() < memory) {
                largest = Some(ticket);
            }
        }
        if kept.saturating_add(dropped) <= budget.saturating_mul(2) {
            if kept <= budget {
                return true;
            }
            if let Some(largest) = largest.filter(|largest| largest.memory() > own.memory()) {
                largest.drop_head();
                return true;
            }
        }
        // Its thread drops it at once.
        own.set_memory(0);
        false
    }

    /// How many connections there are.
    pub(super) fn connections(&self) -> usize {
        self.lock().tickets.len()
    }

    /// How many more connections may be served at a time.
    pub(super) fn places_left(&self) -> usize {
        let state = self.lock();
        state.capacity.served.saturating_sub(state.places.count())
    }

    /// Whether a listener has no thread that accepts, and none can be started.
    pub(super) fn lacks_threads(&self) -> bool {
        self.lacks_threads.load(Ordering::Relaxed)
    }

    /// Notes whether that is so.
    pub(super) fn set_lacks_threads(&self, lacks: bool) {
        self.lacks_threads.store(lacks, Ordering::Relaxed);
    }

    /// Asks the server for another thread.
    pub(super) fn request_thread(&self) {
        self.lock().calls += 1;
        self.called.notify_one();
    }

    /// Notes that the calling thread is about to end, because no client came.
    pub(super) fn has_fewer_threads(&self) {
        let mut state = self.lock();
        // That cannot wait: nobody accepts.
        if !matches!(state.give_back, Some((_, Task::Renew(_)))) {
            let settled = Instant::now().checked_add(SETTLED);
            state.give_back = settled.map(|at| (at, Task::GiveBack));
            self.called.notify_one();
        }
    }

    /// Notes that it is the last one that waited at its listener, where nobody accepts until memory
    /// has been given back.
    pub(super) fn has_no_more_threads(&self) {
        let task = Task::Renew(sys::ThreadId::current());
        self.lock().give_back = Some((Instant::now(), task));
        self.called.notify_one();
    }

    /// Waits for a [`request_thread`](Self::request_thread), for memory to give back, or for
    /// shutdown. Ends idle connections meanwhile, and begins the shutdown after `exit_idle` without
    /// a connection.
    pub(super) fn wait_for_task(&self, exit_idle: Option<Duration>) -> Task {
        let mut state = self.lock();
        loop {
            if state.is_closing {
                return Task::ShutDown;
            }
            if mem::take(&mut state.calls) > 0 {
                return Task::StartThreads;
            }
            state.end_idle();
            let until_exit = exit_idle.map(|limit| limit.saturating_sub(state.idle_time()));
            if until_exit == Some(Duration::ZERO) {
                drop(state);
                self.begin_closing();
                return Task::ShutDown;
            }
            let now = Instant::now();
            if let Some((_, task)) = state.give_back.take_if(|(at, _)| *at <= now) {
                // They move into the heap of this thread, and take no more room than they need.
                let open = mem::take(&mut state.tickets);
                state.tickets.extend(open);
                return task;
            }
            let until_give_back = state.give_back.map(|(at, _)| at - now);
            let times = [until_exit, until_give_back, state.idle_limit.time_left()];
            state = if let Some(left) = times.into_iter().flatten().min() {
                let waited = self.called.wait_timeout(state, left);
                waited.unwrap_or_else(PoisonError::into_inner).0
            } else {
                let waited = self.called.wait(state);
                waited.unwrap_or_else(PoisonError::into_inner)
            };
        }
    }

    /// Waits while `condition` holds; only the end of a connection or shutdown can change it.
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
        // Nothing panics while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How long there has been no connection.
    fn idle_time(&self) -> Duration {
        self.idle_since
            .map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Ends the connections that have waited too long for their next request.
    fn end_idle(&mut self) {
        self.idle_limit.look(&self.tickets);
    }

    /// A ticket to be appended to the others.
    fn ticket(&self, socket: OwnedFd, holder: Holder, bits: u8) -> Ticket {
        let has_waiting = Arc::clone(&self.has_waiting);
        Ticket::new(socket, holder, bits, self.tickets.len(), has_waiting)
    }

    /// Evicts the longest-idle connection; returns false if none may be evicted.
    fn evict_waiting(&mut self) -> bool {
        let now = Instant::now();
        let has_waiting = self.has_waiting.swap(false, Ordering::SeqCst);
        if !has_waiting && self.look_again.is_some_and(|again| now < again) {
            return false;
        }
        loop {
            let waiting = self.tickets.iter().filter(|ticket| ticket.is_evictable());
            let longest = waiting.min_by_key(|ticket| ticket.since()).cloned();
            let Some(longest) = longest else {
                self.look_again = Some(now + LOOK_AGAIN);
                return false;
            };
            // If its request has just arrived, the next candidate is tried.
            if longest.evict_waiting() {
                // There may be more.
                self.look_again = None;
                self.places.free(&longest);
                return true;
            }
        }
    }

    /// Evicts a connection of the address that holds most places, if a newcomer of `holder` may
    /// take one of them.
    fn evict_for(&mut self, holder: Holder) -> bool {
        let Some(ticket) = self.places.to_evict_for(holder) else {
            return false;
        };
        self.evict(&ticket);
        true
    }

    fn evict(&mut self, ticket: &Ticket) {
        ticket.evict();
        self.places.free(ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    const BUDGET: usize = 100;

    fn admit(admission: &Admission, memory: usize) -> (Arc<Ticket>, UnixStream) {
        let (socket, client) = UnixStream::pair().expect("a pair of sockets");
        let (ticket, _) = admission.admit(socket.into(), &Peer::Unix(None));
        ticket.set_memory(memory);
        (ticket, client)
    }

    #[test]
    fn memory_is_given_back_when_threads_have_ended_and_at_once_after_the_last() {
        let admission = Admission::default();
        let start = Instant::now();
        admission.has_fewer_threads();
        assert_eq!(admission.wait_for_task(None), Task::GiveBack);
        assert!(start.elapsed() >= SETTLED);

        admission.has_fewer_threads();
        admission.has_no_more_threads();
        // Another listener may still have threads.
        admission.has_fewer_threads();
        let now = Instant::now();
        let task = Task::Renew(sys::ThreadId::current());
        let due = admission.lock().give_back;
        assert!(due.is_some_and(|(at, due)| at <= now && due == task));
        assert_eq!(admission.wait_for_task(None), task);
        admission.request_thread();
        assert_eq!(admission.wait_for_task(None), Task::StartThreads);
    }

    #[test]
    fn no_more_heads_are_dropped_than_the_budget_needs() {
        let admission = Admission::default();
        admission.open(Capacity::of_process(8), None);
        let (response, _client) = admit(&admission, 1000);
        response.begin_work();
        let (tickets, _clients): (Vec<_>, Vec<_>) = [50, 40, 30]
            .into_iter()
            .map(|memory| admit(&admission, memory))
            .unzip();
        let room_for = |own: usize| admission.make_room_for_head(&tickets[own], BUDGET);
        let dropped = || -> Vec<_> { tickets.iter().map(|t| t.must_drop_head()).collect() };

        assert!(room_for(2));
        assert_eq!(dropped(), [true, false, false], "the largest");
        // It is still there, but the rest keeps within the budget.
        assert!(room_for(2));
        assert_eq!(dropped(), [true, false, false]);
        tickets[1].set_memory(70);
        assert!(room_for(2), "exactly the budget");
        assert_eq!(dropped(), [true, false, false]);
        tickets[1].set_memory(71);
        assert!(room_for(2));
        assert_eq!(dropped(), [true, true, false]);
        assert!(!response.must_drop_head());
    }

    #[test]
    fn a_head_that_is_the_largest_itself_or_beyond_twice_the_budget_is_dropped() {
        let admission = Admission::default();
        admission.open(Capacity::of_process(8), None);
        let (tickets, _clients): (Vec<_>, Vec<_>) = [60, 60, 10, 81]
            .into_iter()
            .map(|memory| admit(&admission, memory))
            .unzip();
        let room_for = |own: usize| admission.make_room_for_head(&tickets[own], BUDGET);

        assert!(!room_for(2), "211 bytes");
        assert_eq!(tickets[2].memory(), 0);
        tickets[3].set_memory(0);
        assert!(!room_for(1));
        assert!(!tickets[0].must_drop_head(), "it is not larger");
        assert!(room_for(0), "the other does not count any more");
        assert_eq!(tickets[0].memory(), 60);
    }
}
