//! The server: who accepts connections, and when it ends.

use super::access_log::AccessLog;
use super::admission::Admission;
use super::connection::{Connection, Context};
use super::stream::prepare;
use crate::config::Config;
use crate::handler::Handler;
use crate::sys;
use rustix::io::Errno;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Scope};
use std::time::Duration;

/// Threads that may wait for connections at a time; more end when their connection does.
const MAX_WAITING: usize = 64;
/// Bytes of stack for a connection's thread. Only what is used takes memory.
const STACK: usize = 256 * 1024;
/// How long the log may take to be written when the server has ended.
const LOG_LIMIT: Duration = Duration::from_secs(1);
/// How long to wait when the system has no descriptor or no thread for a connection.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(50);

/// A listening socket and the handler that answers what comes: Python's `HTTPServer` and
/// `ThreadingHTTPServer`.
///
/// ```
/// use rhttp::{FileHandler, Server};
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
///
/// // A port that is free; another thread serves.
/// let server = Server::bind("127.0.0.1:0", FileHandler::new("."))?.with_log(std::io::sink());
/// let address = server.local_addr();
/// let handle = server.handle();
/// let serving = std::thread::spawn(move || server.serve());
///
/// let mut client = TcpStream::connect(address)?;
/// client.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
/// let mut response = String::new();
/// client.read_to_string(&mut response)?;
/// assert!(response.starts_with("HTTP/1.0 200 OK\r\n"));
///
/// handle.shutdown();
/// serving.join().expect("it does not panic")?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "HTTPServer")]
#[doc(alias = "ThreadingHTTPServer")]
pub struct Server<H> {
    listener: TcpListener,
    address: SocketAddr,
    handler: H,
    config: Config,
    log: Box<dyn Write + Send>,
    admission: Arc<Admission>,
}

/// Ends a [`Server`] from another thread; clones end the same server.
#[derive(Clone, Debug)]
pub struct ServerHandle {
    admission: Arc<Admission>,
}

/// Whether connections are served side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Threads,
    OneAtATime,
}

impl<H: Handler> Server<H> {
    /// Listens on the first of `addresses` that can be had. Port 0 takes a free one:
    /// [`local_addr`](Self::local_addr) tells which.
    ///
    /// # Errors
    /// The address cannot be resolved, is taken, or is not ours to take.
    #[doc(alias = "server_bind")]
    pub fn bind(addresses: impl ToSocketAddrs, handler: H) -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in addresses.to_socket_addrs()? {
            match sys::listen(address, Config::default().backlog) {
                Ok(listener) => return Self::new(listener, handler),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Serves on a socket that listens already.
    ///
    /// # Errors
    /// The socket has no address.
    pub fn new(listener: TcpListener, handler: H) -> io::Result<Self> {
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            handler,
            config: Config::default(),
            log: Box::new(io::stderr()),
            admission: Arc::default(),
        })
    }

    /// The same with these numbers and switches.
    pub fn with_config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The same with its log written to `sink` instead of standard error.
    pub fn with_log(mut self, sink: impl Write + Send + 'static) -> Self {
        self.log = Box::new(sink);
        self
    }

    /// The address that the server listens on.
    #[doc(alias = "server_address")]
    #[doc(alias = "server_port")]
    #[doc(alias = "server_name")]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What ends this server from another thread.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle {
            admission: Arc::clone(&self.admission),
        }
    }

    /// Serves every connection on a thread of its own, until [`ServerHandle::shutdown`]:
    /// Python's `ThreadingHTTPServer`.
    ///
    /// # Errors
    /// The socket cannot be set up, a first thread cannot be had, or accepting fails for good.
    /// Trouble with a connection, or a shortage of descriptors, is no error.
    #[doc(alias = "serve_forever")]
    #[doc(alias = "ThreadingHTTPServer")]
    pub fn serve(self) -> io::Result<()> {
        self.run(Mode::Threads)
    }

    /// Serves one connection after the other: Python's plain `HTTPServer`.
    ///
    /// # Errors
    /// As [`serve`](Self::serve).
    #[doc(alias = "HTTPServer")]
    pub fn serve_one_at_a_time(self) -> io::Result<()> {
        self.run(Mode::OneAtATime)
    }

    fn run(self, mode: Mode) -> io::Result<()> {
        sys::time_zone();
        prepare(&self.listener, &self.config)?;
        rustix::net::listen(&self.listener, self.config.backlog)?;
        let log = AccessLog::start(self.log)?;
        let context = Context {
            handler: &self.handler,
            config: &self.config,
            log: &log,
            server_addr: self.address,
        };
        let workers = Workers {
            listener: &self.listener,
            admission: &self.admission,
            context: &context,
            mode,
            waiting: AtomicUsize::new(0),
            failure: Mutex::new(None),
        };
        let started = thread::scope(|scope| {
            workers.spawn(scope)?;
            self.admission.wait_for_closing();
            workers.stop_accepting(scope);
            self.admission.finish(self.config.grace);
            Ok(())
        });
        log.close(LOG_LIMIT);
        let failure = workers
            .failure
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        started.and(failure.map_or(Ok(()), Err))
    }
}

