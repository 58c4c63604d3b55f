//! Turns what a script prints into a response (RFC 3875 §6): header lines, an empty line, content.

use super::Process;
use crate::http::members;
use crate::http::{
    Body, Content, HeaderName, HeaderValue, Headers, HttpError, Latin1, RequestBody, Response,
    StatusCode, header,
};
use std::io;

/// The most bytes that a script may print before its header ends.
const MAX_HEADER: usize = 256 * 1024;
/// The size of each read until then.
const CHUNK: usize = 4 * 1024;

/// Reads the script's header and answers with it, followed by what the script prints from then on.
///
/// # Errors
/// 502 for a script that prints no header, or whose output cannot be read.
pub(crate) fn answer(
    mut process: Process,
    request: &mut RequestBody<'_>,
) -> Result<Response, HttpError> {
    let mut printed = Vec::new();
    let (end, has_ended) = loop {
        let start = printed.len();
        printed.resize(start + CHUNK, 0);
        let room = printed.get_mut(start..).unwrap_or_default();
        let count = match process.read_output(request, room) {
            Ok(count) => count,
            Err(error) => return given_up(error),
        };
        printed.truncate(start + count);
        // The end of the header may be split across two reads.
        match end_of_header(&printed, start.saturating_sub(2)) {
            Some(end) => break (end, false),
            None if count == 0 => break (printed.len(), true),
            None if printed.len() > MAX_HEADER => {
                return Err(bad_gateway("CGI script sent no end of its header"));
            }
            None => {}
        }
    };
    if has_ended && printed.is_empty() {
        let code = process.settle().filter(|&code| code != 0);
        return Err(match code {
            Some(code) => bad_gateway(format!("CGI script exit code {code}")),
            None => bad_gateway("CGI script sent nothing"),
        });
    }
    let header = printed.get(..end).unwrap_or_default();
    let Some(header) = Header::parse(header) else {
        return Err(bad_gateway("CGI script sent a bad header"));
    };
    printed.drain(..end);
    Ok(header.into_response(printed, process))
}

/// The head of the response to a script that printed these lines; `None` if they are not header
/// lines.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn head(lines: &[u8]) -> Option<Response> {
    Header::parse(lines).map(Header::into_head)
}

/// The client went away, or it is no longer known whether it is still there. This is not an error:
/// the log has no line for clients that leave, apart from that of their request.
fn given_up(error: io::Error) -> Result<Response, HttpError> {
    match error.kind() {
        io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => Ok(HttpError::new(StatusCode::GATEWAY_TIMEOUT).to_page()),
        _ => Err(error.into()),
    }
}

fn bad_gateway(message: impl Into<std::borrow::Cow<'static, str>>) -> HttpError {
    HttpError::new(StatusCode::BAD_GATEWAY).with_message(message)
}

/// Where the header at the start of `printed` ends, its empty line included. The caller knows that
/// it does not end before `from`.
pub(crate) fn end_of_header(printed: &[u8], from: usize) -> Option<usize> {
    for start in [&b"\n"[..], b"\r\n"] {
        if printed.starts_with(start) {
            return Some(start.len());
        }
    }
    let rest = printed.get(from..)?;
    memchr::memchr_iter(b'\n', rest).find_map(|at| match rest.get(at + 1..)? {
        [b'\n', ..] => Some(from + at + 2),
        [b'\r', b'\n', ..] => Some(from + at + 3),
        _ => None,
    })
}

/// What the header lines of a script say.
#[derive(Debug)]
struct Header {
    status: Option<(StatusCode, String)>,
    length: Option<u64>,
    fields: Headers,
    /// What `Connection` lists, in lower case.
    options: Vec<Vec<u8>>,
}

