//! Reading the head of a request: the request line as CPython's `parse_request` takes it, the
//! header lines by the grammar of RFC 9112 §5.

use super::header_lines::{HeaderLines, count_lines};
use super::request_line::{ParsedLine, Refusal, Rejected, no_request_line, parse_line};
use super::{Input, Phase, Source};
use crate::config::Config;
use crate::http::blocks::BLOCK;
use crate::http::{HttpError, RequestLine, StatusCode, Version};
use std::io;

/// A head that has arrived: all of it, or as much as it takes to refuse it.
pub(crate) struct ReceivedHead {
    /// `None` if the request line is too long.
    line: Option<ParsedLine>,
    line_end: usize,
    /// The header lines, and the empty one after them, are complete before this offset; the parser
    /// finds where.
    fields_end: Result<usize, Box<HttpError>>,
}

/// Receives the next head; `None` at the end of the connection, and after an empty line, which
/// CPython treats the same.
///
/// As in CPython, the request line is judged before waiting for anything after it, and the end of
/// the stream ends a head as an empty line does.
pub(crate) fn receive_head(
    source: &mut impl Source,
    limits: &Config,
) -> io::Result<Option<ReceivedHead>> {
    source.input().shrink();
    let Some(line_end) = fill_line(source, 0, limits.max_request_line)? else {
        return Ok(Some(ReceivedHead {
            line: None,
            line_end: source.input().unread().len(),
            fields_end: Err(HttpError::new(StatusCode::URI_TOO_LONG).into()),
        }));
    };
    let line = source.input().unread().get(..line_end).unwrap_or_default();
    let (line, fields_end) = match parse_line(line) {
        Ok(line) => (line, fill_fields(source, line_end, limits)?),
        Err(Refusal::Empty) => {
            source.input().consume(line_end);
            return Ok(None);
        }
        Err(Refusal::Answer(line, error)) => (line, Err(error)),
    };
    Ok(Some(ReceivedHead {
        line: Some(line),
        line_end,
        fields_end,
    }))
}

impl ReceivedHead {
    /// Moves the head from `input` to `head`, and parses its header lines into `lines`.
    pub(crate) fn parse<'h>(
        self,
        input: &mut Input,
        head: &'h mut Vec<u8>,
        lines: &mut HeaderLines<'h>,
        limits: &Config,
    ) -> Result<RequestLine<'h>, Rejected<'h>> {
        let Self {
            line,
            line_end,
            fields_end,
        } = self;
        let arrived = *fields_end.as_ref().unwrap_or(&line_end);
        head.clear();
        head.extend_from_slice(input.unread().get(..arrived).unwrap_or_default());
        // The last line, too, is looked at in whole blocks.
        head.extend_from_slice(&[0; BLOCK]);
        let line = match line {
            Some(line) => line.in_head(head),
            None => no_request_line(Version::HTTP_10),
        };
        let fields = head.get(line_end..).unwrap_or_default();
        let parsed = match fields_end.and_then(|_| parse_fields(fields, lines, limits)) {
            Ok(end) => {
                input.consume(line_end + end);
                Ok(line)
            }
            Err(error) => {
                input.consume(arrived);
                Err(Rejected { line, error })
            }
        };
        // A large head is not kept twice while it is answered.
        input.shrink();
        parsed
    }
}

/// Reads the next head into `head`, and its header lines into `lines`; `None` where there is none.
pub(crate) fn read<'h>(
    source: &mut impl Source,
    head: &'h mut Vec<u8>,
    lines: &mut HeaderLines<'h>,
    limits: &Config,
) -> io::Result<Option<Result<RequestLine<'h>, Rejected<'h>>>> {
    let received = receive_head(source, limits)?;
    Ok(received.map(|received| received.parse(source.input(), head, lines, limits)))
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
) -> io::Result<Result<usize, Box<HttpError>>> {
    let arrived = source.input().unread().get(start..).unwrap_or_default();
    // This is how a head usually arrives, and it is too short for any limit but that of their
    // number.
    if arrived.ends_with(b"\r\n\r\n")
        && arrived.len() <= limits.max_header_line.min(limits.max_head)
    {
        return Ok(Ok(start + arrived.len()));
    }
    let mut line_start = start;
    let mut count = 0;
    loop {
        let Some(line_end) = fill_line(source, line_start, limits.max_header_line)? else {
            let explanation = format!(
                "got more than {} bytes when reading header line",
                limits.max_header_line
            );
            return Ok(Err(too_large("Line too long", explanation).into()));
        };
        if count >= limits.max_header_lines {
            return Ok(Err(too_many(limits).into()));
        }
        let input = source.input();
        match input.unread().get(line_start..line_end).unwrap_or_default() {
            b"\r\n" | b"\n" => return Ok(Ok(line_end)),
            [.., b'\n'] if line_end - start > limits.max_head => {
                let explanation =
                    format!("got more than {} bytes of header lines", limits.max_head);
                return Ok(Err(
                    too_large("Header section too large", explanation).into()
                ));
            }
            [.., b'\n'] => {
                line_start = line_end;
                count += 1;
            }
            line => {
                // The stream has ended, and so has the head. What CPython reads there is a line.
                if !line.is_empty() && count + 1 >= limits.max_header_lines {
                    return Ok(Err(too_many(limits).into()));
                }
                let closing: &[u8] = match line {
                    b"" => b"\r\n",
                    b"\r" => b"\n",
                    [.., b'\r'] => b"\n\r\n",
                    _ => b"\r\n\r\n",
                };
                input.append(closing)?;
                return Ok(Ok(input.unread().len()));
            }
        }
    }
}

