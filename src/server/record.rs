//! Records of what was served, in machine-readable formats.
//!
//! Unlike the lines of CPython's format, which are written before a response is sent, a record is
//! written afterwards: how much was sent, and how long that took, is not known earlier.

use super::access_log::{AccessLog, Client};
use super::clock::Now;
use crate::http::{
    FieldLines, HeaderName, RequestLine, StatusCode, header, is_printable_in_quotes, push_decimal,
};
use crate::sys;
use smallvec::SmallVec;
use std::io::Write;
use std::time::Duration;

/// The format in which requests are logged.
///
/// ```
/// use rhttp::{FileHandler, LogFormat, Server};
/// use std::fs::File;
///
/// let directory = tempfile::tempdir()?;
/// let log = File::create(directory.path().join("access.log"))?;
/// // For GoAccess, say; `LogFormat::Json` is for programs of one's own.
/// let server = Server::bind("127.0.0.1:0", FileHandler::new("."))?
///     .with_log(log)
///     .with_log_format(LogFormat::Combined);
///
/// assert_eq!(LogFormat::default(), LogFormat::Python);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFormat {
    /// CPython's lines, which are written as soon as a response is decided on.
    #[default]
    Python,
    /// The combined format of Apache and nginx, which log analysers read.
    Combined,
    /// One JSON object (RFC 8259) per line.
    Json,
}

/// Where records go, and in which format.
#[derive(Clone, Copy)]
pub(super) struct Records<'l> {
    pub(super) format: LogFormat,
    pub(super) log: &'l AccessLog,
}

/// One request and what was sent for it.
pub(super) struct Record<'r> {
    pub(super) client: &'r Client,
    pub(super) line: &'r RequestLine<'r>,
    pub(super) fields: FieldLines<'r>,
    pub(super) status: StatusCode,
    /// Bytes of content that the system accepted.
    pub(super) sent: u64,
    /// From the head of the request to the last byte of the response.
    pub(super) duration: Duration,
    /// All of the response was sent.
    pub(super) is_whole: bool,
}

/// A line being put together.
type Line = SmallVec<[u8; 512]>;

impl Records<'_> {
    /// Writes a record.
    #[inline(never)]
    pub(super) fn write(&self, record: &Record<'_>, now: &Now) {
        let mut line = Line::new();
        let time = now.record_time(|seconds| self.format.time(seconds));
        match self.format {
            LogFormat::Json => record.push_json(time, &mut line),
            _ => record.push_combined(time, &mut line),
        }
        self.log.append(&line);
    }
}

impl LogFormat {
    /// A time in seconds since 1970, as this format writes it.
    fn time(self, seconds: i64) -> String {
        match self {
            Self::Json => sys::utc_time(seconds),
            _ => sys::combined_time(seconds),
        }
    }
}

impl Record<'_> {
    /// `ADDRESS - - [TIME] "LINE" STATUS BYTES "REFERER" "AGENT"`.
    fn push_combined(&self, time: &str, line: &mut Line) {
        line.extend_from_slice(self.client.prefix());
        line.extend_from_slice(time.as_bytes());
        line.extend_from_slice(b"] \"");
        push_escaped(self.line.text.as_bytes(), line);
        line.extend_from_slice(b"\" ");
        line.extend_from_slice(self.status.as_str().as_bytes());
        line.push(b' ');
        push_decimal(line, self.sent);
        for name in [header::REFERER, header::USER_AGENT] {
            line.extend_from_slice(b" \"");
            push_escaped(self.field(name).unwrap_or(b"-"), line);
            line.push(b'"');
        }
        line.push(b'\n');
    }

    fn push_json(&self, time: &str, line: &mut Line) {
        for part in [
            b"{\"time\":\"",
            time.as_bytes(),
            b"\",\"address\":\"",
            self.client.host(),
            b"\"",
        ] {
            line.extend_from_slice(part);
        }
        let is_understood = !self.line.method.as_text().as_bytes().is_empty();
        let text = |text| is_understood.then_some(text);
        let version = self.line.version.to_text();
        for (name, value) in [
            (
                &b",\"method\":"[..],
                text(self.line.method.as_text().as_bytes()),
            ),
            (b",\"target\":", text(self.line.target.as_text().as_bytes())),
            (b",\"protocol\":", text(version.as_bytes())),
            (b",\"referer\":", self.field(header::REFERER)),
            (b",\"user_agent\":", self.field(header::USER_AGENT)),
        ] {
            line.extend_from_slice(name);
            push_json_string(value, line);
        }
        for (name, number) in [
            (&b",\"status\":"[..], self.status.as_u16().into()),
            (b",\"bytes\":", self.sent),
            (b",\"duration\":", self.duration.as_secs()),
        ] {
            line.extend_from_slice(name);
            push_decimal(line, number);
        }
        line.push(b'.');
        let micros = self.duration.subsec_micros();
        for place in [100_000, 10_000, 1_000, 100, 10, 1] {
            line.push(u8::try_from(micros / place % 10).unwrap_or(0) + b'0');
        }
        line.extend_from_slice(if self.is_whole {
            b",\"complete\":true}\n"
        } else {
            b",\"complete\":false}\n"
        });
    }

    fn field(&self, name: HeaderName<'_>) -> Option<&[u8]> {
        self.fields.get(name)
    }
}

