//! Text from the network: Latin-1 as received, and how CPython quotes it.
//!
//! CPython's server decodes the request line as ISO 8859-1, in which every byte is a character.
//! Keeping the bytes and interpreting them that way only on display costs nothing and loses
//! nothing.

use super::blocks::{all, one_of, printable};
use std::fmt::{self, Write};

/// Bytes from the network, read as ISO 8859-1.
///
/// `Display` writes them as UTF-8. Nothing is escaped: the access log escapes every line it writes,
/// and [`Latin1::repr`] does so for messages.
///
/// ```
/// use rhttp::http::{Latin1, Repr};
///
/// let text = Latin1::new(b"GET /caf\xe9 HTTP/1.1");
/// assert_eq!(text.as_bytes().len(), text.chars().count());
/// assert_eq!(text.words().next(), Some(Latin1::new(b"GET")));
/// assert_eq!(text.to_string(), "GET /caf\u{e9} HTTP/1.1");
///
/// // In a message, as CPython writes it: nothing in it can move a terminal's cursor.
/// let quoted: Repr<'_> = Latin1::new(b"\x1b[2J").repr();
/// assert_eq!(quoted.to_string(), r"'\x1b[2J'");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Latin1<'a>(&'a [u8]);

impl<'a> Latin1<'a> {
    /// Reads `bytes` as Latin-1.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes as they were received.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The characters, one for each byte.
    pub fn chars(self) -> impl Iterator<Item = char> + Clone + 'a {
        self.0.iter().map(|&byte| char::from(byte))
    }

    /// The words between white space, as Python's `str.split()` finds them in a Latin-1 string.
    pub fn words(self) -> impl Iterator<Item = Latin1<'a>> {
        self.0
            .split(|&byte| Self::is_white_space(byte))
            .filter(|word| !word.is_empty())
            .map(Latin1)
    }

    /// Whether Python's `str.split()` takes this Latin-1 character for white space.
    pub(crate) const fn is_white_space(byte: u8) -> bool {
        // Nearly all characters are visible.
        !matches!(byte, b'!'..=b'~')
            && matches!(byte, b'\t'..=b'\r' | 0x1c..=0x1f | b' ' | 0x85 | 0xa0)
    }

    /// The text as Python's `repr()` shows it: quoted, with escapes for what is not printable.
    pub const fn repr(self) -> Repr<'a> {
        Repr(self)
    }
}

impl fmt::Display for Latin1<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nearly always ASCII, which is the same text in both encodings.
        match self.0.is_ascii().then(|| std::str::from_utf8(self.0)) {
            Some(Ok(text)) => f.write_str(text),
            _ => self
                .chars()
                .try_for_each(|character| f.write_char(character)),
        }
    }
}

/// Displays text as Python's `repr()` does; made by [`Latin1::repr`].
#[derive(Clone, Copy, Debug)]
pub struct Repr<'a>(Latin1<'a>);

impl fmt::Display for Repr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_repr(f, self.0.chars())
    }
}

/// Decoded text as Python's `repr()` shows it; characters that Latin-1 lacks are escaped as
/// Python's `ascii()` does, because a status line cannot hold them.
pub(crate) fn repr_of(text: &str) -> String {
    let mut repr = String::with_capacity(text.len() + 2);
    // Writing to memory cannot fail.
    let _ = write_repr(&mut repr, text.chars());
    repr
}

/// Whether all of `text` is visible ASCII or spaces.
pub(crate) fn is_printable(text: &[u8]) -> bool {
    // No byte is both this and printable.
    is_printable_without(0, text)
}

/// The same, and also contains no `mark`.
pub(crate) fn is_printable_without(mark: u8, text: &[u8]) -> bool {
    all(text, |block| printable(block) & !one_of([mark], block))
}

/// Whether all of `text` is visible ASCII or spaces, and nothing in it needs an escape between quotes.
/// Nearly all text is so.
pub(crate) fn is_printable_in_quotes(text: &[u8]) -> bool {
    all(text, |block| printable(block) & !one_of(*b"\"\\", block))
}

fn write_repr(out: &mut impl Write, characters: impl Iterator<Item = char> + Clone) -> fmt::Result {
    let has = |wanted| characters.clone().any(|character| character == wanted);
    let quote = if has('\'') && !has('"') { '"' } else { '\'' };
    out.write_char(quote)?;
    for character in characters {
        match character {
            '\t' => out.write_str("\\t")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\\' => out.write_str("\\\\")?,
            _ if character == quote => write!(out, "\\{character}")?,
            // What Python considers printable in this range: everything except controls, NBSP and
            // the soft hyphen.
            ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{ff}' => out.write_char(character)?,
            '\0'..='\u{ff}' => write!(out, "\\x{:02x}", u32::from(character))?,
            '\u{100}'..='\u{ffff}' => write!(out, "\\u{:04x}", u32::from(character))?,
            _ => write!(out, "\\U{:08x}", u32::from(character))?,
        }
    }
    out.write_char(quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_text_is_found_at_any_place() {
        for length in 1..20 {
            for place in 0..length {
                for byte in 0..=255 {
                    let mut text = vec![b'~'; length];
                    text[place] = byte;
                    let expected = (b' '..0x7f).contains(&byte);
                    assert_eq!(
                        is_printable(&text),
                        expected,
                        "{byte} at {place} of {length}"
                    );
                }
            }
        }
        assert!(is_printable(b""));
    }

    #[test]
    fn displays_every_byte_as_its_latin_1_character() {
        assert_eq!(
            Latin1::new(b"GET /\xe9\xc3\xa9").to_string(),
            "GET /\u{e9}\u{c3}\u{a9}"
        );
    }

    #[test]
    fn splits_words_where_python_does() {
        let words: Vec<_> = Latin1::new(b" GET\x0b\x1c/a\x85\xa0HTTP/1.0 \r\n")
            .words()
            .collect();
        assert_eq!(
            words,
            [b"GET".as_slice(), b"/a", b"HTTP/1.0"].map(Latin1::new)
        );
        assert_eq!(Latin1::new(b" \t\r\n").words().count(), 0);
    }

    #[test]
    fn quotes_as_python_does() {
        let table: [(&[u8], &str); 7] = [
            (b"plain", "'plain'"),
            (b"it's", "\"it's\""),
            (b"say \"hi\"", "'say \"hi\"'"),
            (b"'\"", "'\\'\"'"),
            (b"a\\b", "'a\\\\b'"),
            (b"\t\n\r\x00\x1b\x7f", "'\\t\\n\\r\\x00\\x1b\\x7f'"),
            (
                b"\x80\xa0\xa1\xad\xe9\xff",
                "'\\x80\\xa0\u{a1}\\xad\u{e9}\u{ff}'",
            ),
        ];
        for (bytes, expected) in table {
            assert_eq!(Latin1::new(bytes).repr().to_string(), expected);
        }
        assert_eq!(
            repr_of("/caf\u{e9}/\u{65e5}\u{1f600}"),
            "'/caf\u{e9}/\\u65e5\\U0001f600'"
        );
    }
}
