//! A connected socket, with a time limit for each call.
//!
//! TCP and Unix sockets are the same here. Time limits are the socket's own (`SO_RCVTIMEO`,
//! `SO_SNDTIMEO`), but for the wait between two requests: they cost a system call only when they
//! change.

use super::More;
use crate::config::Config;
use crate::sys;
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, recv};
use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

/// Bytes copied at a time from a file that the kernel cannot send by itself.
const COPY: usize = 64 * 1024;

/// One connection's socket.
#[derive(Clone, Debug)]
pub(in crate::server) struct Socket<'s> {
    socket: BorrowedFd<'s>,
    /// The receive timeout that is set on the socket.
    receive_timeout: Option<Duration>,
}

impl<'s> Socket<'s> {
    /// The socket of a connection that was accepted from a [prepared](prepare) listener.
    pub(in crate::server) fn new(socket: BorrowedFd<'s>, config: &Config) -> io::Result<Self> {
        if !cfg!(target_os = "linux") {
            // Other systems differ in what a socket inherits.
            rustix::io::ioctl_fionbio(socket, false)?;
            prepare(socket, config)?;
        }
        Ok(Self {
            socket,
            receive_timeout: Some(accept_limit(config)),
        })
    }

    /// Receives into `buffer`, waiting no longer than `limit`, and returns how many bytes. Zero
    /// bytes mean the end of the stream.
    pub(in crate::server) fn receive(
        &mut self,
        buffer: &mut [u8],
        limit: Option<Duration>,
    ) -> io::Result<usize> {
        self.limit_receiving(limit)?;
        self.receive_slice(buffer, RecvFlags::empty())
    }

    fn limit_receiving(&mut self, limit: Option<Duration>) -> io::Result<()> {
        if self.receive_timeout != limit {
            sockopt::set_socket_timeout(self.socket, Timeout::Recv, limit)?;
            self.receive_timeout = limit;
        }
        Ok(())
    }

    /// Receives what has already arrived, without waiting.
    pub(in crate::server) fn receive_now(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.receive_slice(buffer, RecvFlags::DONTWAIT)
    }

    fn receive_slice(&self, buffer: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
        Ok(retry_on_intr(|| {
            let received = recv(self.socket, &mut *buffer, flags);
            received.map(|(_, count)| count)
        })?)
    }

    /// Discards what has already arrived.
    pub(in crate::server) fn discard_now(&mut self) {
        let mut buffer = Vec::with_capacity(4 * 1024);
        let room = spare_capacity(&mut buffer);
        let _ = recv(self.socket, room, RecvFlags::DONTWAIT);
    }

    /// Whether bytes have arrived that were not received yet.
    pub(in crate::server) fn has_arrived(&mut self) -> bool {
        has_arrived(self.socket)
    }

    /// Sends some of `parts`, one after the other, and returns how many bytes were sent.
    ///
    /// The call fails when the kernel could take nothing at all within [`Config::stall_timeout`].
    pub(in crate::server) fn send(&mut self, parts: [&[u8]; 2], more: More) -> io::Result<usize> {
        let flags = send_flags(more);
        Ok(retry_on_intr(|| match parts {
            [first, []] => rustix::net::send(self.socket, first, flags),
            [first, second] => {
                self.send_message(&[IoSlice::new(first), IoSlice::new(second)], flags)
            }
        })?)
    }

    /// Like [`send`](Self::send), but for any number of parts, with nothing to follow.
    pub(in crate::server) fn send_many(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let flags = send_flags(More::Nothing);
        Ok(retry_on_intr(|| self.send_message(parts, flags))?)
    }

    /// Sends what the kernel takes without waiting.
    pub(in crate::server) fn send_now(&mut self, bytes: &[u8]) {
        let flags = send_flags(More::Nothing) | SendFlags::DONTWAIT;
        // The client may be gone.
        let _ = rustix::net::send(self.socket, bytes, flags);
    }

