//! A response, taken apart.

use super::Readable;

/// The parts of a single response. All text is Latin-1, as on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status_line: String,
    /// The lines between the status line and the empty line, in order.
    pub(crate) field_lines: Vec<String>,
    /// All that comes after the empty line.
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no end of the head in {}", Readable(bytes)));
        let head: String = bytes[..end].iter().copied().map(char::from).collect();
        let mut lines = head.split("\r\n").map(String::from);
        let status_line = lines.next().expect("splitting yields at least one part");
        let body = bytes[end + 4..].to_vec();
        Self {
            status_line,
            field_lines: lines.collect(),
            body,
        }
    }

    pub(crate) fn status(&self) -> u16 {
        let code = self
            .status_line
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok());
        code.unwrap_or_else(|| panic!("no status code in {:?}", self.status_line))
    }

    /// The value of the first field of that name, in any case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields()
            .find_map(|(found, value)| found.eq_ignore_ascii_case(name).then_some(value))
    }

    /// Names and values, in order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.field_lines.iter().map(|line| {
            line.split_once(": ")
                .unwrap_or_else(|| panic!("no name and value in {line:?}"))
        })
    }
}

#[test]
fn a_response_is_taken_apart() {
    let response = Response::parse(b"HTTP/1.0 200 OK\r\nA: b\r\nc: \xe9\r\n\r\nbody\r\n\r\n");
    assert_eq!(response.status(), 200);
    assert_eq!(response.field_lines, ["A: b", "c: \u{e9}"]);
    assert_eq!(response.field("C"), Some("\u{e9}"));
    assert_eq!(response.field("d"), None);
    assert_eq!(response.body, b"body\r\n\r\n");
}
