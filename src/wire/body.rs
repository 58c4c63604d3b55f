//! The body of a request with its framing taken off (RFC 9112 §6.2, §7.1).

use super::{Phase, RequestFraming, Source};
use crate::http::{BodySource, Ready, Wait};
use std::io::{self, Read};
use std::time::Duration;

/// Most bytes in a line of the chunked coding; chunk extensions and trailer fields are not that
/// long.
const MAX_LINE: usize = 4096;
/// Most trailer lines that are read (and discarded) after the last chunk.
const MAX_TRAILERS: usize = 100;
/// The smallest buffer into which content is received directly. Through the input, many small reads
/// take one system call.
const LARGE: usize = 32 * 1024;

/// How much of a request's body is left to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unread {
    state: State,
}

/// Reads a request's body, and not a byte beyond it.
pub(crate) struct UnframedBody<'r, S> {
    source: &'r mut S,
    unread: &'r mut Unread,
}

/// Where in the body the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Inside content of a known length, this many bytes from its end.
    Content(u64),
    /// Before the line with a chunk's size.
    ChunkSize,
    /// Inside a chunk, this many bytes from its end; at its end, before the CRLF after it.
    Chunk(u64),
    /// After the last chunk, before a line that is a trailer field or the end; this many may come.
    Trailers(usize),
    /// After the last byte.
    End,
    /// The framing was broken: where the body ends cannot be known.
    Broken,
}

impl Unread {
    /// A whole body.
    pub(crate) fn new(framing: RequestFraming) -> Self {
        let state = match framing {
            RequestFraming::Length(0) => State::End,
            RequestFraming::Length(length) => State::Content(length),
            RequestFraming::Chunked => State::ChunkSize,
        };
        Self { state }
    }

    /// A body whose end cannot be known.
    pub(crate) fn lost() -> Self {
        Self {
            state: State::Broken,
        }
    }

    /// Whether all of it was read.
    pub(crate) fn is_finished(self) -> bool {
        self.state == State::End
    }
}

impl<'r, S: Source> UnframedBody<'r, S> {
    /// The body that comes next from `source`.
    pub(crate) fn new(source: &'r mut S, unread: &'r mut Unread) -> Self {
        Self { source, unread }
    }

    /// Receives more; returns false at the end of the stream.
    fn fill(&mut self) -> io::Result<bool> {
        self.source.fill(Phase::Body)
    }

    /// Whether enough was received for a read not to wait. Consumes the framing lines that have
    /// arrived.
    fn can_advance(&mut self) -> bool {
        loop {
            let unread = self.source.input().unread();
            match self.unread.state {
                State::End | State::Broken => return true,
                State::Content(_) | State::Chunk(1..) => return !unread.is_empty(),
                State::ChunkSize | State::Chunk(0) | State::Trailers(_) => {
                    let has_line = memchr::memchr(b'\n', unread).is_some();
                    if !has_line && unread.len() <= MAX_LINE {
                        return false;
                    }
                    if self.take_line().is_err() {
                        self.unread.state = State::Broken;
                    }
                }
            }
        }
    }

