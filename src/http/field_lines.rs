//! The header fields of a request, as they were received (RFC 9110 §5).

use super::HeaderName;
use super::header_name::mark_of;

/// A header line of a request, as it was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FieldLine<'a> {
    /// The field name, which is a token.
    pub(crate) name: &'a [u8],
    /// The value, without the white space around it.
    pub(crate) value: &'a [u8],
}

impl<'a> FieldLine<'a> {
    /// The [mark](HeaderName::mark) of its name.
    pub(crate) const fn mark(&self) -> u64 {
        mark_of(self.name)
    }

    /// Whether this is the field `name`. Nearly all clients spell it as servers do.
    fn is_called(&self, name: HeaderName<'_>) -> bool {
        let name = name.as_str().as_bytes();
        self.name == name || self.name.eq_ignore_ascii_case(name)
    }

    /// A line with the field `name`, which is a token.
    pub(crate) const fn new(name: &'a str, value: &'a [u8]) -> Self {
        Self {
            name: name.as_bytes(),
            value,
        }
    }
}

/// The header fields of a request, borrowed from the bytes received.
///
/// ```
/// use rhttp::http::{FieldLines, HeaderName, header};
///
/// const DO_NOT_TRACK: HeaderName<'static> = HeaderName::from_static("DNT");
///
/// /// What a page is told about its request.
/// fn describe(fields: FieldLines<'_>) -> String {
///     let mut text = String::new();
///     for (name, value) in fields.iter() {
///         text += &format!("{name} is {}\n", value.escape_ascii());
///     }
///     if fields.contains(DO_NOT_TRACK) || fields.get(header::COOKIE).is_none() {
///         text += "There is nothing to remember this client by.\n";
///     }
///     // A list goes on from one field to the next.
///     let types = fields.list(header::ACCEPT).count();
///     let fields = fields.get_all(header::ACCEPT).count();
///     text + &format!("It accepts {types} types, in {fields} fields.\n")
/// }
///
/// assert!(describe(FieldLines::default()).ends_with("It accepts 0 types, in 0 fields.\n"));
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[doc(alias = "headers")]
pub struct FieldLines<'a> {
    lines: &'a [FieldLine<'a>],
    /// The [marks](HeaderName::mark) of all names combined: most fields that are looked up are
    /// absent.
    marks: u64,
}

impl<'a> FieldLines<'a> {
    /// The fields that these lines are.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn new(lines: &'a [FieldLine<'a>]) -> Self {
        let marks = lines.iter().fold(0, |marks, line| marks | line.mark());
        Self::marked(lines, marks)
    }

    /// The same, with the [marks](HeaderName::mark) of all names combined.
    pub(crate) const fn marked(lines: &'a [FieldLine<'a>], marks: u64) -> Self {
        Self { lines, marks }
    }

    /// The fields in order.
    pub fn iter(self) -> impl Iterator<Item = (HeaderName<'a>, &'a [u8])> {
        self.lines.iter().filter_map(|line| {
            let name = std::str::from_utf8(line.name).ok()?;
            Some((HeaderName::of_token(name), line.value))
        })
    }

    /// The first value of the field `name`, as Python's `headers.get`.
    pub fn get(self, name: HeaderName<'_>) -> Option<&'a [u8]> {
        self.get_all(name).next()
    }

    /// Every value of the field `name`, as Python's `headers.get_all`.
    pub fn get_all(self, name: HeaderName<'_>) -> impl Iterator<Item = &'a [u8]> {
        let lines = if self.may_contain(name.mark()) {
            self.lines
        } else {
            &[]
        };
        lines
            .iter()
            .filter(move |line| line.is_called(name))
            .map(|line| line.value)
    }

    /// Whether there may be a field with one of these [marks](HeaderName::mark): false only if
    /// there is none.
    pub(crate) fn may_contain(self, marks: u64) -> bool {
        self.marks & marks != 0
    }

    /// Whether there is a field `name`.
    pub fn contains(self, name: HeaderName<'_>) -> bool {
        self.get(name).is_some()
    }

    /// The members of the comma-separated list formed by all fields called `name` together
    /// (RFC 9110 §5.6.1); empty members are skipped.
    pub fn list(self, name: HeaderName<'_>) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).flat_map(members)
    }
}

/// The members of a comma-separated list (RFC 9110 §5.6.1); empty ones are skipped.
pub(crate) fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|&byte| byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::header;

    #[test]
    fn lists_run_over_all_fields_of_the_name() {
        let lines = [
            FieldLine::new("Connection", b"close , foo"),
            FieldLine::new("X", b"no"),
            FieldLine::new("connection", b",, bar"),
        ];
        let members: Vec<_> = FieldLines::new(&lines).list(header::CONNECTION).collect();
        assert_eq!(members, [b"close".as_slice(), b"foo", b"bar"]);
    }
}
