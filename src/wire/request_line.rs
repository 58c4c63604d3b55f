//! Request lines, parsed as CPython's `parse_request` does.

use crate::http::{
    HttpError, Latin1, Method, RequestLine, RequestTarget, StatusCode, Version, is_printable,
    is_printable_without,
};

/// Bytes that are not a request.
#[derive(Debug)]
pub(crate) struct Rejected<'h> {
    /// The line; an answer needs only its `text` and `version`.
    pub(crate) line: RequestLine<'h>,
    /// The answer.
    pub(crate) error: Box<HttpError>,
}

/// A request line that was parsed, as offsets: the bytes may move afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ParsedLine {
    /// How much of the line is text, without the line ending.
    text: usize,
    method: Span,
    target: Span,
    version: Version,
}

/// A range of bytes in a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Span {
    start: usize,
    end: usize,
}

/// Why a line is not a request.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It has no words: CPython closes the connection without an answer.
    Empty,
    /// It is answered with an error, in the version of the line.
    Answer(ParsedLine, Box<HttpError>),
}

impl Span {
    fn of(self, line: &[u8]) -> &[u8] {
        line.get(self.start..self.end).unwrap_or_default()
    }
}

impl ParsedLine {
    /// The request line that starts `head`.
    pub(super) fn in_head(self, head: &[u8]) -> RequestLine<'_> {
        RequestLine {
            text: Latin1::new(head.get(..self.text).unwrap_or_default()),
            method: Method::new(self.method.of(head)),
            target: RequestTarget::new(self.target.of(head)),
            version: self.version,
        }
    }
}

/// Parses a request line by CPython's rules.
pub(super) fn parse_line(line: &[u8]) -> Result<ParsedLine, Refusal> {
    match parse_usual(line) {
        Some(parsed) => Ok(parsed),
        None => parse_any(line),
    }
}

/// Parses what browsers and most other clients send.
fn parse_usual(line: &[u8]) -> Option<ParsedLine> {
    const METHOD: &[u8] = b"GET";
    const END: &[u8] = b" HTTP/1.1\r\n";
    let target = line.strip_prefix(b"GET ")?.strip_suffix(END)?;
    let start = METHOD.len() + 1;
    let is_word = !target.is_empty() && is_printable_without(b' ', target);
    is_word.then_some(ParsedLine {
        text: line.len() - b"\r\n".len(),
        method: Span {
            start: 0,
            end: METHOD.len(),
        },
        target: Span {
            start,
            end: start + target.len(),
        },
        version: Version::HTTP_11,
    })
}

/// Parses any line.
fn parse_any(line: &[u8]) -> Result<ParsedLine, Refusal> {
    let text = line
        .iter()
        .rposition(|byte| !b"\r\n".contains(byte))
        .map_or(0, |last| last + 1);
    let line = line.get(..text).unwrap_or_default();
    let mut words = Words {
        line,
        next: 0,
        is_printable: is_printable(line),
    };
    let (first, second, third) = (words.next(), words.next(), words.next());
    let last = words.last();
    // Until a version is read, answers are those of HTTP/0.9: a page without a head.
    let mut parsed = ParsedLine {
        text,
        method: Span::default(),
        target: Span::default(),
        version: Version::HTTP_09,
    };
    let refusal = |parsed, error| Err(Refusal::Answer(parsed, Box::new(error)));
    let bad_request = |message| HttpError::new(StatusCode::BAD_REQUEST).with_message(message);
    let Some(method) = first else {
        return Err(Refusal::Empty);
    };
    if let Some(third) = third {
        match parse_version(last.unwrap_or(third).of(line)) {
            Ok(version) => parsed.version = version,
            Err(error) => return refusal(parsed, error),
        }
    }
    match (second, third, last) {
        (Some(_), None, _) if method.of(line) != b"GET" => {
            let method = Latin1::new(method.of(line)).repr();
            let message = format!("Bad HTTP/0.9 request type ({method})");
            refusal(parsed, bad_request(message))
        }
        (Some(target), _, None) => Ok(ParsedLine {
            method,
            target,
            ..parsed
        }),
        _ => {
            let message = format!("Bad request syntax ({})", Latin1::new(line).repr());
            refusal(parsed, bad_request(message))
        }
    }
}