    fn send_message(&self, parts: &[IoSlice<'_>], flags: SendFlags) -> rustix::io::Result<usize> {
        let mut control = SendAncillaryBuffer::default();
        rustix::net::sendmsg(self.socket, parts, &mut control, flags)
    }

    /// Sends some of the `count` bytes of `file` from `offset` on, and returns how many. Zero means
    /// the end of the file.
    ///
    /// The kernel moves the bytes without a copy where it can.
    pub(in crate::server) fn send_file(
        &mut self,
        file: &File,
        offset: u64,
        count: u64,
    ) -> io::Result<usize> {
        match retry_on_intr(|| sys::send_file(self.socket, file, offset, count)) {
            // Some files do not support `sendfile`, those in /proc among them.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                self.copy_file(file, offset, count)
            }
            sent => Ok(sent?),
        }
    }

    #[inline(never)]
    fn copy_file(&mut self, file: &File, offset: u64, count: u64) -> io::Result<usize> {
        let mut buffer = vec![0; usize::try_from(count).unwrap_or(COPY).min(COPY)];
        let count = loop {
            match file.read_at(&mut buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                count => break count?,
            }
        };
        match buffer.get(..count) {
            None | Some([]) => Ok(0),
            Some(bytes) => self.send([bytes, &[]], More::Nothing),
        }
    }

    /// Waits until `deadline` for the events `client` on the socket, and for `others`.
    pub(in crate::server) fn wait(
        &mut self,
        client: PollFlags,
        others: [Option<(BorrowedFd<'_>, PollFlags)>; 2],
        deadline: Option<Instant>,
    ) -> io::Result<[PollFlags; 3]> {
        let socket = self.socket;
        // A missing descriptor is replaced by the socket again, polled for no events.
        let nothing = (socket, PollFlags::empty());
        let mut polled = [Some((socket, client)), others[0], others[1]].map(|wait| {
            let (descriptor, flags) = wait.unwrap_or(nothing);
            PollFd::from_borrowed_fd(descriptor, flags)
        });
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            // A time that is too long to be represented means for ever.
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            match poll(&mut polled, left.as_ref()) {
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(polled.map(|polled| polled.revents())),
            }
        }
    }

    /// Announces that nothing more will be sent.
    pub(in crate::server) fn finish(&mut self) -> io::Result<()> {
        Ok(rustix::net::shutdown(self.socket, Shutdown::Write)?)
    }
}

/// Whether bytes have arrived at a socket that were not received yet.
pub(in crate::server) fn has_arrived(socket: impl AsFd) -> bool {
    let flags = RecvFlags::DONTWAIT | RecvFlags::PEEK;
    recv(socket, &mut [0; 1], flags).is_ok_and(|(_, count)| count > 0)
}

#[cfg(target_os = "linux")]
fn send_flags(more: More) -> SendFlags {
    match more {
        More::Nothing => SendFlags::NOSIGNAL,
        More::Follows => SendFlags::NOSIGNAL | SendFlags::MORE,
    }
}

/// Other systems have no such flags; std ignores SIGPIPE there.
#[cfg(not(target_os = "linux"))]
fn send_flags(_: More) -> SendFlags {
    SendFlags::empty()
}

/// How long a thread waits for a client before it may end. A new connection inherits the limit from
/// its listener, and so waits for the first bytes in two parts.
pub(in crate::server) fn accept_limit(config: &Config) -> Duration {
    const LIMIT: Duration = Duration::from_secs(20);
    config.idle_timeout.map_or(LIMIT, |idle| idle.min(LIMIT))
}

/// Sets the options that connections start with: no delay for small packets, and the time limits.
/// On Linux connections inherit these from the listener, so this is done once.
pub(in crate::server) fn prepare(socket: impl AsFd, config: &Config) -> io::Result<()> {
    match sockopt::set_tcp_nodelay(&socket, true) {
        // A Unix socket has no such delay.
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOPROTOOPT | Errno::INVAL) => {}
        Err(error) => return Err(error.into()),
    }
    sockopt::set_socket_timeout(&socket, Timeout::Recv, Some(accept_limit(config)))?;
    sockopt::set_socket_timeout(&socket, Timeout::Send, config.stall_timeout)?;
    Ok(())
}
