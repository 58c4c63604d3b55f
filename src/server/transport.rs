//! What bytes travel over: a socket, or a TLS session over one.
//!
//! Each call takes its own time limit. Only a plain socket lets the kernel send files.

mod socket;
mod tls;

pub(super) use socket::{Socket, accept_limit, has_arrived, prepare};
pub(super) use tls::{Handshake, TlsStream};

use rustix::event::PollFlags;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// Whether more bytes follow at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum More {
    /// Nothing follows: the bytes are sent now.
    Nothing,
    /// More bytes follow: these need not be sent yet.
    Follows,
}

/// The transport of one connection.
pub(super) enum Transport<'s> {
    Plain(Socket<'s>),
    Tls(TlsStream<'s>),
}

impl Transport<'_> {
    /// Receives into `buffer`, waiting no longer than `limit`, and returns how many bytes. Zero
    /// bytes mean the end of the stream.
    pub(super) fn receive(
        &mut self,
        buffer: &mut [u8],
        limit: Option<Duration>,
    ) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.receive(buffer, limit),
            Self::Tls(stream) => stream.receive(buffer, limit),
        }
    }

    /// Discards what has already arrived at the socket.
    pub(super) fn discard_now(&mut self) {
        match self {
            Self::Plain(socket) => socket.discard_now(),
            Self::Tls(stream) => stream.socket().discard_now(),
        }
    }

    /// Whether bytes have arrived that were not received yet.
    pub(super) fn has_arrived(&mut self) -> bool {
        match self {
            Self::Plain(socket) => socket.has_arrived(),
            Self::Tls(stream) => stream.has_arrived(),
        }
    }

    /// Whether the client must be told that nothing more comes, because a bare end of the stream
    /// would look like an attack (RFC 8446 §6.1).
    pub(super) fn must_announce_end(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Tells the client that nothing more comes, if it must be told, without waiting for it.
    pub(super) fn announce_end(&mut self) {
        if let Self::Tls(stream) = self {
            stream.announce_end();
        }
    }

    /// Sends some of `parts`, one after the other, and returns how many bytes were sent.
    ///
    /// The call fails when the kernel could take nothing at all within
    /// [`Config::stall_timeout`](crate::config::Config::stall_timeout).
    pub(super) fn send(&mut self, parts: [&[u8]; 2], more: More) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.send(parts, more),
            Self::Tls(stream) => stream.send(parts, more),
        }
    }

    /// Sends some of the `count` bytes of `file` from `offset` on, and returns how many. Zero means
    /// the end of the file.
    pub(super) fn send_file(&mut self, file: &File, offset: u64, count: u64) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.send_file(file, offset, count),
            Self::Tls(stream) => stream.send_file(file, offset, count),
        }
    }

    /// Waits until `deadline` for the events `client` on the connection, and for `others`.
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
