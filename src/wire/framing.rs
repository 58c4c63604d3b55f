//! How messages are delimited and when a connection persists (RFC 9112 §6, §9).

use crate::http::{
    FieldLines, Headers, HttpError, Method, RequestLine, StatusCode, Version, header, members,
};

/// How the body of a request is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestFraming {
    /// By its length; none at all is zero.
    Length(u64),
    /// By the chunked transfer coding.
    Chunked,
}

impl RequestFraming {
    /// Whether reading all of the body for nothing is a small matter, as far as its framing tells.
    pub(crate) fn may_be_discarded(self, limit: u64) -> bool {
        match self {
            Self::Length(length) => length <= limit,
            Self::Chunked => true,
        }
    }
}

/// How the body of a response is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseFraming {
    /// There is none, and no length is declared.
    None,
    /// By its length.
    Length(u64),
    /// By the chunked transfer coding.
    Chunked,
    /// By the end of the connection.
    Close,
}

/// The framing of a request, after RFC 9112 §6.3 with every doubtful case refused.
///
/// 1. `Transfer-Encoding` in a message before HTTP/1.1, or beside `Content-Length`, or with any
///    value but `chunked`: an error, because another server on the way may read it otherwise.
/// 2. `Transfer-Encoding: chunked`: chunked.
/// 3. `Content-Length`: all lines must hold the same number, 1*DIGIT.
/// 4. Neither: no body.
pub(crate) fn request_framing(
    line: &RequestLine<'_>,
    fields: FieldLines<'_>,
) -> Result<RequestFraming, HttpError> {
    let bad = || HttpError::new(StatusCode::BAD_REQUEST).with_message("Bad message framing");
    let mut codings = fields.get_all(header::TRANSFER_ENCODING);
    let mut lengths = fields.get_all(header::CONTENT_LENGTH).map(parse_length);

    if let Some(coding) = codings.next() {
        let chunked = coding.eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
        return if chunked && line.version >= Version::HTTP_11 && lengths.next().is_none() {
            Ok(RequestFraming::Chunked)
        } else {
            Err(bad())
        };
    }
    let Some(first) = lengths.next() else {
        return Ok(RequestFraming::Length(0));
    };
    match first {
        Some(length) if lengths.all(|other| other == first) => Ok(RequestFraming::Length(length)),
        _ => Err(bad()),
    }
}

/// The framing of a response whose body has `length` bytes, if that is known (RFC 9112 §6.1).
pub(crate) fn response_framing(
    status: StatusCode,
    length: Option<u64>,
    request: Version,
    protocol: Version,
) -> ResponseFraming {
    match length {
        _ if !status.allows_length() => ResponseFraming::None,
        _ if !status.allows_content() => ResponseFraming::Length(0),
        Some(length) => ResponseFraming::Length(length),
        None if request.min(protocol) >= Version::HTTP_11 => ResponseFraming::Chunked,
        None => ResponseFraming::Close,
    }
}

/// Whether the client may send another request on the connection (RFC 9112 §9.3).
///
/// Unlike CPython, `Connection` is read as the list that it is.
pub(crate) fn persists(line: &RequestLine<'_>, fields: FieldLines<'_>, protocol: Version) -> bool {
    protocol >= Version::HTTP_11
        && line.version != Version::HTTP_09
        && !has_option(fields, b"close")
        && (line.version >= Version::HTTP_11 || has_option(fields, b"keep-alive"))
}

/// Whether a request without a body is all that its client will send, whatever the server does: it
/// has said that it will send no other (RFC 9112 §9.6), and its method is one after which no body
/// comes that was not announced.
pub(crate) fn is_last(line: &RequestLine<'_>, fields: FieldLines<'_>) -> bool {
    matches!(line.method, Method::GET | Method::HEAD)
        && line.version >= Version::HTTP_10
        && !persists(line, fields, Version::HTTP_11)
}

/// Whether `Connection` lists `option`.
fn has_option(fields: FieldLines<'_>, option: &[u8]) -> bool {
    fields
        .list(header::CONNECTION)
        .any(|member| member.eq_ignore_ascii_case(option))
}

/// Whether the client waits for `100 Continue` before it sends its body (RFC 9110 §10.1.1).
pub(crate) fn expects_continue(
    line: &RequestLine<'_>,
    fields: FieldLines<'_>,
    protocol: Version,
) -> bool {
    // CPython compares the words, so `HTTP/01.1` does not count.
    let spoken = || line.text.words().last().unwrap_or_default();
    fields
        .get(header::EXPECT)
        .is_some_and(|expect| expect.eq_ignore_ascii_case(b"100-continue"))
        && protocol >= Version::HTTP_11
        && line.version != Version::HTTP_09
        && spoken().as_bytes() >= b"HTTP/1.1".as_slice()
}

/// Whether a response says that the connection closes after it.
pub(crate) fn has_close(headers: &Headers) -> bool {
    headers
        .get_all(header::CONNECTION)
        .flat_map(members)
        .any(|member| member.eq_ignore_ascii_case(b"close"))
}