    fn advance(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.unread.state {
                State::End => return Ok(0),
                State::Broken => return Err(malformed("broken chunk")),
                State::Content(left) => {
                    let count = self.take(buffer, left)?;
                    let left = left - count as u64;
                    self.unread.state = if left == 0 {
                        State::End
                    } else {
                        State::Content(left)
                    };
                    return Ok(count);
                }
                State::Chunk(left @ 1..) => {
                    let count = self.take(buffer, left)?;
                    self.unread.state = State::Chunk(left - count as u64);
                    return Ok(count);
                }
                State::ChunkSize | State::Chunk(0) | State::Trailers(_) => self.take_line()?,
            }
        }
    }

    /// Consumes the framing line that comes next.
    fn take_line(&mut self) -> io::Result<()> {
        self.unread.state = match self.unread.state {
            State::ChunkSize => match self.chunk_size()? {
                0 => State::Trailers(MAX_TRAILERS),
                size => State::Chunk(size),
            },
            State::Trailers(0) => return Err(malformed("too many trailer fields")),
            State::Trailers(left) => {
                if self.line()?.is_empty() {
                    State::End
                } else {
                    State::Trailers(left - 1)
                }
            }
            _ => {
                if !self.line()?.is_empty() {
                    return Err(malformed("chunk longer than its size"));
                }
                State::ChunkSize
            }
        };
        Ok(())
    }

    /// Takes at most `limit` bytes, at least one.
    fn take(&mut self, buffer: &mut [u8], limit: u64) -> io::Result<usize> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if self.source.input().unread().is_empty() {
            let room = buffer.len().min(limit);
            if let Some(room) = buffer.get_mut(..room).filter(|room| room.len() >= LARGE) {
                return match self.source.receive_body(room)? {
                    0 => Err(io::ErrorKind::UnexpectedEof.into()),
                    count => Ok(count),
                };
            }
            if !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let unread = self.source.input().unread();
        let count = unread.len().min(buffer.len()).min(limit);
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), unread.get(..count)) {
            to.copy_from_slice(from);
        }
        self.source.input().consume(count);
        Ok(count)
    }

    /// 1*HEXDIG, and an extension, which is ignored.
    fn chunk_size(&mut self) -> io::Result<u64> {
        let line = self.line()?;
        let size = line.split(|&byte| byte == b';').next().unwrap_or_default();
        let size = if size.len() < line.len() {
            size.trim_ascii_end()
        } else {
            size
        };
        if size.is_empty() || size.len() > 15 {
            return Err(malformed("bad chunk size"));
        }
        size.iter().try_fold(0, |number, &byte| {
            let digit = char::from(byte)
                .to_digit(16)
                .ok_or_else(|| malformed("bad chunk size"))?;
            Ok(number * 16 + u64::from(digit))
        })
    }

    /// The next line without its CRLF, which must be one.
    fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let unread = self.source.input().unread();
            if let Some(end) = memchr::memchr(b'\n', unread) {
                let line = unread.get(..end).and_then(|line| line.strip_suffix(b"\r"));
                let line = line
                    .filter(|line| !line.contains(&b'\r'))
                    .map(<[u8]>::to_vec);
                self.source.input().consume(end + 1);
                return line.ok_or_else(|| malformed("line of a chunk without CRLF"));
            }
            if unread.len() > MAX_LINE {
                return Err(malformed("line of a chunk too long"));
            }
            if !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

impl<S: Source> BodySource for UnframedBody<'_, S> {
    fn is_finished(&self) -> bool {
        self.unread.state == State::End
    }

    fn wait(&mut self, wait: &Wait<'_>) -> io::Result<Ready> {
        let at_hand = wait.body && self.can_advance();
        let mut ready = self.source.wait(&Wait {
            body: wait.body && !at_hand,
            limit: if at_hand {
                Some(Duration::ZERO)
            } else {
                wait.limit
            },
            ..*wait
        })?;
        if ready.body {
            let is_end = !self.fill()?;
            ready.body = is_end || self.can_advance();
        }
        ready.body |= at_hand;
        Ok(ready)
    }
}

