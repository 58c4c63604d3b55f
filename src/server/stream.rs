//! The connection's socket: bytes in under a deadline, bytes out.

use super::admission::{LAST_CALL, Ticket};
use super::watch::Watch;
use crate::config::Config;
use crate::http::{Ready, Wait};
use crate::sys;
use crate::wire::{Phase, Source};
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

/// More bytes follow at once, so the kernel need not send what it has.
#[cfg(target_os = "linux")]
const MORE: SendFlags = SendFlags::MORE;
#[cfg(not(target_os = "linux"))]
const MORE: SendFlags = SendFlags::empty();

/// Files are sent in pieces of so many bytes, counted from the response's first. In one call a large
/// file takes twice the processor time (Linux 6.18, over loopback), and so it does when the pieces
/// end elsewhere.
const PIECE: u64 = 256 * 1024;

/// How long a client that may still be sending is listened to when it has been answered.
const LINGER: Duration = Duration::from_secs(30);
/// How long it may stay silent meanwhile.
const LINGER_SILENCE: Duration = Duration::from_secs(2);
/// Responses up to this many bytes fit into the smallest receive buffer that clients have, so they
/// are with the client, or nearly, when the last call to send them returns. More may wait here for
/// the client to read, and a reset would destroy it.
const SOON_SENT: u64 = 2 * 1024;
/// A client that was sent more than this reads for long, and is silent meanwhile.
const LONG_READ: u64 = 64 * 1024;
/// Bytes that are copied at a time from a file that the kernel cannot send by itself.
const COPY: usize = 64 * 1024;

/// One connection's socket.
///
/// Time limits are the socket's own (`SO_RCVTIMEO`, `SO_SNDTIMEO`): they cost no system call
/// while a client is prompt. Only the head of a request has a limit for the whole of it, so a
/// client that sends a byte now and then cannot renew its time.
///
/// A sender's limit is for each call: it is over when the kernel could take nothing at all for
/// so long. Slow but honest clients always make it take something.
pub(super) struct Stream<'c> {
    ticket: &'c Ticket,
    config: &'c Config,
    /// The receive timeout that is set on the socket.
    receive_timeout: Cell<Option<Duration>>,
    /// When the head being read must be whole.
    head_deadline: Cell<Option<Instant>>,
    watch: Watch,
    /// Bytes sent of the last response.
    sent: Cell<u64>,
}

impl<'c> Stream<'c> {
    /// Takes over a connection that has just been accepted from a [prepared](prepare) listener.
    pub(super) fn new(ticket: &'c Ticket, config: &'c Config) -> io::Result<Self> {
        if !cfg!(target_os = "linux") {
            // Elsewhere, what is inherited is another matter.
            ticket.socket().set_nonblocking(false)?;
            prepare(ticket.socket(), config)?;
        }
        let receive_timeout = Cell::new(config.idle_timeout);
        Ok(Self {
            ticket,
            config,
            receive_timeout,
            head_deadline: Cell::new(None),
            watch: Watch::default(),
            sent: Cell::new(0),
        })
    }

    /// The next request is awaited: its head has all its time.
    pub(super) fn begin_request(&self) {
        self.watch.begin_request();
        self.head_deadline.set(None);
    }

    /// A response begins.
    pub(super) fn begin_response(&self) {
        self.sent.set(0);
    }

    /// Sends `parts`, one after the other, in as few calls as possible.
    pub(super) fn send(&self, parts: [&[u8]; 2]) -> io::Result<()> {
        self.send_parts(parts, SendFlags::empty())
    }

