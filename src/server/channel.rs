//! One connection's I/O: bytes received but not consumed yet, and bytes sent, under the time limits
//! of each phase.

mod closing;

use super::admission::Admission;
use super::context::Context;
use super::heads::{HeadShare, HeadSize};
use super::ticket::{LAST_CALL, Ticket};
use super::transport::{Handshake, More, Socket, Transport, accept_limit};
use super::watch::Watch;
use crate::config::Config;
use crate::http::{Ready, Wait};
use crate::tls::{Tls, TlsError};
use crate::wire::{Input, Phase, ProxyHeader, Source, proxy_header};
use closing::LINGER_SILENCE;
use std::fs::File;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};
use std::{io, mem};

/// Upper bound for one call that sends a file. One call for a whole large file, or calls that are
/// not aligned to this from the start of the response, took twice the CPU time (Linux 6.18,
/// loopback).
const PIECE: u64 = 256 * 1024;
/// Bytes of a body received at a time.
const BODY_CAPACITY: usize = 32 * 1024;

/// The first byte of a client that speaks TLS: the type of a handshake record (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 22;
/// Bytes that a client may send during the handshake: several times what any client needs.
const MOST_OF_HANDSHAKE: usize = 64 * 1024;

/// What a client speaks on a TLS port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    /// TLS: the session is established.
    Tls,
    /// Something else, probably HTTP.
    Plain,
}

/// One connection's bytes in and out.
///
/// Only the head of a request has a deadline for the whole of it, so a client that sends a byte now
/// and then cannot extend it. The send limit applies to each call: it expires when the kernel could
/// take nothing at all for that long. Slow but honest clients always let it take something.
pub(super) struct Channel<'c> {
    transport: Transport<'c>,
    input: &'c mut Input,
    ticket: &'c Ticket,
    config: &'c Config,
    admission: &'c Admission,
    head_share: HeadShare<'c>,
    /// When the head being read must be complete.
    head_deadline: Option<Instant>,
    watch: Watch,
    /// Bytes sent of the last response.
    sent: u64,
    /// The response holds a lot of memory, so its progress is tracked.
    is_large: bool,
}

impl<'c> Channel<'c> {
    /// The channel of a connection that has just been accepted.
    pub(super) fn new(
        ticket: &'c Ticket,
        context: &'c Context<'_>,
        input: &'c mut Input,
    ) -> io::Result<Self> {
        Ok(Self {
            transport: Transport::Plain(Socket::new(ticket.socket(), context.config)?),
            input,
            ticket,
            config: context.config,
            admission: context.admission,
            head_share: context.heads.share(),
            is_large: false,
            head_deadline: None,
            watch: Watch::default(),
            sent: 0,
        })
    }

