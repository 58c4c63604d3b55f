//! How all connections are shut down.

use super::{Admission, State};
use crate::server::ticket::{LAST_CALLS, Ticket};
use std::sync::MutexGuard;
use std::time::Duration;

impl Admission {
    /// Tells all connections to end after their response. [`finish`](Self::finish) gives idle ones a
    /// last call, and those that are receiving a head a longer one.
    pub(in crate::server) fn begin_closing(&self) {
        let mut state = self.lock();
        state.is_closing = true;
        for ticket in &state.tickets {
            ticket.make_last();
        }
        self.called.notify_all();
        self.ended.notify_all();
    }

    /// Like [`begin_closing`](Self::begin_closing), but also cuts what is in progress.
    pub(in crate::server) fn abort(&self) {
        self.lock().is_aborted = true;
        self.begin_closing();
    }

    /// Whether the server is shutting down.
    pub(in crate::server) fn is_closing(&self) -> bool {
        self.lock().is_closing
    }

    /// Whether not even responses in progress are waited for.
    pub(in crate::server) fn is_aborted(&self) -> bool {
        self.lock().is_aborted
    }

    /// Wakes a [`finish`](Self::finish) that waits for connections which are not admitted yet.
    pub(in crate::server) fn all_admitted(&self) {
        let state = self.lock();
        if state.watchers > 0 {
            self.ended.notify_all();
        }
    }

    /// Waits until all connections have ended and no other may be admitted, but no longer than
    /// `limit`; then cuts the rest.
    pub(in crate::server) fn finish(&self, limit: Duration, may_admit: impl Fn() -> bool) {
        let cut = (limit, Ticket::cut as fn(&Ticket));
        let mut waited = Duration::ZERO;
        for (until, end) in LAST_CALLS.into_iter().chain([cut]) {
            let until = until.min(limit);
            let mut state = self.wait_for_end(until.saturating_sub(waited), &may_admit);
            waited = until;
            state.is_over = until == limit;
            state.tickets.iter().for_each(|ticket| end(ticket));
        }
    }

    /// Waits until there are no connections and none may be admitted, but no longer than `limit`.
    fn wait_for_end(&self, limit: Duration, may_admit: impl Fn() -> bool) -> MutexGuard<'_, State> {
        let in_progress = |state: &mut State| {
            let has_more = !state.tickets.is_empty() || may_admit();
            has_more && !state.is_aborted
        };
        self.watch(self.lock(), limit, in_progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Peer;
    use crate::server::admission::Verdict;
    use crate::server::capacity::Capacity;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread::{self, Scope, ScopedJoinHandle};

    /// Begins the end of a server, and returns once it waits for something.
    fn begin_end<'s>(
        scope: &'s Scope<'s, '_>,
        admission: &'s Admission,
        may_admit: &'s AtomicBool,
    ) -> ScopedJoinHandle<'s, ()> {
        admission.begin_closing();
        let end = scope.spawn(|| {
            admission.finish(Duration::from_secs(60), || may_admit.load(Ordering::SeqCst));
        });
        while admission.lock().watchers == 0 {
            thread::yield_now();
        }
        end
    }

    #[test]
    fn the_end_waits_for_a_connection_that_is_not_admitted_yet() {
        let admission = Admission::default();
        admission.open(Capacity::of_process(8), None);
        let (mut client, socket) = UnixStream::pair().expect("a pair of sockets");
        let mut server = socket.try_clone().expect("a descriptor");
        // A thread has accepted the connection, and has not admitted it.
        let may_admit = AtomicBool::new(true);
        thread::scope(|scope| {
            let end = begin_end(scope, &admission, &may_admit);
            let (ticket, verdict) = admission.admit(socket.into(), &Peer::Unix(None));
            assert_eq!(verdict, Verdict::Serve);
            may_admit.store(false, Ordering::SeqCst);
            admission.all_admitted();

            // It is not cut.
            server.write_all(b"response").expect("it is open");
            assert!(!end.is_finished());
            admission.release(&ticket);
            end.join().expect("it does not panic");
            drop((server, ticket));
            let mut response = String::new();
            client.read_to_string(&mut response).expect("a response");
            assert_eq!(response, "response");
        });
    }

    #[test]
    fn the_end_comes_when_the_last_thread_stops_accepting() {
        let admission = Admission::default();
        let may_admit = AtomicBool::new(true);
        thread::scope(|scope| {
            let end = begin_end(scope, &admission, &may_admit);
            assert!(!end.is_finished());
            may_admit.store(false, Ordering::SeqCst);
            admission.all_admitted();
            end.join().expect("it does not panic");
        });
    }
}
