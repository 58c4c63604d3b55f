//! Where each byte of an archive is: a pure function of the names, sizes and times in it.

use super::header::{BLOCK, header_length, padding, push_end, push_header};
use crate::files::{Reservation, Unavailable, grow};
use crate::http::FileState;
use smallvec::SmallVec;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::{io, mem};

/// The type of an entry; nothing else goes into an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    File,
    Directory,
    /// A symbolic link.
    Link,
}

/// A file, a directory or a link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    /// The number of the directory that it is in; the first entry is in none.
    pub(crate) parent: u32,
    pub(crate) name: &'a [u8],
    /// Where a link leads.
    pub(crate) target: &'a [u8],
    pub(crate) kind: Kind,
    /// The permission bits.
    pub(crate) mode: u16,
    pub(crate) state: FileState,
    pub(crate) inode: u64,
}

impl Entry<'_> {
    /// The length of its content in bytes.
    pub(crate) fn content(&self) -> u64 {
        match self.kind {
            Kind::File => self.state.size,
            Kind::Directory | Kind::Link => 0,
        }
    }
}

/// A piece of an archive.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Segment<'a> {
    /// Bytes that do not come from a file.
    Bytes(&'a [u8]),
    /// A range of the content of the entry with this number.
    Content(u32, Range<u64>),
}

/// The entries of an archive, each after the directory that it is in. Names and targets are kept in
/// one block of memory, as those of a listing are.
#[derive(Debug)]
pub(crate) struct Layout {
    text: Vec<u8>,
    entries: Vec<Stored>,
    /// The length of all entries in bytes, without the end of the archive.
    length: u64,
    digests: [DefaultHasher; 2],
    /// Scratch space for building paths.
    path: Vec<u8>,
    reservation: Reservation,
}

/// An entry whose name and target are in the text.
#[derive(Debug)]
struct Stored {
    parent: u32,
    /// Where its name begins, where its target begins, and where that ends.
    text: [u32; 3],
    kind: Kind,
    mode: u16,
    state: FileState,
    inode: u64,
    /// Where its header begins in the archive.
    offset: u64,
}

impl Layout {
    pub(crate) fn new() -> Self {
        let mut digests = [DefaultHasher::new(), DefaultHasher::new()];
        for (digest, number) in digests.iter_mut().zip(0_u8..) {
            number.hash(digest);
        }
        Self {
            text: Vec::new(),
            entries: Vec::new(),
            length: 0,
            digests,
            path: Vec::new(),
            reservation: Reservation::new(),
        }
    }

    /// Adds an entry and returns its number.
    ///
    /// # Errors
    /// No memory is available for it, or the archive would be too long to express.
    pub(crate) fn push(&mut self, entry: &Entry<'_>) -> Result<u32, Unavailable> {
        let shortage = |_| Unavailable::Shortage;
        let number = u32::try_from(self.entries.len()).map_err(shortage)?;
        grow(&mut self.text, entry.name.len() + entry.target.len())?;
        grow(&mut self.entries, 1)?;
        let mut text = [0; 3];
        for (place, part) in text.iter_mut().zip([entry.name, entry.target, b""]) {
            *place = u32::try_from(self.text.len()).map_err(shortage)?;
            self.text.extend_from_slice(part);
        }
        self.entries.push(Stored {
            parent: entry.parent,
            text,
            kind: entry.kind,
            mode: entry.mode,
            state: entry.state,
            inode: entry.inode,
            offset: self.length,
        });
        let mut path = mem::take(&mut self.path);
        path.clear();
        self.push_entry_path(number, entry.kind, &mut path);
        let header = header_length(entry, &path);
        self.path = path;
        let content = entry.content();
        let blocks = content.checked_add(padding(content).len() as u64);
        self.length = blocks
            .and_then(|blocks| blocks.checked_add(header))
            .and_then(|bytes| bytes.checked_add(self.length))
            // Elsewhere, offsets in files and messages are signed numbers.
            .filter(|&length| length < u64::MAX / 4)
            .ok_or(Unavailable::Shortage)?;
        for digest in &mut self.digests {
            let FileState {
                modified, changed, ..
            } = entry.state;
            // The hash includes the lengths of the texts.
            (entry.parent, entry.kind, entry.name, entry.target).hash(digest);
            (entry.mode, content, modified.seconds, modified.nanoseconds).hash(digest);
            (changed.seconds, changed.nanoseconds).hash(digest);
        }
        self.resize(0)?;
        Ok(number)
    }

    /// Accounts for its memory, plus `more` for data that belongs to it.
    pub(super) fn resize(&mut self, more: usize) -> Result<(), Unavailable> {
        self.reservation.resize(self.size().saturating_add(more))
    }

