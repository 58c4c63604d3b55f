//! The server: which threads accept connections, and when it ends.

use super::access_log::{AccessLog, LogWriter};
use super::admission::{Admission, Task};
use super::affinity::Affinity;
use super::buffers::Buffers;
use super::capacity::Capacity;
use super::context::Context;
use super::heads::Heads;
use super::listener::Listener;
use super::memory::{self, Piece};
use super::record::{LogFormat, Records};
use super::transport::prepare;
use super::workers::{Mode, STACK, Workers};
use crate::config::Config;
use crate::handler::Handler;
use crate::http::Peer;
use crate::sys;
use crate::tls::Tls;
use std::io::{self, Write};
use std::net::ToSocketAddrs;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

/// How long it may take to write out the log after the server has ended.
const LOG_LIMIT: Duration = Duration::from_secs(1);
/// How long the last step of a TCP handshake may take that began before the server began to drain.
/// On a busy machine it waits for its turn, while the client takes the connection for established:
/// without a listener, the client's request would be answered by a reset.
const HANDSHAKE: Duration = Duration::from_millis(10);
/// Bytes of stack for the thread that starts others. Theirs, which glibc keeps for the next one, are
/// too small for it: what belongs to them could not be given back while it runs.
const STARTER_STACK: usize = STACK + 64 * 1024;
/// How long to wait at most for a connection to end when the system is out of threads: after that,
/// newcomers are answered 503.
const REFUSE_AFTER: Duration = Duration::from_millis(50);

/// A listening socket and the handler that answers its requests: Python's `HTTPServer` and
/// `ThreadingHTTPServer`.
///
/// ```
/// use rhttp::{FileHandler, Server};
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
///
/// // A port that is free; another thread serves.
/// let server = Server::bind("127.0.0.1:0", FileHandler::new("."))?.with_log(std::io::sink());
/// let address = server.local_addr().clone();
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
    listeners: Vec<Bound>,
    handler: H,
    config: Config,
    log: Box<dyn Write + Send>,
    log_format: LogFormat,
    tls: Option<Tls>,
    on_start: Box<Start>,
    admission: Arc<Admission>,
}

/// What is done once connections are accepted.
type Start = dyn FnOnce() -> io::Result<()> + Send;

/// A listening socket, and the address at which clients reach it.
struct Bound {
    listener: Listener,
    address: Peer,
}

impl Bound {
    fn new(listener: impl Into<Listener>) -> io::Result<Self> {
        let listener = listener.into();
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }
}

/// Ends a [`Server`] from another thread; clones end the same server.
///
/// ```
/// use rhttp::{FileHandler, Server, ServerHandle};
///
/// let server = Server::bind("127.0.0.1:0", FileHandler::new("."))?.with_log(std::io::sink());
/// let handle: ServerHandle = server.handle();
/// let serving = std::thread::spawn(move || server.serve());
///
/// // Downloads in progress may finish; a second request from the user does not wait for them.
/// handle.shutdown();
/// handle.abort();
/// serving.join().expect("it does not panic")?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ServerHandle {
    admission: Arc<Admission>,
}

impl<H: Handler> Server<H> {
    /// Listens on the first of `addresses` that is available. Port 0 picks a free port;
    /// [`local_addr`](Self::local_addr) returns which.
    ///
    /// # Errors
    /// The address cannot be resolved, is in use, or is not available to this process.
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

    /// Serves on a socket that already listens, TCP or Unix.
    ///
    /// # Errors
    /// The socket has no address.
    pub fn new(listener: impl Into<Listener>, handler: H) -> io::Result<Self> {
        Ok(Self {
            listeners: vec![Bound::new(listener)?],
            handler,
            config: Config::default(),
            log: Box::new(io::stderr()),
            log_format: LogFormat::default(),
            tls: None,
            on_start: Box::new(|| Ok(())),
            admission: Arc::default(),
        })
    }

    /// Serves on one more socket.
    ///
    /// ```
    /// use rhttp::{FileHandler, Server};
    /// use std::net::TcpListener;
    ///
    /// let other = TcpListener::bind("127.0.0.1:0")?;
    /// let server = Server::bind("127.0.0.1:0", FileHandler::new("."))?.with_listener(other)?;
    /// assert_eq!(server.local_addrs().count(), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// The socket has no address.
    pub fn with_listener(mut self, listener: impl Into<Listener>) -> io::Result<Self> {
        self.listeners.push(Bound::new(listener)?);
        Ok(self)
    }

    /// Uses these numbers and switches.
    pub fn with_config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Writes the log to `sink` instead of standard error.
    pub fn with_log(mut self, sink: impl Write + Send + 'static) -> Self {
        self.log = Box::new(sink);
        self
    }

