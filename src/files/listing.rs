//! The names in a directory, as CPython's `list_directory` sorts them.
//!
//! However many there are, they occupy two blocks of memory: one block for each name would be slow
//! to allocate, and would not be returned to the system.

use super::names::for_each_name;
use super::natural;
use super::reservation::{Reservation, grow};
use super::unavailable::Unavailable;
use crate::http::escape_surrogates;
use rustix::fs::FileType;
use std::os::fd::BorrowedFd;

/// A name in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'l> {
    /// Its bytes; any except NUL and `/`.
    pub(crate) name: &'l [u8],
    /// Whether it is a directory, links followed.
    pub(crate) is_directory: bool,
    /// Whether it is a symbolic link.
    pub(crate) is_link: bool,
}

/// The names in a directory.
#[derive(Debug)]
pub(crate) struct Listing {
    /// Names, each followed by its sort key where that differs.
    text: Vec<u8>,
    entries: Vec<Stored>,
    reservation: Reservation,
}

/// An entry whose name lies in the listing's text.
#[derive(Debug)]
struct Stored {
    name: Span,
    /// Its sort key: the name in lower case, perhaps so that it sorts in natural order.
    key: Span,
    is_directory: bool,
    is_link: bool,
}

/// A part of the listing's text; the memory budget is exhausted long before these numbers overflow.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
}

impl Listing {
    /// An empty listing.
    pub(crate) fn new() -> Self {
        Self {
            text: Vec::new(),
            entries: Vec::new(),
            reservation: Reservation::new(),
        }
    }

    /// Adds a name at the end.
    ///
    /// # Errors
    /// No memory is available for it.
    pub(crate) fn push(&mut self, entry: Entry<'_>) -> Result<(), Unavailable> {
        self.add(entry)?;
        self.reservation.resize(self.size())
    }

    fn add(&mut self, entry: Entry<'_>) -> Result<(), Unavailable> {
        self.add_with(entry, push_lower_case)
    }

    /// Adds a name whose sort key puts it in natural order, for callers that account for the memory
    /// themselves.
    pub(super) fn add_naturally(&mut self, entry: Entry<'_>) -> Result<(), Unavailable> {
        self.add_with(entry, |name, text| {
            if name.is_ascii() {
                natural::push_key(name, text);
            } else {
                natural::push_key(&lower_case(name), text);
            }
        })
    }

    fn add_with(
        &mut self,
        entry: Entry<'_>,
        push_key: impl FnOnce(&[u8], &mut Vec<u8>),
    ) -> Result<(), Unavailable> {
        // A character becomes at most three times as long in lower case, as a surrogate, or as a
        // number of one digit.
        grow(&mut self.text, 4 * entry.name.len())?;
        grow(&mut self.entries, 1)?;
        let name = self.append(|text| text.extend_from_slice(entry.name))?;
        let mut key = self.append(|text| push_key(entry.name, text))?;
        if key.of(&self.text) == entry.name {
            self.text.truncate(self.text.len() - entry.name.len());
            key = name;
        }
        self.entries.push(Stored {
            name,
            key,
            is_directory: entry.is_directory,
            is_link: entry.is_link,
        });
        Ok(())
    }

    fn append(&mut self, append: impl FnOnce(&mut Vec<u8>)) -> Result<Span, Unavailable> {
        let end = |text: &[u8]| u32::try_from(text.len()).map_err(|_| Unavailable::Shortage);
        let start = end(&self.text)?;
        append(&mut self.text);
        let end = end(&self.text)?;
        Ok(Span { start, end })
    }

    /// By the name in lower case; names that differ only in case stay in the system's order, which
    /// is the order in which they were added.
    fn sort(&mut self) {
        let text = &self.text;
        self.entries.sort_unstable_by(|a, b| {
            let order = a.key.of(text).cmp(b.key.of(text));
            order.then(a.name.start.cmp(&b.name.start))
        });
    }