/// The words of a line, separated by what Python's `str.split()` treats as white space.
struct Words<'l> {
    line: &'l [u8],
    next: usize,
    /// The only white space in it is spaces.
    is_printable: bool,
}

impl Words<'_> {
    fn next_printable(&mut self, rest: &[u8]) -> Option<Span> {
        let blanks = rest.iter().take_while(|&&byte| byte == b' ').count();
        let word = rest.get(blanks..).filter(|word| !word.is_empty())?;
        let length = word.iter().take_while(|&&byte| byte != b' ').count();
        let start = self.next + blanks;
        self.next = start + length;
        Some(Span {
            start,
            end: self.next,
        })
    }
}

impl Iterator for Words<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        let rest = self.line.get(self.next..)?;
        if self.is_printable {
            return self.next_printable(rest);
        }
        let blanks = rest
            .iter()
            .position(|&byte| !Latin1::is_white_space(byte))?;
        let word = rest.get(blanks..)?;
        let length = word
            .iter()
            .position(|&byte| Latin1::is_white_space(byte))
            .unwrap_or(word.len());
        let start = self.next + blanks;
        self.next = start + length;
        Some(Span {
            start,
            end: self.next,
        })
    }
}

/// Parses the word that should name a version.
fn parse_version(word: &[u8]) -> Result<Version, HttpError> {
    match word {
        b"HTTP/1.1" => return Ok(Version::HTTP_11),
        b"HTTP/1.0" => return Ok(Version::HTTP_10),
        _ => {}
    }
    let Some((number, version)) = word
        .strip_prefix(b"HTTP/")
        .and_then(|number| Some((number, Version::parse_number(number)?)))
    else {
        let message = format!("Bad request version ({})", Latin1::new(word).repr());
        return Err(HttpError::new(StatusCode::BAD_REQUEST).with_message(message));
    };
    if version >= Version::HTTP_20 {
        let message = format!("Invalid HTTP version ({})", Latin1::new(number));
        return Err(HttpError::new(StatusCode::HTTP_VERSION_NOT_SUPPORTED).with_message(message));
    }
    // As in CPython, only the exact text `HTTP/0.9` asks for an answer without a head.
    Ok(if version == Version::HTTP_09 && number != b"0.9" {
        Version::HTTP_10
    } else {
        version
    })
}

/// A line that names neither method nor target.
pub(crate) fn no_request_line(version: Version) -> RequestLine<'static> {
    RequestLine {
        text: Latin1::new(&[]),
        method: Method::new(&[]),
        target: RequestTarget::new(&[]),
        version,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_lines_are_parsed_like_any_other() {
        for (line, is_usual) in [
            ("GET / HTTP/1.1\r\n", true),
            ("GET /a%20b?c#d HTTP/1.1\r\n", true),
            ("GET * HTTP/1.1\r\n", true),
            ("GET  HTTP/1.1\r\n", false),
            ("GET HTTP/1.1\r\n", false),
            ("GET /a b HTTP/1.1\r\n", false),
            ("GET /\t HTTP/1.1\r\n", false),
            ("GET /\u{e9} HTTP/1.1\r\n", false),
            ("GET / HTTP/1.1\n", false),
            ("GET / HTTP/1.1\r\r\n", false),
            ("get / HTTP/1.1\r\n", false),
        ] {
            let usual = parse_usual(line.as_bytes());
            assert_eq!(usual.is_some(), is_usual, "{line:?}");
            if is_usual {
                assert_eq!(usual, parse_any(line.as_bytes()).ok(), "{line:?}");
            }
        }
    }
}