impl<S: Source> Read for UnframedBody<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let result = self.advance(buffer);
        if result.is_err() {
            self.unread.state = State::Broken;
        }
        result
    }
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::super::Memory;
    use super::*;

    fn read(
        bytes: &[u8],
        framing: RequestFraming,
        step: usize,
    ) -> (Result<String, io::ErrorKind>, bool, String) {
        let mut source = Memory::new(bytes, step);
        let mut unread = Unread::new(framing);
        let mut body = UnframedBody::new(&mut source, &mut unread);
        let mut text = String::new();
        let result = body
            .read_to_string(&mut text)
            .map(|_| text)
            .map_err(|error| error.kind());
        while source.fill(Phase::Body).is_ok_and(|more| more) {}
        (
            result,
            unread.is_finished(),
            String::from_utf8_lossy(source.input().unread()).into_owned(),
        )
    }

    #[test]
    fn a_length_is_taken_exactly() {
        for step in [1, 2, 100] {
            let (body, finished, rest) = read(b"helloGET /", RequestFraming::Length(5), step);
            assert_eq!(
                (body.as_deref(), finished, rest.as_str()),
                (Ok("hello"), true, "GET /")
            );
        }
        let (body, finished, _) = read(b"hel", RequestFraming::Length(5), 9);
        assert_eq!((body, finished), (Err(io::ErrorKind::UnexpectedEof), false));
    }

    #[test]
    fn chunks_are_joined_and_trailers_dropped() {
        let bytes = b"5\r\nhello\r\n06 ;ext=\"x\"\r\n world\r\n0\r\nTrailer: x\r\n\r\nGET /";
        for step in [1, 2, 3, 100] {
            let (body, finished, rest) = read(bytes, RequestFraming::Chunked, step);
            assert_eq!(
                (body.as_deref(), finished, rest.as_str()),
                (Ok("hello world"), true, "GET /")
            );
        }
    }

    #[test]
    fn a_large_buffer_gets_the_body_and_nothing_after_it() {
        let content = vec![b'x'; 3 * LARGE + 5];
        let chunk = [format!("{:x}\r\n", content.len()).as_bytes(), &content].concat();
        let chunked = [&chunk, b"\r\n0\r\n\r\nGET /".as_slice()].concat();
        let plain = [&content, b"GET /".as_slice()].concat();
        let length = RequestFraming::Length(content.len() as u64);
        for (bytes, framing) in [(plain, length), (chunked, RequestFraming::Chunked)] {
            for step in [1000, LARGE, usize::MAX] {
                let mut source = Memory::new(&bytes, step);
                let mut unread = Unread::new(framing);
                let mut body = UnframedBody::new(&mut source, &mut unread);
                let mut buffer = vec![0; 2 * LARGE];
                let mut received = Vec::new();
                loop {
                    let count = body.read(&mut buffer).expect("it is well-formed");
                    if count == 0 {
                        break;
                    }
                    received.extend_from_slice(&buffer[..count]);
                }
                assert!(received == content, "{framing:?} {step}");
                assert!(unread.is_finished());
                while source.fill(Phase::Body).is_ok_and(|more| more) {}
                assert_eq!(source.input().unread(), b"GET /", "{framing:?} {step}");
            }
        }
        let mut source = Memory::new(&content[..2 * LARGE], usize::MAX);
        let mut unread = Unread::new(length);
        let mut body = UnframedBody::new(&mut source, &mut unread);
        let mut buffer = vec![0; 2 * LARGE];
        assert_eq!(body.read(&mut buffer).ok(), Some(2 * LARGE));
        let cut = body.read(&mut buffer).expect_err("it is cut");
        assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
        assert!(!unread.is_finished());
    }

    #[test]
    fn trailers_are_bounded() {
        for (count, expected) in [(99, Ok("")), (100, Err(io::ErrorKind::InvalidData))] {
            let bytes = format!("0\r\n{}\r\n", "Trailer: x\r\n".repeat(count));
            let (body, finished, _) = read(bytes.as_bytes(), RequestFraming::Chunked, 100);
            assert_eq!(body.as_deref().map_err(|kind| *kind), expected);
            assert_eq!(finished, expected.is_ok());
        }
    }

    #[test]
    fn odd_chunks_are_refused() {
        for bad in [
            "5\nhello\r\n0\r\n\r\n",
            "+5\r\nhello\r\n0\r\n\r\n",
            "0x5\r\nhello\r\n0\r\n\r\n",
            "\r\nhello",
            "5 \r\nhello\r\n0\r\n\r\n",
            " 5\r\nhello\r\n0\r\n\r\n",
            "5\r\nhello!\r\n0\r\n\r\n",
            "g\r\n",
            "1000000000000000\r\n",
            "-1\r\n",
            "5;a\rb\r\nhello\r\n0\r\n\r\n",
        ] {
            let (body, finished, _) = read(bad.as_bytes(), RequestFraming::Chunked, 100);
            assert_eq!(
                (body, finished),
                (Err(io::ErrorKind::InvalidData), false),
                "{bad:?}"
            );
        }
        let (body, finished, _) = read(b"5\r\nhello\r\n", RequestFraming::Chunked, 100);
        assert_eq!((body, finished), (Err(io::ErrorKind::UnexpectedEof), false));
    }
}
