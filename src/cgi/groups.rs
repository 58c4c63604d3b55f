//! The process groups of all running scripts, so that none of them outlives the server.
//!
//! A group has the id of its first process. Until that process is reaped, no other can get the id;
//! so scripts are started and reaped only here, where the list is kept accurate. Only a [`Remote`]
//! may be reaped by others, if the process that has started it is killed: its group is not signalled
//! unless the id is known to be its own.

use super::launch::{Handle, Started};
use super::starter::Remote;
use crate::sys;
#[cfg(target_os = "linux")]
use nix::sys::wait::{self, Id, WaitPidFlag};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::collections::BTreeMap;
use std::io;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a script that is told to end may take to clean up. Even with the steps before and after
/// that, no script outlives its use by a second.
pub(crate) const GRACE: Duration = Duration::from_millis(700);
/// How often scripts are polled for their exit while a thread waits for it.
const TICK: Duration = Duration::from_millis(5);
/// How long to wait for a script that is just being started, so that it can be ended.
const START: Duration = Duration::from_millis(200);

static GROUPS: Mutex<Groups> = Mutex::new(Groups {
    running: BTreeMap::new(),
    starting: 0,
    is_closed: false,
});

struct Groups {
    /// The ids of first processes that have not been reaped here, each with the process if it is not
    /// a child of this one.
    running: BTreeMap<u32, Option<Arc<Remote>>>,
    /// How many scripts are being started.
    starting: usize,
    /// The server is shutting down: nothing is started any more, and nothing reaped.
    is_closed: bool,
}

/// Starts a script with `start`, in a group of its own.
pub(super) fn spawn(start: impl FnOnce() -> io::Result<Started>) -> io::Result<Started> {
    let mut groups = lock();
    if groups.is_closed {
        return Err(io::Error::other("the server ends"));
    }
    groups.starting += 1;
    drop(groups);
    let spawned = sys::start_at_once(start);
    let mut groups = lock();
    groups.starting -= 1;
    if let Ok(Started { process, .. }) = &spawned {
        let remote = process.remote().cloned();
        if groups.is_closed {
            signal_group(process.id(), remote.as_deref(), Signal::KILL);
        }
        groups.running.insert(process.id(), remote);
    }
    spawned
}

/// How a script has ended, if it has; in that case it is reaped.
pub(super) fn reap(process: &mut Handle) -> io::Result<Option<ExitStatus>> {
    // This and the release may take a moment, and others need not wait for it.
    if let Some(remote) = process.remote() {
        remote.observe();
    }
    let mut groups = lock();
    if groups.is_closed {
        return Ok(None);
    }
    let ended = process.try_wait();
    // An error means that it is not (or no longer) our child.
    if !matches!(ended, Ok(None)) {
        groups.running.remove(&process.id());
        drop(groups);
        if let Some(remote) = process.remote() {
            remote.release();
        }
    }
    ended
}

/// Signals a script that has not been reaped, and everything it has started.
pub(super) fn signal(id: u32, name: Signal) {
    if let Some(remote) = lock().running.get(&id) {
        signal_group(id, remote.as_deref(), name);
    }
}

/// Waits until the first process of a group has ended, but no longer than `limit`. The process is
/// not reaped, so the group keeps its id.
pub(super) fn wait_without_reaping(id: u32, limit: Duration) {
    let deadline = Instant::now() + limit;
    let remote = lock().running.get(&id).cloned().flatten();
    let mut pause = Duration::from_micros(200);
    while !has_ended(id, remote.as_deref()) && Instant::now() < deadline {
        thread::sleep(pause);
        pause = (pause * 2).min(TICK);
    }
}

/// Whether the server is shutting down, so that nothing is reaped any more.
pub(super) fn are_closed() -> bool {
    lock().is_closed
}

/// Reaps the children of this process that are not scripts. Process 1 of a container inherits
/// everything that exited parents have left behind.
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
        let is_script =
            u32::try_from(orphan.as_raw()).is_ok_and(|id| groups.running.contains_key(&id));
        // A script that is just being started is not in the list yet. Its connection reaps it, and
        // the next check is soon.
        if is_script || groups.starting > 0 {
            return;
        }
        let _ = wait::waitid(Id::Pid(orphan), options);
    }
}

/// Other systems do not run a server as process 1.
#[cfg(not(target_os = "linux"))]
pub(crate) fn reap_orphans() {}

/// Ends all scripts, because the server is shutting down: they are asked to end, and those that
/// have not done so after `grace` are killed, with everything they have started. Without any grace
/// they are not asked.
///
/// Returns when that is done: at once, if none is running. Processes left running by a script that
/// has ended do not count as scripts.
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
    // Including groups whose script has ended: other processes in them may be alive.
    groups.signal(Signal::KILL);
}

