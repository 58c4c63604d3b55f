//! The header lines of a request, by the grammar of RFC 9112 §5.
//!
//! What browsers and most programs send is parsed here. The first line that is anything else is for
//! httparse to judge, and so are all lines after it.

use crate::http::blocks::{leading, letters, one_of, printable};
use crate::http::{FieldLine, FieldLines};
use smallvec::{SmallVec, smallvec};
use std::ops::Deref;
use wide::u8x16;

/// Header lines that need no allocation: more than browsers send.
const FEW: usize = 16;

/// The header lines of a request.
pub(crate) struct HeaderLines<'h> {
    few: [FieldLine<'h>; FEW],
    /// All lines, where there are more than a few.
    many: Vec<FieldLine<'h>>,
    count: usize,
    /// The marks of all names combined.
    marks: u64,
}

impl<'h> HeaderLines<'h> {
    /// No lines.
    pub(crate) fn new() -> Self {
        Self {
            few: [FieldLine::new("", b""); FEW],
            many: Vec::new(),
            count: 0,
            marks: 0,
        }
    }

    /// Parses lines, and the empty one after them, and returns where that ends; `None` if there are
    /// more than `most` or one of them is malformed.
    pub(super) fn parse(&mut self, fields: &'h [u8], most: usize) -> Option<usize> {
        let mut rest = fields;
        while let Some((line, after)) = usual_line(rest) {
            if self.count == most {
                return None;
            }
            self.push(line);
            rest = after;
        }
        let after = match rest.strip_prefix(b"\r\n") {
            Some(after) => after,
            None => self.parse_any(rest, most)?,
        };
        Some(fields.len() - after.len())
    }

    /// The same for lines of any kind; returns what is after them.
    #[cold]
    fn parse_any(&mut self, fields: &'h [u8], most: usize) -> Option<&'h [u8]> {
        let count = count_lines(fields).min(most.saturating_sub(self.count));
        let mut lines: SmallVec<[_; FEW]> = smallvec![httparse::EMPTY_HEADER; count];
        match httparse::parse_headers(fields, &mut lines) {
            Ok(httparse::Status::Complete((end, lines))) => {
                for line in lines {
                    self.push(FieldLine::new(line.name, line.value));
                }
                fields.get(end..)
            }
            Ok(httparse::Status::Partial) | Err(_) => None,
        }
    }

    fn push(&mut self, line: FieldLine<'h>) {
        self.marks |= line.mark();
        match self.few.get_mut(self.count) {
            Some(place) => *place = line,
            None => self.push_many(line),
        }
        self.count += 1;
    }

    #[cold]
    fn push_many(&mut self, line: FieldLine<'h>) {
        if self.many.is_empty() {
            self.many.extend_from_slice(&self.few);
        }
        self.many.push(line);
    }

    /// The fields that the lines are.
    pub(crate) fn fields(&self) -> FieldLines<'_> {
        FieldLines::marked(self, self.marks)
    }
}

impl<'h> Deref for HeaderLines<'h> {
    type Target = [FieldLine<'h>];

    fn deref(&self) -> &Self::Target {
        let few = self.few.get(..self.count);
        few.unwrap_or(&self.many)
    }
}

/// How many lines there are before the first empty one.
pub(super) fn count_lines(fields: &[u8]) -> usize {
    fields
        .split_inclusive(|&byte| byte == b'\n')
        .take_while(|line| !matches!(*line, b"\r\n" | b"\n"))
        .count()
}

/// Parses the line that starts `bytes`, if it is of the usual kind, and returns what is after it: a
/// name of letters and hyphens, and a value of visible ASCII and spaces, with at most one space
/// before it and none after it.
#[inline]
fn usual_line(bytes: &[u8]) -> Option<(FieldLine<'_>, &[u8])> {
    let (name, rest) = bytes.split_at_checked(leading(bytes, usual_in_name))?;
    let ([b':', b' ', rest @ ..] | [b':', rest @ ..]) = rest else {
        return None;
    };
    let (value, rest) = rest.split_at_checked(leading(rest, printable))?;
    let rest = rest.strip_prefix(b"\r\n")?;
    let is_trimmed = value.first() != Some(&b' ') && value.last() != Some(&b' ');
    (is_trimmed && !name.is_empty()).then_some((FieldLine { name, value }, rest))
}

/// Letters and hyphens.
fn usual_in_name(block: u8x16) -> u8x16 {
    letters(block) | one_of([b'-'], block)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What both ways of parsing make of `fields`.
    fn both(fields: &[u8]) -> [Option<(Vec<FieldLine<'_>>, usize)>; 2] {
        let (mut usual, mut any) = (HeaderLines::new(), HeaderLines::new());
        let end = usual.parse(fields, 100);
        let rest = any.parse_any(fields, 100);
        let any_end = rest.map(|rest| fields.len() - rest.len());
        [
            end.map(|end| (usual.to_vec(), end)),
            any_end.map(|end| (any.to_vec(), end)),
        ]
    }

    #[test]
    fn every_byte_means_the_same_in_a_usual_line() {
        for place in 0..30 {
            for byte in 0..=255 {
                let mut fields = *b"Accept-Any: some value\r\nB: c\r\n\r\n";
                fields[place] = byte;
                let [usual, any] = both(&fields);
                assert_eq!(usual, any, "{:?}", fields.escape_ascii().to_string());
            }
        }
    }

    #[test]
    fn lines_of_every_length_are_parsed() {
        for name in 1..20 {
            for value in 0..20 {
                for more in ["", "Unusual_1:  x\t\n", "A: b\r\n"] {
                    let (name, value) = ("n".repeat(name), "v".repeat(value));
                    let fields = format!("{name}: {value}\r\n{name}:{value}\r\n{more}\r\nbody");
                    let [usual, any] = both(fields.as_bytes());
                    assert!(usual.is_some(), "{fields:?}");
                    assert_eq!(usual, any, "{fields:?}");
                }
            }
        }
    }

    #[test]
    fn no_more_memory_is_taken_than_for_the_lines() {
        for more in ["", "Unusual_1: x\r\n"] {
            let fields = format!("{}{more}\r\n", "A: b\r\n".repeat(299));
            let mut lines = HeaderLines::new();
            assert_eq!(
                lines.parse(fields.as_bytes(), usize::MAX),
                Some(fields.len())
            );
            assert!(lines.many.capacity() <= 2 * lines.len());
            assert_eq!(HeaderLines::new().parse(fields.as_bytes(), 298), None);
        }
    }
}
