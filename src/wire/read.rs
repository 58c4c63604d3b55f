//! Reading the head of a request: the request line as CPython's `parse_request` takes it, the
//! header lines by the grammar of RFC 9112 §5.

use super::request_line::{Refusal, Rejected, no_request_line, parse_line};
use super::{Phase, Source};
use crate::config::Config;
use crate::http::{HttpError, RequestLine, StatusCode, Version};
use smallvec::SmallVec;
use std::io;

/// The header lines of a request.
pub(crate) type Lines<'h> = SmallVec<[httparse::Header<'h>; 16]>;

/// What was read.
#[derive(Debug)]
pub(crate) enum Incoming<'h> {
    /// The end of the connection, or an empty line, which CPython treats the same.
    End,
    /// A request whose head is well-formed.
    Request(RequestLine<'h>),
    /// Anything else.
    Rejected(Rejected<'h>),
}

/// Where header lines end, and how many there are.
struct FieldsEnd {
    offset: usize,
    count: usize,
}

/// Reads the next head into `head`, and its header lines into `lines`.
///
/// As in CPython, the request line is judged before waiting for anything after it, and the end of
/// the stream ends a head as an empty line does.
pub(crate) fn read<'h>(
    source: &mut impl Source,
    head: &'h mut Vec<u8>,
    lines: &mut Lines<'h>,
    limits: &Config,
) -> io::Result<Incoming<'h>> {
    source.input().reuse(head);
    let Some(line_end) = fill_line(source, 0, limits.max_request_line)? else {
        let received = source.input().unread().len();
        source.input().consume(received);
        return Ok(Incoming::Rejected(Rejected {
            line: no_request_line(Version::HTTP_10),
            error: HttpError::new(StatusCode::URI_TOO_LONG),
        }));
    };
    let line = source.input().unread().get(..line_end).unwrap_or_default();
    let (line, fields_end) = match parse_line(line) {
        Ok(line) => (line, fill_fields(source, line_end, limits)?),
        Err(Refusal::Empty) => {
            source.input().consume(line_end);
            return Ok(Incoming::End);
        }
        Err(Refusal::Answer(line, error)) => (line, Err(*error)),
    };
    let head_end = fields_end.as_ref().map_or(line_end, |end| end.offset);
    source.input().take(head_end, head);
    let line = line.in_head(head);
    let parsed = fields_end.and_then(|end| {
        let fields = head.get(line_end..).unwrap_or_default();
        parse_fields(fields, end.count, lines)
    });
    Ok(match parsed {
        Ok(()) => Incoming::Request(line),
        Err(error) => Incoming::Rejected(Rejected { line, error }),
    })
}

/// Receives until the line that starts `start` bytes into the input is complete, and returns where
/// the next one starts; `None` when the line takes more than `limit` bytes.
fn fill_line(source: &mut impl Source, start: usize, limit: usize) -> io::Result<Option<usize>> {
    let mut searched = start;
    loop {
        let input = source.input().unread();
        let rest = input.get(searched..).unwrap_or_default();
        if let Some(length) = memchr::memchr(b'\n', rest) {
            let end = searched + length + 1;
            return Ok((end - start <= limit).then_some(end));
        }
        searched = input.len();
        if searched - start > limit {
            return Ok(None);
        }
        let phase = if input.is_empty() {
            Phase::Idle
        } else {
            Phase::Head
        };
        if !source.fill(phase)? {
            return Ok(Some(searched));
        }
    }
}

/// Receives until the header lines that start `start` bytes into the input are complete.
fn fill_fields(
    source: &mut impl Source,
    start: usize,
    limits: &Config,
) -> io::Result<Result<FieldsEnd, HttpError>> {
    let mut line_start = start;
    let mut count = 0;
    loop {
        let Some(line_end) = fill_line(source, line_start, limits.max_header_line)? else {
            return Ok(Err(too_large("Line too long").with_explanation(format!(
                "got more than {} bytes when reading header line",
                limits.max_header_line
            ))));
        };
        if count >= limits.max_header_lines {
            return Ok(Err(too_large("Too many headers").with_explanation(
                format!("got more than {} headers", limits.max_header_lines),
            )));
        }
        let input = source.input();
        match input.unread().get(line_start..line_end).unwrap_or_default() {
            b"\r\n" | b"\n" => {
                let offset = line_end;
                return Ok(Ok(FieldsEnd { offset, count }));
            }
            [.., b'\n'] if line_end - start > limits.max_head => {
                return Ok(Err(too_large("Header section too large").with_explanation(
                    format!("got more than {} bytes of header lines", limits.max_head),
                )));
            }
            [.., b'\n'] => {
                line_start = line_end;
                count += 1;
            }
            line => {
                // The stream has ended, and so has the head.
                let (closing, count): (&[u8], usize) = match line {
                    b"" => (b"\r\n", count),
                    b"\r" => (b"\n", count),
                    [.., b'\r'] => (b"\n\r\n", count + 1),
                    _ => (b"\r\n\r\n", count + 1),
                };
                input.append(closing);
                let offset = input.unread().len();
                return Ok(Ok(FieldsEnd { offset, count }));
            }
        }
    }
}

/// Parses `count` header lines and the empty one after them.
fn parse_fields<'h>(
    fields: &'h [u8],
    count: usize,
    lines: &mut Lines<'h>,
) -> Result<(), HttpError> {
    lines.resize(count, httparse::EMPTY_HEADER);
    match httparse::parse_headers(fields, lines) {
        Ok(httparse::Status::Complete(_)) => Ok(()),
        // Unlike CPython, whose e-mail parser accepts anything: what two servers on the way of a
        // request may read in two ways is refused (RFC 9112 §5.1, §5.2).
        Ok(httparse::Status::Partial) | Err(_) => {
            Err(HttpError::new(StatusCode::BAD_REQUEST).with_message("Bad header line"))
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
        let mut source = Memory::new(bytes, step);
        let mut found = Vec::new();
        let mut head = Vec::new();
        loop {
            let mut lines = Lines::new();
            found.push(match read(&mut source, &mut head, &mut lines, &config) {
                Ok(Incoming::End) => return found,
                Ok(Incoming::Request(line)) => format!(
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
    fn limits_count_as_cpython_counts() {
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
