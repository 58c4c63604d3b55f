//! The command line of `python -m http.server`.

use crate::cgi;
use crate::config::Config;
use crate::files::Symlinks;
use crate::handler::Handler;
use crate::handlers::{CgiHandler, FileHandler};
use crate::http::{Peer, Version};
use crate::server::{Server, ServerHandle};
use crate::sys;
use anyhow::{Context, Result};
use clap::{CommandFactory, Parser, ValueEnum};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{self, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use std::{fs, process, thread};

/// How long the end may take once it was asked for, beyond what responses are given: the log has
/// a second of it.
const LAST_RESORT: Duration = Duration::from_millis(1500);
/// How long to wait for a line to be written to standard output. A supervisor that does not read
/// what its servers print must not keep them from serving, or from ending.
const OUTPUT_LIMIT: Duration = Duration::from_millis(100);
/// How long a port that is taken is tried again, and how often.
const PORT_LIMIT: Duration = Duration::from_millis(200);
const PORT_PAUSE: Duration = Duration::from_millis(5);
/// How often orphans are reaped after a child has ended, and the time between.
const ORPHAN_LOOKS: usize = 5;
const ORPHAN_PAUSE: Duration = Duration::from_millis(100);
/// The longest time that a flag may name: thirty years.
const MAX_SECONDS: f64 = 1e9;

/// What was typed.
#[derive(Debug, Parser)]
#[command(
    name = "rhttp",
    version,
    about = "Serve a directory over HTTP, as `python -m http.server` does.",
    infer_long_args = true,
    args_override_self = true,
    override_usage = "rhttp [-h] [--cgi] [-b ADDRESS] [-d DIRECTORY] [-p VERSION] \
        [--timeout SECONDS] [--max-connections N] [--grace SECONDS] [port]"
)]
struct Args {
    /// run the scripts in /cgi-bin and /htbin
    #[arg(long)]
    cgi: bool,

    /// bind to this address (default: all interfaces)
    #[arg(short, long, value_name = "ADDRESS")]
    bind: Option<String>,

    /// serve this directory (default: current directory)
    #[arg(short, long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,

    /// conform to this HTTP version
    #[arg(short, long, value_name = "VERSION", default_value = "HTTP/1.0")]
    protocol: Protocol,

    /// close connections that make no progress for this long, 0 for never (default: 30 for the
    /// head of a request, 60 between requests and while sending)
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,

    /// serve this many connections at a time (default: 8192, or what the descriptor limit allows)
    #[arg(long, value_name = "N", value_parser = positive)]
    max_connections: Option<usize>,

    /// on SIGTERM, let responses in progress take this long (default: 10)
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    grace: Option<Duration>,

    /// where symbolic links may lead: anywhere, inside the directory, or nowhere
    #[arg(long, value_name = "WHERE", default_value = "follow")]
    symlinks: Links,

    /// let the kernel confine the process to reading the directory (Linux)
    #[arg(long)]
    sandbox: bool,

    /// bind to this port
    #[arg(value_name = "port", default_value_t = 8000)]
    port: u16,
}

/// The versions that can be spoken.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Protocol {
    #[value(name = "HTTP/1.0")]
    Http10,
    #[value(name = "HTTP/1.1")]
    Http11,
}

impl From<Protocol> for Version {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Http10 => Version::HTTP_10,
            Protocol::Http11 => Version::HTTP_11,
        }
    }
}

/// Where symbolic links may lead.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Links {
    Follow,
    Inside,
    Never,
}

impl From<Links> for Symlinks {
    fn from(links: Links) -> Self {
        match links {
            Links::Follow => Symlinks::Follow,
            Links::Inside => Symlinks::Inside,
            Links::Never => Symlinks::Never,
        }
    }
}

impl Args {
    /// What the flags mean; what is not set stays as it is in the library.
    fn config(&self) -> Config {
        let usual = Config::default();
        // One number for all that a client can keep the server waiting with.
        let timeout = |usual| {
            self.timeout
                .map_or(usual, |limit| (!limit.is_zero()).then_some(limit))
        };
        Config {
            protocol: self.protocol.into(),
            head_timeout: timeout(usual.head_timeout),
            idle_timeout: timeout(usual.idle_timeout),
            stall_timeout: timeout(usual.stall_timeout),
            max_connections: self.max_connections.unwrap_or(usual.max_connections),
            grace: self.grace.unwrap_or(usual.grace),
            ..usual
        }
    }
}

/// A time in seconds, fractions allowed.
fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(0.0) => Ok(Duration::ZERO),
        Ok(seconds @ 0.0..=MAX_SECONDS) => match Duration::from_secs_f64(seconds) {
            // Zero means for ever, which is the opposite of what was asked for.
            Duration::ZERO => Err("shorter than a nanosecond".into()),
            limit => Ok(limit),
        },
        _ => Err("not a number of seconds".into()),
    }
}

/// A number of connections.
fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..) => Ok(number),
        _ => Err("not a number of connections".into()),
    }
}

