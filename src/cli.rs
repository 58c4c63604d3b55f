//! The command line of `python -m http.server`.

mod args;
mod chain;

use crate::cgi;
use crate::http::Peer;
use crate::server::{Server, ServerHandle};
use crate::sys;
use anyhow::{Context, Result};
use args::Args;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{self, Path, PathBuf};
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

/// Does what the command line asks for; returns when the server has ended.
///
/// A wrong command line ends the process with a usage message and status 2, as argparse does.
///
/// # Errors
/// The directory cannot be read, the address cannot be had, or the kernel has no sandbox.
pub fn run() -> Result<()> {
    let args = args::parse();
    sys::save_address_space();
    let config = args.config();
    let directory = directory(args.directory.as_deref())?;
    let uploads = uploads(&args, &directory)?;
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
        sys::confine(&directory, purpose, uploads.as_deref())
            .context("cannot set up the sandbox")?;
    }
    let server = Server::new(listener, chain::handler(&args, directory, uploads))
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

/// The directory to serve, absolute, so that it is found again whatever happens to it.
fn directory(wanted: Option<&Path>) -> Result<PathBuf> {
    let directory = wanted.unwrap_or(Path::new("."));
    let absolute = path::absolute(directory).and_then(|path| fs::read_dir(&path).map(|_| path));
    absolute.with_context(|| format!("cannot serve {}", directory.display()))
}

/// The directory that uploads go to, if they are taken.
fn uploads(args: &Args, served: &Path) -> Result<Option<PathBuf>> {
    let Some(wanted) = args.sharing.uploads(served) else {
        return Ok(None);
    };
    let absolute = path::absolute(wanted).and_then(|path| fs::read_dir(&path).map(|_| path));
    let absolute = absolute.with_context(|| format!("cannot take uploads to {}", wanted.display()));
    absolute.map(Some)
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
