//! From a relative path to something open: the one place that opens what is served.
//!
//! A path is looked at before it is opened, so that nothing is opened which is neither a file nor
//! a directory; but what is served is decided by the descriptor alone, so nothing can be exchanged
//! between the look and the opening. Every step starts again at the directory's path: a served
//! directory that is removed and created again is served again.

use super::beneath::{self, Symlinks};
use super::catalogue::{Catalogue, read_catalogue};
use super::kind::Kind;
use super::listing::{Listing, read_entries};
use super::open_files::{OpenFiles, Stamp};
use super::private::PrivateDirectories;
use super::sibling::is_in;
use super::unavailable::{Unavailable, file_type_of};
use crate::http::{Coding, Headers, HttpDate, RelativePath, Representation};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use smallvec::SmallVec;
use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Not blocking: what has become a FIFO since it was looked at is open at once, and then refused.
pub(super) const FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// How long the holder of a write lease may take to give the file up (`fcntl(2)`, `F_SETLEASE`).
const LEASE_LIMIT: Duration = Duration::from_secs(5);
/// How often such a file is tried again.
const LEASE_PAUSE: Duration = Duration::from_millis(10);

/// A path of the operating system, short ones without allocating.
type PathBytes = SmallVec<[u8; 256]>;

/// The directory whose contents are served.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    directory: PathBuf,
    pub(super) symlinks: Symlinks,
    /// Directories whose files are not sent, by whatever way they are reached.
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

/// Something open, and its metadata.
pub(super) enum Opened {
    /// A regular file.
    File(Arc<Representation>),
    /// Anything else.
    Other(OwnedFd, FileType),
}

/// A directory in a root.
#[derive(Debug)]
pub(crate) struct Directory<'r> {
    pub(super) root: &'r Root,
    pub(super) path: RelativePath,
    /// Its descriptor; `None` where only names in it may be opened, but not listed.
    pub(super) handle: Option<OwnedFd>,
}

impl Root {
    /// Serves what is in `directory`.
    pub(crate) fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            symlinks: Symlinks::default(),
            private: Arc::default(),
            open_files: Arc::default(),
        }
    }

    /// The same with links followed as `symlinks` says.
    pub(crate) fn with_symlinks(self, symlinks: Symlinks) -> Self {
        Self { symlinks, ..self }
    }

    /// Forgets the files that are open, because they would be sent with other fields from now on.
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
    pub(crate) fn open(
        &self,
        path: &RelativePath,
        kind: impl Fn() -> Headers,
    ) -> Result<Node<'_>, Unavailable> {
        let directory = |handle| {
            Ok(Node::Directory(Directory {
                root: self,
                path: path.clone(),
                handle,
            }))
        };
        match self.open_any(path, None, kind) {
            Ok(Opened::File(file)) if self.is_private(&file.file, path) => Err(Unavailable::Absent),
            Ok(Opened::File(file)) => Ok(Node::File(file)),
            Ok(Opened::Other(handle, FileType::Directory)) => directory(Some(handle)),
            Ok(Opened::Other(..)) => Err(Unavailable::Absent),
            Err(Errno::ACCESS) if self.type_of(path)? == FileType::Directory => directory(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The one place where a path of the tree is opened, unless what it leads to is open already: to
    /// stand for itself, or for another file in `coding`.
    pub(super) fn open_any(
        &self,
        path: &[u8],
        coding: Option<Coding>,
        kind: impl Fn() -> Headers,
    ) -> rustix::io::Result<Opened> {
        if self.symlinks != Symlinks::Follow {
            // By what links a path leads to an open file cannot be seen from outside.
            let open = |flags| beneath::open(&self.directory, path, self.symlinks, flags);
            must_be_served(file_type(open(beneath::NO_ACCESS)?)?)?;
            let (file, stamp) = with_stamp(past_lease(|| open(FLAGS))?)?;
            return Ok(represent(file, &stamp, coding, kind));
        }
        // With its end, so that no call has to make a copy that has one.
        let mut full = self.full(path);
        full.push(0);
        let full = CStr::from_bytes_with_nul(&full).map_err(|_| Errno::INVAL)?;
        let seen = Stamp::of_path(full)?;
        if let Some(found) = self.open_files.find(full, &seen, coding) {
            return Ok(Opened::File(self.settled(full, &seen, found)));
        }
        must_be_served(seen.kind)?;
        let open = || match rustix::fs::open(full, FLAGS, Mode::empty()) {
            Err(Errno::MFILE | Errno::NFILE) => {
                self.open_files.clear();
                rustix::fs::open(full, FLAGS, Mode::empty())
            }
            opened => opened,
        };
        let (file, stamp) = with_stamp(past_lease(open)?)?;
        let opened = represent(file, &stamp, coding, kind);
        if let Opened::File(representation) = &opened {
            self.open_files.keep(full, stamp, representation);
        }
        Ok(opened)
    }

    /// A representation that was made when its file was still fresh, or dated in the future, is
    /// made again: what is said of it depends on the time.
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

    /// Whether an open file, to which `path` led, may not be sent.
    pub(super) fn is_private(&self, file: &File, path: &[u8]) -> bool {
        let full = || PathBuf::from(OsStr::from_bytes(&self.full(path)));
        self.private.contain(file, full)
    }

    /// What `path` leads to, whether or not it may be read; what is not there or may not be
    /// followed is unknown.
    ///
    /// # Errors
    /// Only [`Unavailable::Shortage`]: it cannot be told now.
    pub(crate) fn type_of(&self, path: &[u8]) -> Result<FileType, Unavailable> {
        file_type_of(if self.symlinks == Symlinks::Follow {
            rustix::fs::stat(OsStr::from_bytes(&self.full(path)))
        } else {
            self.stat_beneath(path)
        })
    }

    /// A look at what `path` leads to, where not all links may be followed.
    fn stat_beneath(&self, path: &[u8]) -> rustix::io::Result<Stat> {
        beneath::open(&self.directory, path, self.symlinks, beneath::NO_ACCESS)
            .and_then(rustix::fs::fstat)
    }

    /// A path of the operating system to `path`.
    pub(super) fn full(&self, path: &[u8]) -> PathBytes {
        join(self.directory.as_os_str().as_bytes(), path)
    }
}

impl Directory<'_> {
    /// Opens the first of `names` that is a regular file in this directory, if one is, and tells its
    /// path. `kind` gives it its fields by its name.
    pub(crate) fn open_index(
        &self,
        names: &[String],
        kind: impl Fn(&str) -> Headers,
    ) -> Result<Option<(RelativePath, Arc<Representation>)>, Unavailable> {
        for name in names {
            let path: RelativePath = join(&self.path, name.as_bytes());
            match self.root.open_any(&path, None, || kind(name)) {
                Ok(Opened::File(file)) if self.root.is_private(&file.file, &path) => {
                    return Err(Unavailable::Absent);
                }
                Ok(Opened::File(file)) => return Ok(Some((path, file))),
                Ok(Opened::Other(..)) | Err(Errno::NOENT) => {}
                // As CPython: a page that is there but may not be read is not passed over.
                // Nor is one for which there is no descriptor.
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
            let path: RelativePath = join(&self.path, link);
            Ok(self.root.type_of(&path)? == FileType::Directory)
        })
    }

    /// The names in this directory, each with what a look at it shows, not sorted. `file_kind` tells
    /// the kind of a file by its name.
    pub(crate) fn catalogue(
        &self,
        file_kind: impl Fn(&[u8]) -> Kind,
    ) -> Result<Catalogue, Unavailable> {
        let handle = self.handle.as_ref().ok_or(Unavailable::Absent)?;
        let follow = |link: &CStr| {
            if self.root.symlinks == Symlinks::Follow {
                return rustix::fs::statat(handle, link, AtFlags::empty());
            }
            let path: RelativePath = join(&self.path, link.to_bytes());
            self.root.stat_beneath(&path)
        };
        read_catalogue(handle.as_fd(), follow, file_kind)
    }
}

