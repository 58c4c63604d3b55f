//! A small process that starts scripts for a server that runs as root.
//!
//! A change of user takes `fork`, which copies the memory map of the server, stacks of all its
//! threads included. So the program `rhttp` starts itself once more, as a process that becomes the
//! scripts' user for good before it does anything else. What that starts needs no change of user,
//! and hence no `fork` (`posix_spawn`).
//!
//! Each script has a socket of its own between the two processes:
//!
//! 1. The server hands over its other end together with the script's standard output and input.
//! 2. The process says that it has them all. Until then it starts nothing, so another one can be
//!    asked if it does not say that.
//! 3. The server sends the [`Job`], and the process says which id the script has or why it cannot
//!    be started.
//! 4. The process reports how the script has ended. It reaps the script when the server has shut
//!    down its side, and says so. The server may signal the script's group until then.
//!
//! If the server closes the socket before the report, because it has ended or waits no longer, the
//! process ends the script.
//!
//! The server trusts the ids that it is told, so the process cannot be traced. Yet scripts run as
//! the same user, so they can stop it, kill it and limit what it may have, as they can each other.
//! Therefore the server waits for it only for a limited time, and holds no lock that others need
//! meanwhile, but for up to two seconds while it starts another one. A process that takes no script or
//! has nothing left to start it with is replaced, and keeps the scripts that it has; if it is killed,
//! they are ended.

mod helper;
mod remote;

pub(crate) use helper::serve_if_asked;
pub(super) use remote::Remote;

use super::job::Job;
use super::launch::{Handle, Started};
use crate::sys;
use rustix::event::PollFlags;
use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown,
    SocketFlags, SocketType, recv, sendmsg, shutdown, socketpair,
};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, getpid, pidfd_open, pidfd_send_signal, waitid,
};
use std::io::{self, IoSlice, PipeReader, PipeWriter, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What such a process is called, by which it knows what it is.
const NAME: &str = "rhttp-scripts";
/// The byte that it sends when it is ready.
const READY: [u8; 1] = [1];
/// What it says when it has all descriptors of a script, and when it has reaped the script. That its
/// end of the socket is closed may not show: a process that is just being started has a copy.
const DONE: i32 = 0;
/// How long it may take for a step of its own, which waits for nothing but the processor.
const ANSWER: Duration = Duration::from_secs(2);
/// How long the start of a script may take: the system may have to wait for its file.
const START: Duration = Duration::from_secs(5);
/// How long to wait after a process could not be started before the next attempt.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a script is offered to such processes.
const ATTEMPTS: usize = 3;
/// The most descriptors that are handed over together.
const MOST_DESCRIPTORS: usize = 3;

static STARTER: Mutex<State> = Mutex::new(State::Unused);

/// What is known about the process that starts scripts.
enum State {
    /// This program has none.
    Unused,
    /// The next script starts one.
    Wanted,
    /// None could be started at that time.
    Failed(Instant),
    Running(Arc<Starter>),
}

/// The process that starts scripts. It is ended when this is dropped: once it has been replaced,
/// and its last script has ended.
struct Starter {
    socket: OwnedFd,
    process: OwnedFd,
}

/// A script's socket and our ends of its standard input and output, when the process that starts
/// scripts has the other ends.
struct Offer {
    control: UnixStream,
    stdin: Option<PipeWriter>,
    stdout: PipeReader,
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
///
/// # Errors
/// Those of the system; `TimedOut` if the start takes too long, and `EAGAIN` if no process takes
/// the script.
pub(super) fn start(job: &Job, user: sys::User, has_body: bool) -> Option<io::Result<Started>> {
    for _ in 0..ATTEMPTS {
        let starter = running(user)?;
        match Offer::make(&starter, has_body) {
            Ok(offer) => return Some(offer.begin(&starter, job)),
            Err(error) if is_refusal(&error) => give_up(&starter),
            Err(error) => return Some(Err(error)),
        }
    }
    Some(Err(Errno::AGAIN.into()))
}

/// The process that starts scripts, which is started if it is not there.
fn running(user: sys::User) -> Option<Arc<Starter>> {
    let mut state = lock();
    match &*state {
        State::Unused => return None,
        State::Running(starter) => return Some(Arc::clone(starter)),
        State::Failed(when) if when.elapsed() < PAUSE => return None,
        State::Failed(_) | State::Wanted => {}
    }
    match Starter::start(user) {
        Ok(starter) => {
            let starter = Arc::new(starter);
            *state = State::Running(Arc::clone(&starter));
            Some(starter)
        }
        Err(error) => {
            if matches!(&*state, State::Wanted) {
                let line = format!("rhttp: scripts start more slowly: no {NAME}: {error}\n");
                let _ = io::stderr().write_all(line.as_bytes());
            }
            *state = State::Failed(Instant::now());
            None
        }
    }
}

/// Gives no more scripts to a process that does not answer; the next script starts another one. Its
/// own scripts go on.
fn give_up(starter: &Arc<Starter>) {
    let mut state = lock();
    if matches!(&*state, State::Running(current) if Arc::ptr_eq(current, starter)) {
        *state = State::Wanted;
    }
    drop(state);
    let _ = shutdown(&starter.socket, Shutdown::Both);
    // A script may have stopped it.
    let _ = pidfd_send_signal(&starter.process, Signal::CONT);
}

impl Offer {
    /// Hands the descriptors of a script over, and waits until the process has them.
    ///
    /// # Errors
    /// `BrokenPipe` if the process is no longer there, `TimedOut` if it does not answer, and
    /// `UnexpectedEof` if it drops the descriptors.
    fn make(starter: &Starter, has_body: bool) -> io::Result<Self> {
        let (mut control, theirs) = UnixStream::pair()?;
        control.set_read_timeout(Some(ANSWER))?;
        control.set_write_timeout(Some(ANSWER))?;
        let (stdout, its_stdout) = io::pipe()?;
        let (its_stdin, stdin) = has_body.then(io::pipe).transpose()?.unzip();
        let mut descriptors = vec![theirs.as_fd(), its_stdout.as_fd()];
        descriptors.extend(its_stdin.as_ref().map(AsFd::as_fd));
        send_descriptors(starter.socket.as_fd(), &descriptors)?;
        drop((theirs, its_stdout, its_stdin));
        hear(&mut control)?;
        Ok(Self {
            control,
            stdin,
            stdout,
        })
    }

    /// Has the script started. If that takes too long, the process ends it as soon as it runs.
    fn begin(self, starter: &Arc<Starter>, job: &Job) -> io::Result<Started> {
        let Self {
            mut control,
            stdin,
            stdout,
        } = self;
        control.set_read_timeout(Some(START))?;
        let job = job.encode();
        let told = control
            .write_all(&(job.len() as u64).to_le_bytes())
            .and_then(|()| control.write_all(&job));
        let told = told.map_err(limited).and_then(|()| hear(&mut control));
        let reply = told.or_else(|error| match error.kind() {
            io::ErrorKind::TimedOut => Err(error),
            // It has no thread for it, or has been killed: another request may succeed.
            _ => Ok(-Errno::AGAIN.raw_os_error()),
        })?;
        if reply < 0 {
            let error = Errno::from_raw_os_error(-reply);
            if matches!(error, Errno::AGAIN | Errno::MFILE | Errno::NOMEM) {
                give_up(starter);
            }
            return Err(error.into());
        }
        let id = Pid::from_raw(reply).ok_or(Errno::SRCH)?;
        Ok(Started {
            process: Handle::Remote(Arc::new(Remote::new(id, control, Arc::clone(starter))?)),
            stdin: stdin.map(|stdin| ChildStdin::from(OwnedFd::from(stdin))),
            stdout: Some(ChildStdout::from(OwnedFd::from(stdout))),
        })
    }
}

/// Whether a process that starts scripts has not taken one.
fn is_refusal(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, TimedOut, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | TimedOut | UnexpectedEof)
}

/// The next number that the process says: an id, [`DONE`], how a script has ended, or an error
/// below zero.
fn hear(mut control: impl Read) -> io::Result<i32> {
    let mut bytes = [0; 4];
    control.read_exact(&mut bytes).map_err(limited)?;
    Ok(i32::from_le_bytes(bytes))
}

/// What the error of a socket with a time limit means.
fn limited(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        io::ErrorKind::ConnectionReset => io::ErrorKind::UnexpectedEof.into(),
        _ => error,
    }
}

