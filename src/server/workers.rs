//! The threads that accept and serve.

use super::admission::Verdict;
use super::clock::Clock;
use super::connection::Connection;
use super::context::Context;
use super::listener::Listener;
use super::memory::Piece;
use super::ticket::Ticket;
use super::transport::{accept_limit, prepare};
use crate::http::Peer;
use crate::sys;
use rustix::io::Errno;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Scope};
use std::time::Duration;

/// Most threads to start ahead of need, so that clients that arrive together do not wait while
/// threads are started and scheduled one by one.
const SPARE: usize = 8;
/// How many times as many may be started ahead as may wait, while clients wait to be accepted. When
/// hundreds of threads are ready to run, the one that starts others gets the CPU every 10 ms only, so
/// it must start many each time.
const RUSH: usize = 4;
/// Bytes of stack for a connection's thread, handlers included. Only the part that is used takes
/// memory. The size is below the 2 MiB at which the kernel might use a huge page for it.
pub(super) const STACK: usize = 1024 * 1024;
/// How long to wait at most for a connection to end when the system is out of descriptors.
const SHORTAGE_PAUSE: Duration = Duration::from_secs(1);

/// Whether connections are served concurrently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Threads,
    OneAtATime,
}

/// The threads that accept and serve, all running the same loop.
///
/// The thread that accepts a connection also serves it, with no hand-over: it first makes sure that
/// another thread accepts the next one (leader and followers). New threads are started by a thread
/// that has little else to do: its allocations for them lie together, so they do not keep the
/// allocator from returning the memory that the threads used. When no client comes for a while, the
/// threads that have served end: see [`memory`](super::memory).
pub(super) struct Workers<'s> {
    listener: &'s Listener,
    context: &'s Context<'s>,
    mode: Mode,
    /// Threads that wait in `accept`, or have a connection that is not admitted yet.
    waiting: AtomicUsize,
    /// How many may wait there after a connection; a thread beyond that ends with its own.
    max_waiting: usize,
    /// How many should wait there while no client waits to be accepted.
    spare: usize,
    /// They have served since the last of them was replaced. One that serves alone never is.
    have_served: AtomicBool,
    /// Why the server had to stop accepting.
    failure: Mutex<Option<io::Error>>,
}

impl<'s> Workers<'s> {
    pub(super) fn new(
        listener: &'s Listener,
        context: &'s Context<'s>,
        mode: Mode,
        max_waiting: usize,
    ) -> Self {
        Self {
            listener,
            context,
            mode,
            waiting: AtomicUsize::new(0),
            max_waiting,
            spare: match mode {
                Mode::Threads => SPARE.min(max_waiting),
                Mode::OneAtATime => 1,
            },
            have_served: AtomicBool::new(false),
            failure: Mutex::new(None),
        }
    }

    /// Serves the clients already in the backlog, and starts the first thread that accepts.
    pub(super) fn start<'scope, 'env>(
        &'env self,
        scope: &'scope Scope<'scope, 'env>,
    ) -> io::Result<()>
    where
        's: 'scope,
    {
        if self.mode == Mode::Threads {
            self.serve_backlog(scope);
        }
        match self.spawn(scope) {
            // The open connections hold every available thread, and will release some.
            Err(_) if self.mode == Mode::Threads && self.context.admission.connections() > 0 => {
                self.context.admission.request_thread();
                Ok(())
            }
            Err(error) => Err(error),
            Ok(()) => {
                // On this thread's CPU, it could not accept until this one blocks.
                thread::yield_now();
                Ok(())
            }
        }
    }