/// What has just been opened, and its metadata.
fn with_stamp(file: OwnedFd) -> rustix::io::Result<(OwnedFd, Stamp)> {
    let stamp = Stamp::from(&rustix::fs::fstat(&file)?);
    Ok((file, stamp))
}

fn represent(
    file: OwnedFd,
    stamp: &Stamp,
    coding: Option<Coding>,
    kind: impl Fn() -> Headers,
) -> Opened {
    if !stamp.is_regular() || coding.is_some_and(|coding| !is_in(coding, &file)) {
        return Opened::Other(file, stamp.kind);
    }
    let file = Arc::new(File::from(file));
    let now = HttpDate::now();
    let representation = Representation::in_coding(coding, file, stamp.state, kind(), now);
    Opened::File(representation.into())
}

fn file_type(file: OwnedFd) -> rustix::io::Result<FileType> {
    let stat = rustix::fs::fstat(file)?;
    Ok(FileType::from_raw_mode(stat.st_mode))
}

/// Keeps what is neither a file nor a directory from being opened: opening a FIFO alone is
/// noticed by those who wait at its other end.
fn must_be_served(kind: FileType) -> rustix::io::Result<()> {
    match kind {
        FileType::RegularFile | FileType::Directory => Ok(()),
        _ => Err(Errno::NXIO),
    }
}

/// Opens a file that somebody may hold a lease on. The first attempt makes the kernel ask for it
/// back; an opening that does not block fails until it is.
fn past_lease(open: impl Fn() -> rustix::io::Result<OwnedFd>) -> rustix::io::Result<OwnedFd> {
    let first = open();
    if !matches!(first, Err(Errno::AGAIN)) {
        return first;
    }
    let start = Instant::now();
    loop {
        thread::sleep(LEASE_PAUSE);
        match open() {
            Err(Errno::AGAIN) if start.elapsed() < LEASE_LIMIT => {}
            opened => return opened,
        }
    }
}

/// `path` in `directory`, either of which may be empty.
pub(super) fn join<const N: usize>(directory: &[u8], path: &[u8]) -> SmallVec<[u8; N]>
where
    [u8; N]: smallvec::Array<Item = u8>,
{
    let mut joined = SmallVec::from_slice(directory);
    if !directory.is_empty() && !path.is_empty() {
        joined.push(b'/');
    }
    joined.extend_from_slice(path);
    joined
}