    /// The names in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        self.entries.iter().map(|stored| stored.entry(&self.text))
    }

    /// The name at an index, and its sort key.
    pub(super) fn get(&self, place: usize) -> Option<(Entry<'_>, &[u8])> {
        let stored = self.entries.get(place)?;
        Some((stored.entry(&self.text), stored.key.of(&self.text)))
    }

    /// How many bytes it takes.
    pub(super) fn size(&self) -> usize {
        self.text.len() + self.entries.len() * size_of::<Stored>()
    }

    /// Its reservation, for the page rendered from it to take over.
    pub(super) fn reservation_mut(&mut self) -> &mut Reservation {
        &mut self.reservation
    }
}

impl Stored {
    fn entry<'t>(&self, text: &'t [u8]) -> Entry<'t> {
        Entry {
            name: self.name.of(text),
            is_directory: self.is_directory,
            is_link: self.is_link,
        }
    }
}

impl Span {
    fn of(self, text: &[u8]) -> &[u8] {
        let (start, end) = (usize::try_from(self.start), usize::try_from(self.end));
        let (Ok(start), Ok(end)) = (start, end) else {
            return &[];
        };
        text.get(start..end).unwrap_or_default()
    }
}

/// A name in lower case.
pub(super) fn lower_case(name: &[u8]) -> Vec<u8> {
    let mut lower = Vec::with_capacity(name.len());
    push_lower_case(name, &mut lower);
    lower
}

/// Appends a name in lower case.
fn push_lower_case(name: &[u8], text: &mut Vec<u8>) {
    if name.is_ascii() {
        return text.extend(name.iter().map(u8::to_ascii_lowercase));
    }
    for chunk in name.utf8_chunks() {
        text.extend_from_slice(chunk.valid().to_lowercase().as_bytes());
        text.extend_from_slice(&escape_surrogates(chunk.invalid()));
    }
}

/// Reads the names in an open directory, sorted as CPython sorts them.
///
/// For a link, `leads_to_directory` decides. In a shortage the result is an error rather than a
/// wrong listing.
pub(super) fn read_entries(
    directory: BorrowedFd<'_>,
    leads_to_directory: impl Fn(&[u8]) -> Result<bool, Unavailable>,
) -> Result<Listing, Unavailable> {
    let mut listing = Listing::new();
    for_each_name(directory, |name, kind| {
        let is_link = kind == FileType::Symlink;
        let is_directory =
            kind == FileType::Directory || is_link && leads_to_directory(name.to_bytes())?;
        listing.push(Entry {
            name: name.to_bytes(),
            is_directory,
            is_link,
        })
    })?;
    listing.sort();
    Ok(listing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    fn entry(name: &str, is_directory: bool, is_link: bool) -> Entry<'_> {
        Entry {
            name: name.as_bytes(),
            is_directory,
            is_link,
        }
    }

    #[test]
    fn names_are_sorted_without_regard_to_case() {
        let mut listing = Listing::new();
        for name in [
            b"b".as_slice(),
            b"B",
            b"a",
            b"\x80",
            b"A",
            "\u{c9}".as_bytes(),
            b"_",
            "\u{1f600}".as_bytes(),
        ] {
            let entry = Entry {
                name,
                is_directory: false,
                is_link: false,
            };
            assert_eq!(listing.push(entry), Ok(()));
        }
        listing.sort();
        let names: Vec<_> = listing.iter().map(|entry| entry.name).collect();
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
        let listing =
            read_entries(handle.as_fd(), |link| Ok(link == b"to-d")).expect("it can be read");
        assert_eq!(
            listing.iter().collect::<Vec<_>>(),
            [
                entry("d", true, false),
                entry("f", false, false),
                entry("to-d", true, true),
                entry("to-f", false, true),
                entry("to-nowhere", false, true),
            ]
        );
    }

    #[test]
    fn a_directory_can_be_read_again_from_its_start() {
        let tree = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(tree.path().join("a"), "").expect("a file");
        let root = crate::files::Root::new(tree.path());
        let Ok(crate::files::Node::Directory(directory)) = root.open(b"", Default::default) else {
            panic!("it is a directory");
        };
        let catalogue = directory.catalogue(|_| crate::files::Kind::File);
        assert_eq!(catalogue.map(|found| found.iter().count()), Ok(1));
        assert_eq!(directory.entries().map(|found| found.iter().count()), Ok(1));
    }
}
