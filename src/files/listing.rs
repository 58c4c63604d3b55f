//! Directory listings, byte for byte CPython's page (`list_directory`).

use super::unavailable::{Unavailable, type_told};
use crate::http::escape_surrogates;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rustix::fs::{AtFlags, Dir, FileType};
use std::os::fd::OwnedFd;

/// What `urllib.parse.quote` encodes: all but letters, digits and `_.-~/`.
const QUOTED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'_')
    .remove(b'.')
    .remove(b'-')
    .remove(b'~')
    .remove(b'/');

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its bytes; any but NUL and `/`.
    name: Vec<u8>,
    /// Whether it is a directory, links followed.
    is_directory: bool,
    /// Whether it is a symbolic link.
    is_link: bool,
}

#[cfg(any(test, feature = "fuzzing"))]
impl Entry {
    pub(crate) fn new(name: &[u8], is_directory: bool, is_link: bool) -> Self {
        Self {
            name: name.to_vec(),
            is_directory,
            is_link,
        }
    }

    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }

    pub(crate) fn is_directory(&self) -> bool {
        self.is_directory
    }

    pub(crate) fn is_link(&self) -> bool {
        self.is_link
    }
}

/// Reads the names in an open directory, sorted as CPython sorts them.
///
/// Of a link, `leads_to_directory` must tell that. In a shortage there is no list rather than a
/// wrong one.
pub(super) fn read_entries(
    directory: &OwnedFd,
    leads_to_directory: impl Fn(&[u8]) -> Result<bool, Unavailable>,
) -> Result<Vec<Entry>, Unavailable> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        // Some file systems do not tell the type with the name.
        let kind = match entry.file_type() {
            FileType::Unknown => type_told(rustix::fs::statat(
                directory,
                name,
                AtFlags::SYMLINK_NOFOLLOW,
            ))?,
            kind => kind,
        };
        let is_link = kind == FileType::Symlink;
        let is_directory =
            kind == FileType::Directory || is_link && leads_to_directory(name.to_bytes())?;
        entries.push(Entry {
            name: name.to_bytes().to_vec(),
            is_directory,
            is_link,
        });
    }
    sort(&mut entries);
    Ok(entries)
}

/// By the name in lower case; names that differ in case alone stay in the system's order.
fn sort(entries: &mut [Entry]) {
    entries.sort_by_cached_key(|entry| {
        let mut key = Vec::with_capacity(entry.name.len());
        for chunk in entry.name.utf8_chunks() {
            key.extend_from_slice(chunk.valid().to_lowercase().as_bytes());
            key.extend_from_slice(&escape_surrogates(chunk.invalid()));
        }
        key
    });
}

/// The page that lists `entries` under the title `path`.
pub(crate) fn page(path: &[u8], entries: &[Entry]) -> Vec<u8> {
    let mut page = Vec::with_capacity(512 + entries.len() * 64);
    page.extend_from_slice(
        b"<!DOCTYPE HTML>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Directory listing for ",
    );
    push_text(path, &mut page);
    page.extend_from_slice(b"</title>\n</head>\n<body>\n<h1>Directory listing for ");
    push_text(path, &mut page);
    page.extend_from_slice(b"</h1>\n<hr>\n<ul>\n");
    for entry in entries {
        page.extend_from_slice(b"<li><a href=\"");
        for part in percent_encode(&escape_surrogates(&entry.name), QUOTED) {
            page.extend_from_slice(part.as_bytes());
        }
        page.extend_from_slice(if entry.is_directory { b"/\">" } else { b"\">" });
        push_text(&entry.name, &mut page);
        // A link to a directory is shown with `@` and leads to `/`.
        page.extend_from_slice(match entry {
            Entry { is_link: true, .. } => b"@",
            Entry {
                is_directory: true, ..
            } => b"/",
            _ => b"",
        });
        page.extend_from_slice(b"</a></li>\n");
    }
    page.extend_from_slice(b"</ul>\n<hr>\n</body>\n</html>\n");
    page
}

/// Appends text with `&`, `<` and `>` escaped. What is no UTF-8 cannot hold any of them.
fn push_text(text: &[u8], page: &mut Vec<u8>) {
    for chunk in text.utf8_chunks() {
        html_escape::encode_text_to_vec(chunk.valid(), page);
        page.extend_from_slice(chunk.invalid());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: impl AsRef<[u8]>, is_directory: bool, is_link: bool) -> Entry {
        Entry::new(name.as_ref(), is_directory, is_link)
    }

    #[test]
    fn the_page_is_the_reference_s() {
        let entries = [
            entry("a&b", false, false),
            entry("d", true, false),
            entry("l \"'", true, true),
            entry("x<\u{e9}", false, true),
            entry(b"\x80:", false, false),
        ];
        let expected = b"<!DOCTYPE HTML>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
            <title>Directory listing for /&lt;&gt;&amp;\"</title>\n</head>\n<body>\n\
            <h1>Directory listing for /&lt;&gt;&amp;\"</h1>\n<hr>\n<ul>\n\
            <li><a href=\"a%26b\">a&amp;b</a></li>\n\
            <li><a href=\"d/\">d/</a></li>\n\
            <li><a href=\"l%20%22%27/\">l \"'@</a></li>\n\
            <li><a href=\"x%3C%C3%A9\">x&lt;\xc3\xa9@</a></li>\n\
            <li><a href=\"%ED%B2%80%3A\">\x80:</a></li>\n\
            </ul>\n<hr>\n</body>\n</html>\n";
        assert_eq!(
            page(b"/<>&\"", &entries).escape_ascii().to_string(),
            expected.escape_ascii().to_string()
        );
    }

    #[test]
    fn names_are_sorted_without_regard_to_case() {
        let mut entries: Vec<_> = [
            b"b".as_slice(),
            b"B",
            b"a",
            b"\x80",
            b"A",
            "\u{c9}".as_bytes(),
            b"_",
            "\u{1f600}".as_bytes(),
        ]
        .map(|name| entry(name, false, false))
        .to_vec();
        sort(&mut entries);
        let names: Vec<_> = entries.iter().map(|entry| entry.name.as_slice()).collect();
        let expected: [&[u8]; 8] = [
            b"_",
            b"a",
            b"A",
            b"b",
            b"B",
            "\u{c9}".as_bytes(),
            b"\x80",
            "\u{1f600}".as_bytes(),
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn links_are_told_from_what_is_no_link() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(directory.path().join("d")).expect("a directory");
        std::fs::write(directory.path().join("f"), "").expect("a file");
        for (target, link) in [("d", "to-d"), ("f", "to-f"), ("nowhere", "to-nowhere")] {
            std::os::unix::fs::symlink(target, directory.path().join(link)).expect("a link");
        }
        let handle = std::fs::File::open(directory.path()).expect("it opens");
        let entries =
            read_entries(&handle.into(), |link| Ok(link == b"to-d")).expect("it can be read");
        assert_eq!(
            entries,
            [
                entry("d", true, false),
                entry("f", false, false),
                entry("to-d", true, true),
                entry("to-f", false, true),
                entry("to-nowhere", false, true),
            ]
        );
    }
}
