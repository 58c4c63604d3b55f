//! From a relative path to something open: the one place that opens what is served.
//!
//! Files are opened first and judged by their descriptor, so nothing can be exchanged between
//! the look and the opening. Every step starts again at the directory's path: a served directory
//! that is removed and made anew is served again.

use super::beneath::{self, Symlinks};
use super::listing::{Listing, read_entries};
use super::unavailable::{Unavailable, type_told};
use crate::http::RelativePath;
use crate::sys;
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use smallvec::SmallVec;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Not blocking: a FIFO is open at once, and then refused for what it is.
const FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// A path of the operating system, short ones without allocating.
type PathBytes = SmallVec<[u8; 256]>;

/// The directory whose contents are served.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    directory: PathBuf,
    symlinks: Symlinks,
    /// Directories whose files are not sent, by whatever way they are reached.
    private: Arc<[PathBuf]>,
}

/// What a path led to.
#[derive(Debug)]
pub(crate) enum Node<'r> {
    /// A regular file.
    File(RegularFile),
    /// A directory.
    Directory(Directory<'r>),
}

/// An open regular file, and what it was like when it was opened.
#[derive(Debug)]
pub(crate) struct RegularFile {
    pub(crate) file: File,
    /// Bytes.
    pub(crate) size: u64,
    /// When it was last modified.
    pub(crate) modified: Option<SystemTime>,
}

/// A directory in a root.
#[derive(Debug)]
pub(crate) struct Directory<'r> {
    root: &'r Root,
    path: RelativePath,
    /// Its descriptor; `None` where only names in it may be opened, but not listed.
    handle: Option<OwnedFd>,
}

impl Root {
    /// Serves what is in `directory`.
    pub(crate) fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            symlinks: Symlinks::default(),
            private: Arc::default(),
        }
    }

    /// The same with links followed as `symlinks` says.
    pub(crate) fn with_symlinks(self, symlinks: Symlinks) -> Self {
        Self { symlinks, ..self }
    }

    /// Sends no file in `directories` from now on.
    pub(crate) fn keep_private(&mut self, directories: Vec<PathBuf>) {
        self.private = directories.into();
    }

    /// The directory's path.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Opens what is at `path`.
    pub(crate) fn open(&self, path: &RelativePath) -> Result<Node<'_>, Unavailable> {
        let directory = |handle| {
            Ok(Node::Directory(Directory {
                root: self,
                path: path.clone(),
                handle,
            }))
        };
        match self.open_descriptor(path, FLAGS) {
            Ok((file, stat)) if is(&stat, FileType::RegularFile) => {
                if self.is_private(&file, path) {
                    return Err(Unavailable::Absent);
                }
                Ok(Node::File(RegularFile::new(file, &stat)))
            }
            Ok((handle, stat)) if is(&stat, FileType::Directory) => directory(Some(handle)),
            Err(Errno::ACCESS) if self.type_of(path)? == FileType::Directory => directory(None),
            Ok(_) => Err(Unavailable::Absent),
            Err(error) => Err(error.into()),
        }
    }

    /// The one place where a path of the tree is opened.
    fn open_descriptor(&self, path: &[u8], flags: OFlags) -> rustix::io::Result<(OwnedFd, Stat)> {
        let file = if self.symlinks == Symlinks::Follow {
            let full = self.full(path);
            rustix::fs::open(OsStr::from_bytes(&full), flags, Mode::empty())?
        } else {
            beneath::open(&self.directory, path, self.symlinks, flags)?
        };
        let stat = rustix::fs::fstat(&file)?;
        Ok((file, stat))
    }

    /// Whether an open file lies in one of the private directories: decided by which directories
    /// it is in, not by the names that led there, so neither links nor mounts lead around it.
    /// Where that cannot be told, it is.
    fn is_private(&self, file: &OwnedFd, path: &[u8]) -> bool {
        if self.private.is_empty() {
            return false;
        }
        let path = self.full(path);
        self.is_in_private_directory(file, Path::new(OsStr::from_bytes(&path)))
            .unwrap_or(true)
    }

    fn is_in_private_directory(&self, file: &OwnedFd, path: &Path) -> io::Result<bool> {
        let mut private: SmallVec<[_; 4]> = SmallVec::new();
        for directory in &*self.private {
            match rustix::fs::stat(directory) {
                Ok(stat) => private.push((stat.st_dev, stat.st_ino)),
                Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let location = sys::location(file, path)?;
        for directory in location.ancestors().skip(1) {
            let stat = rustix::fs::stat(directory)?;
            if private.contains(&(stat.st_dev, stat.st_ino)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What `path` leads to, whether or not it may be read; what is not there or may not be
    /// followed is unknown.
    ///
    /// # Errors
    /// Only [`Unavailable::Shortage`]: it cannot be told now.
    pub(crate) fn type_of(&self, path: &[u8]) -> Result<FileType, Unavailable> {
        let stat = if self.symlinks == Symlinks::Follow {
            rustix::fs::stat(OsStr::from_bytes(&self.full(path)))
        } else {
            self.open_descriptor(path, beneath::NO_ACCESS)
                .map(|(_, stat)| stat)
        };
        type_told(stat)
    }

    /// A path of the operating system to `path`.
    fn full(&self, path: &[u8]) -> PathBytes {
        join(self.directory.as_os_str().as_bytes(), path)
    }
}

impl Directory<'_> {
    /// Opens the first of `names` that is a regular file in this directory, if one is.
    pub(crate) fn open_index<'n>(
        &self,
        names: &'n [String],
    ) -> Result<Option<(RegularFile, &'n str)>, Unavailable> {
        for name in names {
            let path: RelativePath = join(&self.path, name.as_bytes());
            match self.root.open_descriptor(&path, FLAGS) {
                Ok((file, stat)) if is(&stat, FileType::RegularFile) => {
                    if self.root.is_private(&file, &path) {
                        return Err(Unavailable::Absent);
                    }
                    return Ok(Some((RegularFile::new(file, &stat), name)));
                }
                Ok(_) | Err(Errno::NOENT) => {}
                // As the reference: a page that is there but may not be read is not passed over.
                // Neither is one that there is no descriptor for.
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
        read_entries(handle, |link| {
            let path: RelativePath = join(&self.path, link);
            Ok(self.root.type_of(&path)? == FileType::Directory)
        })
    }
}

impl RegularFile {
    fn new(file: OwnedFd, stat: &Stat) -> Self {
        Self {
            file: File::from(file),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: modified(stat),
        }
    }
}

/// When a file was last modified, if the system's clock can show that time.
fn modified(stat: &Stat) -> Option<SystemTime> {
    // Nanoseconds count forward from the second, before 1970 too.
    let nanoseconds = Duration::new(0, u32::try_from(stat.st_mtime_nsec).ok()?);
    let seconds = Duration::from_secs(stat.st_mtime.unsigned_abs());
    let second = if stat.st_mtime < 0 {
        UNIX_EPOCH.checked_sub(seconds)
    } else {
        UNIX_EPOCH.checked_add(seconds)
    };
    second?.checked_add(nanoseconds)
}

fn is(stat: &Stat, kind: FileType) -> bool {
    FileType::from_raw_mode(stat.st_mode) == kind
}

/// `path` in `directory`, either of which may be empty.
fn join<const N: usize>(directory: &[u8], path: &[u8]) -> SmallVec<[u8; N]>
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
