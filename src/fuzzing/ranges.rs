use super::asking::{Answer, answer, check_whole, content, fill_in, name};
use crate::http::header;
use crate::representation::Selection;

/// Ranges: whatever is sent of a file is what its `Content-Range` says, and no more than the file.
pub fn ranges(data: &[u8]) {
    let Some((&choice, value)) = data.split_first() else {
        return;
    };
    check_selection(choice, value);
    let name = name(choice);
    let value = fill_in(value, &Answer::default());
    let answer = answer(name, &vec![("Range", value.as_slice())]);
    let content = content(name);
    match answer.status {
        200 => check_whole(&answer, name),
        206 => {
            let range = answer.field(header::CONTENT_RANGE);
            if let Some(range) = range {
                assert_eq!(slice(&content, &range), Some(answer.body.as_slice()));
            } else {
                check_parts(&answer, &content);
            }
        }
        416 => {
            let expected = format!("bytes */{}", content.len());
            assert_eq!(
                answer.field(header::CONTENT_RANGE),
                Some(expected.into_bytes())
            );
        }
        other => unreachable!("{other} for a range"),
    }
}

/// What is selected is of the content, in parts that have bytes and do not touch; and where a
/// single range is asked for, it is that.
fn check_selection(choice: u8, value: &[u8]) {
    const SIZES: [u64; 6] = [0, 1, 10, 3890, 5 << 30, u64::MAX];
    let size = SIZES.get(usize::from(choice / 4) % 6).copied().unwrap_or(0);
    let selection = Selection::new(value, size);
    match &selection {
        Selection::Whole | Selection::Unsatisfiable => {}
        Selection::One(range) => assert!(range.start < range.end && range.end <= size),
        Selection::Several(ranges) => {
            assert!(ranges.len() > 1);
            let mut sorted = ranges.clone();
            sorted.sort_by_key(|range| range.start);
            assert!(
                sorted
                    .iter()
                    .all(|range| range.start < range.end && range.end <= size)
            );
            assert!(
                sorted.is_sorted_by(|one, other| one.end < other.start),
                "{ranges:?}"
            );
        }
    }
    if let Some(expected) = single(value, size) {
        assert_eq!(selection, expected, "{} of {size}", value.escape_ascii());
    }
}

/// What a field with one range means (RFC 9110 §14.1.2), where no number is too large; `None` for
/// every other field.
fn single(value: &[u8], size: u64) -> Option<Selection> {
    let (first, last) = std::str::from_utf8(value)
        .ok()?
        .strip_prefix("bytes=")?
        .split_once('-')?;
    let number = |digits: &str| -> Option<u64> {
        let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| all_digits)
    };
    let range = match (first, last) {
        ("", length) => match number(length)? {
            0 => return Some(Selection::Unsatisfiable),
            // Of an empty file, no `Content-Range` can name the last bytes.
            _ if size == 0 => return Some(Selection::Whole),
            length => size.saturating_sub(length)..size,
        },
        (first, "") => number(first)?..size,
        (first, last) if number(first)? <= number(last)? => {
            number(first)?..number(last)?.saturating_add(1).min(size)
        }
        (_, last) => return number(last).map(|_| Selection::Whole),
    };
    Some(if range.start < size {
        Selection::One(range)
    } else {
        Selection::Unsatisfiable
    })
}

/// What `bytes first-last/length` means, read strictly.
fn slice<'c>(content: &'c [u8], range: &[u8]) -> Option<&'c [u8]> {
    let text = std::str::from_utf8(range).ok()?.strip_prefix("bytes ")?;
    let (range, length) = text.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    if length.parse() != Ok(content.len()) {
        return None;
    }
    content.get(first.parse().ok()?..=last.parse().ok()?)
}

/// Takes `multipart/byteranges` apart (RFC 9110 §14.6).
fn check_parts(answer: &Answer, content: &[u8]) {
    let kind = answer.field(header::CONTENT_TYPE).unwrap_or_default();
    let boundary = kind
        .strip_prefix(b"multipart/byteranges; boundary=".as_slice())
        .unwrap_or_default();
    assert!(!boundary.is_empty(), "{}", kind.escape_ascii());
    let delimiter = [b"--", boundary].concat();
    let mut rest = answer.body.as_slice();
    let (mut parts, mut sent) = (0, 0);
    loop {
        rest = rest.strip_prefix(b"\r\n").unwrap_or(rest);
        rest = rest.strip_prefix(delimiter.as_slice()).unwrap_or_default();
        if rest == b"--\r\n" || rest == b"--" {
            break;
        }
        let end = rest
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap_or(0);
        let (head, body) = rest.split_at(end);
        let range = head
            .split(|&byte| byte == b'\n')
            .map(<[u8]>::trim_ascii)
            .find_map(|line| {
                let (name, value) = line.split_at_checked("Content-Range: ".len())?;
                name.eq_ignore_ascii_case(b"Content-Range: ")
                    .then_some(value)
            })
            .unwrap_or_default();
        let slice = slice(content, range);
        assert!(slice.is_some(), "{}", head.escape_ascii());
        let slice = slice.unwrap_or_default();
        let body = body.strip_prefix(b"\r\n\r\n").unwrap_or_default();
        assert!(body.starts_with(slice));
        rest = body.get(slice.len()..).unwrap_or_default();
        parts += 1;
        sent += slice.len();
    }
    // However many ranges are asked for, and however they overlap.
    assert!(
        parts >= 1 && sent <= content.len(),
        "{parts} parts, {sent} bytes"
    );
}
