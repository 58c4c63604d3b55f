//! Header fields (RFC 9110 §5): values and the ordered list of fields in a response.

use super::date::HttpDate;
use super::{HeaderName, header, push_decimal};
use smallvec::SmallVec;
use std::fmt;
use std::io::Write;

/// A field value: no control characters except tab, so it can never end its line.
///
/// ```
/// use rhttp::http::HeaderValue;
///
/// // Text from outside cannot add a line.
/// assert_eq!(HeaderValue::new("a\r\nSet-Cookie: b"), None);
/// assert_eq!(HeaderValue::from_bytes(b"\0"), None);
/// // Latin-1, as CPython writes it.
/// let value = HeaderValue::new("caf\u{e9}").expect("Latin-1 has it");
/// assert_eq!(value.as_bytes(), b"caf\xe9");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderValue(SmallVec<[u8; 64]>);

impl HeaderValue {
    /// The value made of these bytes, or `None` if one of them is a control character.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes
            .iter()
            .all(|&byte| is_value_byte(byte))
            .then(|| Self(SmallVec::from_slice(bytes)))
    }

    /// The value that spells `text` in Latin-1, as CPython encodes header lines, or `None` if it
    /// has a control character or one beyond U+00FF.
    pub fn new(text: &str) -> Option<Self> {
        text.chars()
            .map(value_byte)
            .collect::<Option<_>>()
            .map(Self)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<u64> for HeaderValue {
    fn from(number: u64) -> Self {
        let mut bytes = SmallVec::new();
        push_decimal(&mut bytes, number);
        Self(bytes)
    }
}

impl From<HttpDate> for HeaderValue {
    fn from(date: HttpDate) -> Self {
        Self(SmallVec::from_slice(&date.to_text()))
    }
}

impl HeaderValue {
    /// A value from bytes known to be printable ASCII.
    pub(crate) fn printable(bytes: SmallVec<[u8; 64]>) -> Self {
        Self(bytes)
    }

    /// A value from something known to display as printable ASCII.
    pub(crate) fn displayed(value: impl fmt::Display) -> Self {
        let mut bytes = SmallVec::new();
        // Writing to memory cannot fail.
        let _ = write!(bytes, "{value}");
        Self(bytes)
    }
}

impl From<&str> for HeaderValue {
    /// The value that spells `text` in Latin-1; control characters and characters that Latin-1
    /// lacks become `?`. Where that should be an error, use [`HeaderValue::new`].
    fn from(text: &str) -> Self {
        if text
            .bytes()
            .all(|byte| byte.is_ascii() && is_value_byte(byte))
        {
            return Self(SmallVec::from_slice(text.as_bytes()));
        }
        Self(
            text.chars()
                .map(|character| value_byte(character).unwrap_or(b'?'))
                .collect(),
        )
    }
}

impl fmt::Debug for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// Capacity to begin with: enough for the fields of all features.
const USUAL: usize = 448;

/// The header fields of a response: in order, letter case kept, names may repeat.
///
/// They are stored in wire format, `Name: value` and CRLF, so appending is copying, and so is
/// sending. A file's own fields are made with its representation, so a response with a file usually
/// has none of its own, which take no memory. Because only valid names and values get in, every line
/// stays one line.
///
/// ```
/// use rhttp::http::{HeaderName, Headers, header};
///
/// const SET_COOKIE: HeaderName<'static> = HeaderName::from_static("Set-Cookie");
///
/// let mut headers = Headers::new();
/// headers.append(header::CONTENT_TYPE, "text/plain");
/// headers.append(SET_COOKIE, "a=1");
/// headers.append(SET_COOKIE, "b=2");
/// assert_eq!(headers.get_all(SET_COOKIE).count(), 2);
///
/// headers.set(header::CONTENT_TYPE, "text/html");
/// assert_eq!(headers.get(header::CONTENT_TYPE), Some(b"text/html".as_slice()));
///
/// headers.remove(SET_COOKIE);
/// assert!(!headers.contains(SET_COOKIE));
///
/// let mut all = Headers::new();
/// assert!(all.is_empty());
/// all.extend(&headers);
/// let names: Vec<_> = all.iter().map(|(name, _)| name.as_str()).collect();
/// assert_eq!(names, ["Content-Type"]);
/// ```
#[derive(Clone, Default)]
#[doc(alias = "send_header")]
pub struct Headers {
    lines: Vec<u8>,
    /// The [marks](HeaderName::mark) of all names combined: most fields that are looked up are
    /// absent.
    marks: u64,
}

impl Headers {
    /// No fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field after the others, as CPython's `send_header` does.
    pub fn append(&mut self, name: HeaderName<'_>, value: impl Into<HeaderValue>) {
        self.append_bytes(name, value.into().as_bytes());
    }

    /// Adds a field taken from other headers.
    pub(crate) fn extend_with(&mut self, name: HeaderName<'_>, value: &[u8]) {
        self.append_bytes(name, value);
    }

    /// Adds a field whose value is known to be valid.
    fn append_bytes(&mut self, name: HeaderName<'_>, value: &[u8]) {
        self.marks |= name.mark();
        self.reserve(name.as_str().len() + value.len() + b": \r\n".len());
        self.lines.extend_from_slice(name.as_str().as_bytes());
        self.lines.extend_from_slice(b": ");
        self.lines.extend_from_slice(value);
        self.lines.extend_from_slice(b"\r\n");
    }

    /// Makes room for this many bytes. Memory is allocated once for all fields that handlers may
    /// add.
    fn reserve(&mut self, bytes: usize) {
        if self.lines.capacity() - self.lines.len() < bytes {
            self.lines.reserve(bytes.max(USUAL));
        }
    }

    /// Adds all of `others` after these.
    pub fn extend(&mut self, others: &Headers) {
        self.marks |= others.marks;
        self.reserve(others.lines.len());
        self.lines.extend_from_slice(&others.lines);
    }

    /// Gives the field `name` this value and no other: in place of the first one, keeping its
    /// spelling, or after the others if there is none.
    pub fn set(&mut self, name: HeaderName<'_>, value: impl Into<HeaderValue>) {
        if !self.contains(name) {
            return self.append(name, value);
        }
        let value = value.into();
        let old = std::mem::take(self);
        self.marks = old.marks;
        let mut is_set = false;
        for line in old.lines() {
            if !is_field(line, name) {
                self.lines.extend_from_slice(line);
            } else if !is_set {
                is_set = true;
                let start = name.as_str().len() + b": ".len();
                self.lines
                    .extend_from_slice(line.get(..start).unwrap_or_default());
                self.lines.extend_from_slice(value.as_bytes());
                self.lines.extend_from_slice(b"\r\n");
            }
        }
    }

    /// Gives each of `others`, whose names must differ, its value and no other: in place of the
    /// first one, or after the others.
    pub(crate) fn set_all(&mut self, others: &Headers) {
        if self.may_contain(others.marks) {
            for (name, value) in others.iter() {
                self.set(name, HeaderValue(SmallVec::from_slice(value)));
            }
        } else {
            self.extend(others);
        }
    }

    /// Says that the response depends on the request's field `name` (RFC 9110 §12.5.5), in addition
    /// to the fields already listed.
    ///
    /// ```
    /// use rhttp::http::{Headers, header};
    ///
    /// let mut headers = Headers::new();
    /// headers.vary_by(header::ORIGIN);
    /// headers.vary_by(header::ACCEPT);
    /// headers.vary_by(header::ORIGIN);
    /// assert_eq!(headers.get(header::VARY), Some(b"Origin, Accept".as_slice()));
    /// ```
    pub fn vary_by(&mut self, name: HeaderName<'_>) {
        let mut all = SmallVec::<[u8; 64]>::new();
        let members = self.get_all(header::VARY).flat_map(super::members);
        for member in members {
            if member == b"*" || member.eq_ignore_ascii_case(name.as_str().as_bytes()) {
                return;
            }
            all.extend_from_slice(member);
            all.extend_from_slice(b", ");
        }
        all.extend_from_slice(name.as_str().as_bytes());
        self.set(header::VARY, HeaderValue(all));
    }

    /// Removes every field `name`.
    pub fn remove(&mut self, name: HeaderName<'_>) {
        if self.contains(name) {
            let old = std::mem::take(self);
            // Another name may share the bit.
            self.marks = old.marks;
            for line in old.lines().filter(|line| !is_field(line, name)) {
                self.lines.extend_from_slice(line);
            }
        }
    }

    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (HeaderName<'_>, &[u8])> {
        self.lines().filter_map(|line| {
            let colon = memchr::memchr(b':', line)?;
            // Only tokens get in.
            let name = HeaderName::of_token(std::str::from_utf8(line.get(..colon)?).ok()?);
            Some((name, value_of(line, name)))
        })
    }

    /// The first value of the field `name`.
    pub fn get(&self, name: HeaderName<'_>) -> Option<&[u8]> {
        if !self.may_contain(name.mark()) {
            return None;
        }
        self.lines()
            .find(|line| is_field(line, name))
            .map(|line| value_of(line, name))
    }

    /// Every value of the field `name`.
    pub fn get_all<'a>(&'a self, name: HeaderName<'a>) -> impl Iterator<Item = &'a [u8]> {
        let may_be_there = self.may_contain(name.mark());
        lines_of(if may_be_there { &self.lines } else { &[] })
            .filter(move |line| is_field(line, name))
            .map(move |line| value_of(line, name))
    }

    /// Whether there is a field `name`.
    pub fn contains(&self, name: HeaderName<'_>) -> bool {
        self.get(name).is_some()
    }

    /// The [marks](HeaderName::mark) of all names combined.
    pub(crate) fn marks(&self) -> u64 {
        self.marks
    }

    /// Whether there may be a field with one of these [marks](HeaderName::mark): false only if
    /// there is none.
    pub(crate) fn may_contain(&self, marks: u64) -> bool {
        self.marks & marks != 0
    }

    /// All lines, as they go on the wire.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.lines
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The lines as they go on the wire, each with its CRLF.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        lines_of(&self.lines)
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.lines == other.lines
    }
}

