//! From a relative path to an open file: the one place that opens what is served.
//!
//! A path is checked before it is opened, so that only files and directories are opened. But the
//! descriptor alone decides what is served, so nothing can be swapped between the check and the
//! opening. Every step starts again at the directory's path: a served directory that is removed and
//! created again is served again.

use super::beneath::{self, Symlinks};
use super::catalogue::{Catalogue, Details, Look, examine};
use super::kind::Kind;
use super::listing::{Listing, read_entries};
use super::open_files::{OpenFiles, Stamp};
use super::opening::{
    FLAGS, Opened, can_be_read_again, file_type, must_be_served, past_lease, represent, with_stamp,
};
use super::path::{PathBytes, RelativePath, join, joined};
use super::private::PrivateDirectories;
use super::unavailable::{Unavailable, file_type_of};
use crate::http::{Coding, Headers, HttpDate, Representation};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::ffi::{CStr, OsStr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The directory whose contents are served.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    directory: PathBuf,
    pub(super) symlinks: Symlinks,
    /// Directories whose files are never sent, whichever way they are reached.
    pub(super) private: Arc<PrivateDirectories>,
    open_files: Arc<OpenFiles>,
}

/// What a path led to.
#[derive(Debug)]
pub(crate) enum Node<'r> {
    /// A regular file.
    File(Arc<Representation>),
    /// A directory.
    Directory(Directory<'r>),
}

/// A directory in a root.
#[derive(Debug)]
pub(crate) struct Directory<'r> {
    pub(super) root: &'r Root,
    pub(super) path: &'r [u8],
    /// Its descriptor; `None` if names in it may be opened, but it may not be listed.
    pub(super) handle: Option<OwnedFd>,
    /// What it was when it was opened, if it may be kept open.
    stamp: Option<Box<Stamp>>,
}

