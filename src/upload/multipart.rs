//! A form with files in it: `multipart/form-data` (RFC 7578, RFC 2046 §5.1), read in constant
//! memory.

use memchr::memmem::Finder;
use std::io::{self, Read};

/// The size of the buffer in bytes.
const BUFFER: usize = 64 * 1024;
/// The maximum length of the head of a part.
const MOST_HEAD: usize = 16 * 1024;
/// The maximum length of a boundary (RFC 2046 §5.1.1).
const MOST_BOUNDARY: usize = 70;

/// The parts of a form, one after the other, and the content of each.
#[derive(Debug)]
pub(crate) struct Multipart<R> {
    source: R,
    /// The delimiter before each part, and after the last.
    delimiter: Finder<'static>,
    buffer: Vec<u8>,
    /// The bounds of the received but unused part of the buffer.
    start: usize,
    end: usize,
    place: Place,
    /// Whether the first delimiter has been seen.
    has_begun: bool,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The content of a part, or the preamble, which has no meaning.
    Content,
    /// The head of a part.
    Head,
    /// The epilogue, which has no meaning.
    End,
}

/// What the head of a part says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// The file name; `None` if the part is not a file.
    pub(crate) file_name: Option<Vec<u8>>,
}

/// The boundary in a `Content-Type`, if that is the type of a form with files.
pub(crate) fn boundary(content_type: &[u8]) -> Option<Vec<u8>> {
    let mut parameters = Parameters::after(content_type, b"multipart/form-data")?;
    let mut found = None;
    while let Some((name, value)) = parameters.next()? {
        if name.eq_ignore_ascii_case(b"boundary") && found.replace(value).is_some() {
            return None;
        }
    }
    found.filter(|boundary| {
        let is_printable = |byte: &u8| matches!(byte, b' '..=b'~');
        (1..=MOST_BOUNDARY).contains(&boundary.len())
            && boundary.iter().all(is_printable)
            && !boundary.ends_with(b" ")
    })
}

impl<R: Read> Multipart<R> {
    /// Reads a form whose parts are separated by `boundary`.
    pub(crate) fn new(source: R, boundary: &[u8]) -> Self {
        let delimiter = [b"\r\n--", boundary].concat();
        // The first delimiter may be at the very beginning.
        let mut buffer = b"\r\n".to_vec();
        buffer.resize(BUFFER, 0);
        Self {
            source,
            delimiter: Finder::new(&delimiter).into_owned(),
            buffer,
            start: 0,
            end: 2,
            place: Place::Content,
            has_begun: false,
        }
    }

    /// The next part; any unread content of the previous one is skipped.
    ///
    /// # Errors
    /// It is not a form, or is truncated.
    pub(crate) fn next_part(&mut self) -> io::Result<Option<Part>> {
        let mut skipped = 0;
        while self.place == Place::Content {
            skipped += self.chunk()?.map_or(0, <[u8]>::len);
            // No legitimate client sends a preamble this long.
            if !self.has_begun && skipped > BUFFER {
                return Err(malformed("a form does not begin"));
            }
        }
        self.has_begun = true;
        if self.place == Place::End {
            return Ok(None);
        }
        let part = self.take_head()?;
        self.place = Place::Content;
        Ok(Some(part))
    }

    /// More of the content of this part; `None` at its end.
    ///
    /// # Errors
    /// The form is truncated.
    pub(crate) fn chunk(&mut self) -> io::Result<Option<&[u8]>> {
        if self.place != Place::Content {
            return Ok(None);
        }
        loop {
            let delimiter = self.delimiter.needle().len();
            let length = match self.delimiter.find(self.unused()) {
                Some(0) => {
                    self.start += delimiter;
                    // Only the rest of its line makes it a delimiter: otherwise the content is not
                    // complete.
                    self.place = self.take_line_end()?;
                    return Ok(None);
                }
                Some(length) => length,
                // The end of the buffer may be the beginning of a delimiter.
                None => self.unused().len().saturating_sub(delimiter - 1),
            };
            if length > 0 {
                let chunk = self.start..self.start + length;
                self.start = chunk.end;
                return Ok(self.buffer.get(chunk));
            }
            self.fill()?;
        }
    }

    fn unused(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Receives more.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        // Everything searched for is much shorter than the buffer, so there is room.
        match self.source.read(room) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.end += count;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Consumes what may follow a delimiter on its line, and returns what comes next.
    fn take_line_end(&mut self) -> io::Result<Place> {
        loop {
            match self.unused() {
                [b'-', b'-', ..] => return Ok(Place::End),
                [b'\r', b'\n', ..] => {
                    self.start += 2;
                    return Ok(Place::Head);
                }
                // White space that gateways may have added.
                [b' ' | b'\t', ..] => self.start += 1,
                [] | [b'-' | b'\r'] => self.fill()?,
                _ => return Err(malformed("a boundary is not alone on its line")),
            }
        }
    }

    /// Consumes the head of a part, up to its empty line.
    fn take_head(&mut self) -> io::Result<Part> {
        let end = loop {
            let unused = self.unused();
            if unused.starts_with(b"\r\n") {
                break 0;
            }
            let head = unused.get(..MOST_HEAD).unwrap_or(unused);
            if let Some(end) = memchr::memmem::find(head, b"\r\n\r\n") {
                break end + 2;
            }
            if unused.len() >= MOST_HEAD {
                return Err(malformed("the head of a part is too long"));
            }
            self.fill()?;
        };
        let head = self.unused().get(..end).unwrap_or_default();
        let part = read_head(head).ok_or_else(|| malformed("the head of a part is malformed"))?;
        self.start += end + 2;
        Ok(part)
    }
}

fn malformed(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Reads the lines of a head, each with its end.
fn read_head(head: &[u8]) -> Option<Part> {
    const NAME: &[u8] = b"content-disposition:";
    let mut disposition = None;
    for line in head.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some((name, value)) = line.split_at_checked(NAME.len()) else {
            continue;
        };
        if name.eq_ignore_ascii_case(NAME) && disposition.replace(value).is_some() {
            return None;
        }
    }
    let mut parameters = Parameters::after(disposition?, b"form-data")?;
    let mut part = Part::default();
    while let Some((name, value)) = parameters.next()? {
        // `filename*` must not be used in forms (RFC 7578 §4.2).
        if name.eq_ignore_ascii_case(b"filename") && part.file_name.replace(value).is_some() {
            return None;
        }
    }
    Some(part)
}

/// The parameters of a field's value: `; name=value` or `; name="value"`.
struct Parameters<'a>(&'a [u8]);

