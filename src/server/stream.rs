//! The connection's socket: bytes in under a deadline, bytes out.

use super::admission::Ticket;
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
use std::time::{Duration, Instant};

/// More bytes follow at once, so the kernel need not send what it has.
#[cfg(target_os = "linux")]
const MORE: SendFlags = SendFlags::MORE;
#[cfg(not(target_os = "linux"))]
const MORE: SendFlags = SendFlags::empty();

/// How long a closing connection may stay silent before it is given up.
const LINGER_SILENCE: Duration = Duration::from_secs(2);

/// One connection's socket.
///
/// Time limits are the socket's own (`SO_RCVTIMEO`, `SO_SNDTIMEO`): they cost no system call
/// while a client is prompt. Only the head of a request has a limit for the whole of it, so a
/// client that sends a byte now and then cannot renew its time.
pub(super) struct Stream<'c> {
    ticket: &'c Ticket,
    config: &'c Config,
    /// The receive timeout that is set on the socket.
    receive_timeout: Cell<Option<Duration>>,
    /// When the head being read must be whole.
    head_deadline: Cell<Option<Instant>>,
    watch: Watch,
}

impl<'c> Stream<'c> {
    /// Takes over a connection that has just been accepted from a [prepared](prepare) listener.
    pub(super) fn new(ticket: &'c Ticket, config: &'c Config) -> io::Result<Self> {
        if !cfg!(target_os = "linux") {
            prepare(ticket.socket(), config)?;
        }
        let receive_timeout = Cell::new(config.idle_timeout);
        Ok(Self {
            ticket,
            config,
            receive_timeout,
            head_deadline: Cell::new(None),
            watch: Watch::default(),
        })
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
            match sys::send_file(
                self.ticket.socket(),
                file,
                range.start,
                range.end - range.start,
            ) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => range.start += count as u64,
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
            let parts = [IoSlice::new(first), IoSlice::new(second)];
            let control = &mut SendAncillaryBuffer::default();
            match rustix::net::sendmsg(self.ticket.socket(), &parts, control, flags) {
                Ok(count) => {
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

    /// Ends a connection on which the client may still be sending.
    ///
    /// A socket closed with unread bytes resets the connection, and the reset may reach the
    /// client before it has read the response. So the end is announced first, and what still
    /// comes is thrown away, within bounds.
    pub(super) fn linger(&self) {
        if self.ticket.socket().shutdown(Shutdown::Write).is_err() {
            return;
        }
        let deadline = self.config.head_timeout.map(|limit| Instant::now() + limit);
        let mut left = self.config.max_discarded_body;
        let mut buffer = Vec::with_capacity(16 * 1024);
        while left > 0 {
            let until_deadline =
                deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let silence = until_deadline.map_or(LINGER_SILENCE, |time| time.min(LINGER_SILENCE));
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

    /// How long to wait in this phase; the clock of a head starts with its first byte.
    fn limit(&self, phase: Phase) -> io::Result<Option<Duration>> {
        if phase != Phase::Head {
            self.head_deadline.set(None);
            return Ok(if phase == Phase::Idle {
                self.config.idle_timeout
            } else {
                self.config.stall_timeout
            });
        }
        let Some(limit) = self.config.head_timeout else {
            return Ok(None);
        };
        let deadline = self
            .head_deadline
            .get()
            .unwrap_or_else(|| Instant::now() + limit);
        self.head_deadline.set(Some(deadline));
        match deadline.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
            left => Ok(Some(left)),
        }
    }

    fn set_receive_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        if self.receive_timeout.get() != limit {
            sockopt::set_socket_timeout(self.ticket.socket(), Timeout::Recv, limit)?;
            self.receive_timeout.set(limit);
        }
        Ok(())
    }
}

impl Source for &Stream<'_> {
    fn fill(&mut self, buffer: &mut Vec<u8>, phase: Phase) -> io::Result<usize> {
        self.set_receive_timeout(self.limit(phase)?)?;
        if phase != Phase::Idle {
            return self.receive(buffer);
        }
        self.ticket.begin_idle();
        let received = self.receive(buffer);
        self.ticket.end_idle();
        received
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
