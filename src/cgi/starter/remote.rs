//! A script that another process has started, as the server sees it.

use super::{ANSWER, Starter, give_up, has_ended, hear};
use crate::sys;
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::io;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Arc, OnceLock};

/// A script that another process has started.
pub(in crate::cgi) struct Remote {
    id: Pid,
    /// Where the process that has started it reports its end. It is reaped when our side is shut
    /// down, and ended if that happens before the report.
    control: UnixStream,
    process: OwnedFd,
    starter: Arc<Starter>,
    status: OnceLock<ExitStatus>,
}

impl Remote {
    /// The script with this id, which `starter` has told.
    ///
    /// # Errors
    /// Those of the system; `EAGAIN` if the process that has started it is no longer there.
    pub(super) fn new(id: Pid, control: UnixStream, starter: Arc<Starter>) -> io::Result<Self> {
        control.set_read_timeout(Some(ANSWER))?;
        let remote = Self {
            id,
            control,
            process: pidfd_open(id, PidfdFlags::empty())?,
            starter,
            status: OnceLock::new(),
        };
        // Its id might be another process's by now.
        if remote.is_orphan() {
            return Err(Errno::AGAIN.into());
        }
        Ok(remote)
    }

    /// A script with this id whose end `process` shows, and the other end of its socket.
    #[cfg(test)]
    pub(in crate::cgi) fn of_test(id: Pid, process: OwnedFd) -> (Self, UnixStream) {
        let (control, theirs) = UnixStream::pair().expect("there are descriptors");
        let (socket, _) = UnixStream::pair().expect("there are descriptors");
        let mut command = std::process::Command::new("/bin/sleep");
        let child = command.arg("1000").spawn();
        let child = Pid::from_child(&child.expect("it is started"));
        let starter = Starter {
            socket: socket.into(),
            process: pidfd_open(child, PidfdFlags::empty()).expect("it is not reaped"),
        };
        let remote = Self {
            id,
            control,
            process,
            starter: Arc::new(starter),
            status: OnceLock::new(),
        };
        (remote, theirs)
    }

    #[cfg(test)]
    pub(in crate::cgi) fn control(&self) -> &UnixStream {
        &self.control
    }

    pub(in crate::cgi) fn id(&self) -> u32 {
        self.id.as_raw_pid().unsigned_abs()
    }

    /// Whether it has ended. It may have been reaped already if it is not [`is_ours`].
    ///
    /// [`is_ours`]: Self::is_ours
    pub(in crate::cgi) fn has_ended(&self) -> bool {
        has_ended(&self.process)
    }

    /// Whether its group's id is certain to be its own: it runs, or nobody reaps it.
    pub(in crate::cgi) fn is_ours(&self) -> bool {
        !self.has_ended() || !self.is_orphan()
    }

    /// Whether the process that has started it is no longer there.
    fn is_orphan(&self) -> bool {
        is_closed(&self.control) || has_ended(&self.starter.process)
    }

    /// Learns how it has ended, if it has. If the report is overdue this waits for it, so no lock
    /// may be held that others need.
    pub(in crate::cgi) fn observe(&self) {
        let is_heard = !sys::events_now(&self.control, PollFlags::IN).is_empty();
        let may_be_reported = is_heard || self.has_ended();
        if self.status.get().is_some() || !may_be_reported {
            return;
        }
        let mut report = hear(&self.control);
        if is_late(&report) {
            // One that was stopped goes on now.
            give_up(&self.starter);
            report = hear(&self.control);
        }
        let status = report.unwrap_or_else(|_| {
            // Nobody will ever report it.
            if !self.has_ended() {
                let _ = kill_process_group(self.id, Signal::KILL);
            }
            Signal::KILL.as_raw()
        });
        let _ = self.status.set(ExitStatus::from_raw(status));
    }

    /// How it has ended, as far as that has been observed. It is not reaped yet.
    pub(in crate::cgi) fn status(&self) -> Option<ExitStatus> {
        self.status.get().copied()
    }

    /// Lets it be reaped, and waits until that is done.
    pub(in crate::cgi) fn release(&self) {
        // Either end of the socket may be gone already.
        let _ = self.control.shutdown(Shutdown::Write);
        if is_late(&hear(&self.control)) {
            give_up(&self.starter);
        }
    }
}

fn is_late(heard: &io::Result<i32>) -> bool {
    matches!(heard, Err(error) if error.kind() == io::ErrorKind::TimedOut)
}

/// Whether the other end of a socket is closed, as it is if its process has ended.
fn is_closed(control: &UnixStream) -> bool {
    !sys::events_now(control, PollFlags::empty()).is_empty()
}
