//! Request lines, as CPython's `parse_request` takes them.

use crate::http::{HttpError, Latin1, Method, RequestLine, RequestTarget, StatusCode, Version};
use smallvec::SmallVec;

/// Bytes that are no request.
#[derive(Debug)]
pub(crate) struct Rejected<'h> {
    /// Of the line, `text` and `version` are what an answer needs.
    pub(crate) line: RequestLine<'h>,
    /// The answer.
    pub(crate) error: HttpError,
}

/// Parses a request line by CPython's rules; `Err(None)` is a line without words.
pub(super) fn parse_line(line: &[u8]) -> Result<RequestLine<'_>, Option<Box<Rejected<'_>>>> {
    let end = line
        .iter()
        .rposition(|byte| !b"\r\n".contains(byte))
        .map_or(0, |last| last + 1);
    let line = line.get(..end).unwrap_or_default();
    let text = Latin1::new(line);
    let mut rest = text.words();
    let first: SmallVec<[&[u8]; 3]> = rest.by_ref().take(3).map(Latin1::as_bytes).collect();
    let beyond = rest.last();
    let reject = |version, error| {
        Some(Box::new(Rejected {
            line: no_line(line, version),
            error,
        }))
    };
    let bad = |version, message: String| {
        reject(
            version,
            HttpError::new(StatusCode::BAD_REQUEST).with_message(message),
        )
    };

    // Until a version is read, answers are HTTP/0.9's: a page without a head.
    let mut version = Version::HTTP_09;
    if let [_, _, third] = *first.as_slice() {
        let last = beyond.unwrap_or(Latin1::new(third));
        version = parse_version(last).map_err(|error| reject(version, error))?;
    }
    match *first.as_slice() {
        [] => Err(None),
        [method, _] if method != b"GET" => {
            let method = Latin1::new(method).repr();
            Err(bad(
                version,
                format!("Bad HTTP/0.9 request type ({method})"),
            ))
        }
        [method, target] | [method, target, _] if beyond.is_none() => Ok(RequestLine {
            text,
            method: Method::new(method),
            target: RequestTarget::new(target),
            version,
        }),
        _ => Err(bad(
            version,
            format!("Bad request syntax ({})", text.repr()),
        )),
    }
}

/// Parses the word that should name a version.
fn parse_version(word: Latin1<'_>) -> Result<Version, HttpError> {
    let Some((number, version)) = word
        .as_bytes()
        .strip_prefix(b"HTTP/")
        .and_then(|number| Some((number, Version::parse_number(number)?)))
    else {
        return Err(HttpError::new(StatusCode::BAD_REQUEST)
            .with_message(format!("Bad request version ({})", word.repr())));
    };
    if version >= Version::HTTP_20 {
        return Err(HttpError::new(StatusCode::HTTP_VERSION_NOT_SUPPORTED)
            .with_message(format!("Invalid HTTP version ({})", Latin1::new(number))));
    }
    // As in the reference, only `HTTP/0.9` to the letter asks for an answer without a head.
    Ok(if version == Version::HTTP_09 && number != b"0.9" {
        Version::HTTP_10
    } else {
        version
    })
}

/// A line that names neither method nor target.
pub(crate) fn no_line(text: &[u8], version: Version) -> RequestLine<'_> {
    RequestLine {
        text: Latin1::new(text),
        method: Method::new(&[]),
        target: RequestTarget::new(&[]),
        version,
    }
}