impl Groups {
    fn signal(&self, name: Signal) {
        for (&id, remote) in &self.running {
            signal_group(id, remote.as_deref(), name);
        }
    }

    /// Whether there is no reason to wait any longer after this much time has passed.
    fn may_be_killed(&self, passed: Duration, grace: Duration) -> bool {
        let mut running = self.running.iter();
        let is_over =
            passed >= grace || running.all(|(&id, remote)| has_ended(id, remote.as_deref()));
        is_over && (self.starting == 0 || passed >= grace.max(START))
    }
}

/// Signals a group if its id is its own.
fn signal_group(id: u32, remote: Option<&Remote>, name: Signal) {
    if let Some(group) = pid(id).filter(|_| remote.is_none_or(Remote::is_ours)) {
        // It fails when no process is left in the group.
        let _ = kill_process_group(group, name);
    }
}

/// Whether a process has ended; it is not reaped here.
fn has_ended(id: u32, remote: Option<&Remote>) -> bool {
    if let Some(remote) = remote {
        return remote.has_ended();
    }
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    pid(id).is_none_or(|pid| !matches!(waitid(WaitId::Pid(pid), options), Ok(None)))
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

fn lock() -> MutexGuard<'static, Groups> {
    // Nothing panics while the lock is held.
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn only_scripts_are_waited_for() {
        let none = Groups {
            running: BTreeMap::new(),
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
            running: BTreeMap::from([(child.id(), None)]),
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

    #[cfg(target_os = "linux")]
    mod of_others {
        use super::*;
        use rustix::io::ioctl_fionread;
        use rustix::process::{PidfdFlags, pidfd_open};
        use std::io::Write;
        use std::net::Shutdown;
        use std::os::fd::OwnedFd;
        use std::os::unix::process::{CommandExt, ExitStatusExt};
        use std::process::Child;

        fn process(child: &Child) -> OwnedFd {
            pidfd_open(Pid::from_child(child), PidfdFlags::empty()).expect("it is not reaped")
        }

        /// Signals the group of a process whose id a script had; returns what ends the process.
        fn signal_the_id_of(mut script: Child, is_reaped: bool) -> Option<i32> {
            let mut command = Command::new("/bin/sleep");
            let mut stranger = command
                .arg("1000")
                .process_group(0)
                .spawn()
                .expect("it starts");
            let id = Pid::from_child(&stranger);
            let (remote, theirs) = Remote::of_test(id, process(&script));
            while !remote.has_ended() {
                thread::sleep(TICK);
            }
            if is_reaped {
                // Not just dropped: what has just been started may have a copy for a moment.
                theirs.shutdown(Shutdown::Both).expect("it is open");
                script.wait().expect("it has ended");
            }
            let groups = Groups {
                running: BTreeMap::from([(stranger.id(), Some(Arc::new(remote)))]),
                starting: 0,
                is_closed: true,
            };
            groups.signal(Signal::KILL);
            // It changes nothing for one that is killed.
            kill_process_group(id, Signal::TERM).expect("it is not reaped");
            let _ = script.wait();
            stranger.wait().expect("it ends").signal()
        }

        #[test]
        fn a_group_whose_id_may_be_another_s_is_left_alone() {
            let script = || Command::new("/bin/true").spawn().expect("it is started");
            assert_eq!(signal_the_id_of(script(), false), Some(libc::SIGKILL));
            assert_eq!(signal_the_id_of(script(), true), Some(libc::SIGTERM));
        }

        #[test]
        fn nobody_waits_for_a_report_that_others_wait_for() {
            let mut script = Command::new("/bin/true").spawn().expect("it is started");
            let (remote, mut theirs) = Remote::of_test(Pid::from_child(&script), process(&script));
            let remote = Arc::new(remote);
            let report = 256_i32.to_le_bytes();
            theirs.write_all(&report).expect("it is written");
            let held = lock();
            let mut handle = Handle::Remote(Arc::clone(&remote));
            let reaping = thread::spawn(move || reap(&mut handle));
            let start = Instant::now();
            while ioctl_fionread(remote.control()).is_ok_and(|unread| unread > 0) {
                assert!(
                    start.elapsed() < Duration::from_secs(60),
                    "it needs the lock"
                );
                thread::sleep(TICK);
            }
            drop((held, theirs));
            let ended = reaping.join().expect("it does not panic");
            let status = ended.expect("it is known").expect("it has ended");
            assert_eq!(status.code(), Some(1));
            script.wait().expect("it ends");
        }
    }
}
