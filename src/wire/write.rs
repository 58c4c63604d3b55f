//! Writing the head of a response (RFC 9112 §4, §5) as CPython orders it.

use super::{Output, Persistence, ResponseFraming};
use crate::http::{
    Response, StatusCode, Version, header, is_field, is_printable, push_decimal, push_hexadecimal,
};

/// The [marks](crate::http::HeaderName::mark) of what only the connection says.
const FRAMING: u64 = header::CONTENT_LENGTH.mark() | header::TRANSFER_ENCODING.mark();

/// Tells a waiting client to send its body.
pub(crate) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Everything that a head says besides what the handler put into the response.
pub(crate) struct Head<'a> {
    /// The version on the status line.
    pub(crate) protocol: Version,
    /// The value of `Server`.
    pub(crate) server: &'a str,
    /// The line of `Date`, and the end of the line before it.
    pub(crate) date_line: &'a [u8],
    /// How the body is delimited.
    pub(crate) framing: ResponseFraming,
    /// What becomes of the connection.
    pub(crate) persistence: Persistence,
}

impl Head<'_> {
    /// Appends the head of `response` to `out`, its empty line included.
    ///
    /// The length follows the content type, where CPython's handlers send it. Without a type, it
    /// goes where the handler has put one, or last.
    pub(crate) fn write(&self, response: &Response, out: &mut Output) {
        let is_usual = response.status == StatusCode::OK && response.reason.is_none();
        match self.protocol {
            Version::HTTP_11 if is_usual => out.push(b"HTTP/1.1 200 OK\r\nServer: "),
            Version::HTTP_10 if is_usual => out.push(b"HTTP/1.0 200 OK\r\nServer: "),
            protocol => {
                out.push(protocol.to_text().as_bytes());
                out.push(b" ");
                out.push(response.status.as_str().as_bytes());
                out.push(b" ");
                push_latin1(out, response.reason());
                out.push(b"\r\nServer: ");
            }
        }
        push_latin1(out, self.server);
        out.push(self.date_line);

        // The fields about a file come right after its type and length, as in CPython.
        let of = response.body.of();
        let own_type = response.headers.contains(header::CONTENT_TYPE);
        let write_framing = |out: &mut Output| {
            self.write_framing(out);
            out.push(of.map_or(&[], |of| of.fields.as_bytes()));
        };
        let mut is_framed = false;
        if let Some(of) = of.filter(|of| !of.kind.is_empty() && !own_type) {
            if self.framing == ResponseFraming::Length(of.state.size) {
                out.push(&of.whole);
            } else {
                out.push(of.kind.as_bytes());
                write_framing(out);
            }
            is_framed = true;
        }
        // Without a type, where the handler has put a length.
        let place = if own_type {
            header::CONTENT_TYPE
        } else {
            header::CONTENT_LENGTH
        };
        let own = &response.headers;
        if is_framed && !own.may_contain(FRAMING) {
            out.push(own.as_bytes());
        } else {
            for line in own.lines() {
                let is_ours = is_field(line, header::CONTENT_LENGTH)
                    || is_field(line, header::TRANSFER_ENCODING);
                if !is_ours {
                    out.push(line);
                }
                if !is_framed && is_field(line, place) {
                    write_framing(out);
                    is_framed = true;
                }
            }
        }
        if !is_framed {
            write_framing(out);
        }
        out.push(match self.persistence {
            Persistence::Persists | Persistence::Closes => b"\r\n".as_slice(),
            Persistence::AnnouncesKeepAlive => b"Connection: keep-alive\r\n\r\n",
            Persistence::AnnouncesClose => b"Connection: close\r\n\r\n",
        });
    }

    fn write_framing(&self, out: &mut Output) {
        match self.framing {
            ResponseFraming::Length(length) => {
                out.push(b"Content-Length: ");
                push_decimal(out, length);
                out.push(b"\r\n");
            }
            ResponseFraming::Chunked => out.push(b"Transfer-Encoding: chunked\r\n"),
            ResponseFraming::None | ResponseFraming::Close => {}
        }
    }
}

/// Appends the line before a chunk of `size` bytes.
pub(crate) fn write_chunk_size(size: usize, out: &mut Output) {
    push_hexadecimal(out, size as u64);
    out.push(b"\r\n");
}

/// Appends text as Latin-1; what could break the line or is not Latin-1 becomes `?`.
fn push_latin1(out: &mut Output, text: &str) {
    if is_printable(text.as_bytes()) {
        return out.push(text.as_bytes());
    }
    for character in text.chars() {
        out.push(&[match u8::try_from(character) {
            Ok(byte) if byte >= b' ' && byte != 0x7f => byte,
            _ => b'?',
        }]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{HeaderName, HttpError};

    fn write(response: &Response, framing: ResponseFraming, persistence: Persistence) -> String {
        let head = Head {
            protocol: Version::HTTP_11,
            server: "rhttp/0",
            date_line: b"\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
            framing,
            persistence,
        };
        let mut out = Output::default();
        head.write(response, &mut out);
        String::from_utf8_lossy(out.bytes()).into_owned()
    }

    #[test]
    fn the_length_follows_the_type() {
        let response = Response::new(StatusCode::OK)
            .with_header(HeaderName::from_static("Content-type"), "text/html")
            .with_header(header::CONTENT_LENGTH, "99")
            .with_header(header::LAST_MODIFIED, "x");
        assert_eq!(
            write(
                &response,
                ResponseFraming::Length(3),
                Persistence::AnnouncesClose
            ),
            "HTTP/1.1 200 OK\r\nServer: rhttp/0\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
             Content-type: text/html\r\nContent-Length: 3\r\nLast-Modified: x\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn without_a_type_the_length_comes_last() {
        let response =
            Response::new(StatusCode::MOVED_PERMANENTLY).with_header(header::LOCATION, "/a/");
        assert!(
            write(&response, ResponseFraming::Length(0), Persistence::Persists)
                .ends_with("GMT\r\nLocation: /a/\r\nContent-Length: 0\r\n\r\n")
        );
        assert!(
            write(&response, ResponseFraming::Chunked, Persistence::Persists)
                .ends_with("Location: /a/\r\nTransfer-Encoding: chunked\r\n\r\n")
        );
    }

    #[test]
    fn without_a_type_the_length_stands_where_the_handler_put_one() {
        let response = Response::new(StatusCode::MOVED_PERMANENTLY)
            .with_header(header::LOCATION, "/a/")
            .with_header(header::CONTENT_LENGTH, 7)
            .with_header(header::VARY, "Origin");
        let end = "GMT\r\nLocation: /a/\r\nContent-Length: 0\r\nVary: Origin\r\n\r\n";
        let written = write(&response, ResponseFraming::Length(0), Persistence::Persists);
        assert!(written.ends_with(end), "{written}");
    }

    #[test]
    fn a_reason_stays_on_its_line() {
        let error =
            HttpError::new(StatusCode::NOT_FOUND).with_message("a\r\nSet-Cookie: b\u{20ac}");
        assert!(
            write(
                &error.to_page(),
                ResponseFraming::None,
                Persistence::Persists
            )
            .starts_with("HTTP/1.1 404 a??Set-Cookie: b?\r\nServer: ")
        );
    }
}
