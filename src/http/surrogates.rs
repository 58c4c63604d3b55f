//! File names that are not UTF-8, as Python keeps them in text: PEP 383's `surrogateescape`.
//!
//! Python reads a byte that is not UTF-8, such as 0x80, as the lone surrogate U+DC80, and writes it
//! back as that byte. Listings link to such names by percent-encoding the surrogate (`%ED%B2%80`),
//! and targets come back that way. Here such text is a byte string that is UTF-8 except that each
//! surrogate is encoded as three bytes.

use std::borrow::Cow;

/// A piece of text that may contain surrogates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Ordinary text.
    Text(&'a str),
    /// A surrogate that represents a byte that is not UTF-8.
    Escaped(u8),
    /// Any other surrogate; no file name has one.
    Surrogate,
    /// Bytes that are neither text nor a surrogate.
    Invalid(&'a [u8]),
}

/// Splits `text` into pieces.
pub(crate) fn pieces(mut text: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    std::iter::from_fn(move || {
        if let [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, rest @ ..] = text {
            text = rest;
            return Some(match second {
                0xb2 => Piece::Escaped(*third),
                0xb3 => Piece::Escaped(*third | 0xc0),
                _ => Piece::Surrogate,
            });
        }
        let chunk = text.utf8_chunks().next()?;
        let (piece, length) = if chunk.valid().is_empty() {
            (Piece::Invalid(chunk.invalid()), chunk.invalid().len())
        } else {
            (Piece::Text(chunk.valid()), chunk.valid().len())
        };
        text = text.get(length..).unwrap_or_default();
        Some(piece)
    })
}

/// The text that Python makes of a file name: each byte that is not UTF-8 becomes a surrogate.
pub(crate) fn escape(name: &[u8]) -> Cow<'_, [u8]> {
    if std::str::from_utf8(name).is_ok() {
        return Cow::Borrowed(name);
    }
    let mut text = Vec::with_capacity(name.len() + 8);
    for chunk in name.utf8_chunks() {
        text.extend_from_slice(chunk.valid().as_bytes());
        for &byte in chunk.invalid() {
            text.extend_from_slice(&[0xed, 0xb0 | (byte >> 6), 0x80 | (byte & 0x3f)]);
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_string_survives_the_round_trip() {
        for name in [
            b"plain".as_slice(),
            b"",
            b"\x80",
            b"a\xffb\xc3",
            b"\xc3\xa9\xed\xb2\x80",
            b"\xf0\x9f\x98",
        ] {
            let text = escape(name);
            let mut back = Vec::new();
            for piece in pieces(&text) {
                match piece {
                    Piece::Text(text) => back.extend_from_slice(text.as_bytes()),
                    Piece::Escaped(byte) => back.push(byte),
                    other => unreachable!("{other:?}"),
                }
            }
            assert_eq!(back, name);
        }
    }

    #[test]
    fn surrogates_and_rubbish_are_told_apart() {
        let found: Vec<_> = pieces(b"a\xed\xa0\x80\xed\xb3\xbf\xed\xb2\xffz").collect();
        assert_eq!(
            found,
            [
                Piece::Text("a"),
                Piece::Surrogate,
                Piece::Escaped(0xff),
                Piece::Invalid(b"\xed"),
                Piece::Invalid(b"\xb2"),
                Piece::Invalid(b"\xff"),
                Piece::Text("z"),
            ]
        );
    }
}
