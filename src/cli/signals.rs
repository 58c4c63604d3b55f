//! What signals do: they end the server, or reopen the log file.

use super::listening::SocketFiles;
use super::log_file::LogFile;
use super::notify::Manager;
use super::say;
use crate::cgi;
use crate::server::ServerHandle;
use anyhow::{Context, Result};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;
use std::{process, thread};

/// How long shutdown may take once it was requested, beyond the time that responses are given: the
/// log has one second of it.
const LAST_RESORT: Duration = Duration::from_millis(1500);
/// How many times orphans are reaped after a child has ended, and the time between.
const ORPHAN_LOOKS: usize = 5;
const ORPHAN_PAUSE: Duration = Duration::from_millis(100);

/// Whether the server runs scripts, which must not outlive it.
#[derive(Debug)]
pub(super) enum Scripts {
    Run {
        /// The signals that the server was started to ignore.
        ignored: Vec<i32>,
    },
    None,
}

/// What has to be taken care of at the end of the process.
#[derive(Clone)]
pub(super) struct Ending {
    pub(super) server: ServerHandle,
    /// How long responses may take after SIGTERM.
    pub(super) grace: Duration,
    pub(super) manager: Arc<Manager>,
    pub(super) socket_files: Arc<SocketFiles>,
    /// The log, if it is a file: SIGHUP reopens it.
    pub(super) log: Option<LogFile>,
}

impl Ending {
    /// Ends the server on signals: on SIGINT at once, on SIGTERM when responses in progress are
    /// done, on a second signal in any case. With scripts, the signals by which a terminal ends its
    /// programs end the scripts, and then the server as if they had not been caught; `nohup` starts
    /// the server with the first of these ignored, and it stays ignored.
    ///
    /// Signals are caught from now on; what this returns starts the thread that follows them.
    /// Without a thread, it ends the process, which would not follow any signal.
    pub(super) fn on_signals(self, scripts: Scripts) -> Result<impl FnOnce()> {
        let mut signals = vec![SIGINT, SIGTERM];
        if let Scripts::Run { ignored } = scripts {
            let others = [SIGHUP, SIGQUIT].into_iter();
            signals.extend(others.filter(|signal| !ignored.contains(signal)));
            reap_orphans()?;
        }
        signals.extend(self.log.is_some().then_some(SIGHUP));
        let mut signals = Signals::new(signals).context("cannot wait for signals")?;
        let alone = self.clone();
        let follow = move || {
            let mut signals = signals
                .forever()
                .filter(|signal| !self.reopens_log(*signal));
            match signals.next().unwrap_or(SIGTERM) {
                SIGINT => self.interrupt(),
                SIGTERM => self.terminate(),
                other => {
                    cgi::end_all(cgi::GRACE);
                    self.socket_files.remove();
                    let _ = low_level::emulate_default_handler(other);
                }
            }
            signals.next();
            self.exit(Duration::ZERO, 0);
        };
        let thread = thread::Builder::new().name("signals".into());
        Ok(move || {
            if let Err(error) = thread.spawn(follow) {
                // If this cannot be written, the status has to do.
                let _ = writeln!(io::stderr(), "rhttp: cannot wait for signals: {error}");
                alone.exit(Duration::ZERO, 1);
            }
        })
    }

    /// Ends the server after `life`, once responses in progress are done.
    pub(super) fn after(&self, life: Duration) -> Result<()> {
        let this = self.clone();
        thread::Builder::new().name("life".into()).spawn(move || {
            thread::sleep(life);
            this.terminate();
        })?;
        Ok(())
    }

    /// Whether a signal is for the log file, which is then reopened.
    fn reopens_log(&self, signal: i32) -> bool {
        match &self.log {
            Some(log) if signal == SIGHUP => {
                if let Err(error) = log.reopen() {
                    let path = log.path().display();
                    // If this cannot be written, there is nowhere else to report it.
                    let _ = writeln!(io::stderr(), "rhttp: cannot reopen {path}: {error}");
                }
                true
            }
            _ => false,
        }
    }

    fn interrupt(&self) {
        self.exit_after(Duration::ZERO);
        say("\nKeyboard interrupt received, exiting.".into());
        self.server.abort();
    }

    fn terminate(&self) {
        self.exit_after(self.grace);
        self.manager.stopping();
        self.server.shutdown();
    }

    /// Normally `serve` returns and the process ends. If a handler does not return, this ends the
    /// process.
    fn exit_after(&self, limit: Duration) {
        let this = self.clone();
        let _ = thread::Builder::new().spawn(move || {
            thread::sleep(limit.saturating_add(LAST_RESORT));
            this.exit(cgi::GRACE, 0);
        });
    }

    /// Ends the process with this status; scripts have this long to end.
    fn exit(&self, scripts: Duration, status: i32) -> ! {
        cgi::end_all(scripts);
        self.socket_files.remove();
        process::exit(status)
    }
}

/// Reaps the orphans of scripts where this process inherits them: as the first process of a
/// container.
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
