//! The blocks before the content of a file: ustar (POSIX.1-1988), preceded by pax records
//! (POSIX.1-2001) where ustar has no room.

use super::layout::{Entry, Kind};
use std::borrow::Cow;
use std::io::Write;

/// The unit of the format.
pub(super) const BLOCK: u64 = 512;
/// One block as bytes.
const ZEROS: [u8; 512] = [0; 512];

/// The largest number that eleven octal digits can express.
const MOST: u64 = 0o777_7777_7777;
/// The maximum length of a name, of the directory before it, and of the target of a link.
const NAME: usize = 100;
const PREFIX: usize = 155;

/// The fields of a header block that differ from one entry to the next.
struct Fields<'a> {
    name: &'a [u8],
    prefix: &'a [u8],
    target: &'a [u8],
    mode: u64,
    size: u64,
    time: u64,
    kind: u8,
}

/// Appends the blocks that precede the content of `entry`, whose path in the archive is `path` (a
/// directory's ends in a slash).
pub(super) fn push_header(entry: &Entry<'_>, path: &[u8], out: &mut Vec<u8>) {
    let records = records(entry, path);
    if !records.is_empty() {
        let fields = Fields {
            name: b"PaxHeaders/entry",
            prefix: b"",
            target: b"",
            mode: 0o644,
            size: records.len() as u64,
            time: 0,
            kind: b'x',
        };
        push_block(&fields, out);
        out.extend_from_slice(&records);
        pad(out, records.len() as u64);
    }
    // What a reader without pax support sees in place of values that ustar cannot express; all
    // others use the records.
    let plain_path = to_plain(path);
    let (prefix, name) = split(&plain_path).unwrap_or((b"", last(&plain_path, NAME)));
    let target = to_plain(entry.target);
    let fields = Fields {
        name,
        prefix,
        target: target.get(..NAME).unwrap_or(&target),
        mode: entry.mode.into(),
        size: Some(entry.content())
            .filter(|&size| size <= MOST)
            .unwrap_or(0),
        time: time(entry).unwrap_or(0),
        kind: match entry.kind {
            Kind::File => b'0',
            Kind::Link => b'2',
            Kind::Directory => b'5',
        },
    };
    push_block(&fields, out);
}

/// The length of these blocks in bytes.
pub(super) fn header_length(entry: &Entry<'_>, path: &[u8]) -> u64 {
    let records = records(entry, path).len() as u64;
    match records {
        0 => BLOCK,
        _ => BLOCK + records + padding(records).len() as u64 + BLOCK,
    }
}

/// The two blocks of zeros at the end of an archive.
pub(super) fn push_end(out: &mut Vec<u8>) {
    out.extend_from_slice(&ZEROS);
    out.extend_from_slice(&ZEROS);
}

/// The zeros that fill the last block of `length` bytes.
pub(super) fn padding(length: u64) -> &'static [u8] {
    let rest = usize::try_from(length % BLOCK).unwrap_or(0);
    let missing = if rest == 0 { 0 } else { ZEROS.len() - rest };
    ZEROS.get(..missing).unwrap_or_default()
}

fn pad(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(padding(length));
}

/// What ustar cannot express about an entry, as the records of a pax header.
fn records(entry: &Entry<'_>, path: &[u8]) -> Vec<u8> {
    let mut records = Vec::new();
    let path = needs_record(path, split(path).is_some()).then_some(path);
    let target = needs_record(entry.target, entry.target.len() <= NAME).then_some(entry.target);
    if [path, target]
        .into_iter()
        .flatten()
        .any(|text| !is_utf8(text))
    {
        // This makes names plain bytes; without it they must be UTF-8.
        push_record(b"hdrcharset", b"BINARY", &mut records);
    }
    if let Some(path) = path {
        push_record(b"path", path, &mut records);
    }
    if let Some(target) = target {
        push_record(b"linkpath", target, &mut records);
    }
    if entry.content() > MOST {
        push_record(
            b"size",
            entry.content().to_string().as_bytes(),
            &mut records,
        );
    }
    if time(entry).is_none() {
        let seconds = entry.state.modified.seconds;
        push_record(b"mtime", seconds.to_string().as_bytes(), &mut records);
    }
    records
}

/// Appends `LENGTH KEY=VALUE`; the length counts its own digits.
fn push_record(key: &[u8], value: &[u8], records: &mut Vec<u8>) {
    let rest = key.len() + value.len() + b" =\n".len();
    let digits = |number: usize| number.checked_ilog10().map_or(1, |log| log as usize + 1);
    let mut length = rest + digits(rest);
    // Counting the digits may make the length itself one digit longer.
    length = rest + digits(length);
    // Writing to memory cannot fail.
    let _ = write!(records, "{length} ");
    records.extend_from_slice(key);
    records.push(b'=');
    records.extend_from_slice(value);
    records.push(b'\n');
}