/// Sends descriptors, and how many there are.
fn send_descriptors(socket: BorrowedFd<'_>, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(descriptors));
    let count = [u8::try_from(descriptors.len()).map_err(io::Error::other)?];
    let count = [IoSlice::new(&count)];
    match retry_on_intr(|| sendmsg(socket, &count, &mut control, SendFlags::NOSIGNAL)) {
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
        set_socket_timeout(&socket, Timeout::Send, Some(ANSWER))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(ANSWER))?;
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
        let process = pidfd_open(Pid::from_child(&child), PidfdFlags::empty());
        let process = process.inspect_err(|_| {
            let _ = child.kill().and_then(|()| child.wait());
        })?;
        let starter = Self { socket, process };
        let mut byte = [0; 1];
        let received = retry_on_intr(|| recv(&starter.socket, &mut byte, RecvFlags::empty()));
        if !matches!(received, Ok((1, _))) || byte != READY {
            return Err(io::Error::other("it does not get ready"));
        }
        Ok(starter)
    }
}

/// Whether a process has ended, whoever's child it is.
fn has_ended(process: &OwnedFd) -> bool {
    !sys::events_now(process, PollFlags::IN).is_empty()
}

impl Drop for Starter {
    fn drop(&mut self) {
        let _ = pidfd_send_signal(&self.process, Signal::KILL);
        // As process 1, this one may have reaped it already.
        let process = || WaitId::PidFd(self.process.as_fd());
        let _ = retry_on_intr(|| waitid(process(), WaitIdOptions::EXITED));
    }
}

fn lock() -> MutexGuard<'static, State> {
    // Nothing panics while the lock is held.
    STARTER.lock().unwrap_or_else(PoisonError::into_inner)
}
