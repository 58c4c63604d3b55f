//! Where two servers differ, shown so that a person sees it.

use super::replay::Exchange;
use crate::support::{Ending, Readable};
use rhttp::http::HttpDate;
use std::fmt::{self, Write};

/// Every response has them one after the other, and nothing else does.
const MARK: &[u8] = b"\r\nServer: <server>\r\nDate: <date>\r\n";

/// The field that says so when a connection is not kept although the client expects it.
const CLOSE: &[u8] = b"Connection: close\r\n";

/// The field of what differs by a field of the request, which comes after all others.
const VARY: &[u8] = b"Vary: Accept-Encoding\r\n";

/// The field that says so when a connection is kept although that is not the rule in HTTP/1.0.
const KEEP_ALIVE: &[u8] = b"Connection: keep-alive\r\n";

/// The field that the response with a file has, and no other.
const LAST_MODIFIED: &[u8] = b"\r\nLast-Modified: ";

/// The fields of rhttp beyond CPython's, for a response whose head this is. They come after
/// CPython's own, in this order.
fn additional_fields(head: &[u8]) -> &'static [&'static str] {
    let has = |field: &[u8]| head.windows(field.len()).any(|window| window == field);
    let is_error_page = has(b"\r\nContent-Type: text/html;charset=utf-8\r\n");
    let is_listing = has(b"\r\nContent-type: text/html; charset=utf-8\r\n");
    if is_listing {
        &[
            "X-Content-Type-Options: nosniff",
            "Content-Security-Policy: script-src 'self'; object-src 'none'; base-uri 'none'",
            "Vary: Accept",
        ]
    } else if is_error_page {
        &[
            "X-Content-Type-Options: nosniff",
            "Content-Security-Policy: script-src 'self'; object-src 'none'; base-uri 'none'",
        ]
    } else if has(b" 304 Not Modified\r\nServer: ") {
        &["ETag: <etag>"]
    } else if has(LAST_MODIFIED) {
        &["Accept-Ranges: bytes", "ETag: <etag>"]
    } else {
        &[]
    }
}

/// Unlike CPython, rhttp dates no file later than the response (`future-dates` in the manual).
fn without_future(head: &[u8]) -> Vec<u8> {
    let mut dated = head.to_vec();
    if let Some(start) = find(head, LAST_MODIFIED) {
        let start = start + LAST_MODIFIED.len();
        let end = start + find(&head[start..], b"\r\n").expect("a line ends");
        if HttpDate::parse(&head[start..end]).is_some_and(|date| date > HttpDate::now()) {
            dated.splice(start..end, *b"<date>");
        }
    }
    dated
}

/// Unlike CPython, rhttp does not ask for a body when it refuses the request (`continue-refused`
/// in the manual).
fn without_vain_continue(response: &[u8]) -> Vec<u8> {
    const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut response = response.to_vec();
    for refusal in [b"HTTP/1.1 4", b"HTTP/1.1 5"] {
        let vain = [CONTINUE, refusal].concat();
        while let Some(start) = find(&response, &vain) {
            response.drain(start..start + CONTINUE.len());
        }
    }
    response
}

/// What CPython does, with the fields that rhttp adds to each response.
pub(super) fn as_rhttp_sends_it(exchange: &Exchange) -> Exchange {
    let mut response = Vec::new();
    let told = without_vain_continue(&exchange.response);
    let mut rest = told.as_slice();
    while let Some(start) = find(rest, MARK) {
        let end_of_mark = start + MARK.len();
        // A head without further fields ends right behind the mark.
        let end = end_of_mark + find(&rest[end_of_mark - 2..], b"\r\n\r\n").expect("a head ends");
        let (head, after) = rest.split_at(end);
        let last = [CLOSE, VARY].into_iter().find(|last| head.ends_with(last));
        let (before, last) = head.split_at(head.len() - last.map_or(0, <[u8]>::len));
        response.extend_from_slice(&without_future(before));
        for field in additional_fields(head) {
            response.extend_from_slice(field.as_bytes());
            response.extend_from_slice(b"\r\n");
        }
        response.extend_from_slice(last);
        rest = after;
    }
    response.extend_from_slice(rest);
    Exchange {
        response,
        ..exchange.clone()
    }
}

