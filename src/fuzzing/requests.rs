use crate::config::Config;
use crate::http::{FieldLines, HeaderName, Version};
use crate::wire::{
    self, HeaderLines, Memory, RequestFraming, UnframedBody, Unread, request_framing,
};
use std::fmt::Write;
use std::io::Read;

/// Requests on one connection: however the bytes arrive they are the same requests, and each ends
/// where a second, simpler reader finds its end.
pub fn requests(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else {
        return;
    };
    let config = if choice & 0x80 == 0 {
        Config::default()
    } else {
        Config {
            max_request_line: 40,
            max_header_line: 30,
            max_header_lines: 4,
            max_head: 60,
            ..Config::default()
        }
    };
    let at_once = read_all(bytes, usize::MAX, &config);
    let step = usize::from(choice & 0x7f) + 1;
    assert_eq!(read_all(bytes, step, &config), at_once);
}

/// A line for each thing read, and its body.
fn read_all(bytes: &[u8], step: usize, config: &Config) -> Vec<(String, Vec<u8>)> {
    let mut source = Memory::new(bytes, step);
    let mut head = Vec::new();
    let mut found = Vec::new();
    let mut rest = bytes;
    loop {
        let mut lines = HeaderLines::new();
        let read = wire::read(&mut source, &mut head, &mut lines, config);
        let Some(read) = read.unwrap_or(None) else {
            return found;
        };
        let read = match read {
            Err(rejected) => {
                assert!(rejected.error.status().as_u16() >= 400);
                found.push((rejected.error.to_string(), Vec::new()));
                return found;
            }
            Ok(line) => {
                assert!(
                    line.version < Version::HTTP_20 && !line.method.as_text().as_bytes().is_empty()
                );
                assert!(line.text.as_bytes().len() <= config.max_request_line);
                let fields = lines.fields();
                let text = format!("{} {}", line.text, show(fields));
                check(&lines);
                (text, lines.len(), request_framing(&line, fields))
            }
        };
        let (text, count, framing) = read;
        let before = rest;
        rest = rest.get(rest.len() - source.left()..).unwrap_or_default();
        check_head(
            before.get(..before.len() - rest.len()).unwrap_or_default(),
            count,
            rest.is_empty(),
        );
        let Ok(framing) = framing else {
            found.push((text, b"bad framing".to_vec()));
            return found;
        };
        let mut unread = Unread::new(framing);
        let mut content = Vec::new();
        let mut body = UnframedBody::new(&mut source, &mut unread);
        let whole = body.read_to_end(&mut content).is_ok();
        assert_eq!(whole, unread.is_finished());
        if !whole {
            found.push((text, b"broken body".to_vec()));
            return found;
        }
        let after = rest.get(rest.len() - source.left()..).unwrap_or_default();
        let expected = match framing {
            RequestFraming::Length(length) => rest
                .split_at_checked(usize::try_from(length).unwrap_or(usize::MAX))
                .map(|(content, after)| (content.to_vec(), after)),
            RequestFraming::Chunked => dechunk(rest),
        };
        assert_eq!(Some((content.clone(), after)), expected);
        rest = after;
        found.push((text, content));
    }
}

fn show(fields: FieldLines<'_>) -> String {
    let mut text = String::new();
    for (name, value) in fields.iter() {
        let _ = writeln!(text, "{name}={}", value.escape_ascii());
    }
    text
}

/// Names are tokens, and values stay on their line.
fn check(lines: &HeaderLines<'_>) {
    for line in lines.iter() {
        assert!(
            std::str::from_utf8(line.name).is_ok_and(|name| HeaderName::new(name).is_some()),
            "{line:?}"
        );
        assert!(
            line.value.iter().all(|byte| !b"\r\n\0".contains(byte)),
            "{}",
            line.value.escape_ascii()
        );
    }
}

/// A head is a line, `count` lines, and an empty one unless the stream ends before it.
fn check_head(head: &[u8], count: usize, at_end: bool) {
    let shown = head.escape_ascii();
    let mut lines = head.split_inclusive(|&byte| byte == b'\n').skip(1);
    for line in lines.by_ref().take(count) {
        assert!(!matches!(line, b"\n" | b"\r\n"), "{shown}");
    }
    match lines.next() {
        Some(b"\n" | b"\r\n") => {}
        // The stream may end inside that line, too.
        Some(line) => assert!(at_end && line == b"\r", "{shown}"),
        None => assert!(at_end, "{shown}"),
    }
    assert_eq!(lines.next(), None, "{shown}");
}

/// What is in the chunks, and what follows them.
fn dechunk(mut bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut content = Vec::new();
    loop {
        let (line, rest) = split_line(bytes)?;
        let digits = line
            .split(|&byte| byte == b';')
            .next()
            .and_then(|size| std::str::from_utf8(size.trim_ascii_end()).ok())
            .filter(|size| size.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let size = usize::from_str_radix(digits, 16).ok()?;
        bytes = rest;
        if size == 0 {
            break;
        }
        let (chunk, rest) = bytes.split_at_checked(size)?;
        content.extend_from_slice(chunk);
        bytes = rest.strip_prefix(b"\r\n")?;
    }
    loop {
        let (line, rest) = split_line(bytes)?;
        bytes = rest;
        if line.is_empty() {
            return Some((content, bytes));
        }
    }
}

/// A line that ends in CRLF, and what follows it.
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    Some((bytes.get(..end)?, bytes.get(end + 2..)?))
}