/// When the content was modified, if eleven octal digits can express it.
fn time(entry: &Entry<'_>) -> Option<u64> {
    let seconds = u64::try_from(entry.state.modified.seconds).ok();
    seconds.filter(|&seconds| seconds <= MOST)
}

/// A path split into the two fields that ustar has for it, if it fits.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.len() <= NAME {
        return Some((b"", path));
    }
    // The last slash that leaves a name that is short enough, and not empty.
    let earliest = path.len().checked_sub(NAME + 1)?;
    let slash = path
        .iter()
        .enumerate()
        .take(path.len() - 1)
        .skip(earliest)
        .find_map(|(at, &byte)| (byte == b'/').then_some(at))
        .filter(|&at| (1..=PREFIX).contains(&at))?;
    Some((path.get(..slash)?, path.get(slash + 1..)?))
}

/// The end of a path that is too long for a field.
fn last(path: &[u8], most: usize) -> &[u8] {
    path.get(path.len().saturating_sub(most)..).unwrap_or(path)
}

/// Whether a path needs a record. In the fields of ustar, each reader interprets non-ASCII bytes as
/// it likes; a path that is not UTF-8 is best left there unchanged.
fn needs_record(path: &[u8], has_room: bool) -> bool {
    !has_room || !path.is_ascii() && is_utf8(path)
}

/// A path as it appears in the fields of ustar.
fn to_plain(path: &[u8]) -> Cow<'_, [u8]> {
    if path.is_ascii() || !is_utf8(path) {
        return Cow::Borrowed(path);
    }
    let plain = |&byte: &u8| if byte.is_ascii() { byte } else { b'_' };
    Cow::Owned(path.iter().map(plain).collect())
}

fn is_utf8(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok()
}

/// Appends a header block. Owners are not disclosed: all are 0, without names.
fn push_block(fields: &Fields<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    push_text(fields.name, NAME, out);
    push_octal(fields.mode, 8, out);
    push_octal(0, 8, out);
    push_octal(0, 8, out);
    push_octal(fields.size, 12, out);
    push_octal(fields.time, 12, out);
    let checksum = out.len();
    out.extend_from_slice(b"        ");
    out.push(fields.kind);
    push_text(fields.target, NAME, out);
    out.extend_from_slice(b"ustar\x0000");
    push_text(b"", 64, out);
    push_octal(0, 8, out);
    push_octal(0, 8, out);
    push_text(fields.prefix, PREFIX, out);
    push_text(b"", 12, out);
    let block = out.get(start..).unwrap_or_default();
    let sum: u64 = block.iter().map(|&byte| u64::from(byte)).sum();
    if let Some(field) = out.get_mut(checksum..checksum + 8) {
        let mut text = Vec::with_capacity(8);
        push_octal(sum, 7, &mut text);
        text.push(b' ');
        field.copy_from_slice(&text);
    }
}

/// Appends text, padded with zeros.
fn push_text(text: &[u8], width: usize, out: &mut Vec<u8>) {
    let text = text.get(..width).unwrap_or(text);
    let missing = ZEROS.get(..width - text.len()).unwrap_or_default();
    out.extend_from_slice(text);
    out.extend_from_slice(missing);
}

/// Appends a number in octal digits and a zero byte, `width` bytes in total.
fn push_octal(number: u64, width: usize, out: &mut Vec<u8>) {
    for place in (0..width - 1).rev() {
        let digit = (number >> (3 * place)) & 7;
        out.push(b'0' + u8::try_from(digit).unwrap_or(0));
    }
    out.push(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_its_own_length() {
        for (value, expected) in [(1, 9), (88, 97), (89, 98), (90, 99), (91, 101), (92, 102)] {
            let mut records = Vec::new();
            push_record(b"path", &vec![b'x'; value], &mut records);
            let start = format!("{expected} path=x");
            assert!(records.starts_with(start.as_bytes()), "{value}");
            assert_eq!(records.len(), expected);
        }
        for value in 0..2000 {
            let mut records = Vec::new();
            push_record(b"k", &vec![b'x'; value], &mut records);
            let start = format!("{} k=", records.len());
            assert!(records.starts_with(start.as_bytes()), "{value}");
        }
    }

    #[test]
    fn a_path_is_split_at_a_slash_where_both_parts_have_room() {
        let name = "n".repeat(100);
        let cases = [
            (name.clone(), Some((0, 100))),
            (format!("d/{name}"), Some((1, 100))),
            (format!("{}/{name}", "d".repeat(155)), Some((155, 100))),
            (format!("{}/{name}", "d".repeat(156)), None),
            (format!("{name}x"), None),
            (format!("/{name}"), None),
            (format!("d/{name}/"), None),
            (format!("d/{}/", "n".repeat(99)), Some((1, 100))),
        ];
        for (path, expected) in cases {
            let found = split(path.as_bytes()).map(|(prefix, name)| (prefix.len(), name.len()));
            assert_eq!(found, expected, "{path}");
        }
    }
}