    /// Writes the log in this format. In every format but CPython's, the log holds only requests,
    /// written after they were served; messages go to standard error.
    ///
    /// ```
    /// use rhttp::{FileHandler, LogFormat, Server};
    ///
    /// let server = Server::bind("127.0.0.1:0", FileHandler::new("."))?
    ///     .with_log_format(LogFormat::Json);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn with_log_format(mut self, format: LogFormat) -> Self {
        self.log_format = format;
        self
    }

    /// Serves over TLS: Python's `HTTPSServer` and `ThreadingHTTPSServer`.
    ///
    /// Each handshake runs on its connection's own thread, within [`Config::head_timeout`]. A
    /// client that speaks plain HTTP is redirected.
    ///
    /// ```
    /// use rhttp::{FileHandler, Server, Tls};
    ///
    /// let tls = Tls::self_signed(["localhost".into(), "127.0.0.1".into()])?;
    /// println!("compare this with what the browser shows: {}", tls.fingerprint());
    /// let server = Server::bind("127.0.0.1:0", FileHandler::new("."))?.with_tls(tls);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "HTTPSServer")]
    #[doc(alias = "ThreadingHTTPSServer")]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Calls `action` once connections are accepted: to announce the server, for example. Until it
    /// returns, nothing is logged, and beside the connections that waited already only one is served
    /// at each listener. A second call replaces the action of the first.
    ///
    /// ```
    /// use rhttp::{FileHandler, Server};
    ///
    /// let server = Server::bind("127.0.0.1:0", FileHandler::new("."))?.with_log(std::io::sink());
    /// let handle = server.handle();
    /// let server = server.on_start(move || {
    ///     handle.shutdown();
    ///     Ok(())
    /// });
    /// server.serve()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// If `action` returns an error, the server ends with it. So it does if `action` panics.
    pub fn on_start(mut self, action: impl FnOnce() -> io::Result<()> + Send + 'static) -> Self {
        self.on_start = Box::new(action);
        self
    }

    /// The address that the server listens on, the first if there are several.
    #[doc(alias = "server_address")]
    #[doc(alias = "server_port")]
    #[doc(alias = "server_name")]
    pub fn local_addr(&self) -> &Peer {
        static NONE: Peer = Peer::Unix(None);
        // There is always one.
        self.listeners.first().map_or(&NONE, |bound| &bound.address)
    }

    /// All addresses that the server listens on.
    pub fn local_addrs(&self) -> impl Iterator<Item = &Peer> {
        self.listeners.iter().map(|bound| &bound.address)
    }

    /// A handle that ends this server from another thread.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle {
            admission: Arc::clone(&self.admission),
        }
    }

    /// Serves every connection on a thread of its own, until [`ServerHandle::shutdown`]:
    /// Python's `ThreadingHTTPServer`.
    ///
    /// # Errors
    /// The socket cannot be set up, the first thread cannot be started, or accepting fails for
    /// good. Trouble with a connection, or a shortage of descriptors, is not an error.
    #[doc(alias = "serve_forever")]
    #[doc(alias = "ThreadingHTTPServer")]
    pub fn serve(self) -> io::Result<()> {
        self.run(Mode::Threads)
    }

    /// Serves one connection at a time on each listener: Python's plain `HTTPServer`.
    ///
    /// ```no_run
    /// use rhttp::{FileHandler, Server};
    ///
    /// // A handler that must never run twice at the same time needs no lock.
    /// Server::bind("127.0.0.1:8000", FileHandler::new("/srv/www"))?.serve_one_at_a_time()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`serve`](Self::serve).
    #[doc(alias = "HTTPServer")]
    pub fn serve_one_at_a_time(self) -> io::Result<()> {
        self.run(Mode::OneAtATime)
    }

    fn run(self, mode: Mode) -> io::Result<()> {
        sys::time_zone();
        for Bound { listener, .. } in &self.listeners {
            prepare(listener, &self.config)?;
            rustix::net::listen(listener, self.config.backlog)?;
        }
        let (log, writer) = AccessLog::new(self.log);
        let (messages, other_writer) = match self.log_format {
            LogFormat::Python => None,
            _ => Some(AccessLog::new(Box::new(io::stderr()))),
        }
        .unzip();
        let records = messages.is_some().then_some(Records {
            format: self.log_format,
            log: &log,
        });
        let cpus = sys::allowed_cpus();
        let (heads, buffers) = (Heads::default(), Buffers::new(cpus.len()));
        let affinity = Affinity::new(&cpus);
        let contexts: Vec<_> = self
            .listeners
            .iter()
            .map(|bound| Context {
                handler: &self.handler,
                config: &self.config,
                log: messages.as_ref().unwrap_or(&log),
                records,
                admission: &self.admission,
                heads: &heads,
                buffers: &buffers,
                affinity: &affinity,
                server: &bound.address,
                tls: self.tls.as_ref(),
            })
            .collect();
        let capacity = Capacity::of_process(self.config.max_connections);
        self.admission.open(capacity, self.config.idle_timeout);
        let waiting = (capacity.waiting / self.listeners.len()).max(1);
        let workers: Vec<_> = self
            .listeners
            .iter()
            .zip(&contexts)
            .map(|(bound, context)| Workers::new(&bound.listener, context, mode, waiting))
            .collect();
        let mut panicked = None;
        let started = thread::scope(|scope| {
            // Threads that the first response can do without are started after those that serve.
            let started = workers.iter().try_for_each(|workers| workers.start(scope));
            let started = started.and_then(|()| {
                // The other threads would never end.
                let acted = panic::catch_unwind(AssertUnwindSafe(self.on_start));
                acted.unwrap_or_else(|panic| {
                    panicked = Some(panic);
                    Err(io::ErrorKind::Other.into())
                })
            });
            // All of them, whatever has failed: there may be something to write.
            let writers = other_writer.into_iter().chain([writer]);
            let started = writers.map(LogWriter::start).fold(started, io::Result::and);
            if started.is_err() {
                self.admission.abort();
            }
            let exit_idle = self.config.exit_idle;
            start_threads(&workers, &self.admission, &buffers, exit_idle, scope);
            for workers in &workers {
                workers.turn_clients_away(scope);
            }
            if !self.admission.is_aborted() {
                thread::sleep(HANDSHAKE);
            }
            for workers in &workers {
                workers.drain_backlog(scope);
            }
            let may_admit = || workers.iter().any(Workers::may_admit);
            self.admission.finish(self.config.grace, may_admit);
            // If there were no descriptors for waking threads before, there are now.
            workers.iter().for_each(Workers::wake);
            started
        });
        for log in messages.iter().chain([&log]) {
            log.close(LOG_LIMIT);
        }
        if let Some(panic) = panicked {
            panic::resume_unwind(panic);
        }
        let failures = workers.into_iter().filter_map(Workers::into_failure);
        started.and(failures.into_iter().next().map_or(Ok(()), Err))
    }
}

