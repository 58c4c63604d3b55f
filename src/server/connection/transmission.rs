//! Sending a response.

use super::request_content::RequestContent;
use crate::http::{
    Body, Content, Exchange, FilePart, RequestBody, SegmentSink, Segments, range_length,
};
use crate::server::channel::Channel;
use crate::wire::{self, Output, ResponseFraming};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::ops::Range;

/// Files up to this many bytes are read and go out in one write with the head.
const SMALL_FILE: u64 = 16 * 1024;
/// Pieces of an archive are buffered up to this many bytes.
const GATHERED: usize = 128 * 1024;
/// Most bytes of a large body in memory to send at a time.
const PIECE: usize = 256 * 1024;
/// Most bytes to read from a stream at a time.
const CHUNK: usize = 64 * 1024;
/// First read size for a stream; it grows to [`CHUNK`] once a read fills it. Most streams are
/// short.
const FIRST_CHUNK: usize = 4 * 1024;
/// Room for a head: more than nearly all heads take.
const HEAD_ROOM: usize = 320;

/// A response on its way to the client.
pub(super) struct Transmission<'t, 'c> {
    pub(super) channel: &'t mut Channel<'c>,
    /// What is sent next: the head, to begin with.
    pub(super) out: &'t mut Output,
    pub(super) framing: ResponseFraming,
    /// The request's body, which an exchange reads while its response is sent.
    pub(super) content: &'t mut RequestContent,
}

/// What is left to do after a response was sent: an exchange may have something to report.
pub(super) type Finished = Option<Box<dyn Exchange>>;

/// Makes room for a head, and for the file that goes out with it.
pub(super) fn reserve(out: &mut Output, body: &Body) {
    let length = match &body.0 {
        Content::File { range, .. } if range_length(range) <= SMALL_FILE => range_length(range),
        _ => 0,
    };
    out.reserve(HEAD_ROOM + usize::try_from(length).unwrap_or(0));
}

impl Transmission<'_, '_> {
    /// Sends the head alone: the answer to HEAD, or a status that has no content.
    pub(super) fn send_head(mut self, body: Body) -> io::Result<Finished> {
        self.flush()?;
        Ok(match body.0 {
            Content::Exchange { rest, .. } => Some(rest),
            _ => None,
        })
    }

    /// Sends head and body.
    pub(super) fn send(mut self, body: Body) -> io::Result<Finished> {
        match body.0 {
            Content::Empty => self.flush()?,
            Content::Bytes(bytes) => self.channel.send([self.out.bytes(), &bytes])?,
            Content::Held(holder) => self.send_held((*holder).as_ref())?,
            Content::File { of, range } => self.send_file(&of.file, range)?,
            Content::Parts { of, parts } => self.send_parts(&of.file, parts)?,
            Content::Segments { of, parts } => self.send_segments(&*of, parts)?,
            Content::Stream { mut reader, length } => {
                self.flush()?;
                self.send_stream(|_, buffer| reader.read(buffer), length)?;
            }
            Content::Exchange {
                first,
                mut rest,
                length,
            } => {
                let left = self.send_first(&first, length)?;
                drop(first);
                let read = |this: &mut Self, buffer: &mut [u8]| {
                    let mut received = this.content.on(this.channel);
                    rest.read(&mut RequestBody::received(&mut received), buffer)
                };
                self.send_stream(read, left)?;
                return Ok(Some(rest));
            }
        }
        Ok(None)
    }

    /// Sends what is buffered.
    fn flush(&mut self) -> io::Result<()> {
        self.channel.send([self.out.bytes(), &[]])?;
        self.out.clear();
        Ok(())
    }

    /// Sends many bytes in pieces, because the progress of each is what keeps a connection.
    fn send_held(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(PIECE) {
            self.channel.send([self.out.bytes(), piece])?;
            self.out.clear();
        }
        self.flush()
    }

    /// Sends a file: a small one together with the head.
    fn send_file(&mut self, file: &File, range: Range<u64>) -> io::Result<()> {
        if range_length(&range) > SMALL_FILE {
            return self.channel.send_file(self.out.bytes(), file, range);
        }
        self.gather(file, range)?;
        self.flush()
    }