impl Root {
    /// Serves the contents of `directory`.
    pub(crate) fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            symlinks: Symlinks::default(),
            private: Arc::default(),
            open_files: Arc::default(),
        }
    }

    /// The same, with links followed as `symlinks` says.
    pub(crate) fn with_symlinks(self, symlinks: Symlinks) -> Self {
        Self { symlinks, ..self }
    }

    /// Forgets the open files, because they would be sent with other fields from now on.
    pub(crate) fn forget_files(&mut self) {
        self.open_files = Arc::default();
    }

    /// Sends no file in `directories` from now on.
    pub(crate) fn keep_private(&mut self, directories: Vec<PathBuf>) {
        self.private = PrivateDirectories::new(directories).into();
    }

    /// The directory's path.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Opens what is at `path`. A file is sent with the fields that `kind` gives it, which depend
    /// on its path alone.
    pub(crate) fn open<'r>(
        &'r self,
        path: &'r [u8],
        kind: impl Fn() -> Headers,
    ) -> Result<Node<'r>, Unavailable> {
        let directory = |handle, stamp| {
            Ok(Node::Directory(Directory {
                root: self,
                path,
                handle,
                stamp,
            }))
        };
        match self.open_any(path, None, kind) {
            Ok(Opened::File(file)) if self.is_private(&file, path) => Err(Unavailable::Absent),
            Ok(Opened::File(file)) => Ok(Node::File(file)),
            Ok(Opened::Directory(handle, stamp)) => directory(Some(handle), stamp),
            Ok(Opened::Other) => Err(Unavailable::Absent),
            Err(Errno::ACCESS) if self.type_of(path)? == FileType::Directory => {
                directory(None, None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The one place where a path of the tree is opened, unless the file that it leads to is
    /// already open for the same purpose: to stand for itself, or for another file in `coding`.
    pub(super) fn open_any(
        &self,
        path: &[u8],
        coding: Option<Coding>,
        kind: impl Fn() -> Headers,
    ) -> rustix::io::Result<Opened> {
        if self.symlinks != Symlinks::Follow {
            // From the outside there is no telling through which links a path leads to an open
            // file.
            let open = |flags| beneath::open(&self.directory, path, self.symlinks, flags);
            must_be_served(file_type(open(beneath::NO_ACCESS)?)?)?;
            let (file, stamp) = with_stamp(past_lease(|| open(FLAGS))?)?;
            return Ok(represent(file, &stamp, coding, kind));
        }
        let full = self.full_with_nul(path);
        let full = CStr::from_bytes_with_nul(&full).map_err(|_| Errno::INVAL)?;
        let seen = Stamp::of_path(full)?;
        if let Some(found) = self.open_files.find(full, &seen, coding) {
            return Ok(Opened::File(self.settled(full, &seen, found)));
        }
        self.open_seen(full, &seen, coding, kind)
    }

    /// Opens what has just been seen at `path`, and keeps a file open. A directory is kept open when it
    /// is dropped.
    fn open_seen(
        &self,
        path: &CStr,
        seen: &Stamp,
        coding: Option<Coding>,
        kind: impl Fn() -> Headers,
    ) -> rustix::io::Result<Opened> {
        must_be_served(seen.kind)?;
        let open = |flags| match rustix::fs::open(path, flags, Mode::empty()) {
            Err(Errno::MFILE | Errno::NFILE) => {
                self.open_files.clear();
                rustix::fs::open(path, flags, Mode::empty())
            }
            opened => opened,
        };
        if seen.kind == FileType::Directory {
            if let Some(handle) = self.open_files.take_directory(path, seen) {
                return Ok(Opened::Directory(handle, Some((*seen).into())));
            }
            match open(FLAGS | OFlags::DIRECTORY) {
                // It has been replaced since it was looked at.
                Err(Errno::NOTDIR) => {}
                opened => {
                    let (handle, stamp) = with_stamp(opened?)?;
                    let stamp = can_be_read_again(&handle).then(|| stamp.into());
                    return Ok(Opened::Directory(handle, stamp));
                }
            }
        }
        let (file, stamp) = with_stamp(past_lease(|| open(FLAGS))?)?;
        let opened = represent(file, &stamp, coding, kind);
        if let Opened::File(representation) = &opened {
            self.open_files.keep(path, stamp, representation);
        }
        Ok(opened)
    }

    /// A representation that was made while its file was still fresh, or dated in the future, is
    /// rebuilt: its fields depend on the time.
    fn settled(
        &self,
        path: &CStr,
        stamp: &Stamp,
        found: Arc<Representation>,
    ) -> Arc<Representation> {
        if found.validators.is_settled() {
            return found;
        }
        let (file, kind) = (Arc::clone(&found.file), found.kind.clone());
        let now = HttpDate::now();
        let again = Representation::in_coding(found.coding, file, stamp.state, kind, now);
        let again = Arc::new(again);
        self.open_files.keep(path, *stamp, &again);
        again
    }

    /// Whether an open file, found at `path`, must not be sent.
    pub(super) fn is_private(&self, file: &Representation, path: &[u8]) -> bool {
        let full = || PathBuf::from(OsStr::from_bytes(&self.full(path)));
        self.private.contain(file, full, HttpDate::now)
    }

    /// The type of whatever is at `path`, readable or not; unknown if nothing is there or the path
    /// may not be followed.
    ///
    /// # Errors
    /// Only [`Unavailable::Shortage`]: the type cannot be determined now.
    pub(crate) fn type_of(&self, path: &[u8]) -> Result<FileType, Unavailable> {
        file_type_of(if self.symlinks == Symlinks::Follow {
            rustix::fs::stat(OsStr::from_bytes(&self.full(path)))
        } else {
            self.stat_beneath(path)
        })
    }

    /// The `stat` of whatever is at `path`, where not all links may be followed.
    fn stat_beneath(&self, path: &[u8]) -> rustix::io::Result<Stat> {
        beneath::open(&self.directory, path, self.symlinks, beneath::NO_ACCESS)
            .and_then(rustix::fs::fstat)
    }

    /// The operating system's path to `path`.
    pub(super) fn full(&self, path: &[u8]) -> PathBytes {
        join(self.directory.as_os_str().as_bytes(), path)
    }

    /// The same with a NUL after it, so that no system call has to make a terminated copy.
    fn full_with_nul(&self, path: &[u8]) -> PathBytes {
        joined(self.directory.as_os_str().as_bytes(), path, 1)
    }
}

impl Drop for Directory<'_> {
    /// Keeps it open for the next to ask for it.
    fn drop(&mut self) {
        let (Some(handle), Some(stamp)) = (self.handle.take(), self.stamp.take()) else {
            return;
        };
        let full = self.root.full_with_nul(self.path);
        if let Ok(full) = CStr::from_bytes_with_nul(&full) {
            self.root.open_files.keep_directory(full, *stamp, handle);
        }
    }
}

impl Directory<'_> {
    /// Opens the first of `names` that is a regular file in this directory, if there is one, and
    /// returns its path. `kind` returns the fields for a file name.
    pub(crate) fn open_index(
        &self,
        names: &[String],
        kind: impl Fn(&str) -> Headers,
    ) -> Result<Option<(RelativePath, Arc<Representation>)>, Unavailable> {
        for name in names {
            let path: RelativePath = join(self.path, name.as_bytes());
            match self.root.open_any(&path, None, || kind(name)) {
                Ok(Opened::File(file)) if self.root.is_private(&file, &path) => {
                    return Err(Unavailable::Absent);
                }
                Ok(Opened::File(file)) => return Ok(Some((path, file))),
                Ok(Opened::Directory(..) | Opened::Other) | Err(Errno::NOENT) => {}
                // As in CPython, a page that exists but may not be read is not skipped. Nor is one
                // for which no descriptor is available.
                Err(error) => {
                    let why = error.into();
                    if why == Unavailable::Shortage
                        || self.root.type_of(&path)? == FileType::RegularFile
                    {
                        return Err(why);
                    }
                }
            }
        }
        Ok(None)
    }

    /// The names in this directory, sorted.
    pub(crate) fn entries(&self) -> Result<Listing, Unavailable> {
        let handle = self.handle.as_ref().ok_or(Unavailable::Absent)?;
        read_entries(handle.as_fd(), |link| {
            let path: RelativePath = join(self.path, link);
            Ok(self.root.type_of(&path)? == FileType::Directory)
        })
    }

    /// The names in this directory, each with its metadata, not sorted. `file_kind` returns the
    /// kind of a file by its name.
    pub(crate) fn catalogue(
        &self,
        file_kind: impl Fn(&[u8]) -> Kind,
    ) -> Result<Catalogue, Unavailable> {
        let mut catalogue = Catalogue::new();
        self.examine(|name, is_link, look| {
            catalogue.push(name, is_link, Details::of(look, || file_kind(name)))
        })?;
        Ok(catalogue)
    }

    /// Looks at each name in this directory once.
    pub(super) fn examine(
        &self,
        take: impl FnMut(&[u8], bool, Look) -> Result<(), Unavailable>,
    ) -> Result<(), Unavailable> {
        let handle = self.handle.as_ref().ok_or(Unavailable::Absent)?;
        let follow = |link: &CStr| {
            if self.root.symlinks == Symlinks::Follow {
                return rustix::fs::statat(handle, link, AtFlags::empty());
            }
            let path: RelativePath = join(self.path, link.to_bytes());
            self.root.stat_beneath(&path)
        };
        examine(handle.as_fd(), follow, take)
    }
}
