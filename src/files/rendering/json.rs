//! Directory listings as JSON (RFC 8259): an array with an object for each name, each on a line of
//! its own.

use super::time::Moment;
use super::{LONGEST_LINK, Rendering, Writer, push_link};
use crate::files::catalogue::{Catalogue, Details};
use crate::files::kind::Kind;
use crate::files::listing::Entry;
use crate::files::unavailable::Unavailable;
use crate::http::{is_printable_in_quotes, push_decimal};

/// The most bytes that one byte of a name takes in a string: `\u001f`.
const LONGEST_STRING: usize = 6;

/// The names in `catalogue`, in order.
///
/// # Errors
/// No memory is available for it.
pub(crate) fn json(mut catalogue: Catalogue) -> Result<Rendering, Unavailable> {
    let size = catalogue.size();
    let mut writer = Writer::new(catalogue.reservation_mut(), size);
    writer.room(16)?.push(b'[');
    let mut separator: &[u8] = b"\n";
    for (entry, details) in catalogue.iter() {
        let text = writer.room(160 + (LONGEST_LINK + LONGEST_STRING) * entry.name.len())?;
        text.extend_from_slice(separator);
        push_object(entry, details, text);
        separator = b",\n";
    }
    drop(catalogue);
    writer.room(16)?.extend_from_slice(b"\n]\n");
    writer.finish()
}

fn push_object(entry: Entry<'_>, details: &Details, text: &mut Vec<u8>) {
    text.extend_from_slice(b"{\"name\":");
    push_string(entry.name, text);
    text.extend_from_slice(b",\"type\":\"");
    text.extend_from_slice(match details.kind {
        Kind::Folder => b"directory",
        Kind::Special | Kind::BrokenLink => b"other",
        _ => b"file",
    });
    text.extend_from_slice(b"\",\"size\":");
    match details.size {
        Some(size) => push_decimal(text, size),
        None => text.extend_from_slice(b"null"),
    }
    text.extend_from_slice(b",\"mtime\":");
    match details.modified.and_then(Moment::universal) {
        Some(moment) => {
            text.push(b'"');
            text.extend_from_slice(moment.to_rfc_3339().as_bytes());
            text.push(b'"');
        }
        None => text.extend_from_slice(b"null"),
    }
    text.extend_from_slice(b",\"url\":\"");
    push_link(entry.name, text);
    if entry.is_directory {
        text.push(b'/');
    }
    text.extend_from_slice(b"\",\"link\":");
    text.extend_from_slice(if entry.is_link { b"true}" } else { b"false}" });
}

/// Appends a string (§7); what is not UTF-8 in it becomes U+FFFD.
fn push_string(string: &[u8], text: &mut Vec<u8>) {
    text.push(b'"');
    if is_printable_in_quotes(string) {
        text.extend_from_slice(string);
        return text.push(b'"');
    }
    for chunk in string.utf8_chunks() {
        for &byte in chunk.valid().as_bytes() {
            match byte {
                b'"' | b'\\' => text.extend_from_slice(&[b'\\', byte]),
                0..0x20 => {
                    let digit = |number: u8| match number {
                        0..10 => b'0' + number,
                        _ => b'a' + (number - 10),
                    };
                    text.extend_from_slice(b"\\u00");
                    text.extend_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
                }
                _ => text.push(byte),
            }
        }
        if !chunk.invalid().is_empty() {
            text.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    text.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::sorting::Sorting;
    use proptest::prelude::*;

    #[test]
    fn each_name_is_an_object_on_its_line() {
        let mut catalogue = Catalogue::new();
        for (name, is_link, kind, size, modified) in [
            (
                b"a \"b\".txt".as_slice(),
                false,
                Kind::Text,
                Some(5),
                Some(0),
            ),
            (b"d", true, Kind::Folder, None, Some(1_795_332_065)),
            (b"\xff\n", false, Kind::File, Some(u64::MAX), Some(i64::MAX)),
            (b"x", true, Kind::BrokenLink, None, None),
            (b"y", false, Kind::Special, None, Some(-1)),
        ] {
            let details = Details {
                kind,
                size,
                modified,
            };
            assert_eq!(catalogue.push(name, is_link, details), Ok(()));
        }
        catalogue.sort(Sorting::default());
        let expected = r#"[
{"name":"d","type":"directory","size":null,"mtime":"2026-11-22T07:21:05Z","url":"d/","link":true},
{"name":"a \"b\".txt","type":"file","size":5,"mtime":"1970-01-01T00:00:00Z","url":"a%20%22b%22.txt","link":false},
{"name":"x","type":"other","size":null,"mtime":null,"url":"x","link":true},
{"name":"y","type":"other","size":null,"mtime":"1969-12-31T23:59:59Z","url":"y","link":false},
{"name":"�\u000a","type":"file","size":18446744073709551615,"mtime":null,"url":"%ED%B3%BF%0A","link":false}
]
"#;
        assert_eq!(read(catalogue), expected);
        assert_eq!(read(Catalogue::new()), "[\n]\n");
    }

    fn read(catalogue: Catalogue) -> String {
        let text = json(catalogue).expect("there is memory for it");
        String::from_utf8(text.as_ref().to_vec()).expect("it is UTF-8")
    }

    proptest! {
        #[test]
        fn a_string_is_read_back_as_it_was(string in any::<Vec<u8>>()) {
            let mut text = Vec::new();
            push_string(&string, &mut text);
            let back: String = serde_json::from_slice(&text).expect("it is JSON");
            prop_assert_eq!(back, String::from_utf8_lossy(&string));
        }
    }
}
