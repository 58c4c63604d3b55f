//! Random requests, on which both servers are to agree.
//!
//! What the manual's table calls a difference is left out by construction; each place where
//! something is left out names it.

use super::random::Random;
use super::replay::Case;
use super::targets::Targets;
use crate::support::AfterSending;

const METHODS: &[&str] = &["GET", "GET", "GET", "HEAD"];

const ODD_METHODS: &[&str] = &[
    "POST",
    "get",
    "OPTIONS",
    "G\u{c9}T",
    "it's",
    "\"",
    "'\"",
    "\\",
    "<a>&",
    "\u{1}\u{7f}\u{80}\u{ad}\u{ff}",
];

const VERSIONS: &[&str] = &[
    "HTTP/1.0",
    "HTTP/1.0",
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.2",
    "HTTP/1.10",
    "HTTP/1.09",
    "HTTP/01.1",
    "HTTP/0.9",
    "HTTP/0.10",
    "HTTP/00.9",
    "HTTP/2.0",
    "HTTP/3.1",
    "HTTP/1",
    "HTTP/1.",
    "HTTP/1.1.1",
    "HTTP/1.x",
    "HTTP/1.\u{b2}",
    "HTTP/12345678901.1",
    "http/1.1",
    "HTTP/-1.0",
    "x",
    "\"",
    "'",
];

const WHITE_SPACE: &[&str] = &[
    " ", " ", " ", " ", " ", " ", " ", " ", "  ", "\t", "\u{b}", "\u{c}", "\r", "\u{1c}", "\u{1d}",
    "\u{1e}", "\u{1f}", "\u{85}", "\u{a0}", " \t ",
];

const ENDS_OF_LINE: &[&str] = &["\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r\r\n"];

/// Header lines that mean something, and some that do not.
///
/// Left out: `strict-header-lines` (all are well-formed), `trimmed-values` (nothing stands behind
/// a value), `strict-framing` and `undrained-body` (no body but one of length zero), `http-dates`
/// (only the formats of RFC 9110), `head-limit` (the lines are short), `host-field` (there is no
/// second `Host`).
const FIELDS: &[&str] = &[
    "Host: example.com",
    "host:",
    "Expect: 100-continue",
    "EXPECT: 100-Continue",
    "Expect: 200-ok",
    "Content-Length: 0",
    "If-None-Match: \"x\"",
    "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT",
    "if-modified-since: Tue, 14 Nov 2023 22:13:19 GMT",
    "If-Modified-Since: Tuesday, 14-Nov-23 22:13:20 GMT",
    "If-Modified-Since: Tue Nov 14 22:13:20 2023",
    "If-Modified-Since: Sun Nov  6 08:49:37 1994",
    "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT",
    "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 EST",
    "If-Modified-Since: yesterday",
    "If-Modified-Since:",
    "X: a b\tc",
    "X:\u{e9}\u{80}\u{ff}",
    "!#$%&'*+-.^_`|~: token",
];

/// Left out: `connection-token-list` (there is one such line at most, and it has one token).
const CONNECTIONS: &[&str] = &[
    "Connection: close",
    "connection: CLOSE",
    "Connection: upgrade",
];

/// As the others; but where a request may be one of HTTP/0.9, `http-0-9-closes` leaves it out.
const KEEP_ALIVE: &[&str] = &["Connection: keep-alive", "Connection: Keep-Alive"];

/// Makes one case after the other, the same ones for the same seed.
pub(super) struct Generator {
    random: Random,
    targets: Targets,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            targets: Targets::recorded(),
        }
    }

    pub(super) fn case(&mut self, number: u64) -> Case {
        let mut request = self.request();
        while self.random.one_in(4) {
            request.push_str(&self.request());
        }
        if self.random.one_in(20) {
            request.push_str(&self.beginning());
        }
        Case {
            name: format!("random request {number}"),
            pieces: self.pieces(&latin1(&request)),
            // A kept connection would have no end otherwise.
            after: AfterSending::HalfClose,
        }
    }

    fn request(&mut self) -> String {
        let (line, is_complete) = if self.random.one_in(8) {
            (self.odd_line(), false)
        } else {
            (self.usual_line(), true)
        };
        let end_of_line = self.random.pick(ENDS_OF_LINE);
        let mut request = line + end_of_line;
        for field in self.fields(is_complete) {
            request.push_str(field);
            // A CR before the CR belongs to the value: `strict-header-lines`.
            request.push_str(self.random.pick(&["\r\n", "\r\n", "\n"]));
        }
        request.push_str(self.random.pick(&["\r\n", "\r\n", "\n"]));
        request
    }

    fn method(&mut self) -> &'static str {
        let choice = if self.random.one_in(10) {
            ODD_METHODS
        } else {
            METHODS
        };
        self.random.pick(choice)
    }

    /// Three words, and no version of less than 1.0.
    fn usual_line(&mut self) -> String {
        let method = self.method();
        let version = self
            .random
            .pick(&["HTTP/1.0", "HTTP/1.1", "HTTP/1.1", "HTTP/1.2"]);
        let space = self.random.pick(WHITE_SPACE);
        format!(
            "{method}{space}{}{space}{version}",
            self.targets.target(&mut self.random)
        )
    }

    /// Any number of words.
    fn odd_line(&mut self) -> String {
        let mut line = String::new();
        if self.random.one_in(4) {
            line.push_str(self.random.pick(WHITE_SPACE));
        }
        line.push_str(self.method());
        for _ in 0..self.random.below(3) {
            line.push_str(self.random.pick(WHITE_SPACE));
            line.push_str(&self.targets.target(&mut self.random));
        }
        if !self.random.one_in(3) {
            line.push_str(self.random.pick(WHITE_SPACE));
            line.push_str(self.random.pick(VERSIONS));
        }
        if self.random.one_in(4) {
            line.push_str(self.random.pick(WHITE_SPACE));
        }
        line
    }

    fn fields(&mut self, is_complete: bool) -> Vec<&'static str> {
        let count = match self.random.below(50) {
            0 => 97 + self.random.below(6),
            few => few % 4,
        };
        let mut fields: Vec<_> = (0..count).map(|_| self.random.pick(FIELDS)).collect();
        let is_host = |field: &&mut &str| field.to_ascii_lowercase().starts_with("host:");
        for second in fields.iter_mut().filter(is_host).skip(1) {
            *second = "X-Host: another";
        }
        if self.random.one_in(3) {
            let choice = if is_complete && self.random.one_in(2) {
                KEEP_ALIVE
            } else {
                CONNECTIONS
            };
            fields.insert(
                self.random.below(fields.len() + 1),
                self.random.pick(choice),
            );
        }
        fields
    }

    /// The beginning of a request, cut off in its first line: no header line is ever half there,
    /// for `strict-header-lines`.
    fn beginning(&mut self) -> String {
        let line = self.usual_line();
        line.chars().take(self.random.below(line.len())).collect()
    }

    /// Cuts a request into segments, sometimes.
    fn pieces(&mut self, request: &[u8]) -> Vec<Vec<u8>> {
        if !self.random.one_in(5) {
            return vec![request.to_vec()];
        }
        let (start, end) = request.split_at(self.random.below(request.len()));
        vec![start.to_vec(), end.to_vec()]
    }
}

/// All text here is Latin-1.
fn latin1(text: &str) -> Vec<u8> {
    text.chars()
        .map(|character| u8::try_from(character).expect("text is Latin-1"))
        .collect()
}