/// Starts threads when they are requested, until shutdown. It does so on a thread of its own, which
/// ends when memory is given back, for the reasons that [`memory`] tells.
fn start_threads<'s: 'scope, 'scope, 'env>(
    workers: &'env [Workers<'s>],
    admission: &'env Admission,
    buffers: &'env Buffers,
    exit_idle: Option<Duration>,
    scope: &'scope Scope<'scope, 'env>,
) {
    let give_back = move || {
        buffers.clear();
        memory::release_stacks();
        Piece::new()
    };
    let start = move |first: Task| {
        let mut task = first;
        loop {
            match task {
                Task::StartThreads => find_followers(workers, admission, scope),
                Task::GiveBack => drop(give_back()),
                Task::Renew(last) => {
                    memory::wait_for_end(last);
                    return Some(give_back());
                }
                Task::ShutDown => return None,
            }
            task = admission.wait_for_task(exit_idle);
        }
    };
    loop {
        let first = admission.wait_for_task(exit_idle);
        if first == Task::ShutDown {
            return;
        }
        let thread = thread::Builder::new().stack_size(STARTER_STACK);
        let piece = match thread.spawn_scoped(scope, move || start(first)) {
            // If it panicked, the next one takes over.
            Ok(thread) => thread.join().unwrap_or_else(|_| Some(Piece::new())),
            Err(_) => start(first),
        };
        if piece.is_none() {
            return;
        }
        // Only now is what the thread itself kept free, too.
        drop((piece, Piece::new()));
        // The next that waits: its heap is another than that of those before it.
        find_followers(workers, admission, scope);
    }
}

/// Makes sure that a thread accepts at every listener. Starts threads; where none can be started,
/// evicts an idle connection, whose thread then returns to `accept` or makes room for another. Until
/// one is found, newcomers get 503.
///
/// One wait serves all listeners, so none of them delays the others.
fn find_followers<'s: 'scope, 'scope, 'env>(
    all: &'env [Workers<'s>],
    admission: &Admission,
    scope: &'scope Scope<'scope, 'env>,
) {
    let mut refused = Instant::now();
    loop {
        let exhausted = all
            .iter()
            .filter(|workers| workers.start_followers(scope).is_err() && !workers.may_admit())
            .count();
        let is_served = all.iter().all(Workers::may_admit) || admission.is_closing();
        admission.set_lacks_threads(!is_served && exhausted > 0);
        if is_served {
            return;
        }
        if exhausted == 0 {
            // Clients came faster than threads were started.
            continue;
        }
        // Connections of other listeners may end all the time.
        admission.wait_for_room(REFUSE_AFTER);
        if refused.elapsed() >= REFUSE_AFTER {
            for workers in all.iter().filter(|workers| !workers.may_admit()) {
                workers.serve_backlog(scope);
            }
            refused = Instant::now();
        }
    }
}

impl ServerHandle {
    /// Stops accepting, ends the connections without a request after half a second, those with an
    /// unfinished head after two, and lets responses in progress finish within [`Config::grace`].
    /// Returns at once; the call to [`Server::serve`] returns when all of that is done.
    pub fn shutdown(&self) {
        self.admission.begin_closing();
    }

    /// Stops accepting and cuts all connections.
    #[doc(alias = "server_close")]
    pub fn abort(&self) {
        self.admission.abort();
    }
}
