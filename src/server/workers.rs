//! The threads that accept and serve.

use super::admission::Verdict;
use super::clock::Clock;
use super::connection::Connection;
use super::context::Context;
use super::listener::Listener;
use super::ticket::Ticket;
use super::transport::prepare;
use crate::http::Peer;
use crate::sys;
use rustix::io::Errno;
use std::hint;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Scope};
use std::time::Duration;

/// Most threads that are started ahead, so that clients that arrive together do not wait for one
/// thread after the other to be started and scheduled.
const SPARE: usize = 8;
/// Bytes of stack for a connection's thread, handlers included. Only what is used takes memory;
/// it is less than the 2 MiB at which the kernel might use a huge page for it.
const STACK: usize = 1024 * 1024;
/// How long to wait, at most, for the end of a connection when the system has no descriptor for
/// another.
const SHORTAGE_PAUSE: Duration = Duration::from_secs(1);
/// The same when it has no thread: then newcomers can be told so.
const REFUSE_AFTER: Duration = Duration::from_millis(50);

/// Whether connections are served side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Threads,
    OneAtATime,
}

/// The threads that accept and serve, all running the same loop.
///
/// The thread that accepts a connection serves it, with no hand-over: first it makes sure that
/// another thread accepts the next one (leader and followers). New threads are started by the
/// thread that runs the server, which has nothing else to do: what it allocates for them lies
/// together, so it does not stop the allocator from giving back what they used.
pub(super) struct Workers<'s> {
    listener: &'s Listener,
    context: &'s Context<'s>,
    mode: Mode,
    /// Threads that wait in `accept`.
    waiting: AtomicUsize,
    /// How many may; more end when their connection does.
    max_waiting: usize,
    /// How many are to.
    spare: usize,
    /// Why accepting had to be given up.
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
            failure: Mutex::new(None),
        }
    }

    /// Serves those who have come before, and starts the first thread that accepts.
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
            Err(error) if self.context.admission.connections() == 0 => Err(error),
            // They have all threads that can be had, and will give some back.
            Err(_) => {
                self.find_followers(scope);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Starts one more thread, which ends when the server does, or when enough others wait.
    fn spawn<'scope, 'env>(&'env self, scope: &'scope Scope<'scope, 'env>) -> io::Result<()> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let thread = thread::Builder::new().stack_size(STACK);
        let spawned = thread.spawn_scoped(scope, move || {
            sys::wait_for_turn();
            self.work();
            give_back_memory();
        });
        if spawned.is_err() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        spawned.map(drop)
    }

    /// Why accepting had to be given up, if it had.
    pub(super) fn into_failure(self) -> Option<io::Error> {
        self.failure
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts and serves until the server ends, or until there are enough that do.
    fn work(&self) {
        let mut clock = Clock::new();
        loop {
            // Elsewhere a listener that is shut down lets threads wait in `accept` as before.
            if cfg!(not(target_os = "linux")) && self.context.admission.is_closing() {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                return;
            }
            match self.listener.accept() {
                Ok((socket, client)) => {
                    if self.mode == Mode::OneAtATime {
                        let _ = prepare(&socket, self.context.config);
                    }
                    let left = self.waiting.fetch_sub(1, Ordering::Relaxed) - 1;
                    if self.mode == Mode::Threads && self.runs_short(left) {
                        self.context.admission.request_thread();
                    }
                    let (ticket, verdict) = self.context.admission.admit(socket, &client);
                    self.serve(&ticket, verdict, client, &mut clock);
                    // Who waits for the end of a connection wants to know of this thread by then.
                    let stays = self.rejoin();
                    self.context.admission.release(&ticket);
                    if !stays {
                        return;
                    }
                }
                Err(_) if self.context.admission.is_closing() => return,
                Err(error) => match error.raw_os_error().map(Errno::from_raw_os_error) {
                    // Nobody came for the time of the receive timeout, and others wait too.
                    Some(Errno::AGAIN) if self.retire() => return,
                    Some(Errno::BADF | Errno::INVAL | Errno::NOTSOCK) => return self.fail(error),
                    // The client was gone before it was accepted.
                    Some(Errno::AGAIN | Errno::CONNABORTED | Errno::INTR | Errno::PROTO) => {}
                    // No descriptor or no memory; asking again at once would change nothing.
                    _ => {
                        self.context.admission.wait_for_room(SHORTAGE_PAUSE);
                    }
                },
            }
        }
    }

    /// Makes sure that some thread accepts. Starts threads; where none can be started, evicts an idle
    /// connection, whose thread then comes back to accept. While none ends, newcomers get 503.
    pub(super) fn find_followers<'scope, 'env>(&'env self, scope: &'scope Scope<'scope, 'env>)
    where
        's: 'scope,
    {
        let waiting = || self.waiting.load(Ordering::Relaxed);
        while waiting() < self.wanted() && self.spawn(scope).is_ok() {}
        while waiting() == 0 && self.spawn(scope).is_err() && !self.context.admission.is_closing() {
            if !self.context.admission.wait_for_room(REFUSE_AFTER) {
                self.serve_backlog(scope);
            }
        }
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
        left == 0 || left == self.spare / 2 && left < self.wanted()
    }

    /// How many threads should wait: one for each open connection, up to [`SPARE`]. So the first
    /// connection does not wait for threads to be started that may never be needed.
    fn wanted(&self) -> usize {
        self.spare.min(self.context.admission.connections() + 1)
    }

    /// Puts a thread back among those that wait, unless there are enough.
    fn rejoin(&self) -> bool {
        let too_few = |waiting| (waiting < self.max_waiting).then(|| waiting + 1);
        self.waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, too_few)
            .is_ok()
    }

    /// Takes a thread out of those that wait, unless it is the only one.
    fn retire(&self) -> bool {
        let others_wait = |waiting| (waiting > 1).then(|| waiting - 1);
        self.waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, others_wait)
            .is_ok()
    }

    /// Ends the server, because it cannot accept any more.
    fn fail(&self, error: io::Error) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        self.context.admission.begin_closing();
    }

    /// Takes the connections that clients have made already, and no more.
    pub(super) fn drain_backlog<'scope, 'env>(&'env self, scope: &'scope Scope<'scope, 'env>)
    where
        's: 'scope,
    {
        self.listener.ignore_new_clients();
        self.serve_backlog(scope);
        self.wake();
    }

    /// Accepts everything in the backlog and serves each connection on a new thread. Where no thread
    /// can be started, or in one-at-a-time mode, the connection is answered 503. Leaves the listener
    /// blocking.
    fn serve_backlog<'scope, 'env>(&'env self, scope: &'scope Scope<'scope, 'env>)
    where
        's: 'scope,
    {
        if self.listener.set_nonblocking(true).is_err() {
            return;
        }
        // The backlog holds no more at a time; newcomers could keep this loop going for ever.
        for _ in 0..=self.context.config.backlog {
            let Ok((socket, client)) = self.listener.accept() else {
                break;
            };
            // It may have come before the listener had what connections inherit.
            let _ = prepare(&socket, self.context.config);
            // Admitted here, so that who waits for the end of all knows of it.
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

    /// Serves a connection on a thread that does nothing else.
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

    /// Makes every thread that waits in `accept` come back from it, and frees the port.
    #[cfg(target_os = "linux")]
    pub(super) fn wake(&self) {
        // It fails on a socket that does not listen any more.
        let _ = rustix::net::shutdown(self.listener, rustix::net::Shutdown::Both);
    }

    /// As above, where that takes a connection for each.
    ///
    /// Others may come first, or there may be no descriptor for it: it is tried for a while.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn wake(&self) {
        const TIMES: usize = 100;
        const PAUSE: Duration = Duration::from_millis(10);
        let Ok(address) = self.listener.local_addr() else {
            return;
        };
        for _ in 0..TIMES {
            let waiting = self.waiting.load(Ordering::Relaxed);
            if waiting == 0 {
                return;
            }
            for _ in 0..waiting {
                knock(&address);
            }
            thread::sleep(PAUSE);
        }
    }
}

/// Makes a connection to a listener, and drops it.
#[cfg(not(target_os = "linux"))]
fn knock(address: &Peer) {
    use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
    use std::os::unix::net::UnixStream;
    // It fails where others have come first.
    match address {
        Peer::Ip(SocketAddr::V4(address)) if address.ip().is_unspecified() => {
            let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, address.port()));
        }
        Peer::Ip(SocketAddr::V6(address)) if address.ip().is_unspecified() => {
            let _ = TcpStream::connect((Ipv6Addr::LOCALHOST, address.port()));
        }
        Peer::Ip(address) => drop(TcpStream::connect(address)),
        Peer::Unix(path) => drop(path.as_ref().map(UnixStream::connect)),
    }
}

/// Makes the system's allocator give back what the threads before have freed.
///
/// glibc keeps small free chunks apart. A large allocation makes it merge them, and freeing that one
/// trims the heap. Without this, memory stays at its peak.
fn give_back_memory() {
    // More than what is joined at each time (64 KiB), less than what is a mapping (128 KiB).
    const LARGE: usize = 96 * 1024;
    drop(hint::black_box(Vec::<u8>::with_capacity(LARGE)));
}
