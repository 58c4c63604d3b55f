//! Sending a response.

use super::Connection;
use crate::http::{
    Body, Exchange, FilePart, Method, RequestBody, RequestLine, Response, Version, range_length,
};
use crate::wire::{self, Head, ResponseFraming};
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::mem;
use std::ops::Range;

/// Files up to this many bytes are read and go out in one write with the head.
const SMALL_FILE: u64 = 16 * 1024;
/// Bytes that a stream is asked for at a time.
const CHUNK: usize = 64 * 1024;
/// Bytes that it is asked for as long as it does not yield so many: most have little to say, and
/// memory that nobody touches costs nothing.
const FIRST_CHUNK: usize = 4 * 1024;
/// Room for a head: more than nearly all take.
const HEAD_ROOM: usize = 320;

impl Connection<'_> {
    /// Sends head and body.
    pub(super) fn transmit(
        &mut self,
        line: &RequestLine<'_>,
        response: &mut Response,
        framing: ResponseFraming,
        close: bool,
        request: &mut dyn RequestBody,
    ) -> io::Result<()> {
        let handler = self.context.handler;
        self.out
            .reserve(HEAD_ROOM + small_length(&response.body).unwrap_or(0));
        // A client that speaks HTTP/0.9 does not know what a head is.
        if line.version != Version::HTTP_09 {
            let head = Head {
                protocol: self.context.config.protocol,
                server: handler.server_version(),
                date: self.clock.date(),
                framing,
                close,
            };
            head.write(response, &mut self.out);
        }
        if line.method == Method::HEAD || !response.status.allows_content() {
            self.stream.send([&self.out, &[]])?;
            if let Body::Exchange { rest, .. } = mem::take(&mut response.body) {
                self.finish(rest);
            }
            return Ok(());
        }
        match mem::take(&mut response.body) {
            Body::Empty => self.stream.send([&self.out, &[]]),
            Body::Bytes(bytes) => self.stream.send([&self.out, &bytes]),
            Body::File { file, range, .. } => self.send_file(&file, range),
            Body::Parts { file, parts } => self.send_parts(&file, parts),
            Body::Stream { mut reader, length } => {
                let head = mem::take(&mut self.out);
                self.stream.send([&head, &[]])?;
                self.send_stream(|buffer| reader.read(buffer), length, framing)
            }
            Body::Exchange {
                first,
                mut rest,
                length,
            } => {
                let left = self.send_first(&first, length, framing)?;
                self.send_stream(|buffer| rest.read(request, buffer), left, framing)?;
                self.finish(rest);
                Ok(())
            }
        }
    }

    /// Lets an exchange come to its end, and logs what it has to say.
    fn finish(&mut self, exchange: Box<dyn Exchange>) {
        if let Some(message) = exchange.finish() {
            self.clock.tick();
            let log = self.context.log.of(self.client.ip(), self.clock);
            self.context
                .handler
                .log_message(&log, format_args!("{message}"));
        }
    }

    /// Sends the head and the bytes that are there already; tells how many of `length` are left.
    fn send_first(
        &mut self,
        first: &[u8],
        length: Option<u64>,
        framing: ResponseFraming,
    ) -> io::Result<Option<u64>> {
        let room = length.map_or(usize::MAX, |length| {
            usize::try_from(length).unwrap_or(usize::MAX)
        });
        let first = first.get(..room).unwrap_or(first);
        let mut head = mem::take(&mut self.out);
        if framing == ResponseFraming::Chunked && !first.is_empty() {
            wire::write_chunk_size(first.len(), &mut head);
            head.extend_from_slice(first);
            head.extend_from_slice(b"\r\n");
            self.stream.send([&head, &[]])?;
        } else {
            self.stream.send([&head, first])?;
        }
        Ok(length.map(|length| length.saturating_sub(first.len() as u64)))
    }

    /// Sends the head and a file: a small one together with the head.
    fn send_file(&mut self, file: &File, range: Range<u64>) -> io::Result<()> {
        if range_length(&range) > SMALL_FILE {
            return self.stream.send_file(&self.out, file, range);
        }
        self.gather(file, range)?;
        self.stream.send([&self.out, &[]])
    }

    /// Sends the head and the parts of a file: small ones together with what goes before them.
    fn send_parts(&mut self, file: &File, parts: Vec<FilePart>) -> io::Result<()> {
        for FilePart { head, range } in parts {
            self.out.extend_from_slice(&head);
            let length = range_length(&range);
            if length.saturating_add(self.out.len() as u64) > SMALL_FILE {
                self.stream.send_file(&self.out, file, range)?;
                self.out.clear();
            } else {
                self.gather(file, range)?;
            }
        }
        self.stream.send([&self.out, &[]])
    }

    /// Adds a small range of a file to what is sent next. Where the file has become shorter, what
    /// is left of it is sent, and the connection cannot go on.
    fn gather(&mut self, file: &File, range: Range<u64>) -> io::Result<()> {
        let length = usize::try_from(range_length(&range)).unwrap_or(0);
        let end = self.out.len() + length;
        self.out.reserve_exact(length);
        while self.out.len() < end {
            let offset = range.end - (end - self.out.len()) as u64;
            match rustix::io::pread(file, spare_capacity(&mut self.out), offset) {
                Ok(0) => {
                    self.stream.send([&self.out, &[]])?;
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // There may be room for more than was asked for, and more in a file that grows.
        self.out.truncate(end);
        Ok(())
    }

    /// Sends what `read` yields, as it comes.
    #[inline(never)]
    fn send_stream(
        &mut self,
        mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
        length: Option<u64>,
        framing: ResponseFraming,
    ) -> io::Result<()> {
        let mut left = length.unwrap_or(u64::MAX);
        let mut buffer = vec![0; FIRST_CHUNK];
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(CHUNK).min(buffer.len());
            let count = match read(buffer.get_mut(..room).unwrap_or_default()) {
                Ok(0) if length.is_some() => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            left -= count as u64;
            let is_filled = count == buffer.len();
            let bytes = buffer.get(..count).unwrap_or_default();
            if framing == ResponseFraming::Chunked {
                self.out.clear();
                wire::write_chunk_size(count, &mut self.out);
                self.out.extend_from_slice(bytes);
                self.out.extend_from_slice(b"\r\n");
                self.stream.send([&self.out, &[]])?;
            } else {
                self.stream.send([bytes, &[]])?;
            }
            if is_filled {
                buffer.resize(CHUNK, 0);
            }
        }
        match framing {
            ResponseFraming::Chunked => self.stream.send([b"0\r\n\r\n", &[]]),
            _ => Ok(()),
        }
    }
}

/// The length of a file that goes out in one write with the head.
fn small_length(body: &Body) -> Option<usize> {
    match body {
        Body::File { range, .. } => usize::try_from(range_length(range)).ok(),
        _ => None,
    }
    .filter(|&length| length as u64 <= SMALL_FILE)
}