/// 1*DIGIT that fits.
fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |number, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Latin1, RequestTarget};

    fn line(version: Version) -> RequestLine<'static> {
        let text = if version == Version::HTTP_11 {
            "GET / HTTP/1.1"
        } else {
            "GET / HTTP/1.0"
        };
        RequestLine {
            text: Latin1::new(text.as_bytes()),
            method: Method::GET,
            target: RequestTarget::new(b"/"),
            version,
        }
    }

    fn with<T>(fields: &[(&'static str, &'static str)], check: impl Fn(FieldLines<'_>) -> T) -> T {
        let lines: Vec<_> = fields
            .iter()
            .map(|&(name, value)| httparse::Header {
                name,
                value: value.as_bytes(),
            })
            .collect();
        check(FieldLines::new(&lines))
    }

    #[test]
    fn doubtful_framing_is_refused() {
        const CL: &str = "Content-Length";
        const TE: &str = "Transfer-Encoding";
        for (fields, expected) in [
            (&[][..], Some(RequestFraming::Length(0))),
            (&[(CL, "5")], Some(RequestFraming::Length(5))),
            (
                &[(CL, "5"), ("content-length", "5")],
                Some(RequestFraming::Length(5)),
            ),
            (&[(TE, "Chunked")], Some(RequestFraming::Chunked)),
            (&[(CL, "5"), (CL, "6")], None),
            (&[(CL, "5, 5")], None),
            (&[(CL, "+5")], None),
            (&[(CL, "-1")], None),
            (&[(CL, "0x5")], None),
            (&[(CL, "")], None),
            (&[(CL, "18446744073709551616")], None),
            (&[(TE, "chunked"), (CL, "5")], None),
            (&[(TE, "chunked"), (TE, "chunked")], None),
            (&[(TE, "gzip, chunked")], None),
            (&[(TE, "identity")], None),
            (&[(TE, "")], None),
            (&[(TE, "xchunked")], None),
        ] {
            let framing = with(fields, |fields| {
                request_framing(&line(Version::HTTP_11), fields).ok()
            });
            assert_eq!(framing, expected, "{fields:?}");
        }
        assert!(
            with(&[(TE, "chunked")], |fields| request_framing(
                &line(Version::HTTP_10),
                fields
            ))
            .is_err()
        );
    }

    #[test]
    fn connections_persist_as_the_versions_and_options_say() {
        const C: &str = "Connection";
        for (version, fields, expected) in [
            (Version::HTTP_11, &[][..], true),
            (Version::HTTP_11, &[(C, "close")], false),
            (Version::HTTP_11, &[(C, "foo, CLOSE")], false),
            (Version::HTTP_11, &[(C, "keep-alive, close")], false),
            (Version::HTTP_11, &[(C, "foo"), (C, "close")], false),
            (Version::HTTP_10, &[], false),
            (Version::HTTP_10, &[(C, "Keep-Alive")], true),
            (Version::HTTP_09, &[(C, "keep-alive")], false),
        ] {
            let persistent =
                |protocol| with(fields, |fields| persists(&line(version), fields, protocol));
            assert_eq!(
                persistent(Version::HTTP_11),
                expected,
                "{version} {fields:?}"
            );
            assert!(!persistent(Version::HTTP_10));
        }
    }

    #[test]
    fn a_client_says_that_a_request_is_its_last() {
        const C: &str = "Connection";
        for (method, version, fields, expected) in [
            (Method::GET, Version::HTTP_09, &[][..], false),
            (Method::GET, Version::HTTP_10, &[], true),
            (Method::HEAD, Version::HTTP_10, &[], true),
            (Method::POST, Version::HTTP_10, &[], false),
            (Method::GET, Version::HTTP_10, &[(C, "keep-alive")], false),
            (Method::GET, Version::HTTP_11, &[], false),
            (Method::GET, Version::HTTP_11, &[(C, "close")], true),
        ] {
            let line = RequestLine {
                method,
                ..line(version)
            };
            assert_eq!(
                with(fields, |fields| is_last(&line, fields)),
                expected,
                "{method} {version} {fields:?}"
            );
        }
    }

    #[test]
    fn responses_are_framed_by_what_is_known() {
        use ResponseFraming::{Chunked, Close, Length, None as Without};
        for (status, length, request, protocol, expected) in [
            (
                StatusCode::OK,
                Some(3),
                Version::HTTP_10,
                Version::HTTP_10,
                Length(3),
            ),
            (
                StatusCode::OK,
                None,
                Version::HTTP_11,
                Version::HTTP_11,
                Chunked,
            ),
            (
                StatusCode::OK,
                None,
                Version::HTTP_10,
                Version::HTTP_11,
                Close,
            ),
            (
                StatusCode::OK,
                None,
                Version::HTTP_11,
                Version::HTTP_10,
                Close,
            ),
            (
                StatusCode::NOT_MODIFIED,
                Some(0),
                Version::HTTP_11,
                Version::HTTP_11,
                Without,
            ),
            (
                StatusCode::NO_CONTENT,
                Some(0),
                Version::HTTP_11,
                Version::HTTP_11,
                Without,
            ),
            (
                StatusCode::RESET_CONTENT,
                Some(3),
                Version::HTTP_11,
                Version::HTTP_11,
                Length(0),
            ),
            (
                StatusCode::RESET_CONTENT,
                None,
                Version::HTTP_11,
                Version::HTTP_11,
                Length(0),
            ),
        ] {
            assert_eq!(
                response_framing(status, length, request, protocol),
                expected
            );
        }
    }
}
