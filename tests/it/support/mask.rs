//! Hides what is different in each run, and nothing else: what does not look as it should stays,
//! and so is not as expected.

use rhttp::http::HttpDate;

/// A letter, a digit, and anything else for itself.
const HTTP_DATE: &[u8] = b"Aaa, 00 Aaa 0000 00:00:00 GMT";
const LOG_TIME: &[u8] = b"[00/Aaa/0000 00:00:00] ";

/// The servers that may name themselves in a response.
const SERVERS: [&[u8]; 2] = [b"rhttp/", b"SimpleHTTP/"];

/// Masks the values of all `Server` and `Date` fields.
pub(crate) fn mask_response(response: &[u8]) -> Vec<u8> {
    let mut masked = Vec::with_capacity(response.len());
    for line in response.split_inclusive(|&byte| byte == b'\n') {
        masked.extend_from_slice(match field_value(line) {
            Some((b"Server", value)) if SERVERS.iter().any(|name| value.starts_with(name)) => {
                b"Server: <server>\r\n"
            }
            Some((b"Date", value)) if looks_like(HTTP_DATE, value) => b"Date: <date>\r\n",
            _ => line,
        });
    }
    masked
}

/// Masks the tags of files, and `Last-Modified` where it is the time of the response. It is taken
/// before `Date`, so that the next second may have begun.
pub(crate) fn mask_validators(response: &[u8]) -> Vec<u8> {
    let mut masked = Vec::with_capacity(response.len());
    let mut date = None;
    for line in response.split_inclusive(|&byte| byte == b'\n') {
        masked.extend_from_slice(match field_value(line) {
            Some((b"Date", value)) => {
                date = Some(value);
                line
            }
            Some((b"Last-Modified", value)) if date.is_some_and(|date| is_now(value, date)) => {
                b"Last-Modified: <date>\r\n"
            }
            Some((b"ETag", value)) if is_file_tag(value) => b"ETag: <etag>\r\n",
            _ => line,
        });
    }
    masked
}

fn is_now(value: &[u8], date: &[u8]) -> bool {
    let second = |text| HttpDate::parse(text).map(HttpDate::as_unix);
    let passed = second(date).zip(second(value));
    passed.is_some_and(|(date, value)| (0..=1).contains(&(date - value)))
}

/// Takes a line of the log apart: the client's address, and the line as if the client had been
/// 127.0.0.1 and the time masked. `None` for a line in another form.
pub(crate) fn mask_log(line: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let end_of_address = line.iter().position(|&byte| byte == b' ')?;
    let (address, rest) = line.split_at(end_of_address);
    let rest = rest.strip_prefix(b" - - ")?;
    let (time, message) = rest.split_at_checked(LOG_TIME.len())?;
    let masked = || [b"127.0.0.1 - - [<time>] ", message].concat();
    looks_like(LOG_TIME, time).then(|| (address, masked()))
}

fn field_value(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.strip_suffix(b"\r\n")?;
    let colon = line.windows(2).position(|pair| pair == b": ")?;
    Some((&line[..colon], &line[colon + 2..]))
}

/// Whether this is the tag of a file: three hexadecimal numbers with marks between them.
fn is_file_tag(value: &[u8]) -> bool {
    let numbers = value
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    let is_number = |part: &&[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_hexdigit);
    numbers.is_some_and(|numbers| {
        let parts = numbers.split(|byte| matches!(byte, b'-' | b'.'));
        parts.filter(is_number).count() == 3
    })
}

fn looks_like(pattern: &[u8], text: &[u8]) -> bool {
    let same_kind = |(&pattern, &byte): (&u8, &u8)| match pattern {
        b'0' => byte.is_ascii_digit(),
        b'A' => byte.is_ascii_uppercase(),
        b'a' => byte.is_ascii_lowercase(),
        other => byte == other,
    };
    pattern.len() == text.len() && pattern.iter().zip(text).all(same_kind)
}

#[test]
fn only_what_changes_is_masked() {
    let response = b"HTTP/1.0 200 OK\r\nServer: rhttp/1.2.3\r\n\
        Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nDate: today\r\nServer: other\r\n\r\nDate: x";
    let expected = b"HTTP/1.0 200 OK\r\nServer: <server>\r\n\
        Date: <date>\r\nDate: today\r\nServer: other\r\n\r\nDate: x";
    assert_eq!(mask_response(response), expected);
    let line = b"127.0.1.7 - - [22/Nov/2026 07:21:00] \"GET / HTTP/1.1\" 200 -";
    let masked = b"127.0.0.1 - - [<time>] \"GET / HTTP/1.1\" 200 -".to_vec();
    assert_eq!(mask_log(line), Some((b"127.0.1.7".as_slice(), masked)));
    assert_eq!(mask_log(b"Traceback (most recent call last):"), None);
}

#[test]
fn tags_of_files_and_the_time_of_the_response_are_masked() {
    let time = |second| format!("Sun, 29 Nov 2026 22:43:{second} GMT");
    let response = |first: &str, second: &str, tag| {
        let (date, later) = (time(42), time(43));
        format!(
            "HTTP/1.0 200 OK\r\nDate: {date}\r\nLast-Modified: {first}\r\n\
             Last-Modified: {second}\r\nETag: {tag}\r\nETag: W/\"a-5.f\"\r\nETag: \"a-5\"\r\n\
             Last-Modified: {later}\r\n\r\n"
        )
    };
    let masked = response("<date>", "<date>", "<etag>");
    let found = mask_validators(response(&time(42), &time(41), "\"a-5.f\"").as_bytes());
    assert_eq!(String::from_utf8_lossy(&found), masked);
    let older = response("today", &time(40), "<etag>");
    let found = mask_validators(response("today", &time(40), "\"a-5.f\"").as_bytes());
    assert_eq!(String::from_utf8_lossy(&found), older);
}
