//! How messages are delimited (RFC 9112 §6).

use crate::http::{FieldLines, HttpError, RequestLine, StatusCode, Version, header, parse_decimal};

/// How the body of a request is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestFraming {
    /// By its length; zero if there is no body.
    Length(u64),
    /// By the chunked transfer coding.
    Chunked,
}

impl RequestFraming {
    /// Whether reading and discarding all of the body is cheap, as far as its framing shows.
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

/// The framing of a request, by RFC 9112 §6.3 with every ambiguous case refused.
///
/// 1. `Transfer-Encoding` in a message before HTTP/1.1, or beside `Content-Length`, or with any
///    value but `chunked`: an error, because another server on the way may read it differently.
/// 2. `Transfer-Encoding: chunked`: chunked.
/// 3. `Content-Length`: all lines must hold the same number, 1*DIGIT.
/// 4. Neither: no body.
pub(crate) fn request_framing(
    line: &RequestLine<'_>,
    fields: FieldLines<'_>,
) -> Result<RequestFraming, HttpError> {
    let bad = || HttpError::new(StatusCode::BAD_REQUEST).with_message("Bad message framing");
    let mut codings = fields.get_all(header::TRANSFER_ENCODING);
    let mut lengths = fields.get_all(header::CONTENT_LENGTH).map(parse_decimal);

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

/// The framing of a response whose body has `length` bytes, if that is known, when both sides speak
/// `spoken` (RFC 9112 §6.1).
pub(crate) fn response_framing(
    status: StatusCode,
    length: Option<u64>,
    spoken: Version,
) -> ResponseFraming {
    match length {
        _ if !status.allows_length() => ResponseFraming::None,
        _ if !status.allows_content() => ResponseFraming::Length(0),
        Some(length) => ResponseFraming::Length(length),
        None if spoken >= Version::HTTP_11 => ResponseFraming::Chunked,
        None => ResponseFraming::Close,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{FieldLine, Latin1, Method, RequestTarget};

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
            .map(|&(name, value)| FieldLine::new(name, value.as_bytes()))
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
    fn responses_are_framed_by_what_is_known() {
        use ResponseFraming::{Chunked, Close, Length, None as Without};
        const V10: Version = Version::HTTP_10;
        const V11: Version = Version::HTTP_11;
        for (status, length, spoken, expected) in [
            (StatusCode::OK, Some(3), V10, Length(3)),
            (StatusCode::OK, None, V11, Chunked),
            (StatusCode::OK, None, V10, Close),
            (StatusCode::NOT_MODIFIED, Some(0), V11, Without),
            (StatusCode::NO_CONTENT, Some(0), V11, Without),
            (StatusCode::RESET_CONTENT, Some(3), V11, Length(0)),
            (StatusCode::RESET_CONTENT, None, V11, Length(0)),
        ] {
            assert_eq!(response_framing(status, length, spoken), expected);
        }
    }
}
