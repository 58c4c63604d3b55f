//! Bytes to messages and back (RFC 9112). No sockets here: bytes come from a [`Source`] and go
//! to a buffer, so all of this is tested in memory.

mod body;
mod framing;
mod read;
mod request_line;
mod write;

pub(crate) use body::UnframedBody;
pub(crate) use framing::{
    RequestFraming, ResponseFraming, expects_continue, has_close, is_last, persists,
    request_framing, response_framing,
};
pub(crate) use read::{Incoming, Lines, Reader};
pub(crate) use request_line::no_line;
pub(crate) use write::{CONTINUE, Head, write_chunk_size};

use crate::http::{Ready, Wait};
use std::io;

/// What bytes are awaited for; it decides how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The first byte of a request.
    Idle,
    /// The rest of a request's head.
    Head,
    /// A request's body.
    Body,
}

/// Where requests come from.
pub(crate) trait Source {
    /// Appends the bytes that come next to `buffer`, as many as there are and there is room for
    /// without growing it, waiting for at least one. None at all is the end.
    fn fill(&mut self, buffer: &mut Vec<u8>, phase: Phase) -> io::Result<usize>;

    /// Waits for more bytes, the end among them, and for what else `wait` says.
    fn wait(&mut self, wait: &Wait<'_>) -> io::Result<Ready>;
}

/// Memory as a source: hands out what it holds, `step` bytes at a time.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) struct Memory<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) step: usize,
}

#[cfg(any(test, feature = "fuzzing"))]
impl Reader<Memory<'_>> {
    /// Bytes that no request has taken yet.
    pub(crate) fn left(&self) -> usize {
        self.unread().len() + self.source.bytes.len()
    }
}

#[cfg(any(test, feature = "fuzzing"))]
impl Source for Memory<'_> {
    fn fill(&mut self, buffer: &mut Vec<u8>, _: Phase) -> io::Result<usize> {
        let room = buffer.capacity() - buffer.len();
        let (now, later) = self
            .bytes
            .split_at(self.step.min(room).min(self.bytes.len()));
        buffer.extend_from_slice(now);
        self.bytes = later;
        Ok(now.len())
    }

    fn wait(&mut self, wait: &Wait<'_>) -> io::Result<Ready> {
        crate::http::RequestBody::wait(&mut self.bytes, wait)
    }
}