    /// Receives the PROXY protocol header with which a connection begins, and returns the client
    /// that it names.
    ///
    /// # Errors
    /// The connection begins with something else, or with nothing at all.
    #[inline(never)]
    pub(super) fn receive_proxy_header(&mut self) -> io::Result<Option<SocketAddr>> {
        let mut has_more = self.await_request()?;
        while has_more {
            match proxy_header(self.input.unread()) {
                ProxyHeader::Unfinished => {}
                ProxyHeader::Malformed => return Err(io::ErrorKind::InvalidData.into()),
                ProxyHeader::Whole(length, client) => {
                    self.input.consume(length);
                    return Ok(client);
                }
            }
            has_more = self.receive_head(0)?;
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    /// Performs the TLS handshake, within the time limit of a request's head. Until it is done, the
    /// memory it takes counts as that of an unfinished head.
    ///
    /// # Errors
    /// The handshake fails. The client may have been told why, but not over HTTP.
    #[inline(never)]
    pub(super) fn begin_tls(
        &mut self,
        tls: &Tls,
        report: impl FnOnce(&TlsError),
    ) -> io::Result<Spoken> {
        // Bytes may have arrived together with the PROXY header.
        if self.input.unread().is_empty() && !self.await_request()? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if self.input.unread().first() != Some(&TLS_HANDSHAKE) {
            return Ok(Spoken::Plain);
        }
        if let Some(error) = tls.renew() {
            report(&error);
        }
        let mut handshake = Handshake::new();
        let mut received = 0;
        let socket = loop {
            received += self.input.unread().len();
            if received > MOST_OF_HANDSHAKE {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let Transport::Plain(socket) = &mut self.transport else {
                return Ok(Spoken::Tls);
            };
            let is_agreed = handshake.advance(self.input.unread(), tls, socket)?;
            let taken = self.input.unread().len();
            self.input.consume(taken);
            if is_agreed {
                break socket.clone();
            }
            if !self.receive_head(received)? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let stream = handshake.into_stream(socket);
        self.transport = Transport::Tls(stream.ok_or(io::ErrorKind::InvalidData)?);
        Ok(Spoken::Tls)
    }

    /// Starts to wait for the next request, whose head gets the full time limit.
    pub(super) fn begin_request(&mut self) {
        self.watch.begin_request();
        self.ticket.begin_request();
        self.head_deadline = None;
    }

    /// Notes that no more of the request's head is received.
    pub(super) fn begin_work(&mut self) {
        if self.head_share.resize(0) == HeadSize::Counted {
            self.ticket.set_memory(0);
        }
        // Then: work that takes memory and makes no progress may be cut.
        self.ticket.begin_work();
    }

    /// Begins a response that holds this much memory until it is sent.
    pub(super) fn begin_response(&mut self, memory: usize) {
        self.sent = 0;
        if memory > 0 {
            self.is_large = true;
            // First: a response that takes memory and has made no progress may be cut.
            self.ticket.touch();
            self.ticket.set_memory(memory);
        }
    }

    /// Ends it: the memory is free.
    pub(super) fn end_response(&mut self) {
        if mem::take(&mut self.is_large) {
            self.ticket.set_memory(0);
        }
    }

    /// Bytes sent of the last response.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Sends all of `parts`, one after the other, in as few calls as possible.
    pub(super) fn send(&mut self, parts: [&[u8]; 2]) -> io::Result<()> {
        self.send_parts(parts, More::Nothing)
    }

    /// Sends `head` and the bytes `range` of `file`.
    ///
    /// It is an error if the file has become shorter than that: the client was promised more.
    pub(super) fn send_file(
        &mut self,
        head: &[u8],
        file: &File,
        mut range: Range<u64>,
    ) -> io::Result<()> {
        let more = if range.is_empty() {
            More::Nothing
        } else {
            More::Follows
        };
        self.send_parts([head, &[]], more)?;
        while !range.is_empty() {
            let piece = PIECE - self.sent % PIECE;
            let count = piece.min(range.end - range.start);
            let count = self.transport.send_file(file, range.start, count)? as u64;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            range.start += count;
            self.sent += count;
            if self.is_large {
                self.ticket.touch();
            }
        }
        Ok(())
    }

    fn send_parts(&mut self, [mut first, mut second]: [&[u8]; 2], more: More) -> io::Result<()> {
        while !(first.is_empty() && second.is_empty()) {
            let count = self.transport.send([first, second], more)?;
            self.sent += count as u64;
            if self.is_large {
                self.ticket.touch();
            }
            let beyond = count.saturating_sub(first.len());
            second = second.get(beyond..).unwrap_or_default();
            first = first.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    /// Receives the first bytes of a request. While the server drains, they must be on their way
    /// already. The wait for any request but the first is ended by another thread.
    fn await_request(&mut self) -> io::Result<bool> {
        let received = if self.ticket.begin_wait() {
            let limit = self.config.idle_timeout.unwrap_or(LAST_CALL);
            self.transport
                .receive(self.input.space(0)?, Some(limit.min(LAST_CALL)))
        } else if self.ticket.is_answered() {
            self.transport.receive(self.input.space(0)?, None)
        } else {
            self.receive_first()
        };
        self.ticket.end_wait();
        self.add_received(received)
    }

    /// Receives the first bytes of the first request.
    fn receive_first(&mut self) -> io::Result<usize> {
        let limit = self.config.idle_timeout;
        let inherited = accept_limit(self.config);
        let space = self.input.space(0)?;
        match self.transport.receive(space, Some(inherited)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && limit != Some(inherited) => {
                let left = limit.map(|limit| limit.saturating_sub(inherited));
                self.transport.receive(space, left)
            }
            received => received,
        }
    }

    /// Receives more of a head, for which `elsewhere` bytes of memory are taken outside the input
    /// buffer. All unfinished heads share a budget; beyond it, the largest of them is dropped.
    fn receive_head(&mut self, elsewhere: usize) -> io::Result<bool> {
        let limit = self.head_limit()?;
        if self.input.space(0).is_err() {
            return Err(self.drop_head());
        }
        let memory = self.input.memory().max(elsewhere);
        let size = self.head_share.resize(memory);
        if size != HeadSize::Small {
            self.ticket.set_memory(memory);
        }
        if size == HeadSize::TooLarge {
            let budget = self.head_share.budget();
            if !self.admission.make_room_for_head(self.ticket, budget) {
                return Err(self.drop_head());
            }
        }
        let received = self.transport.receive(self.input.space(0)?, limit);
        if self.ticket.must_drop_head() {
            return Err(self.drop_head());
        }
        self.add_received(received)
    }

    /// Drops the head being received, so that it takes no memory while the client is told.
    fn drop_head(&mut self) -> io::Error {
        self.input.clear();
        self.begin_work();
        io::ErrorKind::OutOfMemory.into()
    }

    /// Adds what was received to the input; returns false at the end of the stream.
    fn add_received(&mut self, received: io::Result<usize>) -> io::Result<bool> {
        let count = received?;
        self.input.advance(count);
        Ok(count > 0)
    }

    /// The time left for a request's head, counted from the head's first byte.
    fn head_limit(&mut self) -> io::Result<Option<Duration>> {
        let limit = match self.config.head_timeout {
            // Only a few can be refused at a time.
            Some(limit) if self.ticket.is_refused() => limit.min(LINGER_SILENCE),
            Some(limit) => limit,
            None if self.ticket.is_refused() => LINGER_SILENCE,
            None => return Ok(None),
        };
        let now = Instant::now();
        let deadline = self.head_deadline.or_else(|| now.checked_add(limit));
        self.head_deadline = deadline;
        let left = deadline.map(|deadline| deadline.saturating_duration_since(now));
        if left == Some(Duration::ZERO) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(left)
    }
}

impl Source for Channel<'_> {
    fn input(&mut self) -> &mut Input {
        self.input
    }

    fn fill(&mut self, phase: Phase) -> io::Result<bool> {
        match phase {
            Phase::Idle => self.await_request(),
            Phase::Head => self.receive_head(0),
            Phase::Body => {
                let space = self.input.space(BODY_CAPACITY)?;
                let received = self.transport.receive(space, self.config.stall_timeout);
                self.add_received(received)
            }
        }
    }

    fn receive_body(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.transport.receive(buffer, self.config.stall_timeout)
    }

    fn wait(&mut self, wait: &Wait<'_>) -> io::Result<Ready> {
        self.watch.wait(&mut self.transport, self.config, wait)
    }
}
