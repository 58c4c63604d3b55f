//! Reading the head of a request: the request line as CPython's `parse_request` takes it, the
//! header lines by the grammar of RFC 9112 §5.

use super::request_line::{Rejected, no_line, parse_line};
use super::{Phase, RequestFraming, Source, UnframedBody};
use crate::config::Config;
use crate::http::{HttpError, RequestLine, StatusCode, Version};
use smallvec::SmallVec;
use std::{io, mem};

/// Room in a new buffer: more than most heads take. It stays while a connection is idle.
const CAPACITY: usize = 1024;
/// Room for what is received of a body at a time.
const BODY_CAPACITY: usize = 32 * 1024;
/// Buffers that had to grow beyond this are not kept for the next request.
const KEPT_CAPACITY: usize = 4 * 1024;

/// The header lines of a request.
pub(crate) type Lines<'h> = SmallVec<[httparse::Header<'h>; 16]>;

/// What came.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "the large one is the usual one")]
pub(crate) enum Incoming<'h> {
    /// The end of the connection, or the empty line that CPython takes for it.
    End,
    /// A request whose head is well-formed.
    Request {
        line: RequestLine<'h>,
        lines: Lines<'h>,
    },
    /// Anything else.
    Rejected(Rejected<'h>),
}

/// Reads requests from a source, one after the other.
pub(crate) struct Reader<S> {
    pub(super) source: S,
    /// Bytes received but not yet used are those from `start` on.
    buffer: Vec<u8>,
    start: usize,
}

impl<S: Source> Reader<S> {
    /// A reader at the start of a connection.
    pub(crate) fn new(source: S) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            start: 0,
        }
    }

    /// Reads the next head, into `head`.
    ///
    /// As in the reference, the request line is judged before anything behind it is waited for,
    /// and the end of the stream ends a head as an empty line does.
    #[inline(never)]
    pub(crate) fn read<'h>(
        &mut self,
        head: &'h mut Vec<u8>,
        config: &Config,
    ) -> io::Result<Incoming<'h>> {
        self.take_unread(head);
        let Some(line_end) = self.fill_line(head, 0, config.max_request_line)? else {
            let error = HttpError::new(StatusCode::URI_TOO_LONG);
            let line = no_line(&[], Version::HTTP_10);
            return Ok(Incoming::Rejected(Rejected { line, error }));
        };
        // When all of it is here, nothing is waited for.
        if head.ends_with(b"\r\n\r\n")
            || parse_line(head.get(..line_end).unwrap_or_default()).is_ok()
        {
            let fields_end = self.fill_fields(head, line_end, config)?;
            self.give_back(head, *fields_end.as_ref().map_or(&line_end, |(end, _)| end));
            return Ok(parse(head, line_end, fields_end.map(|(_, count)| count)));
        }
        self.give_back(head, line_end);
        Ok(parse(head, line_end, Ok(0)))
    }

    /// The body that follows the head just read.
    pub(crate) fn body(&mut self, framing: RequestFraming) -> UnframedBody<'_, S> {
        UnframedBody::new(self, framing)
    }

    /// Whether more was received than was used.
    pub(crate) fn has_unread(&self) -> bool {
        !self.unread().is_empty()
    }

    /// Bytes received but not used.
    pub(super) fn unread(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Marks `count` of the unread bytes as used.
    pub(super) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.buffer.len());
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        }
    }

    /// Receives more unread bytes; false at the end of the stream.
    pub(super) fn fill_unread(&mut self) -> io::Result<bool> {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.reserve(BODY_CAPACITY);
        Ok(self.source.fill(&mut self.buffer, Phase::Body)? > 0)
    }

    /// Moves what was received beyond the last request to `head`.
    fn take_unread(&mut self, head: &mut Vec<u8>) {
        head.clear();
        if head.capacity() > KEPT_CAPACITY {
            *head = Vec::new();
        }
        if self.unread().is_empty() {
            // Nor is a second buffer needed.
            self.buffer = Vec::new();
            self.start = 0;
        } else if self.start == 0 {
            mem::swap(head, &mut self.buffer);
        } else {
            head.extend_from_slice(self.unread());
            self.buffer.clear();
            self.start = 0;
        }
    }

    /// Keeps what lies beyond the head for later.
    fn give_back(&mut self, head: &mut Vec<u8>, end: usize) {
        if end < head.len() {
            self.buffer
                .extend_from_slice(head.get(end..).unwrap_or_default());
            head.truncate(end);
        }
    }

    /// Receives until a line that starts at `start` is whole, and tells where the next begins;
    /// `None` when it takes more than `limit` bytes.
    fn fill_line(
        &mut self,
        head: &mut Vec<u8>,
        start: usize,
        limit: usize,
    ) -> io::Result<Option<usize>> {
        let mut searched = start;
        loop {
            let rest = head.get(searched..).unwrap_or_default();
            if let Some(length) = memchr::memchr(b'\n', rest) {
                let end = searched + length + 1;
                return Ok((end - start <= limit).then_some(end));
            }
            searched = head.len();
            if searched - start > limit {
                return Ok(None);
            }
            if !self.fill_head(head)? {
                return Ok(Some(searched));
            }
        }
    }

    /// Receives until the header lines that start at `start` are whole. Tells where they end and
    /// how many they are.
    fn fill_fields(
        &mut self,
        head: &mut Vec<u8>,
        start: usize,
        config: &Config,
    ) -> io::Result<Result<(usize, usize), HttpError>> {
        let mut line_start = start;
        let mut count = 0;
        loop {
            let Some(line_end) = self.fill_line(head, line_start, config.max_header_line)? else {
                return Ok(Err(too_large("Line too long").with_explanation(format!(
                    "got more than {} bytes when reading header line",
                    config.max_header_line
                ))));
            };
            if count >= config.max_header_lines {
                return Ok(Err(too_large("Too many headers").with_explanation(
                    format!("got more than {} headers", config.max_header_lines),
                )));
            }
            match head.get(line_start..line_end).unwrap_or_default() {
                b"\r\n" | b"\n" => return Ok(Ok((line_end, count))),
                line if !line.ends_with(b"\n") => {
                    // The stream has ended: so has the head.
                    let (closing, lines): (&[u8], usize) = match line {
                        b"" => (b"\r\n", count),
                        b"\r" => (b"\n", count),
                        [.., b'\r'] => (b"\n\r\n", count + 1),
                        _ => (b"\r\n\r\n", count + 1),
                    };
                    head.extend_from_slice(closing);
                    return Ok(Ok((head.len(), lines)));
                }
                _ if line_end - start > config.max_head => {
                    return Ok(Err(too_large("Header section too large").with_explanation(
                        format!("got more than {} bytes of header lines", config.max_head),
                    )));
                }
                _ => {
                    line_start = line_end;
                    count += 1;
                }
            }
        }
    }

    /// Receives more of a head; false at the end of the stream.
    fn fill_head(&mut self, head: &mut Vec<u8>) -> io::Result<bool> {
        let phase = if head.is_empty() {
            Phase::Idle
        } else {
            Phase::Head
        };
        if head.len() == head.capacity() {
            head.reserve(CAPACITY);
        }
        Ok(self.source.fill(head, phase)? > 0)
    }
}