impl Header {
    /// Parses all lines up to the empty one; `None` if one of them is not a header line.
    ///
    /// No lines at all are a header too, because they were one for CPython, which does not check
    /// anything.
    fn parse(lines: &[u8]) -> Option<Self> {
        let mut header = Self {
            status: None,
            length: None,
            fields: Headers::new(),
            options: Vec::new(),
        };
        for line in lines.split(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            let (name, value) = line.split_at(memchr::memchr(b':', line)?);
            let name = HeaderName::new(std::str::from_utf8(name).ok()?)?;
            let value = value.get(1..)?.trim_ascii();
            header.add(name, value)?;
        }
        header.drop_hop_by_hop();
        Some(header)
    }

    fn add(&mut self, name: HeaderName<'_>, value: &[u8]) -> Option<()> {
        let value = HeaderValue::from_bytes(value)?;
        if name == header::STATUS {
            let status = parse_status(value.as_bytes())?;
            self.status.get_or_insert(status);
        } else if name == header::CONTENT_LENGTH {
            let digits = std::str::from_utf8(value.as_bytes()).ok()?;
            let length = digits.parse().ok().filter(|_| !digits.starts_with('+'))?;
            if *self.length.get_or_insert(length) != length {
                return None;
            }
        } else if name == header::TRANSFER_ENCODING {
            // The server does the framing; content that is already framed would be framed twice.
            return None;
        } else if name == header::CONNECTION {
            self.options
                .extend(members(value.as_bytes()).map(<[u8]>::to_ascii_lowercase));
        } else {
            let is_repeated = is_singular(name) && self.fields.contains(name);
            if !is_repeated && !is_servers_own(name) {
                self.fields.append(name, value);
            }
        }
        Some(())
    }

    /// Removes the hop-by-hop fields, which are not the script's to send (RFC 9110 §7.6.1): all it
    /// may do is close the connection.
    fn drop_hop_by_hop(&mut self) {
        for option in std::mem::take(&mut self.options) {
            if option == b"close" {
                self.fields.set(header::CONNECTION, "close");
            } else if let Some(name) = std::str::from_utf8(&option).ok().and_then(HeaderName::new) {
                self.fields.remove(name);
            }
        }
    }

    fn into_response(self, first: Vec<u8>, process: Process) -> Response {
        let length = self.length;
        let mut response = self.into_head();
        response.body = Body(Content::Exchange {
            first,
            rest: Box::new(process),
            length,
        });
        response
    }

    fn into_head(self) -> Response {
        let (status, reason) = match self.status {
            Some((status, reason)) => (status, Some(reason).filter(|reason| !reason.is_empty())),
            // Unlike CPython: a script that sends a `Location` redirects the client there (RFC
            // 3875 §6.2.3). A bare path does the same; no other content is served in its place.
            None if self.fields.contains(header::LOCATION) => (StatusCode::FOUND, None),
            None => (StatusCode::OK, Some("Script output follows".into())),
        };
        let mut response = Response::new(status);
        response.reason = reason.map(Into::into);
        response.headers = self.fields;
        response
    }
}

/// Whether a field is reserved to the server: either the server has sent its own already, or the
/// field is hop-by-hop.
fn is_servers_own(name: HeaderName<'_>) -> bool {
    let own = [
        header::DATE,
        header::SERVER,
        header::TE,
        header::TRAILER,
        header::UPGRADE,
    ];
    let old = [
        HeaderName::from_static("Keep-Alive"),
        HeaderName::from_static("Proxy-Connection"),
    ];
    own.contains(&name) || old.contains(&name)
}

/// Whether only the first field of this name counts: with a second one, two clients could see two
/// different things.
fn is_singular(name: HeaderName<'_>) -> bool {
    let singular = [
        header::CONTENT_TYPE,
        header::ETAG,
        header::LAST_MODIFIED,
        header::LOCATION,
    ];
    singular.contains(&name)
}

