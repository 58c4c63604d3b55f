//! Several ranges as `multipart/byteranges` (RFC 9110 §14.6).

use crate::http::{FilePart, HeaderValue};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::ops::Range;

/// The media type, and the parts that carry `ranges` of `size` bytes, which are the bytes `content`
/// of a file. `kind` is the content's own media type.
///
/// A line break precedes the first boundary, as is allowed: some clients, zsync among them, look
/// for the boundary only at the start of a line.
pub(super) fn multipart(
    kind: Option<&[u8]>,
    content: &Range<u64>,
    ranges: Vec<Range<u64>>,
    size: u64,
) -> (HeaderValue, Vec<FilePart>) {
    let boundary = boundary();
    let mut parts = Vec::with_capacity(ranges.len() + 1);
    for range in ranges {
        let content_range = ContentRange(&range, size);
        let mut head = Vec::with_capacity(160);
        // Writing to memory cannot fail.
        let _ = write!(head, "\r\n--{boundary}\r\n");
        if let Some(kind) = kind {
            head.extend_from_slice(b"Content-Type: ");
            head.extend_from_slice(kind);
            head.extend_from_slice(b"\r\n");
        }
        let _ = write!(head, "Content-Range: {content_range}\r\n\r\n");
        let range = content.start + range.start..content.start + range.end;
        parts.push(FilePart { head, range });
    }
    let head = format!("\r\n--{boundary}--\r\n").into_bytes();
    parts.push(FilePart { head, range: 0..0 });
    let media_type = format_args!("multipart/byteranges; boundary={boundary}");
    (HeaderValue::displayed(media_type), parts)
}

/// Displays the value of `Content-Range` (§14.4): the number of the last byte, not of the end.
pub(super) struct ContentRange<'a>(pub(super) &'a Range<u64>, pub(super) u64);

impl fmt::Display for ContentRange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(range, size) = self;
        let last = range.end.saturating_sub(1);
        write!(f, "bytes {}-{last}/{size}", range.start)
    }
}

/// A line that occurs in no file: it is random for each response, so that nobody can put it into a
/// file beforehand.
fn boundary() -> String {
    let random = || RandomState::new().hash_one(());
    format!("{:016x}{:016x}", random(), random())
}
