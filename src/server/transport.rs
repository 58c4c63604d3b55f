//! What bytes travel over: a socket, or a TLS session over one.
//!
//! Time limits come with each call. Only a plain socket lets the kernel send files.

mod socket;
mod tls;

pub(super) use socket::{Socket, prepare};
pub(super) use tls::{Handshake, TlsStream};

use rustix::event::PollFlags;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// Whether more bytes follow at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum More {
    /// These are all there are: they are sent.
    Nothing,
    /// They need not be sent yet.
    Follows,
}

/// One connection's way to its client.
pub(super) enum Transport {
    Plain(Socket),
    Tls(TlsStream),
}

impl Transport {
    /// Receives what is there into the free room of `buffer`, and waits no longer than `limit` for
    /// it. Zero bytes are the end of the stream.
    pub(super) fn receive(
        &mut self,
        buffer: &mut Vec<u8>,
        limit: Option<Duration>,
    ) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.receive(buffer, limit),
            Self::Tls(stream) => stream.receive(buffer, limit),
        }
    }

    /// Takes from the socket what is there already, to throw it away.
    pub(super) fn discard_now(&mut self) {
        match self {
            Self::Plain(socket) => socket.discard_now(),
            Self::Tls(stream) => stream.socket().discard_now(),
        }
    }

    /// Whether bytes have arrived that nobody has received.
    pub(super) fn has_arrived(&mut self) -> bool {
        match self {
            Self::Plain(socket) => socket.has_arrived(),
            Self::Tls(stream) => stream.has_arrived(),
        }
    }

    /// Whether the client must be told that nothing more comes, because the end of the bytes alone
    /// would look like an attack (RFC 8446 §6.1).
    pub(super) fn must_announce_end(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Tells a client that is not waited for that nothing more comes, if it must be told.
    pub(super) fn announce_end(&mut self) {
        if let Self::Tls(stream) = self {
            stream.announce_end();
        }
    }

    /// Sends some of `parts`, one after the other, and returns how many bytes.
    ///
    /// The call fails when the kernel could take nothing at all within
    /// [`Config::stall_timeout`](crate::config::Config::stall_timeout).
    pub(super) fn send(&mut self, parts: [&[u8]; 2], more: More) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.send(parts, more),
            Self::Tls(stream) => stream.send(parts, more),
        }
    }

    /// Sends some of the `count` bytes of `file` from `offset` on, and returns how many. None is
    /// the end of the file.
    pub(super) fn send_file(&mut self, file: &File, offset: u64, count: u64) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.send_file(file, offset, count),
            Self::Tls(stream) => stream.send_file(file, offset, count),
        }
    }

    /// Waits for what of `client` happens to the connection, and for `others`, until `deadline`.
    pub(super) fn wait(
        &mut self,
        client: PollFlags,
        others: [Option<(BorrowedFd<'_>, PollFlags)>; 2],
        deadline: Option<Instant>,
    ) -> io::Result<[PollFlags; 3]> {
        match self {
            Self::Plain(socket) => socket.wait(client, others, deadline),
            Self::Tls(stream) => stream.wait(client, others, deadline),
        }
    }

    /// Announces that nothing more will be sent.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.finish(),
            Self::Tls(stream) => stream.finish(),
        }
    }
}
