//! The command line of `python -m http.server`.

mod addresses;
mod announce;
mod args;
mod browser;
mod chain;
mod qr;
mod served;
mod single;

use crate::cgi;
use crate::server::{Server, ServerHandle};
use crate::sys;
use announce::{announce, say};
use anyhow::{Context, Result};
use served::Served;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};
use std::{process, thread};

/// How long the end may take once it was asked for, beyond what responses are given: the log has
/// a second of it.
const LAST_RESORT: Duration = Duration::from_millis(1500);
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
    let what = Served::of(&args)?;
    let uploads = served::uploads(&args, what.directory())?;
    let host = args.bind.as_deref();
    let place = || match host {
        Some(host) => format!("cannot listen on {host} port {}", args.port),
        None => format!("cannot listen on port {}", args.port),
    };
    sys::raise_descriptor_limit();
    let grace = config.grace;
    let address = sys::passive_address(host, args.port).with_context(place)?;
    let listener = listen(address, config.backlog).with_context(place)?;
    // What is confined cannot start it any more; it waits until it is answered.
    let browser = listener.local_addr().ok().filter(|_| args.sharing.open);
    let browser = browser.and_then(browser::open);
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
        sys::confine(&what.path(), purpose, uploads.as_deref())
            .context("cannot set up the sandbox")?;
    }
    let server = Server::new(listener, chain::handler(&args, what, uploads))
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
    if let Some(life) = args.sharing.life {
        end_after(life, server.handle(), grace)?;
    }
    browser::wait(browser);
    announce(server.local_addr(), &args.sharing);
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
            end_at_last(if is_interrupt { Duration::ZERO } else { grace });
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

/// Ends the server when its time is over, and responses in progress are done.
fn end_after(life: Duration, server: ServerHandle, grace: Duration) -> Result<()> {
    thread::Builder::new().name("life".into()).spawn(move || {
        thread::sleep(life);
        end_at_last(grace);
        server.shutdown();
    })?;
    Ok(())
}

/// `serve` returns and the process ends. Should a handler not return, this does it.
fn end_at_last(limit: Duration) {
    let _ = thread::Builder::new().spawn(move || {
        thread::sleep(limit.saturating_add(LAST_RESORT));
        cgi::end_all(cgi::GRACE);
        process::exit(0);
    });
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