/// Appends text as nginx does: quotes, backslashes and everything but printable ASCII as `\xHH`.
fn push_escaped(text: &[u8], line: &mut Line) {
    if is_printable_in_quotes(text) {
        return line.extend_from_slice(text);
    }
    for &byte in text {
        match byte {
            b'"' | b'\\' | ..b' ' | 0x7f.. => drop(write!(line, "\\x{byte:02X}")),
            byte => line.push(byte),
        }
    }
}

/// Appends Latin-1 text as a JSON string, or `null`. Control characters that a terminal would obey
/// are escaped.
fn push_json_string(text: Option<&[u8]>, line: &mut Line) {
    let Some(text) = text else {
        return line.extend_from_slice(b"null");
    };
    line.push(b'"');
    if is_printable_in_quotes(text) {
        line.extend_from_slice(text);
        return line.push(b'"');
    }
    for &byte in text {
        match byte {
            b'"' | b'\\' => line.extend_from_slice(&[b'\\', byte]),
            ..b' ' | 0x7f..=0x9f => drop(write!(line, "\\u{byte:04x}")),
            0xa0.. => {
                let character = char::from(byte);
                line.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            byte => line.push(byte),
        }
    }
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{FieldLine, Latin1, Method, Peer, RequestTarget, Version};
    use proptest::prelude::*;
    use std::net::Ipv4Addr;

    fn lines(text: &[u8], agent: &[u8]) -> [String; 2] {
        let client = Client::new(Peer::Ip((Ipv4Addr::LOCALHOST, 1).into()));
        let line = RequestLine {
            text: Latin1::new(text),
            method: Method::GET,
            target: RequestTarget::new(text),
            version: Version::HTTP_11,
        };
        let agent = [FieldLine::new("User-Agent", agent)];
        let record = Record {
            client: &client,
            line: &line,
            fields: FieldLines::new(&agent),
            status: StatusCode::OK,
            sent: 5,
            duration: Duration::from_micros(1_000_042),
            is_whole: true,
        };
        let [mut combined, mut json] = [Line::new(), Line::new()];
        record.push_combined("TIME", &mut combined);
        record.push_json("TIME", &mut json);
        [combined, json].map(|line| String::from_utf8(line.to_vec()).expect("it is text"))
    }

    #[test]
    fn each_format_has_its_words() {
        let [combined, json] = lines(b"GET /a\xe9\" HTTP/1.1", b"me\x1b\\");
        assert_eq!(
            combined,
            "127.0.0.1 - - [TIME] \"GET /a\\xE9\\x22 HTTP/1.1\" 200 5 \"-\" \"me\\x1B\\x5C\"\n"
        );
        assert_eq!(
            json,
            "{\"time\":\"TIME\",\"address\":\"127.0.0.1\",\"method\":\"GET\",\
             \"target\":\"GET /a\u{e9}\\\" HTTP/1.1\",\"protocol\":\"HTTP/1.1\",\"referer\":null,\
             \"user_agent\":\"me\\u001b\\\\\",\"status\":200,\"bytes\":5,\
             \"duration\":1.000042,\"complete\":true}\n"
        );
    }

    proptest! {
        #[test]
        fn nothing_gets_out_of_its_string(text: Vec<u8>, agent: Vec<u8>) {
            let [combined, json] = lines(&text, &agent);
            for line in [&combined, &json] {
                prop_assert!(line.ends_with('\n'));
                let inside = line.strip_suffix('\n').unwrap_or(line);
                prop_assert!(!inside.chars().any(char::is_control), "{inside:?}");
            }
            prop_assert_eq!(combined.matches('"').count(), 6);
            let parsed: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
            let latin1 = |bytes: &[u8]| bytes.iter().map(|&byte| char::from(byte)).collect::<String>();
            prop_assert_eq!(parsed["target"].as_str(), Some(&*latin1(&text)));
            prop_assert_eq!(parsed["user_agent"].as_str(), Some(&*latin1(&agent)));
        }
    }
}