impl ServerHandle {
    /// Stops accepting, ends the idle connections, and lets responses in progress finish within
    /// [`Config::grace`]. It returns at once; the call to [`Server::serve`] returns when it is
    /// done.
    pub fn shutdown(&self) {
        self.admission.begin_closing();
    }

    /// Stops accepting and cuts all connections.
    #[doc(alias = "server_close")]
    pub fn abort(&self) {
        self.admission.abort();
    }
}

/// The threads that accept and serve, all running the same loop.
///
/// Whoever accepts a connection serves it, with no hand-over: before, it makes sure that
/// somebody else is there to accept the next (leader and followers).
struct Workers<'s> {
    listener: &'s TcpListener,
    admission: &'s Admission,
    context: &'s Context<'s>,
    mode: Mode,
    /// Threads that wait in `accept`.
    waiting: AtomicUsize,
    /// Why accepting had to be given up.
    failure: Mutex<Option<io::Error>>,
}

impl<'s> Workers<'s> {
    /// Starts one more thread.
    fn spawn<'scope, 'env>(&'env self, scope: &'scope Scope<'scope, 'env>) -> io::Result<()> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let thread = thread::Builder::new().stack_size(STACK);
        let spawned = thread.spawn_scoped(scope, move || self.work(scope));
        if spawned.is_err() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        spawned.map(drop)
    }

    /// Accepts and serves until the server ends, or until there are enough that do.
    fn work<'scope, 'env>(&'env self, scope: &'scope Scope<'scope, 'env>) {
        loop {
            match self.listener.accept() {
                Ok((socket, client)) => {
                    let others = self.waiting.fetch_sub(1, Ordering::Relaxed) - 1;
                    if others == 0 && self.mode == Mode::Threads {
                        // Without a thread to be had, this one accepts again when it is done.
                        let _ = self.spawn(scope);
                    }
                    self.serve(socket, client);
                    if self.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
                        self.waiting.fetch_sub(1, Ordering::Relaxed);
                        return;
                    }
                }
                Err(_) if self.admission.is_closing() => return,
                Err(error) => match error.raw_os_error().map(Errno::from_raw_os_error) {
                    // Nobody came for the time of the receive timeout, and others wait too.
                    Some(Errno::AGAIN) if self.retire() => return,
                    Some(Errno::BADF | Errno::INVAL | Errno::NOTSOCK) => return self.fail(error),
                    Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                        thread::sleep(SHORTAGE_PAUSE);
                    }
                    // The client was gone before it was accepted.
                    _ => {}
                },
            }
        }
    }

    /// Serves one connection. A handler that panics ends its connection, not the server.
    fn serve(&self, socket: TcpStream, client: SocketAddr) {
        let ticket = self.admission.admit(socket);
        let run = AssertUnwindSafe(|| Connection::run(self.context, &ticket, client));
        let _ = panic::catch_unwind(run);
        self.admission.release(&ticket);
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
        self.admission.begin_closing();
    }

    /// Takes the connections that clients have made already, and no more.
    fn stop_accepting<'scope, 'env>(&'env self, scope: &'scope Scope<'scope, 'env>)
    where
        's: 'scope,
    {
        if self.listener.set_nonblocking(true).is_ok() {
            while let Ok((socket, client)) = self.listener.accept() {
                let thread = thread::Builder::new().stack_size(STACK);
                // Without a thread to be had, the connection is closed unserved.
                let _ = thread.spawn_scoped(scope, move || self.serve(socket, client));
            }
        }
        self.wake();
    }

    /// Makes every thread that waits in `accept` come back from it.
    #[cfg(target_os = "linux")]
    fn wake(&self) {
        // It fails on a socket that does not listen any more.
        let _ = rustix::net::shutdown(self.listener, rustix::net::Shutdown::Both);
    }

    /// As above, where that takes a connection for each.
    #[cfg(not(target_os = "linux"))]
    fn wake(&self) {
        let Ok(mut address) = self.listener.local_addr() else {
            return;
        };
        if address.ip().is_unspecified() {
            let loopback = if address.is_ipv4() {
                "127.0.0.1"
            } else {
                "::1"
            };
            address.set_ip(loopback.parse().unwrap_or(address.ip()));
        }
        for _ in 0..self.waiting.load(Ordering::Relaxed) {
            let _ = TcpStream::connect(address);
        }
    }
}
