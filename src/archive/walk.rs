//! Walks a tree, directory by directory, to find out what an archive of it contains.

use super::layout::{Entry, Kind, Layout};
use super::send::Archive;
use crate::files::{Stamp, Tree, Unavailable};
use crate::http::HttpDate;
use rustix::fs::{Access, AtFlags, Dir, FileType, accessat, readlinkat, statat};
use rustix::io::Errno;
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The maximum depth of nested directories: more than any tree that people make has, and few enough
/// to keep the longest path short.
const MAX_DEPTH: usize = 128;

/// Why there is no archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// No memory or descriptor is available for it now.
    Shortage,
    /// The directory may not be read.
    Absent,
    /// Directories are nested beyond all reason.
    TooDeep,
}

impl From<Unavailable> for Failed {
    fn from(why: Unavailable) -> Self {
        match why {
            Unavailable::Absent => Self::Absent,
            Unavailable::Shortage => Self::Shortage,
        }
    }
}

/// Walks `tree`, which is called `top` in the archive.
///
/// In each directory, everything that is not a directory comes first, by name, and then the
/// directories with all their contents. So each directory is opened once when the archive is sent,
/// and a program that unpacks it is done with one directory before the next.
///
/// # Errors
/// The tree cannot be read completely. Entries that nobody may read are left out and counted.
pub(crate) fn walk(tree: Tree, top: &[u8], now: HttpDate) -> Result<Archive, Failed> {
    let mut walk = Walk {
        tree: &tree,
        layout: Layout::new(),
        waiting: Names::default(),
        unreadable: 0,
        is_settled: true,
        user: rustix::process::geteuid().as_raw(),
        now,
    };
    walk.directory(0, top, b"", tree.top())?;
    while let Some((parent, name)) = walk.waiting.pop() {
        let mut path = Vec::new();
        walk.layout.push_path(parent, false, &mut path);
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&name);
        if walk.layout.depth(parent) >= MAX_DEPTH {
            return Err(Failed::TooDeep);
        }
        if let Some(directory) = walk.open(&path)? {
            walk.directory(parent, &name, &path, directory.as_fd())?;
        }
    }
    walk.layout.finish()?;
    let (unreadable, is_settled, layout) = (walk.unreadable, walk.is_settled, walk.layout);
    Ok(Archive::new(tree, layout, unreadable, is_settled))
}

struct Walk<'t> {
    tree: &'t Tree,
    layout: Layout,
    /// Directories still to be read, the next one last.
    waiting: Names<u32>,
    /// The number of files and directories that were left out because they may not be read.
    unreadable: usize,
    /// Whether everything was left alone long enough for any further change to show.
    is_settled: bool,
    /// The user that this process runs as.
    user: u32,
    now: HttpDate,
}

