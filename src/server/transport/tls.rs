//! A TLS session over a socket (RFC 8446, RFC 5246), blocking like the socket.

use super::{More, Socket};
use crate::tls::Tls;
use rustix::buffer::spare_capacity;
use rustix::event::PollFlags;
use rustix::io::{pread, retry_on_intr};
use rustls::server::{AcceptedAlert, Acceptor};
use rustls::{ProtocolVersion, ServerConnection};
use std::fs::File;
use std::io::{self, BufRead, IoSlice, Read, Write};
use std::mem;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// Bytes of a file encrypted and sent together: four full records.
const FILE_PIECE: usize = 64 * 1024;
/// Most bytes that a session encrypts before they are sent.
const MOST_ENCRYPTED: usize = 2 * FILE_PIECE;

/// A handshake in progress, fed with what the client sends.
pub(in crate::server) enum Handshake {
    /// The client hello is not complete yet.
    Hello(Box<Acceptor>),
    Session(Box<ServerConnection>),
    /// The handshake has failed.
    Failed,
}

/// An established session.
pub(in crate::server) struct TlsStream<'s> {
    socket: Socket<'s>,
    session: Box<ServerConnection>,
}

impl Handshake {
    /// A handshake that waits for the client's first message.
    pub(in crate::server) fn new() -> Self {
        Self::Hello(Box::default())
    }

    /// Consumes all of `received` and answers it over `socket`; returns true once the session is
    /// established.
    ///
    /// # Errors
    /// The handshake fails; the client has been told, if it speaks TLS.
    pub(in crate::server) fn advance(
        &mut self,
        mut received: &[u8],
        tls: &Tls,
        socket: &mut Socket<'_>,
    ) -> io::Result<bool> {
        while !received.is_empty() {
            match self {
                Self::Hello(acceptor) => {
                    acceptor.read_tls(&mut received)?;
                }
                Self::Session(session) => {
                    session.read_tls(&mut received)?;
                }
                Self::Failed => return Err(io::ErrorKind::InvalidData.into()),
            }
            self.process(tls, socket)?;
        }
        match self {
            Self::Session(session) => {
                let stands = !session.is_handshaking();
                // After the handshake of TLS 1.3 only tickets follow: they go out with the first
                // response.
                if !stands || session.protocol_version() == Some(ProtocolVersion::TLSv1_2) {
                    flush(session, socket)?;
                }
                Ok(stands)
            }
            _ => Ok(false),
        }
    }

    fn process(&mut self, tls: &Tls, socket: &mut Socket<'_>) -> io::Result<()> {
        if let Self::Hello(acceptor) = self {
            let session = match acceptor.accept() {
                Ok(None) => return Ok(()),
                Ok(Some(hello)) => {
                    let config = tls.config_for(&hello.client_hello());
                    hello.into_connection(config)
                }
                Err(refused) => Err(refused),
            };
            match session {
                Ok(mut session) => {
                    session.set_buffer_limit(Some(MOST_ENCRYPTED));
                    *self = Self::Session(Box::new(session));
                }
                Err((error, alert)) => {
                    *self = Self::Failed;
                    return Err(refuse(error, alert, socket));
                }
            }
        }
        if let Self::Session(session) = self {
            process(session, socket)?;
        }
        Ok(())
    }