impl Eq for Headers {}

fn lines_of(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', rest)? + 1;
        let line;
        (line, rest) = rest.split_at_checked(end)?;
        Some(line)
    })
}

/// Whether a line of [`Headers`] is a field called `name`.
pub(crate) fn is_field(line: &[u8], name: HeaderName<'_>) -> bool {
    let name = name.as_str().as_bytes();
    line.get(name.len()) == Some(&b':')
        && line
            .get(..name.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(name))
}

/// The value in a line of [`Headers`] that is a field called `name`.
fn value_of<'a>(line: &'a [u8], name: HeaderName<'_>) -> &'a [u8] {
    let value = name.as_str().len() + b": ".len();
    let end = line.len().saturating_sub(b"\r\n".len());
    line.get(value..end).unwrap_or_default()
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self
            .iter()
            .map(|(name, value)| (name.as_str(), value.escape_ascii().to_string()));
        f.debug_map().entries(fields).finish()
    }
}

/// The byte that spells `character` in a value, if there is one.
fn value_byte(character: char) -> Option<u8> {
    u8::try_from(character)
        .ok()
        .filter(|&byte| is_value_byte(byte))
}

/// RFC 9110 §5.5: visible characters, space, tab, and bytes beyond ASCII.
const fn is_value_byte(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_end_its_line() {
        for bad in ["a\r\nb", "a\nb", "a\0b", "\x7f", "\x1b[31m"] {
            assert_eq!(HeaderValue::new(bad), None, "{bad:?}");
            assert_eq!(HeaderValue::from_bytes(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(HeaderValue::from("a\r\nb\u{20ac}").as_bytes(), b"a??b?");
        assert_eq!(
            HeaderValue::new("caf\u{e9}\t").map(|value| value.as_bytes().to_vec()),
            Some(b"caf\xe9\t".to_vec())
        );
    }

    #[test]
    fn fields_keep_their_order_case_and_number() {
        let mut headers = Headers::new();
        headers.append(HeaderName::from_static("Content-type"), "text/plain");
        headers.append(HeaderName::from_static("Set-Cookie"), "a=1");
        headers.append(HeaderName::from_static("Set-Cookie"), "b: 2");
        headers.append(header::CONTENT_LENGTH, 12);
        let lines: Vec<_> = headers.lines().collect();
        assert_eq!(lines.concat(), b"Content-type: text/plain\r\nSet-Cookie: a=1\r\nSet-Cookie: b: 2\r\nContent-Length: 12\r\n");
        assert_eq!(
            headers.get(HeaderName::from_static("set-cookie")),
            Some(b"a=1".as_slice())
        );
        assert_eq!(
            headers.iter().last().map(|(_, value)| value),
            Some(b"12".as_slice())
        );
        assert!(!headers.contains(header::LOCATION));

        headers.set(header::CONTENT_TYPE, "text/html");
        headers.set(HeaderName::from_static("Set-Cookie"), "c=3");
        headers.set(header::LOCATION, "/");
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::ETAG);
        let lines: Vec<_> = headers.lines().collect();
        assert_eq!(
            lines.concat(),
            b"Content-type: text/html\r\nSet-Cookie: c=3\r\nLocation: /\r\n"
        );
    }
}
