//! Bytes to messages and back (RFC 9112). No sockets here: bytes come from a [`Source`] and go
//! to a buffer, so all of this is tested in memory.

mod body;
mod forwarded;
mod framing;
mod header_lines;
mod host;
mod input;
mod output;
mod persistence;
mod proxy_protocol;
mod read;
mod request_line;
mod write;

pub(crate) use body::{UnframedBody, Unread};
pub(crate) use forwarded::forwarded;
pub(crate) use framing::{RequestFraming, ResponseFraming, request_framing, response_framing};
pub(crate) use header_lines::HeaderLines;
pub(crate) use host::{check_host, https_location};
pub(crate) use input::Input;
pub(crate) use output::Output;
pub(crate) use persistence::{
    CloseReason, Delivery, Expectation, Facts, Next, Persistence, ResponseEnd, expects_continue,
    next,
};
pub(crate) use proxy_protocol::{ProxyHeader, proxy_header};
pub(crate) use read::{ReceivedHead, read, receive_head};
pub(crate) use request_line::no_request_line;
pub(crate) use write::{CONTINUE, Head, write_chunk_size};

use crate::http::{Ready, Wait};
use std::io;

/// Which bytes are awaited; it decides for how long.
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
    /// What was received and not consumed yet.
    fn input(&mut self) -> &mut Input;

    /// Receives at least one more byte into the input; returns false at the end of the stream.
    fn fill(&mut self, phase: Phase) -> io::Result<bool>;

    /// Receives bytes of a body into `buffer`, not into the input, which must be empty: that saves a
    /// copy. Zero bytes mean the end of the stream.
    fn receive_body(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Waits for more bytes or the end of the stream, and for everything else in `wait`.
    fn wait(&mut self, wait: &Wait<'_>) -> io::Result<Ready>;
}

/// Memory as a source: hands out what it holds, `step` bytes at a time.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) struct Memory<'a> {
    bytes: &'a [u8],
    step: usize,
    input: Input,
}

#[cfg(any(test, feature = "fuzzing"))]
impl<'a> Memory<'a> {
    pub(crate) fn new(bytes: &'a [u8], step: usize) -> Self {
        Self {
            bytes,
            step,
            input: Input::default(),
        }
    }

    /// How many bytes no request has consumed yet.
    pub(crate) fn left(&self) -> usize {
        self.input.unread().len() + self.bytes.len()
    }
}

#[cfg(any(test, feature = "fuzzing"))]
impl Source for Memory<'_> {
    fn input(&mut self) -> &mut Input {
        &mut self.input
    }

    fn fill(&mut self, _: Phase) -> io::Result<bool> {
        let space = self.input.space(1)?;
        let count = self.step.min(space.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(count);
        if let Some(space) = space.get_mut(..count) {
            space.copy_from_slice(now);
        }
        self.input.advance(count);
        self.bytes = later;
        Ok(!now.is_empty())
    }

    fn receive_body(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.step.min(buffer.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(count);
        if let Some(room) = buffer.get_mut(..count) {
            room.copy_from_slice(now);
        }
        self.bytes = later;
        Ok(count)
    }

    fn wait(&mut self, wait: &Wait<'_>) -> io::Result<Ready> {
        Ok(wait.all_ready())
    }
}
