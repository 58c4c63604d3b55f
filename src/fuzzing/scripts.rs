use crate::cgi::{end_of_header, head};
use crate::http::Version;
use crate::wire::{Head, Output, Persistence, ResponseFraming};

/// A script's output: its header ends at the same place however it arrives, and whatever it says,
/// the head that goes on the wire is one head.
pub fn scripts(data: &[u8]) {
    let Some((&choice, printed)) = data.split_first() else {
        return;
    };
    let end = end_of_header(printed, 0);
    assert_eq!(arriving(printed, usize::from(choice) + 1), end);
    let Some(header) = end.and_then(|end| printed.get(..end)) else {
        return;
    };
    let Some(response) = head(header) else {
        return;
    };
    assert!((200..1000).contains(&response.status.as_u16()));
    let framing = if choice & 1 == 0 {
        ResponseFraming::Chunked
    } else {
        ResponseFraming::Length(7)
    };
    let mut written = Output::default();
    Head {
        protocol: Version::HTTP_11,
        server: "rhttp/0",
        date_line: b"\r\nDate: now\r\n",
        framing,
        persistence: Persistence::Persists,
    }
    .write(&response, &mut written);

    let written = written.bytes();
    let shown = written.escape_ascii();
    let text = written.strip_suffix(b"\r\n\r\n").unwrap_or_default();
    let lines: Vec<_> = text
        .split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .collect();
    let status = lines.first().copied().unwrap_or_default();
    let fields = lines.get(1..).unwrap_or_default();
    assert!(status.starts_with(b"HTTP/1.1 "), "{shown}");
    // As many lines as the server and the script said, none of which holds another.
    let printed_lines = header
        .split(|&byte| byte == b'\n')
        .filter(|line| !matches!(*line, b"" | b"\r"))
        .count();
    assert!(fields.len() <= printed_lines + 3, "{shown}");
    let mut framed = 0;
    for line in &lines {
        assert!(
            line.iter()
                .all(|&byte| byte == b'\t' || byte >= b' ' && byte != 0x7f),
            "{shown}"
        );
    }
    for line in fields {
        let (name, value) = line.split_at(line.iter().position(|&byte| byte == b':').unwrap_or(0));
        assert!(!name.is_empty() && value.starts_with(b": "), "{shown}");
        let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
        if is(b"Content-Length") || is(b"Transfer-Encoding") {
            framed += 1;
        }
        // It is the server's to say how long the connection lasts, but for its end.
        assert!(
            !is(b"Connection") || value.eq_ignore_ascii_case(b": close"),
            "{shown}"
        );
        assert!(!is(b"Status"), "{shown}");
    }
    let allowed = usize::from(response.status.allows_length());
    assert!(framed == 1 || framed == allowed, "{shown}");
}

/// Where the header ends as the server looks for it, `step` bytes at a time.
fn arriving(printed: &[u8], step: usize) -> Option<usize> {
    let mut start = 0;
    while start < printed.len() {
        let now = printed.len().min(start + step);
        let found = end_of_header(printed.get(..now)?, start.saturating_sub(2));
        if found.is_some() {
            return found;
        }
        start = now;
    }
    None
}