/// Three digits, and a reason. A status that is not final cannot be a response.
fn parse_status(value: &[u8]) -> Option<(StatusCode, String)> {
    let (code, rest) = value.split_at_checked(3)?;
    let code = code.iter().try_fold(0, |number, byte| {
        Some(number * 10 + u16::from(byte.is_ascii_digit().then(|| byte - b'0')?))
    })?;
    if code < 200 || !matches!(rest.first(), None | Some(b' ')) {
        return None;
    }
    let reason = Latin1::new(rest.trim_ascii()).to_string();
    Some((StatusCode::new(code)?, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status, length and fields, in short form.
    fn parse(lines: &str) -> Option<String> {
        let header = Header::parse(lines.as_bytes())?;
        let status = header.status.map_or(String::new(), |(status, reason)| {
            format!("{status} {reason};")
        });
        let length = header
            .length
            .map_or(String::new(), |length| format!("{length};"));
        let fields = header.fields.lines().collect::<Vec<_>>().concat();
        Some(format!(
            "{status}{length}{}",
            String::from_utf8_lossy(&fields).replace("\r\n", "|")
        ))
    }

    #[test]
    fn a_header_ends_at_its_empty_line() {
        for (printed, expected) in [
            ("A: b\n\nc", Some(6)),
            ("A: b\r\n\r\nc", Some(8)),
            ("A: b\r\n\nc", Some(7)),
            ("A: b\n\r\nc", Some(7)),
            ("\nA: b\n\n", Some(1)),
            ("\r\nA", Some(2)),
            ("A: b\n", None),
            ("A: b\n\r", None),
            ("\r", None),
            ("", None),
        ] {
            assert_eq!(
                end_of_header(printed.as_bytes(), 0),
                expected,
                "{printed:?}"
            );
            for split in 0..printed.len() {
                if end_of_header(&printed.as_bytes()[..split], 0).is_none() {
                    let found = end_of_header(printed.as_bytes(), split.saturating_sub(2));
                    assert_eq!(found, expected, "{printed:?} at {split}");
                }
            }
        }
    }

    #[test]
    fn header_lines_keep_their_order_case_and_number() {
        for (lines, expected) in [
            (
                "content-TYPE:  text/html \r\nX: a:b\n",
                "content-TYPE: text/html|X: a:b|",
            ),
            (
                "Set-Cookie: a\nSet-Cookie: b\n",
                "Set-Cookie: a|Set-Cookie: b|",
            ),
            ("Status: 404 Not here\nA: b\n", "404 Not here;A: b|"),
            ("status: 299\n", "299 ;"),
            ("Status: 200\nStatus: 300 No\n", "200 ;"),
            ("Content-Length: 12\nContent-length: 12\n", "12;"),
            ("Connection: keep-alive\n", ""),
            ("Connection: Close\n", "Connection: close|"),
            (
                "X-Hop: 1\nConnection: foo, close\nA: b\nConnection: x-hop\n",
                "A: b|Connection: close|",
            ),
            // One date, one server, one type; no hop-by-hop fields.
            ("Date: now\nServer: mine\nA: b\n", "A: b|"),
            (
                "Content-Type: a/b\nContent-type: c/d\nETag: \"1\"\netag: \"2\"\n",
                "Content-Type: a/b|ETag: \"1\"|",
            ),
            (
                "Keep-Alive: timeout=5\nUpgrade: h2c\nTrailer: A\nTE: gzip\n",
                "",
            ),
            ("Proxy-Connection: keep-alive\n", ""),
            ("A:\n", "A: |"),
            ("A: b", "A: b|"),
            ("", ""),
        ] {
            assert_eq!(parse(lines).as_deref(), Some(expected), "{lines:?}");
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for lines in [
            "hello\n",
            "A: b\nhello\n",
            "A : b\n",
            ": b\n",
            " A: b\n",
            "A: b\n c\n",
            "A: b\0\n",
            "A: b\rc\n",
            "Status: ok\n",
            "Status: 100 Continue\n",
            "Status: 2000\n",
            "Status: 20\n",
            "Status:\n",
            "Content-Length: 1\nContent-Length: 2\n",
            "Content-Length: -1\n",
            "Content-Length: +1\n",
            "Content-Length:\n",
            "Content-Length: 1, 1\n",
            "Transfer-Encoding: chunked\n",
        ] {
            assert_eq!(parse(lines), None, "{lines:?}");
        }
    }
}