impl Walk<'_> {
    /// Opens a directory of the tree, unless it may not be shown, or is gone.
    fn open(&mut self, path: &[u8]) -> Result<Option<OwnedFd>, Unavailable> {
        let directory = match self.tree.open(path) {
            Ok(directory) => directory,
            Err(error) => return self.left_out(error).map(|()| None),
        };
        let is_private = self.tree.is_private(&directory, path);
        Ok(Some(directory).filter(|_| !is_private))
    }

    /// Continues without an entry that cannot be read. In a shortage there is no archive: a moment
    /// later it would be a different one.
    fn left_out(&mut self, error: Errno) -> Result<(), Unavailable> {
        if Unavailable::from(error) == Unavailable::Shortage {
            return Err(Unavailable::Shortage);
        }
        // An entry that is gone, or has become something else, does not count.
        if matches!(error, Errno::ACCESS | Errno::PERM) {
            self.unreadable += 1;
        }
        Ok(())
    }

    /// Adds an open directory and its contents.
    fn directory(
        &mut self,
        parent: u32,
        name: &[u8],
        path: &[u8],
        directory: BorrowedFd<'_>,
    ) -> Result<(), Unavailable> {
        let stamp = Stamp::from(&rustix::fs::fstat(directory)?);
        let number = self.push(parent, name, b"", Kind::Directory, &stamp)?;
        let mut files = Names::default();
        let mut directories = Names::default();
        for entry in Dir::read_from(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let kind = match entry.file_type() {
                // Some file systems do not return the type with the name.
                FileType::Unknown => match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    Err(error) => {
                        self.left_out(error)?;
                        continue;
                    }
                },
                kind => kind,
            };
            match kind {
                FileType::Directory => directories.push((), name.to_bytes()),
                FileType::RegularFile | FileType::Symlink => {
                    files.push((), name.to_bytes_with_nul());
                }
                // Devices, sockets and FIFOs only have a meaning on this machine.
                _ => {}
            }
            let more = files.size() + directories.size() + self.waiting.size();
            self.layout.resize(more)?;
        }
        files.sort();
        for name in files.iter() {
            let name = CStr::from_bytes_with_nul(name).unwrap_or_default();
            self.file(number, path, name, directory)?;
        }
        directories.sort();
        while let Some(((), name)) = directories.pop() {
            self.waiting.push(number, &name);
        }
        Ok(())
    }

    /// Adds a file or a link that is in an open directory.
    fn file(
        &mut self,
        parent: u32,
        path: &[u8],
        name: &CStr,
        directory: BorrowedFd<'_>,
    ) -> Result<(), Unavailable> {
        let stamp = match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Stamp::from(&stat),
            Err(error) => return self.left_out(error),
        };
        match stamp.kind {
            FileType::RegularFile => {
                if !stamp.is_readable_by_its_owner(self.user) {
                    match accessat(directory, name, Access::READ_OK, AtFlags::EACCESS) {
                        // A seccomp filter may not know the call; then opening the file shows it.
                        Ok(()) | Err(Errno::NOSYS | Errno::INVAL) => {}
                        Err(error) => return self.left_out(error),
                    }
                }
                self.push(parent, name.to_bytes(), b"", Kind::File, &stamp)?;
            }
            FileType::Symlink => {
                let target = match readlinkat(directory, name, Vec::new()) {
                    Ok(target) => target,
                    Err(error) => return self.left_out(error),
                };
                let mut full = path.to_vec();
                if !full.is_empty() {
                    full.push(b'/');
                }
                full.extend_from_slice(name.to_bytes());
                if self.tree.shows_link(&full, target.as_bytes())? {
                    let target = target.as_bytes();
                    self.push(parent, name.to_bytes(), target, Kind::Link, &stamp)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn push(
        &mut self,
        parent: u32,
        name: &[u8],
        target: &[u8],
        kind: Kind,
        stamp: &Stamp,
    ) -> Result<u32, Unavailable> {
        self.is_settled &= !stamp.state.is_fresh(self.now);
        self.layout.push(&Entry {
            parent,
            name,
            target,
            kind,
            mode: stamp.permissions(),
            state: stamp.state,
            inode: stamp.inode().1,
        })
    }
}

/// Names, one after the other in one block of memory, each with a value that belongs to it.
#[derive(Debug)]
struct Names<T> {
    text: Vec<u8>,
    names: Vec<(T, usize, usize)>,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self {
            text: Vec::new(),
            names: Vec::new(),
        }
    }
}

impl<T> Names<T> {
    fn push(&mut self, with: T, name: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(name);
        self.names.push((with, start, self.text.len()));
    }

    fn sort(&mut self) {
        let text = &self.text;
        let name = |(_, start, end): &(T, usize, usize)| text.get(*start..*end).unwrap_or_default();
        self.names.sort_unstable_by(|a, b| name(a).cmp(name(b)));
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let name = |&(_, start, end): &(T, usize, usize)| self.text.get(start..end);
        self.names.iter().filter_map(name)
    }

    /// Removes and returns the last one.
    fn pop(&mut self) -> Option<(T, Vec<u8>)> {
        let (with, start, end) = self.names.pop()?;
        let name = self.text.get(start..end).unwrap_or_default().to_vec();
        if end == self.text.len() {
            self.text.truncate(start);
        }
        Some((with, name))
    }

    fn size(&self) -> usize {
        self.text.len() + self.names.len() * size_of::<(T, usize, usize)>()
    }
}
