//! A small process that starts scripts for a server that runs as root.
//!
//! A change of user takes `fork`, which copies the memory map of the server, stacks of all its
//! threads included. So the program `rhttp` starts itself once more, as a process that becomes the
//! scripts' user for good before it does anything else. What that starts needs no change of user,
//! and hence no `fork` (`posix_spawn`). It is handed the descriptors of each script over a socket,
//! and reports how the script ends; it reaps a script when the server has taken note of that.
//!
//! The server signals the scripts itself. It trusts the ids that it is told, so nobody but root may
//! interfere with this process: it cannot be traced. If it is killed, its scripts are ended, and
//! the next script starts another one.

mod helper;

pub(crate) use helper::serve_if_asked;

use super::job::Job;
use super::launch::{Handle, Started};
use crate::sys;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags,
    SocketType, recv, sendmsg, socketpair,
};
use rustix::process::{Pid, PidfdFlags, Signal, getpid, kill_process_group, pidfd_open};
use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What such a process is called, by which it knows what it is.
const NAME: &str = "rhttp-scripts";
/// The one byte that is sent with descriptors, and when the process is ready.
const READY: [u8; 1] = [1];
/// How long a step of it may take: it only ever waits for the system.
const LIMIT: Duration = Duration::from_secs(5);
/// The most descriptors that are handed over together.
const MOST_DESCRIPTORS: usize = 3;

static STARTER: Mutex<State> = Mutex::new(State::Unused);

/// What is known about the process that starts scripts.
enum State {
    /// This program has none, or none can be started here.
    Unused,
    /// The next script starts one.
    Wanted,
    Running(Arc<Starter>),
}

/// The process that starts scripts.
struct Starter {
    socket: OwnedFd,
    child: Mutex<Child>,
}

/// A script that another process has started.
pub(super) struct Remote {
    id: u32,
    /// Where the process that has started it reports its end. It is reaped when this is closed.
    control: UnixStream,
    process: Arc<OwnedFd>,
    status: Option<ExitStatus>,
}

/// Has the scripts of another user started by a process of that user from now on: this program
/// calls [`serve_if_asked`] before anything else.
pub(crate) fn use_starter() {
    // Linux before 5.3 lacks it.
    if pidfd_open(getpid(), PidfdFlags::empty()).is_ok() {
        *lock() = State::Wanted;
    }
}

/// Starts a script as `user`; `None` if this process has to do that itself.
pub(super) fn start(job: &Job, user: sys::User, has_body: bool) -> Option<io::Result<Started>> {
    let mut helper = running(user)?;
    let mut started = hand_over(&helper, job, has_body);
    // It is no longer there.
    if failure(&started) == Some(io::ErrorKind::BrokenPipe) {
        discard(&helper);
        helper = running(user)?;
        started = hand_over(&helper, job, has_body);
    }
    if failure(&started) == Some(io::ErrorKind::TimedOut) {
        discard(&helper);
    }
    Some(started)
}

fn failure<T>(result: &io::Result<T>) -> Option<io::ErrorKind> {
    result.as_ref().err().map(io::Error::kind)
}

/// The process that starts scripts, which is started if it is not there.
fn running(user: sys::User) -> Option<Arc<Starter>> {
    let mut state = lock();
    match &*state {
        State::Unused => None,
        State::Running(starter) => Some(Arc::clone(starter)),
        State::Wanted => {
            let starter = Starter::start(user).ok().map(Arc::new);
            *state = starter.clone().map_or(State::Unused, State::Running);
            starter
        }
    }
}

/// Ends a process that does not do its work; the next script starts another one.
fn discard(starter: &Arc<Starter>) {
    let mut state = lock();
    if matches!(&*state, State::Running(current) if Arc::ptr_eq(current, starter)) {
        *state = State::Wanted;
    }
    drop(state);
    let mut child = starter.child.lock().unwrap_or_else(PoisonError::into_inner);
    end(&mut child);
}