/// Parses header lines up to the empty one, which is there, and returns where that ends.
fn parse_fields<'h>(
    fields: &'h [u8],
    lines: &mut HeaderLines<'h>,
    limits: &Config,
) -> Result<usize, Box<HttpError>> {
    match lines.parse(fields, limits.max_header_lines) {
        Some(end) if lines.len() < limits.max_header_lines => Ok(end),
        // Their number is judged first.
        _ if count_lines(fields) >= limits.max_header_lines => Err(too_many(limits).into()),
        _ => Err(bad_line().into()),
    }
}

/// Unlike CPython, whose e-mail parser accepts anything: what two servers on the way of a request
/// may read in two ways is refused (RFC 9112 §5.1, §5.2).
fn bad_line() -> HttpError {
    HttpError::new(StatusCode::BAD_REQUEST).with_message("Bad header line")
}

fn too_many(limits: &Config) -> HttpError {
    let explanation = format!("got more than {} headers", limits.max_header_lines);
    too_large("Too many headers", explanation)
}

fn too_large(message: &'static str, explanation: String) -> HttpError {
    HttpError::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
        .with_message(message)
        .with_explanation(explanation)
}

#[cfg(test)]
mod tests {
    use super::super::Memory;
    use super::*;

    /// What is read from `bytes`, arriving `step` at a time, in a few words.
    fn read_all(bytes: &[u8], step: usize) -> Vec<String> {
        let config = Config::default();
        let mut source = Memory::new(bytes, step);
        let mut found = Vec::new();
        let mut head = Vec::new();
        loop {
            let mut lines = HeaderLines::new();
            found.push(match read(&mut source, &mut head, &mut lines, &config) {
                Ok(None) => return found,
                Ok(Some(Ok(line))) => format!(
                    "{} {} {} {}",
                    line.method,
                    line.target.as_text(),
                    line.version,
                    lines
                        .fields()
                        .iter()
                        .map(|(name, value)| format!("{name}={}", value.escape_ascii()))
                        .collect::<Vec<_>>()
                        .join(",")
                ),
                Ok(Some(Err(Rejected { line, error }))) => {
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
    fn no_limit_takes_no_more_memory_than_the_lines() {
        let limits = Config {
            max_header_lines: usize::MAX,
            ..Config::default()
        };
        let head = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(300));
        let mut source = Memory::new(head.as_bytes(), head.len());
        let (mut bytes, mut lines) = (Vec::new(), HeaderLines::new());
        let read = read(&mut source, &mut bytes, &mut lines, &limits);
        assert!(matches!(read, Ok(Some(Ok(_)))));
        assert_eq!(lines.len(), 300);
        // The head is not in the input, too.
        assert_eq!(source.input().memory(), 0);
    }

    #[test]
    fn limits_count_as_cpython_counts() {
        let with_lines = |count| format!("GET / HTTP/1.0\r\n{}\r\n", "A: b\r\n".repeat(count));
        assert!(read_all(with_lines(99).as_bytes(), 4096)[0].starts_with("GET /"));
        assert_eq!(
            read_all(with_lines(100).as_bytes(), 4096)[0],
            "HTTP/1.0 code 431, message Too many headers"
        );

        // The end of the stream is no line, but what has no end of its own before it is one.
        for (count, rest, is_read) in [
            (98, "A: b", true),
            (98, "A: b\r", true),
            (98, "\r", true),
            (99, "", true),
            (99, "A: b", false),
            (99, "A: b\r", false),
            (99, "\r", false),
            (100, "", false),
        ] {
            let head = format!("GET / HTTP/1.0\r\n{}{rest}", "A: b\r\n".repeat(count));
            for step in [1, 4096] {
                let found = &read_all(head.as_bytes(), step)[0];
                assert_eq!(
                    found.starts_with("GET /"),
                    is_read,
                    "{count} {rest:?}: {found}"
                );
            }
        }

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