    /// No more entries are added; others may grow.
    pub(super) fn finish(&mut self) -> Result<(), Unavailable> {
        self.resize(0)?;
        self.reservation.end_growing();
        Ok(())
    }

    /// How much memory it takes, in bytes.
    pub(super) fn size(&self) -> usize {
        self.text.len() + self.entries.len() * size_of::<Stored>()
    }

    /// The length of the archive in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length + 2 * BLOCK
    }

    /// What distinguishes this archive from any other: a digest of everything in it except the
    /// content of files, whose changes show in their times.
    pub(super) fn digest(&self) -> [u64; 2] {
        self.digests.each_ref().map(Hasher::finish)
    }

    /// The entry with this number.
    pub(super) fn entry(&self, number: u32) -> Option<Entry<'_>> {
        let stored = self.entries.get(usize::try_from(number).ok()?)?;
        let [name, target, end] = stored.text.map(|place| usize::try_from(place).unwrap_or(0));
        Some(Entry {
            parent: stored.parent,
            name: self.text.get(name..target)?,
            target: self.text.get(target..end)?,
            kind: stored.kind,
            mode: stored.mode,
            state: stored.state,
            inode: stored.inode,
        })
    }

    /// Appends the path from the top to an entry, with or without the name of the top.
    pub(super) fn push_path(&self, number: u32, with_top: bool, path: &mut Vec<u8>) {
        let mut names = SmallVec::<[&[u8]; 16]>::new();
        let mut next = number;
        while let Some(entry) = self.entry(next) {
            if next > 0 || with_top {
                names.push(entry.name);
            }
            if next == 0 {
                break;
            }
            next = entry.parent;
        }
        for (place, name) in names.iter().rev().enumerate() {
            if place > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(name);
        }
    }

    /// How many directories an entry is in.
    pub(super) fn depth(&self, number: u32) -> usize {
        let mut next = number;
        let mut depth = 0;
        while let Some(entry) = self.entry(next).filter(|_| next > 0) {
            depth += 1;
            next = entry.parent;
        }
        depth
    }

    /// The same as it appears in the archive: a directory's path ends in a slash.
    fn push_entry_path(&self, number: u32, kind: Kind, path: &mut Vec<u8>) {
        self.push_path(number, true, path);
        if kind == Kind::Directory {
            path.push(b'/');
        }
    }

    fn push_header(&self, number: u32, out: &mut Vec<u8>) {
        let Some(entry) = self.entry(number) else {
            return;
        };
        let mut path = Vec::new();
        self.push_entry_path(number, entry.kind, &mut path);
        push_header(&entry, &path, out);
    }

    /// Hands the bytes `range` of the archive to `take`, piece by piece.
    ///
    /// # Errors
    /// Those of `take`.
    pub(crate) fn visit(
        &self,
        range: &Range<u64>,
        mut take: impl FnMut(Segment<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let after = self
            .entries
            .partition_point(|stored| stored.offset <= range.start);
        let mut block = Vec::new();
        let first = after.saturating_sub(1);
        for (number, stored) in self.entries.iter().enumerate().skip(first) {
            if stored.offset >= range.end {
                return Ok(());
            }
            let number = u32::try_from(number).map_err(io::Error::other)?;
            block.clear();
            self.push_header(number, &mut block);
            take_bytes(&block, stored.offset, range, &mut take)?;
            let start = stored.offset + block.len() as u64;
            let content = self.entry(number).map_or(0, |entry| entry.content());
            let part = clip(range, start, content);
            if !part.is_empty() {
                take(Segment::Content(number, part))?;
            }
            take_bytes(padding(content), start + content, range, &mut take)?;
        }
        block.clear();
        push_end(&mut block);
        take_bytes(&block, self.length, range, &mut take)
    }
}

/// Passes on the part of `bytes`, which begin at `start`, that is in `range`.
fn take_bytes(
    bytes: &[u8],
    start: u64,
    range: &Range<u64>,
    take: &mut impl FnMut(Segment<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let part = clip(range, start, bytes.len() as u64);
    let place = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
    match bytes.get(place(part.start)..place(part.end)) {
        Some([]) | None => Ok(()),
        Some(bytes) => take(Segment::Bytes(bytes)),
    }
}

/// The part of `length` bytes at `start` that is in `range`, as offsets from `start`.
fn clip(range: &Range<u64>, start: u64, length: u64) -> Range<u64> {
    let end = range.end.saturating_sub(start).min(length);
    range.start.saturating_sub(start).min(end)..end
}