/// Has a script started.
fn hand_over(starter: &Starter, job: &Job, has_body: bool) -> io::Result<Started> {
    let (mut control, theirs) = UnixStream::pair()?;
    control.set_read_timeout(Some(LIMIT))?;
    control.set_write_timeout(Some(LIMIT))?;
    let (stdout, its_stdout) = io::pipe()?;
    let (its_stdin, stdin) = has_body.then(io::pipe).transpose()?.unzip();
    let mut descriptors = vec![theirs.as_fd(), its_stdout.as_fd()];
    descriptors.extend(its_stdin.as_ref().map(AsFd::as_fd));
    send_descriptors(starter.socket.as_fd(), &descriptors)?;
    drop((theirs, its_stdout, its_stdin));

    let job = job.encode();
    let mut reply = [0; 4];
    control
        .write_all(&(job.len() as u64).to_le_bytes())
        .and_then(|()| control.write_all(&job))
        .and_then(|()| control.read_exact(&mut reply))
        .map_err(|error| -> io::Error {
            match error.kind() {
                io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
                // It has no thread for it, or is about to end: another attempt may succeed.
                _ => Errno::AGAIN.into(),
            }
        })?;
    let id = match i32::from_le_bytes(reply) {
        id @ 1.. => id,
        error => return Err(io::Error::from_raw_os_error(-error)),
    };
    let pid = Pid::from_raw(id).ok_or(Errno::SRCH)?;
    // It is not reaped before `control` is closed.
    let process = pidfd_open(pid, PidfdFlags::empty()).inspect_err(|_| {
        let _ = kill_process_group(pid, Signal::KILL);
    });
    let process = Arc::new(process?);
    control.set_nonblocking(true)?;
    Ok(Started {
        process: Handle::Remote(Remote {
            id: id.unsigned_abs(),
            control,
            process,
            status: None,
        }),
        stdin: stdin.map(|stdin| ChildStdin::from(OwnedFd::from(stdin))),
        stdout: Some(ChildStdout::from(OwnedFd::from(stdout))),
    })
}

fn send_descriptors(socket: BorrowedFd<'_>, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(descriptors));
    let byte = [IoSlice::new(&READY)];
    match retry_on_intr(|| sendmsg(socket, &byte, &mut control, SendFlags::NOSIGNAL)) {
        Ok(_) => Ok(()),
        Err(Errno::PIPE | Errno::CONNRESET | Errno::CONNREFUSED) => Err(Errno::PIPE.into()),
        Err(Errno::AGAIN) => Err(Errno::TIMEDOUT.into()),
        Err(error) => Err(error.into()),
    }
}

impl Starter {
    /// Starts the process, and waits until it has become the user.
    fn start(user: sys::User) -> io::Result<Self> {
        let kind = SocketType::SEQPACKET;
        let (socket, theirs) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
        set_socket_timeout(&socket, Timeout::Send, Some(LIMIT))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(LIMIT))?;
        // The program as it was when it started, even if the file has been replaced since.
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0(NAME)
            .args([user.id, user.group].map(|id| id.to_string()))
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            // What a terminal sends to the server is for the server to pass on.
            .process_group(0);
        let mut child = command.spawn()?;
        drop(command);
        let mut byte = [0; 1];
        let received = retry_on_intr(|| recv(&socket, &mut byte, RecvFlags::empty()));
        if !matches!(received, Ok((1, _))) || byte != READY {
            end(&mut child);
            return Err(io::Error::other("it does not get ready"));
        }
        Ok(Self {
            socket,
            child: Mutex::new(child),
        })
    }
}

/// Ends a process that has ended or does not do its work.
fn end(child: &mut Child) {
    // As process 1, this one may have reaped it already.
    if matches!(child.try_wait(), Ok(None)) && child.kill().is_ok() {
        let _ = child.wait();
    }
}

impl Remote {
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// What shows its end.
    pub(super) fn descriptor(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.process)
    }

    /// How it has ended, if it has. It is not reaped yet.
    pub(super) fn try_wait(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.look();
        }
        self.status
    }

    /// Lets it be reaped, and waits until that is done.
    pub(super) fn release(&mut self) {
        // Either end of the socket may be gone already.
        let _ = self.control.shutdown(Shutdown::Write);
        let _ = self.control.set_nonblocking(false);
        let _ = self.control.read(&mut [0]);
    }

    fn look(&mut self) -> Option<ExitStatus> {
        let mut status = [0; 4];
        let mut read = self.control.read(&mut status);
        if is_early(&read) {
            if !has_ended(&self.process) {
                return None;
            }
            // The report is on its way.
            let waits = self.control.set_nonblocking(false);
            read = waits.and_then(|()| self.control.read(&mut status));
        }
        if matches!(read, Ok(4)) {
            return Some(ExitStatus::from_raw(i32::from_le_bytes(status)));
        }
        // Nobody will ever report it.
        if !has_ended(&self.process)
            && let Some(group) = Pid::from_raw(self.id.cast_signed())
        {
            let _ = kill_process_group(group, Signal::KILL);
        }
        Some(ExitStatus::from_raw(Signal::KILL.as_raw()))
    }
}

fn is_early(read: &io::Result<usize>) -> bool {
    use io::ErrorKind::{Interrupted, WouldBlock};
    matches!(read, Err(error) if matches!(error.kind(), Interrupted | WouldBlock))
}

/// Whether a process has ended, whoever's child it is.
pub(super) fn has_ended(process: &OwnedFd) -> bool {
    let ended = poll(
        &mut [PollFd::new(process, PollFlags::IN)],
        Some(&Timespec::default()),
    );
    matches!(ended, Ok(1..))
}

fn lock() -> std::sync::MutexGuard<'static, State> {
    // Nothing panics while the lock is held.
    STARTER.lock().unwrap_or_else(PoisonError::into_inner)
}