/// Takes a head apart that was received whole, as far as it was well-formed.
fn parse<'h>(head: &'h [u8], line_end: usize, count: Result<usize, HttpError>) -> Incoming<'h> {
    let (line, fields) = head.split_at_checked(line_end).unwrap_or((head, &[]));
    let line = match parse_line(line) {
        Ok(line) => line,
        Err(None) => return Incoming::End,
        Err(Some(rejected)) => return Incoming::Rejected(*rejected),
    };
    let count = match count {
        Ok(count) => count,
        Err(error) => return Incoming::Rejected(Rejected { line, error }),
    };
    let mut lines: Lines<'h> = smallvec::smallvec![httparse::EMPTY_HEADER; count];
    match httparse::parse_headers(fields, &mut lines) {
        Ok(httparse::Status::Complete(_)) => Incoming::Request { line, lines },
        // Unlike CPython, whose e-mail parser takes anything: what two servers on the way of a
        // request may read in two ways is refused (RFC 9112 §5.1, §5.2).
        Ok(httparse::Status::Partial) | Err(_) => {
            let error = HttpError::new(StatusCode::BAD_REQUEST).with_message("Bad header line");
            Incoming::Rejected(Rejected { line, error })
        }
    }
}

fn too_large(message: &'static str) -> HttpError {
    HttpError::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE).with_message(message)
}

#[cfg(test)]
mod tests {
    use super::super::Memory;
    use super::*;
    use crate::http::FieldLines;

    /// What is read from `bytes`, arriving `step` at a time, in a few words.
    fn read_all(bytes: &[u8], step: usize) -> Vec<String> {
        let config = Config::default();
        let mut reader = Reader::new(Memory { bytes, step });
        let mut found = Vec::new();
        let mut head = Vec::new();
        loop {
            found.push(match reader.read(&mut head, &config) {
                Ok(Incoming::End) => return found,
                Ok(Incoming::Request { line, lines }) => format!(
                    "{} {} {} {}",
                    line.method,
                    line.target.as_text(),
                    line.version,
                    FieldLines::new(&lines)
                        .iter()
                        .map(|(name, value)| format!("{name}={}", value.escape_ascii()))
                        .collect::<Vec<_>>()
                        .join(",")
                ),
                Ok(Incoming::Rejected(Rejected { line, error })) => {
                    format!("{} {error}", line.version)
                }
                Err(error) => error.to_string(),
            });
        }
    }

