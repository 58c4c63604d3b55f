//! The process itself: one thread for each script, which waits for its end.

use super::{DONE, MOST_DESCRIPTORS, NAME, READY};
use crate::cgi::job::Job;
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::socket_type;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, SocketType, recvmsg, send,
};
use rustix::process::{
    DumpableBehavior, Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, getgid, getuid,
    kill_process_group, pidfd_open, set_dumpable_behavior, waitid,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use std::env;
use std::ffi::CString;
use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::sync::Arc;
use std::thread;

/// Enough for std to start a process.
const STACK: usize = 128 * 1024;

/// Starts scripts until the server has ended, if this process was started to do that.
///
/// # Errors
/// It cannot become the scripts' user.
pub(crate) fn serve_if_asked() -> Option<io::Result<()>> {
    // Not as text: the program may be called anything.
    let mut arguments = env::args_os();
    if arguments.next()? != NAME {
        return None;
    }
    let mut id = || arguments.next()?.to_str()?.parse().ok();
    let ids = id().zip(id());
    Some(ids.map_or_else(
        || Err(io::ErrorKind::InvalidInput.into()),
        |(user, group)| serve(user, group),
    ))
}

fn serve(user: u32, group: u32) -> io::Result<()> {
    let stdin = io::stdin();
    let socket = stdin.as_fd();
    if socket_type(socket)? != SocketType::SEQPACKET {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    become_user(user, group)?;
    // Not that of the link by which the program was started.
    nix::sys::prctl::set_name(&CString::new(NAME)?)?;
    // Otherwise a script could make the server send signals to any process.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    // It ends with the server. What is handled, unlike what is ignored, is not inherited.
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::default())?;
    }
    send(socket, &READY, SendFlags::NOSIGNAL)?;
    // At the end of the socket, what has been started is still looked after.
    thread::scope(|scope| {
        while let Some(descriptors) = receive_descriptors(socket)? {
            let Some((server, stdout, stdin)) = take(descriptors) else {
                continue;
            };
            let script = thread::Builder::new().stack_size(STACK);
            // Without a thread, all that was handed over is closed, which tells the server.
            let _ = script.spawn_scoped(scope, move || run(server, stdin, stdout));
        }
        Ok(())
    })
}

/// The descriptors that belong together, and how many of them were sent; `None` at the end.
fn receive_descriptors(socket: BorrowedFd<'_>) -> io::Result<Option<(Vec<OwnedFd>, usize)>> {
    let mut count = [0; 1];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = retry_on_intr(|| {
        let mut parts = [IoSliceMut::new(&mut count)];
        recvmsg(socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)
    })?;
    let descriptors = control.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(rights) => rights.collect(),
        _ => Vec::new(),
    });
    let descriptors = descriptors.collect();
    let [count] = count;
    Ok((received.bytes > 0).then_some((descriptors, count.into())))
}

/// A script's socket, output and input. The server is told if all that was sent has arrived: the
/// system passes on no more descriptors than this process may have. Otherwise all are closed, which
/// tells it, too.
fn take(
    (descriptors, sent): (Vec<OwnedFd>, usize),
) -> Option<(UnixStream, OwnedFd, Option<OwnedFd>)> {
    let is_whole = descriptors.len() == sent;
    let mut descriptors = descriptors.into_iter().filter(|_| is_whole);
    let mut server = UnixStream::from(descriptors.next()?);
    let stdout = descriptors.next()?;
    say(&mut server, DONE).ok()?;
    Some((server, stdout, descriptors.next()))
}

/// Gives up all rights that `user` does not have, for good.
fn become_user(user: u32, group: u32) -> io::Result<()> {
    setgroups(&[])?;
    setgid(Gid::from_raw(group))?;
    setuid(Uid::from_raw(user))?;
    if getuid().is_root() || getuid().as_raw() != user || getgid().as_raw() != group {
        return Err(Errno::PERM.into());
    }
    Ok(())
}

/// Starts one script, and reports its end.
fn run(mut server: UnixStream, stdin: Option<OwnedFd>, stdout: OwnedFd) -> io::Result<()> {
    let job = receive(&mut server)?;
    let spawned = job.spawn(None, |command| {
        command.stdin(match &stdin {
            Some(stdin) => Stdio::from(stdin.try_clone()?),
            None => Stdio::null(),
        });
        command.stdout(stdout.try_clone()?);
        Ok(())
    });
    drop((stdin, stdout, job));
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            let error = Errno::from_io_error(&error).unwrap_or(Errno::INVAL);
            return say(&mut server, -error.raw_os_error());
        }
    };
    let script = Pid::from_child(&child);
    let reported = report(&mut server, script);
    if reported.is_err() {
        // Nobody waits for it, or can.
        let _ = kill_process_group(script, Signal::KILL);
    }
    // Only now may another process get its id.
    child.wait()?;
    say(&mut server, DONE)
}

fn receive(server: &mut UnixStream) -> io::Result<Job> {
    let mut length = [0; 8];
    server.read_exact(&mut length)?;
    let mut bytes = Vec::new();
    let length = u64::from_le_bytes(length);
    server.take(length).read_to_end(&mut bytes)?;
    Job::decode(&bytes).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Tells the server the script's id and how it ends, and waits until the server has taken note.
///
/// # Errors
/// Those of the system; `BrokenPipe` if the server has closed the socket.
fn report(server: &mut UnixStream, script: Pid) -> io::Result<()> {
    let process = pidfd_open(script, PidfdFlags::empty())?;
    say(server, script.as_raw_pid())?;
    let mut polled = [
        PollFd::new(&process, PollFlags::IN),
        PollFd::new(&*server, PollFlags::IN),
    ];
    retry_on_intr(|| poll(&mut polled, None))?;
    let [ended, _] = &polled;
    if ended.revents().is_empty() {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    let ended = retry_on_intr(|| waitid(WaitId::Pid(script), options))?;
    let ended = ended.ok_or(Errno::CHILD)?;
    // As `wait` has it.
    let status = match ended.exit_status() {
        Some(code) => (code & 0xff) << 8,
        None => ended.terminating_signal().unwrap_or(libc::SIGKILL),
    };
    say(server, status)?;
    server.read(&mut [0]).map(drop)
}

/// Tells the server a number.
fn say(server: &mut UnixStream, number: i32) -> io::Result<()> {
    server.write_all(&number.to_le_bytes())
}
