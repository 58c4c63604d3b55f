//! Nothing outlives the benchmark: a small process that waits for its end,
//! however it comes (Ctrl-C, a panic, `kill -9`), then ends every process group
//! still on its list and deletes the scratch directory.
//!
//! It learns of groups through a pipe, one line each, `+PID` or `-PID`; the
//! pipe's end is the benchmark's end. A handler for signals would need unsafe
//! code or a crate and would still miss `kill -9`.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;
use std::{env, fs, thread};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::fallible::Fallible;

pub(crate) const COMMAND: &str = "guard";

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Asked first, and given two seconds.
    Kindly,
    AtOnce,
}

pub(crate) struct Guard {
    process: Child,
    pipe: Mutex<ChildStdin>,
}

impl Guard {
    pub(crate) fn start(scratch: &Path) -> Fallible<Self> {
        let mut process = Command::new(env::current_exe()?)
            .arg(COMMAND)
            .arg(scratch)
            .stdin(Stdio::piped())
            // In a group of its own, so that the terminal's Ctrl-C spares it.
            .process_group(0)
            .spawn()?;
        let pipe = process.stdin.take().ok_or("the guard has no pipe")?;
        Ok(Self {
            process,
            pipe: Mutex::new(pipe),
        })
    }

    /// Starts a command in a process group of its own, on the guard's list.
    pub(crate) fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        let child = command.process_group(0).spawn()?;
        self.tell('+', child.id())?;
        Ok(child)
    }

    /// Ends the whole group that `spawn` began.
    pub(crate) fn end(&self, child: &mut Child, ending: Ending) {
        let pid = child.id();
        if ending == Ending::Kindly && matches!(child.try_wait(), Ok(None)) {
            signal_group(Signal::TERM, pid);
            for _ in 0..100 {
                if !matches!(child.try_wait(), Ok(None)) {
                    break;
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
        signal_group(Signal::KILL, pid);
        // Nothing is left to do about a failure: the guard's list keeps the rest.
        let _ = child.wait();
        let _ = self.tell('-', pid);
    }

    /// For a process that has ended by itself.
    pub(crate) fn forget(&self, child: &Child) {
        let _ = self.tell('-', child.id());
    }

    pub(crate) fn finish(self) -> Fallible<()> {
        let Self { mut process, pipe } = self;
        drop(pipe);
        process.wait()?;
        Ok(())
    }

    fn tell(&self, sign: char, pid: u32) -> io::Result<()> {
        let mut pipe = self
            .pipe
            .lock()
            .map_err(|_| io::Error::other("the guard's pipe"))?;
        writeln!(pipe, "{sign}{pid}")
    }
}

/// The guard itself.
pub(crate) fn run(arguments: &[&str]) -> Fallible<()> {
    let &[scratch] = arguments else {
        return Err("the guard wants the scratch directory".into());
    };
    let mut groups: BTreeSet<u32> = BTreeSet::new();
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        match line.split_at_checked(1) {
            Some(("+", pid)) => groups.extend(pid.parse::<u32>().ok()),
            Some((_, pid)) => groups.retain(|group| pid.parse() != Ok(*group)),
            None => {}
        }
    }
    for group in groups {
        signal_group(Signal::KILL, group);
    }
    fs::remove_dir_all(scratch)?;
    Ok(())
}

/// A group that has already ended is fine: that is the goal.
fn signal_group(signal: Signal, group: u32) {
    if let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, signal);
    }
}