    /// Sends the parts of a file: small ones together with what goes before them.
    fn send_parts(&mut self, file: &File, parts: Vec<FilePart>) -> io::Result<()> {
        for FilePart { head, range } in parts {
            self.out.push(&head);
            let length = range_length(&range);
            if length.saturating_add(self.out.len() as u64) > SMALL_FILE {
                self.channel.send_file(self.out.bytes(), file, range)?;
                self.out.clear();
            } else {
                self.gather(file, range)?;
            }
        }
        self.flush()
    }

    /// Sends parts of an archive.
    fn send_segments(&mut self, of: &dyn Segments, parts: Vec<FilePart>) -> io::Result<()> {
        self.flush()?;
        for FilePart { head, range } in parts {
            self.bytes(&head)?;
            of.send(range, self)?;
        }
        self.flush()
    }

    /// Adds a small range of a file to what is sent next. Where the file has become shorter, what
    /// is left of it is sent, and the connection cannot go on.
    fn gather(&mut self, file: &File, mut range: Range<u64>) -> io::Result<()> {
        while !range.is_empty() {
            // Never read more than was promised: the file may have grown, and at the largest size
            // that a file can have the system refuses to read beyond it.
            let left = usize::try_from(range_length(&range)).unwrap_or(0);
            match rustix::io::pread(file, self.out.space(left), range.start) {
                Ok(0) => {
                    self.flush()?;
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Ok(count) => {
                    self.out.advance(count);
                    range.start += count as u64;
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Sends the head with the bytes that are already there, and returns how many of `length` are
    /// left.
    fn send_first(&mut self, first: &[u8], length: Option<u64>) -> io::Result<Option<u64>> {
        let most = length.map_or(usize::MAX, |length| {
            usize::try_from(length).unwrap_or(usize::MAX)
        });
        let first = first.get(..most).unwrap_or(first);
        if self.framing == ResponseFraming::Chunked {
            self.push_chunk(first);
            self.flush()?;
        } else {
            self.channel.send([self.out.bytes(), first])?;
            self.out.clear();
        }
        Ok(length.map(|length| length.saturating_sub(first.len() as u64)))
    }

    /// Sends what `read` yields, as it comes.
    #[inline(never)]
    fn send_stream(
        &mut self,
        mut read: impl FnMut(&mut Self, &mut [u8]) -> io::Result<usize>,
        length: Option<u64>,
    ) -> io::Result<()> {
        let mut left = length.unwrap_or(u64::MAX);
        let mut buffer = vec![0; FIRST_CHUNK];
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(CHUNK).min(buffer.len());
            let count = match read(self, buffer.get_mut(..room).unwrap_or_default()) {
                Ok(0) if length.is_some() => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            left -= count as u64;
            let bytes = buffer.get(..count).unwrap_or_default();
            if self.framing == ResponseFraming::Chunked {
                self.push_chunk(bytes);
                self.flush()?;
            } else {
                self.channel.send([bytes, &[]])?;
            }
            if count == buffer.len() {
                buffer.resize(CHUNK, 0);
            }
        }
        if self.framing == ResponseFraming::Chunked {
            self.out.push(b"0\r\n\r\n");
        }
        self.flush()
    }

    /// Adds a chunk to what is sent next; an empty one would be the last.
    fn push_chunk(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            wire::write_chunk_size(bytes.len(), self.out);
            self.out.push(bytes);
            self.out.push(b"\r\n");
        }
    }
}

impl SegmentSink for Transmission<'_, '_> {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.out.len() + bytes.len() > GATHERED {
            self.flush()?;
        }
        self.out.push(bytes);
        Ok(())
    }

    fn file(&mut self, file: &File, range: Range<u64>) -> io::Result<()> {
        let length = range_length(&range);
        if length > SMALL_FILE {
            self.channel.send_file(self.out.bytes(), file, range)?;
            self.out.clear();
            return Ok(());
        }
        if length.saturating_add(self.out.len() as u64) > GATHERED as u64 {
            self.flush()?;
        }
        self.gather(file, range)
    }
}
