//! The process groups of all scripts that run, so that none of them outlives the server.
//!
//! A group has the id of its first process. As long as that is not reaped, nobody else can get
//! the id; so scripts are started and reaped here only, where the list is kept true.

use crate::sys;
#[cfg(target_os = "linux")]
use nix::sys::wait::{self, Id, WaitPidFlag};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::collections::BTreeSet;
use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a script that is to end may take to tidy up. With what precedes and follows it, no
/// script outlives its use by a second.
pub(crate) const GRACE: Duration = Duration::from_millis(700);
/// How often scripts are polled for their end while somebody waits for that.
const TICK: Duration = Duration::from_millis(5);
/// How long a script that is being started is waited for, so that it can be ended.
const START: Duration = Duration::from_millis(200);

static GROUPS: Mutex<Groups> = Mutex::new(Groups {
    running: BTreeSet::new(),
    starting: 0,
    is_closed: false,
});

#[derive(Debug)]
struct Groups {
    /// Ids of first processes that are not reaped.
    running: BTreeSet<u32>,
    /// How many are being started.
    starting: usize,
    /// The server ends: nothing is started any more, and nothing reaped.
    is_closed: bool,
}

/// Starts a script in a group of its own, which `command` must ask for.
pub(super) fn spawn(command: &mut Command) -> io::Result<Child> {
    let mut groups = lock();
    if groups.is_closed {
        return Err(io::Error::other("the server ends"));
    }
    groups.starting += 1;
    drop(groups);
    let spawned = sys::start_at_once(|| command.spawn());
    let mut groups = lock();
    groups.starting -= 1;
    if let Ok(child) = &spawned {
        groups.running.insert(child.id());
        if groups.is_closed {
            signal(child.id(), Signal::KILL);
        }
    }
    spawned
}

/// How a script has ended, if it has; it is reaped then.
pub(super) fn reap(child: &mut Child) -> io::Result<Option<ExitStatus>> {
    let mut groups = lock();
    if groups.is_closed {
        return Ok(None);
    }
    let ended = child.try_wait();
    // An error means that it is not our child (any more).
    if !matches!(ended, Ok(None)) {
        groups.running.remove(&child.id());
    }
    ended
}

/// Signals a script that is not reaped, and all that it has started.
pub(super) fn signal(id: u32, signal: Signal) {
    if let Some(group) = pid(id) {
        // It fails when nobody is left in it.
        let _ = kill_process_group(group, signal);
    }
}

/// Waits until the first process of a group has ended, but no longer than `limit`. It is not
/// reaped, so the group's id stays its own.
pub(super) fn wait_without_reaping(id: u32, limit: Duration) {
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_micros(200);
    while !has_ended(id) && Instant::now() < deadline {
        thread::sleep(pause);
        pause = (pause * 2).min(TICK);
    }
}

/// Whether the server ends, so that nothing is reaped any more.
pub(super) fn are_closed() -> bool {
    lock().is_closed
}

/// Reaps the children of this process that are not scripts. Process 1 of a container gets all that
/// their parents have left behind.
#[cfg(target_os = "linux")]
pub(crate) fn reap_orphans() {
    loop {
        let groups = lock();
        let options = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
        // rustix does not say which process it is.
        let ended = wait::waitid(Id::All, options | WaitPidFlag::WNOWAIT);
        let Some(orphan) = ended.ok().and_then(|ended| ended.pid()) else {
            return;
        };
        let is_script = u32::try_from(orphan.as_raw()).is_ok_and(|id| groups.running.contains(&id));
        // One that is being started is not in the list yet. Its connection reaps it, and the next
        // look is soon.
        if is_script || groups.starting > 0 {
            return;
        }
        let _ = wait::waitid(Id::Pid(orphan), options);
    }
}

/// Elsewhere there are no containers, so no server is process 1.
#[cfg(not(target_os = "linux"))]
pub(crate) fn reap_orphans() {}

/// Ends all scripts, because the server ends: they are asked to, and those that have not ended
/// after `grace` are killed, with all they have started. Without any grace they are not asked.
///
/// Returns when that is done: at once, if none runs. What a script that has ended left running
/// is not a script any more.
pub(crate) fn end_all(grace: Duration) {
    let start = Instant::now();
    let mut groups = lock();
    groups.is_closed = true;
    if !grace.is_zero() {
        groups.signal(Signal::TERM);
    }
    while !groups.may_be_killed(start.elapsed(), grace) {
        drop(groups);
        thread::sleep(TICK);
        groups = lock();
    }
    // Also those that have ended: not all in their groups may have.
    groups.signal(Signal::KILL);
}

impl Groups {
    fn signal(&self, name: Signal) {
        for &id in &self.running {
            signal(id, name);
        }
    }

    /// Whether nothing speaks for waiting on, when so much time has passed.
    fn may_be_killed(&self, passed: Duration, grace: Duration) -> bool {
        let is_over = passed >= grace || self.running.iter().all(|&id| has_ended(id));
        is_over && (self.starting == 0 || passed >= grace.max(START))
    }
}

/// Whether a process has ended; it is not reaped.
fn has_ended(id: u32) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    pid(id).is_none_or(|pid| !matches!(waitid(WaitId::Pid(pid), options), Ok(None)))
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

fn lock() -> MutexGuard<'static, Groups> {
    // Nothing panics while it is held.
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scripts_are_waited_for() {
        let none = Groups {
            running: BTreeSet::new(),
            starting: 0,
            is_closed: true,
        };
        assert!(none.may_be_killed(Duration::ZERO, GRACE));
        let begun = Groups {
            starting: 1,
            ..none
        };
        assert!(!begun.may_be_killed(Duration::ZERO, Duration::ZERO));
        assert!(begun.may_be_killed(START, Duration::ZERO));
        assert!(!begun.may_be_killed(START, GRACE));
        assert!(begun.may_be_killed(GRACE, GRACE));
    }

    #[test]
    fn a_script_is_waited_for_until_it_ends() {
        let mut command = Command::new("/bin/sleep");
        let mut child = command.arg("1000").spawn().expect("it is started");
        let groups = Groups {
            running: BTreeSet::from([child.id()]),
            starting: 0,
            is_closed: true,
        };
        assert!(!groups.may_be_killed(Duration::ZERO, GRACE));
        assert!(groups.may_be_killed(GRACE, GRACE));
        child.kill().expect("it runs");
        while !groups.may_be_killed(Duration::ZERO, GRACE) {
            thread::sleep(TICK);
        }
        child.wait().expect("it is not reaped yet");
    }
}
