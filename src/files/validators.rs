//! What makes a copy of a file current, and the conditions that clients set on it
//! (RFC 9110 §8.8, §13).

use crate::http::{FieldLines, HttpDate, header};

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validators {
    /// When it was last modified, if a header field can say that.
    pub(crate) last_modified: Option<HttpDate>,
}

/// What a request's conditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// The request is served.
    Holds,
    /// 304: the client's copy is current.
    NotModified,
}

/// Evaluates the conditions in `fields` on a file with these `validators`.
///
/// As in CPython, `If-Modified-Since` does not count beside `If-None-Match`
/// (RFC 9110 §13.1.3), nor when its value is no date.
pub(crate) fn evaluate(fields: FieldLines<'_>, validators: &Validators) -> Precondition {
    let unchanged = || {
        let since = HttpDate::parse(fields.get(header::IF_MODIFIED_SINCE)?)?;
        Some(validators.last_modified? <= since)
    };
    if !fields.contains(header::IF_NONE_MATCH) && unchanged().unwrap_or(false) {
        Precondition::NotModified
    } else {
        Precondition::Holds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMS: &str = "If-Modified-Since";
    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    #[test]
    fn a_copy_is_current_until_the_file_is_newer() {
        let validators = Validators {
            last_modified: HttpDate::from_unix(784_111_777),
        };
        let unknown = Validators {
            last_modified: None,
        };
        for (fields, validators, expected) in [
            (&[][..], &validators, Precondition::Holds),
            (&[(IMS, SAME)], &validators, Precondition::NotModified),
            (
                &[(IMS, "Sun, 06 Nov 1994 08:49:38 GMT")],
                &validators,
                Precondition::NotModified,
            ),
            (
                &[(IMS, "Sun, 06 Nov 1994 08:49:36 GMT")],
                &validators,
                Precondition::Holds,
            ),
            (&[(IMS, "soon")], &validators, Precondition::Holds),
            (
                &[(IMS, SAME), ("If-None-Match", "\"x\"")],
                &validators,
                Precondition::Holds,
            ),
            (&[(IMS, SAME)], &unknown, Precondition::Holds),
        ] {
            let lines: Vec<_> = fields
                .iter()
                .map(
                    |&(name, value): &(&'static str, &'static str)| httparse::Header {
                        name,
                        value: value.as_bytes(),
                    },
                )
                .collect();
            assert_eq!(
                evaluate(FieldLines::new(&lines), validators),
                expected,
                "{fields:?}"
            );
        }
    }
}