    /// Sends `head` and the bytes `range` of `file`.
    ///
    /// If the file has become shorter than that, it is an error: the client was promised more.
    pub(super) fn send_file(
        &self,
        head: &[u8],
        file: &File,
        mut range: Range<u64>,
    ) -> io::Result<()> {
        self.send_parts(
            [head, &[]],
            if range.is_empty() {
                SendFlags::empty()
            } else {
                MORE
            },
        )?;
        while !range.is_empty() {
            let piece = PIECE - self.sent.get() % PIECE;
            let count = piece.min(range.end - range.start);
            match sys::send_file(self.ticket.socket(), file, range.start, count) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    range.start += count as u64;
                    self.count_sent(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_unsendable(&error) => return self.copy_file(file, range),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends a range of a file that the kernel cannot move to a socket by itself, such as one in
    /// `/proc`.
    #[inline(never)]
    fn copy_file(&self, file: &File, mut range: Range<u64>) -> io::Result<()> {
        let mut buffer = vec![0; COPY];
        while !range.is_empty() {
            let left = usize::try_from(range.end - range.start).unwrap_or(COPY);
            let wanted = buffer.get_mut(..left.min(COPY)).unwrap_or_default();
            match file.read_at(wanted, range.start) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    self.send([buffer.get(..count).unwrap_or_default(), &[]])?;
                    range.start += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn send_parts(&self, [mut first, mut second]: [&[u8]; 2], flags: SendFlags) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        let flags = flags | SendFlags::NOSIGNAL;
        while !(first.is_empty() && second.is_empty()) {
            let socket = self.ticket.socket();
            let sent = if second.is_empty() {
                rustix::net::send(socket, first, flags)
            } else {
                let parts = [IoSlice::new(first), IoSlice::new(second)];
                rustix::net::sendmsg(socket, &parts, &mut SendAncillaryBuffer::default(), flags)
            };
            match sent {
                Ok(count) => {
                    self.count_sent(count);
                    second = second
                        .get(count.saturating_sub(first.len())..)
                        .unwrap_or_default();
                    first = first.get(count..).unwrap_or_default();
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn count_sent(&self, count: usize) {
        self.sent.set(self.sent.get() + count as u64);
    }

    /// Closes the connection without waiting for anything. What the client has sent already is
    /// taken, so that it gets its response more often than not.
    pub(super) fn close_at_once(&self) {
        let mut buffer = Vec::with_capacity(4 * 1024);
        let flags = RecvFlags::DONTWAIT;
        let _ = rustix::net::recv(self.ticket.socket(), spare_capacity(&mut buffer), flags);
    }

    /// Whether the connection can be closed with no harm to the last response, although the client
    /// has not closed it yet: it has sent nothing more, and what was sent to it is with it soon.
    pub(super) fn is_settled(&self) -> bool {
        if self.sent.get() > SOON_SENT {
            return false;
        }
        let flags = RecvFlags::DONTWAIT | RecvFlags::PEEK;
        let peeked = rustix::net::recv(self.ticket.socket(), &mut [0; 1], flags);
        !peeked.is_ok_and(|(_, count)| count > 0)
    }

    /// Ends a connection on which the client may still be sending.
    ///
    /// A socket closed with unread bytes resets the connection, as does one that gets bytes after
    /// it was closed, and the reset may reach the client before it has read the response. So the
    /// end is announced first, and what still comes is thrown away, within bounds: of the silence,
    /// of the time in all, of the bytes. Who lingers makes room for others.
    pub(super) fn linger(&self) {
        if self.ticket.socket().shutdown(Shutdown::Write).is_err() {
            return;
        }
        self.ticket.begin_wait();
        let limit = self.config.head_timeout;
        let limit = limit.map_or(LINGER, |limit| limit.min(LINGER));
        // Only so many can be refused at a time.
        let limit = if self.ticket.is_refused() {
            limit.min(LINGER_SILENCE)
        } else {
            limit
        };
        let deadline = Instant::now() + limit;
        // After a large response the client is silent because it reads.
        let silence = if self.sent.get() > LONG_READ {
            limit
        } else {
            LINGER_SILENCE
        };
        let mut left = self.config.max_discarded_body;
        let mut buffer = Vec::with_capacity(4 * 1024);
        while left > 0 {
            let silence = deadline
                .saturating_duration_since(Instant::now())
                .min(silence);
            buffer.clear();
            if silence.is_zero() || self.set_receive_timeout(Some(silence)).is_err() {
                return;
            }
            match self.receive(&mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(count) => left = left.saturating_sub(count as u64),
            }
        }
    }

    /// Receives once, waiting no longer than the receive timeout.
    fn receive(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        loop {
            match rustix::net::recv(
                self.ticket.socket(),
                spare_capacity(buffer),
                RecvFlags::empty(),
            ) {
                Ok((_, count)) => return Ok(count),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What is left of the time for a request's head; it runs from the head's first byte.
    fn head_limit(&self) -> io::Result<Option<Duration>> {
        let deadline = self
            .head_deadline
            .get()
            .or_else(|| Instant::now().checked_add(self.config.head_timeout?));
        self.head_deadline.set(deadline);
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(left)
    }

    /// Waits for a request. While the server shuts down, it must be on its way already.
    fn await_request(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let limit = self.config.idle_timeout;
        let limit = if self.ticket.begin_wait() {
            Some(limit.map_or(LAST_CALL, |limit| limit.min(LAST_CALL)))
        } else {
            limit
        };
        self.set_receive_timeout(limit)?;
        let received = self.receive(buffer);
        self.ticket.end_wait();
        received
    }

    fn set_receive_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        if self.receive_timeout.get() != limit {
            sockopt::set_socket_timeout(self.ticket.socket(), Timeout::Recv, limit)?;
            self.receive_timeout.set(limit);
        }
        Ok(())
    }
}

/// Whether the kernel says that it cannot send this file to a socket, which leaves reading it.
fn is_unsendable(error: &io::Error) -> bool {
    let unsendable = [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP];
    Errno::from_io_error(error).is_some_and(|error| unsendable.contains(&error))
}

impl Source for &Stream<'_> {
    fn fill(&mut self, buffer: &mut Vec<u8>, phase: Phase) -> io::Result<usize> {
        match phase {
            Phase::Idle => return self.await_request(buffer),
            Phase::Head => self.set_receive_timeout(self.head_limit()?)?,
            Phase::Body => self.set_receive_timeout(self.config.stall_timeout)?,
        }
        self.receive(buffer)
    }

    fn wait(&mut self, wait: &Wait<'_>) -> io::Result<Ready> {
        self.watch.wait(self.ticket.socket(), self.config, wait)
    }
}

/// Sets what all connections need: no delay for small packets, and the time limits they start
/// with. On Linux connections inherit these from the listener, so it is done once.
pub(super) fn prepare(socket: &impl std::os::fd::AsFd, config: &Config) -> io::Result<()> {
    sockopt::set_tcp_nodelay(socket, true)?;
    sockopt::set_socket_timeout(socket, Timeout::Recv, config.idle_timeout)?;
    sockopt::set_socket_timeout(socket, Timeout::Send, config.stall_timeout)?;
    Ok(())
}