impl<'a> Parameters<'a> {
    /// The parameters after `kind`, which is compared case-insensitively.
    fn after(value: &'a [u8], kind: &[u8]) -> Option<Self> {
        let value = value.trim_ascii();
        let (start, rest) = value.split_at_checked(kind.len())?;
        let is_end = matches!(rest.trim_ascii_start(), [] | [b';', ..]);
        (start.eq_ignore_ascii_case(kind) && is_end).then_some(Self(rest))
    }

    /// The next parameter. `Some(None)` is the end, `None` a malformed parameter.
    #[expect(clippy::option_option, reason = "malformed is not the end")]
    fn next(&mut self) -> Option<Option<(&'a [u8], Vec<u8>)>> {
        let mut rest = self.0.trim_ascii_start();
        while let [b';', tail @ ..] = rest {
            rest = tail.trim_ascii_start();
        }
        if rest.is_empty() {
            return Some(None);
        }
        let (name, value) = rest.split_at_checked(memchr::memchr(b'=', rest)?)?;
        let value = value.get(1..)?;
        let (value, rest) = if let [b'"', quoted @ ..] = value {
            unquote(quoted)?
        } else {
            let end = memchr::memchr(b';', value).unwrap_or(value.len());
            let (token, rest) = value.split_at_checked(end)?;
            (token.trim_ascii().to_vec(), rest)
        };
        self.0 = rest;
        let is_end = matches!(rest.trim_ascii_start(), [] | [b';', ..]);
        is_end.then_some(Some((name.trim_ascii(), value)))
    }
}

/// The text up to the next quote, and what follows it. Only a quote and a backslash may be escaped
/// by a backslash: a Windows path stays what it is.
fn unquote(quoted: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut text = Vec::new();
    let mut rest = quoted;
    loop {
        match rest {
            [b'"', tail @ ..] => return Some((text, tail)),
            [b'\\', byte @ (b'"' | b'\\'), tail @ ..] | [byte, tail @ ..] => {
                text.push(*byte);
                rest = tail;
            }
            [] => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_is_read_from_the_type() {
        for (value, expected) in [
            ("multipart/form-data; boundary=abc", Some("abc")),
            ("Multipart/Form-Data;Boundary=\"a b\"", Some("a b")),
            ("multipart/form-data; charset=x; boundary=a'b", Some("a'b")),
            ("multipart/form-data", None),
            ("multipart/form-data; boundary=", None),
            ("multipart/form-data; boundary=\"a", None),
            ("multipart/form-data; boundary=a; boundary=b", None),
            ("multipart/form-datax; boundary=a", None),
            ("multipart/mixed; boundary=a", None),
            ("text/plain", None),
        ] {
            let found = boundary(value.as_bytes());
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{value}");
        }
        let long = |length| format!("multipart/form-data; boundary={}", "x".repeat(length));
        assert!(boundary(long(70).as_bytes()).is_some());
        assert!(boundary(long(71).as_bytes()).is_none());
    }

    #[test]
    fn a_head_says_what_the_file_is_called() {
        let name = |line: &str| {
            let part = read_head(format!("{line}\r\n").as_bytes());
            part.map(|part| {
                part.file_name
                    .map(|name| String::from_utf8_lossy(&name).into_owned())
            })
        };
        let named = |text: &str| Some(Some(text.to_owned()));
        for (line, expected) in [
            (
                "Content-Disposition: form-data; name=\"a\"; filename=\"b\"",
                named("b"),
            ),
            ("content-disposition:form-data;filename=b", named("b")),
            (
                "X: y\r\nContent-Disposition: form-data; filename=\"a;b=c\"",
                named("a;b=c"),
            ),
            (
                "Content-Disposition: form-data; filename=\"a\\\"b\\\\c\"",
                named("a\"b\\c"),
            ),
            (
                "Content-Disposition: form-data; filename=\"C:\\dir\\f\"",
                named("C:\\dir\\f"),
            ),
            ("Content-Disposition: form-data; filename=\"\"", named("")),
            (
                "Content-Disposition: form-data; filename*=UTF-8''x",
                Some(None),
            ),
            ("Content-Disposition: form-data; name=a", Some(None)),
            ("Content-Disposition: form-data; filename=\"a", None),
            (
                "Content-Disposition: form-data; filename=a; filename=b",
                None,
            ),
            ("Content-Disposition: form-data; filename=\"a\" b", None),
            ("Content-Disposition: attachment; filename=a", None),
            (
                "Content-Disposition: form-data\r\nContent-Disposition: form-data",
                None,
            ),
            ("X: y", None),
        ] {
            assert_eq!(name(line), expected, "{line}");
        }
    }
}