/// What rhttp does, without the field by which it tells an HTTP/1.0 client that asked for it that
/// its connection is kept (`keep-alive-told` in the manual). Anybody else is not told.
pub(super) fn without_keep_alive(found: &Exchange, request: &[Vec<u8>]) -> Exchange {
    let request = request.concat().to_ascii_lowercase();
    let mut found = found.clone();
    if find(&request, b"http/1.0").is_some() && find(&request, b"keep-alive").is_some() {
        while let Some(start) = find(&found.response, KEEP_ALIVE) {
            found.response.drain(start..start + KEEP_ALIVE.len());
        }
    }
    found
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// All that was not as expected.
#[derive(Default)]
pub(super) struct Mismatches {
    compared: usize,
    found: Vec<String>,
}

impl Mismatches {
    pub(super) fn compare(&mut self, title: &str, expected: &Exchange, found: &Exchange) {
        self.compared += 1;
        let mut text = String::new();
        if expected.response != found.response {
            write!(
                text,
                "\n  response:{}",
                Difference(&expected.response, &found.response)
            )
            .expect("text takes all");
        }
        let (expected_log, found_log) = (expected.log.join(&b'\n'), found.log.join(&b'\n'));
        if expected_log != found_log {
            write!(text, "\n  log:{}", Difference(&expected_log, &found_log))
                .expect("text takes all");
        }
        if has_bad_ending(expected, found) {
            write!(text, "\n  ending: {:?}", found.ending).expect("text takes all");
        }
        if !text.is_empty() {
            self.found.push(format!("{title}{text}"));
        }
    }

    /// Panics if there were any.
    pub(super) fn report(self) {
        assert!(
            self.found.is_empty(),
            "{} of {} are not as expected (- expected, + found):\n\n{}\n",
            self.found.len(),
            self.compared,
            self.found.join("\n\n"),
        );
    }
}

/// A reset can destroy an answer; where there is none, or all of it has arrived, it does no harm.
fn has_bad_ending(expected: &Exchange, found: &Exchange) -> bool {
    match found.ending {
        Ending::Closed => false,
        Ending::Reset => !found.response.ends_with(&expected.response),
        Ending::Cut | Ending::TimedOut => true,
    }
}

/// Shows the lines of two texts between the first and the last on which they differ.
struct Difference<'a>(&'a [u8], &'a [u8]);

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [mut expected, mut found] = [self.0, self.1].map(|text| {
            text.split_inclusive(|&byte| byte == b'\n')
                .collect::<Vec<_>>()
        });
        let same = expected
            .iter()
            .zip(&found)
            .take_while(|(a, b)| a == b)
            .count();
        expected.drain(..same);
        found.drain(..same);
        while expected
            .last()
            .is_some_and(|line| found.last() == Some(line))
        {
            expected.pop();
            found.pop();
        }
        for (sign, lines) in [('-', expected), ('+', found)] {
            for line in lines {
                write!(f, "\n    {sign} {:.500}", Readable(line).to_string())?;
            }
        }
        Ok(())
    }
}

#[test]
fn additional_fields_come_after_those_of_cpython() {
    let head = "HTTP/1.1 200 OK\r\nServer: <server>\r\nDate: <date>\r\n";
    let listing = "Content-type: text/html; charset=utf-8\r\nContent-Length: 2\r\n";
    let more = "X-Content-Type-Options: nosniff\r\nContent-Security-Policy: script-src 'self'; object-src 'none'; base-uri 'none'\r\nVary: Accept\r\n";
    let close = "Connection: close\r\n";
    let sent = format!(
        "HTTP/1.1 100 Continue\r\n\r\n{head}\r\n{head}{listing}\r\nab{head}{listing}{close}\r\nab"
    );
    let expected = format!(
        "HTTP/1.1 100 Continue\r\n\r\n{head}\r\n{head}{listing}{more}\r\nab\
         {head}{listing}{more}{close}\r\nab"
    );
    let exchange = Exchange {
        response: sent.into(),
        ending: Ending::Closed,
        log: Vec::new(),
    };
    assert_eq!(as_rhttp_sends_it(&exchange).response, expected.as_bytes());
}