    /// Starts one more thread, which ends when the server does, or when enough others wait.
    fn spawn<'scope, 'env>(&'env self, scope: &'scope Scope<'scope, 'env>) -> io::Result<()> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let thread = thread::Builder::new().stack_size(STACK);
        let spawned = thread.spawn_scoped(scope, move || {
            sys::wait_for_turn();
            self.work();
            drop(Piece::new());
        });
        if spawned.is_err() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        spawned.map(drop)
    }

    /// Returns why the server had to stop accepting, if it had to.
    pub(super) fn into_failure(self) -> Option<io::Error> {
        self.failure
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts and serves until the server ends, or until enough other threads do.
    fn work(&self) {
        let mut clock = Clock::new();
        // The last thread ends later than the others: the one that replaces it gets none of their
        // memory.
        let mut may_be_last = false;
        loop {
            // On other systems, threads stay blocked in `accept` after the listener is shut down.
            if cfg!(not(target_os = "linux")) && self.context.admission.is_closing() {
                self.leave();
                return;
            }
            match self.listener.accept(accept_limit(self.context.config)) {
                Ok((socket, client)) => {
                    if self.mode == Mode::OneAtATime {
                        let _ = prepare(&socket, self.context.config);
                    }
                    let (ticket, verdict) = self.context.admission.admit(socket, &client);
                    let left = self.leave();
                    if self.mode == Mode::Threads && self.runs_short(left) {
                        self.context.admission.request_thread();
                    }
                    self.serve(&ticket, verdict, client, &mut clock);
                    self.have_served
                        .store(self.mode == Mode::Threads, Ordering::Relaxed);
                    may_be_last = false;
                    // Rejoin first: a thread that waits for a connection to end must then find this
                    // one counted.
                    let stays = self.rejoin();
                    self.context.admission.release(&ticket);
                    if !stays {
                        return;
                    }
                }
                Err(_) if self.context.admission.is_closing() => {
                    self.leave();
                    return;
                }
                Err(error) => match error.raw_os_error().map(Errno::from_raw_os_error) {
                    // No client came within the limit.
                    Some(Errno::AGAIN) if self.retire(may_be_last) => return,
                    Some(Errno::AGAIN) => may_be_last = self.have_served.load(Ordering::Relaxed),
                    Some(Errno::BADF | Errno::INVAL | Errno::NOTSOCK) => return self.fail(error),
                    // The client was gone before it was accepted.
                    Some(Errno::CONNABORTED | Errno::INTR | Errno::PROTO) => {}
                    // Out of descriptors or memory; retrying at once would change nothing.
                    _ => {
                        self.context.admission.wait_for_room(SHORTAGE_PAUSE);
                    }
                },
            }
        }
    }

    /// Starts as many threads as should wait.
    ///
    /// # Errors
    /// The system has no more threads.
    pub(super) fn start_followers<'scope, 'env>(
        &'env self,
        scope: &'scope Scope<'scope, 'env>,
    ) -> io::Result<()>
    where
        's: 'scope,
    {
        while !self.context.admission.is_closing()
            && self.waiting.load(Ordering::Relaxed) < self.wanted(self.spare_now())
        {
            self.spawn(scope)?;
        }
        Ok(())
    }

    fn serve(&self, ticket: &Ticket, verdict: Verdict, client: Peer, clock: &mut Clock) {
        // A handler that panics ends its connection, not the server.
        let run =
            AssertUnwindSafe(|| Connection::run(self.context, ticket, client, verdict, clock));
        let _ = panic::catch_unwind(run);
    }

    /// Whether to ask for more threads now that `left` are waiting: when none is left, and once at
    /// the half-way mark if there are fewer than wanted.
    fn runs_short(&self, left: usize) -> bool {
        left == 0 || left == self.spare / 2 && left < self.wanted(self.spare)
    }

    /// How many threads should wait: one more than there are open connections, up to `spare`. So the
    /// first connection does not wait for the start of threads that may never be needed.
    fn wanted(&self, spare: usize) -> usize {
        spare.min(self.context.admission.connections() + 1)
    }

    /// How many threads should wait at most, now. Each holds a descriptor, so in a rush they are at
    /// most a quarter as many as the connections that there is still room for.
    fn spare_now(&self) -> usize {
        let admission = &self.context.admission;
        let may_rush = self.mode == Mode::Threads && !admission.lacks_threads();
        if may_rush && self.listener.has_clients() {
            let room = admission.places_left() / 4;
            room.clamp(self.spare, RUSH * self.max_waiting)
        } else {
            self.spare
        }
    }

    /// Counts this thread as waiting again, unless enough are; returns whether it did. While threads
    /// are scarce, one is enough: another listener may have none.
    fn rejoin(&self) -> bool {
        let enough = if self.context.admission.lacks_threads() {
            1
        } else {
            self.max_waiting
        };
        let too_few = |waiting| (waiting < enough).then(|| waiting + 1);
        self.waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, too_few)
            .is_ok()
    }

    /// Stops counting this thread as waiting, so that it can end; returns whether it may. It may if
    /// another waits. If none does, it `may_be_last` where threads are not scarce: then another is
    /// started in its place, once its memory has been given back.
    fn retire(&self, may_be_last: bool) -> bool {
        let is_replaced = may_be_last && !self.context.admission.lacks_threads();
        let least = usize::from(!is_replaced);
        let leaves = |waiting| (waiting > least).then(|| waiting - 1);
        let before = self
            .waiting
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, leaves);
        let Ok(before) = before else {
            return false;
        };
        if before > 1 {
            self.context.admission.has_fewer_threads();
        } else {
            self.have_served.store(false, Ordering::Relaxed);
            self.context.admission.all_admitted();
            self.context.admission.has_no_more_threads();
        }
        true
    }

    /// Stops counting this thread as waiting; returns how many others wait.
    fn leave(&self) -> usize {
        let left = self.waiting.fetch_sub(1, Ordering::SeqCst) - 1;
        if left == 0 {
            self.context.admission.all_admitted();
        }
        left
    }

    /// Whether a connection may still be admitted: a thread waits for one, or has just accepted it.
    pub(super) fn may_admit(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// Ends the server, because it can no longer accept.
    fn fail(&self, error: io::Error) {
        self.leave();
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        self.context.admission.begin_closing();
    }

    /// Makes the system ignore new clients, as far as it can, and serves those already in the
    /// backlog. Where another process keeps the socket, they are for the next server.
    pub(super) fn turn_clients_away<'scope, 'env>(&'env self, scope: &'scope Scope<'scope, 'env>)
    where
        's: 'scope,
    {
        if self.listener.leave_to_its_keeper() {
            return;
        }
        self.listener.ignore_new_clients();
        self.serve_backlog(scope);
    }

    /// Serves the last connections of the backlog, and frees the port.
    pub(super) fn drain_backlog<'scope, 'env>(&'env self, scope: &'scope Scope<'scope, 'env>)
    where
        's: 'scope,
    {
        if self.listener.leave_to_its_keeper() {
            return;
        }
        self.serve_backlog(scope);
        self.wake();
        // At a path, clients are turned away only by that, and what has arrived can be accepted.
        self.serve_backlog(scope);
    }

    /// Accepts everything in the backlog and serves each connection on a new thread. Where no
    /// thread can be started, or in one-at-a-time mode, the connection is answered 503. Leaves the
    /// listener blocking.
    pub(super) fn serve_backlog<'scope, 'env>(&'env self, scope: &'scope Scope<'scope, 'env>)
    where
        's: 'scope,
    {
        if self.listener.set_nonblocking(true).is_err() {
            return;
        }
        // Bounded by what the backlog holds, because newcomers could keep this loop going for ever.
        for _ in 0..=self.context.config.backlog {
            let Ok((socket, client)) = self.listener.accept_now() else {
                break;
            };
            // It may have been made before the listener had the options that connections inherit.
            let _ = prepare(&socket, self.context.config);
            // Admitted here, so that the thread that waits for all connections to end knows of it.
            let (ticket, verdict) = self.context.admission.admit(socket, &client);
            if self.mode == Mode::OneAtATime
                || self
                    .serve_aside(scope, &ticket, verdict, client.clone())
                    .is_err()
            {
                self.serve(&ticket, Verdict::RefuseAndDrop, client, &mut Clock::new());
                self.context.admission.release(&ticket);
            }
        }
        let _ = self.listener.set_nonblocking(false);
    }

    /// Serves a connection on a dedicated thread.
    fn serve_aside<'scope, 'env>(
        &'env self,
        scope: &'scope Scope<'scope, 'env>,
        ticket: &Arc<Ticket>,
        verdict: Verdict,
        client: Peer,
    ) -> io::Result<()>
    where
        's: 'scope,
    {
        let ticket = Arc::clone(ticket);
        let thread = thread::Builder::new().stack_size(STACK);
        let spawned = thread.spawn_scoped(scope, move || {
            sys::wait_for_turn();
            self.serve(&ticket, verdict, client, &mut Clock::new());
            self.context.admission.release(&ticket);
        });
        spawned.map(drop)
    }

    /// Makes every thread that is blocked in `accept` return, and frees the port.
    pub(super) fn wake(&self) {
        self.listener.wake(|| self.waiting.load(Ordering::Relaxed));
    }
}