    /// The session over this socket; `None` before it is established.
    pub(in crate::server) fn into_stream(self, socket: Socket<'_>) -> Option<TlsStream<'_>> {
        match self {
            Self::Session(session) => Some(TlsStream { socket, session }),
            _ => None,
        }
    }
}

/// Tells a client why its first message is refused.
fn refuse(error: rustls::Error, mut alert: AcceptedAlert, socket: &mut Socket<'_>) -> io::Error {
    // The client may already be gone.
    let _ = alert.write_all(&mut Outgoing(socket));
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Decrypts what was received. A client that breaks the protocol is told so.
fn process(session: &mut ServerConnection, socket: &mut Socket<'_>) -> io::Result<()> {
    if let Err(error) = session.process_new_packets() {
        let _ = flush(session, socket);
        return Err(io::Error::new(io::ErrorKind::InvalidData, error));
    }
    Ok(())
}

/// Sends everything that is pending.
fn flush(session: &mut ServerConnection, socket: &mut Socket<'_>) -> io::Result<()> {
    while session.wants_write() {
        session.write_tls(&mut Outgoing(socket))?;
    }
    Ok(())
}

impl<'s> TlsStream<'s> {
    pub(in crate::server) fn socket(&mut self) -> &mut Socket<'s> {
        &mut self.socket
    }

    /// The limit is for the whole call: a record that arrives byte by byte does not extend it.
    pub(in crate::server) fn receive(
        &mut self,
        buffer: &mut [u8],
        limit: Option<Duration>,
    ) -> io::Result<usize> {
        if let Some(count) = self.take_received(buffer)? {
            return Ok(count);
        }
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut left = limit;
        loop {
            let mut incoming = Incoming {
                socket: &mut self.socket,
                patience: Patience::Within(left),
            };
            if self.session.read_tls(&mut incoming)? == 0 {
                return Ok(0);
            }
            process(&mut self.session, &mut self.socket)?;
            if let Some(count) = self.take_received(buffer)? {
                return Ok(count);
            }
            left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }

    /// Takes what is already decrypted, from as many records as there is room for: a client may put
    /// each byte into a record of its own. `None` if there is nothing, zero bytes at the end.
    fn take_received(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let mut reader = self.session.reader();
        let mut count = 0;
        loop {
            let received = match reader.fill_buf() {
                Ok(received) => received,
                Err(_) if count > 0 => return Ok(Some(count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                // The client has left without a `close_notify`, as many do.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Some(0)),
                Err(error) => return Err(error),
            };
            let room = buffer.get_mut(count..).unwrap_or_default();
            let taken = received.len().min(room.len());
            let (Some(room), Some(received)) = (room.get_mut(..taken), received.get(..taken))
            else {
                return Ok(Some(count));
            };
            if taken == 0 {
                return Ok(Some(count));
            }
            room.copy_from_slice(received);
            reader.consume(taken);
            count += taken;
        }
    }

    /// Whether there is something to receive without waiting: bytes, or the end.
    fn has_received(&mut self) -> bool {
        let mut reader = self.session.reader();
        let received = reader.fill_buf();
        !matches!(received, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    pub(in crate::server) fn has_arrived(&mut self) -> bool {
        self.has_received() || self.socket.has_arrived()
    }

    /// Bytes with nothing to follow are sent at once, in records that are as full as possible.
    pub(in crate::server) fn send(&mut self, parts: [&[u8]; 2], more: More) -> io::Result<usize> {
        let length = parts.map(<[u8]>::len).iter().sum();
        let parts = parts.map(IoSlice::new);
        loop {
            let count = self.session.writer().write_vectored(&parts)?;
            // A session takes no more than it has room for.
            if more == More::Nothing || count < length {
                flush(&mut self.session, &mut self.socket)?;
            }
            if count > 0 || length == 0 {
                return Ok(count);
            }
        }
    }

    pub(in crate::server) fn send_file(
        &mut self,
        file: &File,
        offset: u64,
        count: u64,
    ) -> io::Result<usize> {
        let count = usize::try_from(count).unwrap_or(FILE_PIECE).min(FILE_PIECE);
        let mut piece = Vec::with_capacity(count);
        retry_on_intr(|| pread(file, spare_capacity(&mut piece), offset).map(drop))?;
        // The allocator may have given more room than was asked for.
        let piece = piece.get(..count).unwrap_or(&piece);
        if piece.is_empty() {
            return Ok(0);
        }
        self.send([piece, &[]], More::Nothing)
    }

    /// What has arrived may hold no bytes of the request, only a key update for example; then the
    /// wait goes on.
    pub(in crate::server) fn wait(
        &mut self,
        client: PollFlags,
        others: [Option<(BorrowedFd<'_>, PollFlags)>; 2],
        deadline: Option<Instant>,
    ) -> io::Result<[PollFlags; 3]> {
        if !client.contains(PollFlags::IN) {
            return self.socket.wait(client, others, deadline);
        }
        loop {
            if self.has_received() {
                let [_, first, second] =
                    self.socket
                        .wait(PollFlags::empty(), others, Some(Instant::now()))?;
                return Ok([PollFlags::IN, first, second]);
            }
            let [arrived, first, second] = self.socket.wait(client, others, deadline)?;
            if !arrived.contains(PollFlags::IN) {
                return Ok([arrived, first, second]);
            }
            let mut incoming = Incoming {
                socket: &mut self.socket,
                patience: Patience::None,
            };
            match self.session.read_tls(&mut incoming) {
                Ok(_) => process(&mut self.session, &mut self.socket)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            let arrived = arrived.difference(PollFlags::IN);
            let nothing = PollFlags::empty();
            if !self.has_received() && [arrived, first, second] != [nothing; 3] {
                return Ok([arrived, first, second]);
            }
        }
    }

    /// Sends `close_notify` to a client that may no longer be reading.
    pub(in crate::server) fn announce_end(&mut self) {
        self.session.send_close_notify();
        let mut last = Vec::new();
        while self.session.wants_write() && self.session.write_tls(&mut last).is_ok() {}
        self.socket.send_now(&last);
    }

    /// Sends `close_notify`, so that the client can tell a complete response from a truncated one.
    pub(in crate::server) fn finish(&mut self) -> io::Result<()> {
        self.session.send_close_notify();
        flush(&mut self.session, &mut self.socket)?;
        self.socket.finish()
    }
}

/// How long to wait for incoming bytes.
enum Patience {
    /// Not at all.
    None,
    /// This long, or for ever.
    Within(Option<Duration>),
}

/// A socket as rustls reads it.
struct Incoming<'a, 's> {
    socket: &'a mut Socket<'s>,
    patience: Patience,
}

impl Read for Incoming<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match mem::replace(&mut self.patience, Patience::None) {
            Patience::None => self.socket.receive_now(buffer),
            Patience::Within(limit) => self.socket.receive(buffer, limit),
        }
    }
}

/// A socket as rustls writes to it.
struct Outgoing<'a, 's>(&'a mut Socket<'s>);

impl Write for Outgoing<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send([bytes, &[]], More::Nothing)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.send_many(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