/// Does what the command line asks for; returns when the server has ended.
///
/// A wrong command line ends the process with a usage message and status 2, as argparse does.
///
/// # Errors
/// The directory cannot be read, the address cannot be had, or the kernel has no sandbox.
pub fn run() -> Result<()> {
    let args = parse();
    sys::save_address_space();
    let config = args.config();
    let directory = directory(args.directory)?;
    let host = args.bind.as_deref();
    let place = || match host {
        Some(host) => format!("cannot listen on {host} port {}", args.port),
        None => format!("cannot listen on port {}", args.port),
    };
    sys::raise_descriptor_limit();
    let grace = config.grace;
    let address = sys::passive_address(host, args.port).with_context(place)?;
    let listener = listen(address, config.backlog).with_context(place)?;
    let ignored_signals = sys::ignored_signals();
    sys::unblock_signals()?;
    if args.cgi {
        sys::unprivileged_user().context("cannot run scripts as an ordinary user")?;
        sys::isolate_children()?;
    }
    if args.sandbox {
        // It holds for the threads that this one starts: before any is.
        let purpose = if args.cgi {
            sys::Purpose::Scripts
        } else {
            sys::Purpose::Files
        };
        sys::confine(&directory, purpose).context("cannot set up the sandbox")?;
    }
    let files = FileHandler::new(directory).with_symlinks(args.symlinks.into());
    let handler: Box<dyn Handler> = if args.cgi {
        Box::new(CgiHandler::new(files))
    } else {
        Box::new(files)
    };
    let server = Server::new(listener, handler)
        .context("cannot set up the server")?
        .with_config(config);

    let mut signals = vec![SIGINT, SIGTERM];
    if args.cgi {
        // Also those by which a terminal ends its programs, so that no script outlives the server.
        // `nohup` has the first ignored, and it stays so.
        let others = [SIGHUP, SIGQUIT].into_iter();
        signals.extend(others.filter(|signal| !ignored_signals.contains(signal)));
        reap_orphans()?;
    }
    end_on_signals(&signals, server.handle(), grace)?;
    announce(server.local_addr());
    let result = server.serve();
    cgi::end_all(cgi::GRACE);
    result.context("cannot serve any more")
}

/// Listens on `address`. A server that has just been told to end frees its port a moment later: it
/// is given that.
fn listen(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let start = Instant::now();
    loop {
        match sys::listen(address, backlog) {
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse && start.elapsed() < PORT_LIMIT =>
            {
                thread::sleep(PORT_PAUSE);
            }
            result => return result,
        }
    }
}

/// Reads the command line; a wrong one ends the process, with the usage and the reason.
fn parse() -> Args {
    Args::try_parse().unwrap_or_else(|error| {
        // clap shows no usage with a wrong value, argparse does.
        if error.use_stderr() && !error.to_string().contains("Usage:") {
            let _ = writeln!(io::stderr(), "{}", Args::command().render_usage());
        }
        error.exit()
    })
}

/// The directory to serve, absolute, so that it is found again whatever happens to it.
fn directory(wanted: Option<PathBuf>) -> Result<PathBuf> {
    let directory = wanted.unwrap_or_else(|| PathBuf::from("."));
    let absolute = path::absolute(&directory).and_then(|path| fs::read_dir(&path).map(|_| path));
    absolute.with_context(|| format!("cannot serve {}", directory.display()))
}

/// Prints CPython's banner, at once even into a pipe.
fn announce(server: &Peer) {
    say(match server {
        Peer::Ip(address) => {
            let (host, port) = (address.ip(), address.port());
            format!("Serving HTTP on {host} port {port} (http://{address}/) ...")
        }
        Peer::Unix(_) => format!("Serving HTTP on {server} ..."),
    });
}

/// Writes a line to standard output. If nobody reads it, the server goes on after a moment.
fn say(line: String) {
    let (said, is_said) = mpsc::channel();
    let line = Arc::new(line);
    let spoken = Arc::clone(&line);
    let spawned = thread::Builder::new().name("output".into()).spawn(move || {
        write_line(&spoken);
        let _ = said.send(());
    });
    match spawned {
        Ok(_) => drop(is_said.recv_timeout(OUTPUT_LIMIT)),
        Err(_) => write_line(&line),
    }
}

fn write_line(line: &str) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// Ends the server as signals ask: SIGINT at once, SIGTERM when responses in progress are done,
/// a second signal in any case. Any other ends the scripts, and then the server as if it had not
/// been caught.
fn end_on_signals(signals: &[i32], server: ServerHandle, grace: Duration) -> Result<()> {
    let mut signals = Signals::new(signals).context("cannot wait for signals")?;
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            let mut signals = signals.forever();
            let signal = signals.next().unwrap_or(SIGTERM);
            if !matches!(signal, SIGINT | SIGTERM) {
                cgi::end_all(cgi::GRACE);
                let _ = low_level::emulate_default_handler(signal);
            }
            let is_interrupt = signal == SIGINT;
            let limit = if is_interrupt { Duration::ZERO } else { grace };
            // `serve` returns and the process ends. Should a handler not return, this does it.
            let _ = thread::Builder::new().spawn(move || {
                thread::sleep(limit.saturating_add(LAST_RESORT));
                cgi::end_all(cgi::GRACE);
                process::exit(0);
            });
            if is_interrupt {
                say("\nKeyboard interrupt received, exiting.".into());
                server.abort();
            } else {
                server.shutdown();
            }
            signals.next();
            cgi::end_all(Duration::ZERO);
            process::exit(0);
        })?;
    Ok(())
}

/// Reaps what scripts leave behind where it becomes this process's: the first of a container.
fn reap_orphans() -> Result<()> {
    if process::id() != 1 {
        return Ok(());
    }
    let mut signals = Signals::new([SIGCHLD]).context("cannot wait for signals")?;
    thread::Builder::new()
        .name("orphans".into())
        .spawn(move || {
            loop {
                signals.wait().for_each(drop);
                // A script that has just ended hides others until its connection has reaped it.
                for _ in 0..ORPHAN_LOOKS {
                    cgi::reap_orphans();
                    thread::sleep(ORPHAN_PAUSE);
                }
            }
        })?;
    Ok(())
}