    #[test]
    fn requests_are_read_however_they_arrive() {
        let bytes = b"GET / HTTP/1.1\r\nHost: a\r\nX:y \r\n\r\nHEAD  /b\tHTTP/1.0\n\nGET /c\r\n\r\nGET /d HTTP/1.1\r\nA: b";
        for step in [1, 2, 3, 7, 50, 1000] {
            assert_eq!(
                read_all(bytes, step),
                [
                    "GET / HTTP/1.1 Host=a,X=y",
                    "HEAD /b HTTP/1.0 ",
                    "GET /c HTTP/0.9 ",
                    "GET /d HTTP/1.1 A=b"
                ],
                "{step}"
            );
        }
    }

    #[test]
    fn bad_lines_are_rejected_in_the_reference_s_words() {
        for (bytes, expected) in [
            (
                "GET",
                "HTTP/0.9 code 400, message Bad request syntax ('GET')",
            ),
            (
                "GET / HTTP/1.1 x",
                "HTTP/0.9 code 400, message Bad request version ('x')",
            ),
            (
                "GET / x HTTP/1.1",
                "HTTP/1.1 code 400, message Bad request syntax ('GET / x HTTP/1.1')",
            ),
            (
                "POST /",
                "HTTP/0.9 code 400, message Bad HTTP/0.9 request type ('POST')",
            ),
            (
                "GET / http/1.1",
                "HTTP/0.9 code 400, message Bad request version ('http/1.1')",
            ),
            (
                "GET / HTTP/2.0",
                "HTTP/0.9 code 505, message Invalid HTTP version (2.0)",
            ),
            ("GET / HTTP/0.9", "GET / HTTP/0.9 "),
            ("GET / HTTP/00.9", "GET / HTTP/1.0 "),
        ] {
            assert_eq!(
                read_all(format!("{bytes}\r\n").as_bytes(), 5)
                    .first()
                    .map(String::as_str),
                Some(expected)
            );
        }
        assert_eq!(read_all(b"\r\nGET / HTTP/1.0\r\n\r\n", 99), [""; 0]);
    }

    #[test]
    fn a_bad_line_is_judged_before_its_fields() {
        let bytes = format!("NONSENSE\r\n{}\r\n", "A: b\r\n".repeat(150));
        for step in [1, 100, bytes.len()] {
            assert_eq!(
                read_all(bytes.as_bytes(), step).first().map(String::as_str),
                Some("HTTP/0.9 code 400, message Bad request syntax ('NONSENSE')"),
                "{step}"
            );
        }
    }

    #[test]
    fn header_lines_follow_the_grammar() {
        for bad in [
            "A : b",
            " A: b",
            "A",
            ": b",
            "A: b\r\n c",
            "A: b\x01",
            "A: b\rc",
            "A\0: b",
            "\u{e9}: b",
        ] {
            let bytes = format!("GET / HTTP/1.0\r\n{bad}\r\n\r\n");
            let found = read_all(bytes.as_bytes(), 99);
            assert_eq!(
                found.first().map(String::as_str),
                Some("HTTP/1.0 code 400, message Bad header line"),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn limits_count_as_the_reference_counts() {
        let with_lines = |count| format!("GET / HTTP/1.0\r\n{}\r\n", "A: b\r\n".repeat(count));
        assert!(read_all(with_lines(99).as_bytes(), 4096)[0].starts_with("GET /"));
        assert_eq!(
            read_all(with_lines(100).as_bytes(), 4096)[0],
            "HTTP/1.0 code 431, message Too many headers"
        );

        let line = |length: usize| format!("GET /{}\r\n", "a".repeat(length - 7));
        assert!(read_all(line(65_536).as_bytes(), 4096)[0].starts_with("GET /"));
        assert_eq!(
            read_all(line(65_537).as_bytes(), 4096)[0],
            "HTTP/1.0 code 414, message Request-URI Too Long"
        );

        let field =
            |length: usize| format!("GET / HTTP/1.0\r\nA: {}\r\n\r\n", "a".repeat(length - 5));
        assert!(read_all(field(65_536).as_bytes(), 4096)[0].starts_with("GET /"));
        assert_eq!(
            read_all(field(65_537).as_bytes(), 4096)[0],
            "HTTP/1.0 code 431, message Line too long"
        );

        let head = format!(
            "GET / HTTP/1.0\r\n{}\r\n",
            format!("A: {}\r\n", "a".repeat(60_000)).repeat(5)
        );
        assert_eq!(
            read_all(head.as_bytes(), 4096)[0],
            "HTTP/1.0 code 431, message Header section too large"
        );
    }
}
