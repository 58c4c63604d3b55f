//! From a relative path to something open: the one place that opens what is served.
//!
//! Files are opened first and judged by their descriptor, so nothing can be exchanged between
//! the look and the opening; of one that is open already, the look shows that it is the same.
//! Every step starts again at the directory's path: a served directory that is removed and made
//! anew is served again.

use super::beneath::{self, Symlinks};
use super::listing::{Listing, read_entries};
use super::open_files::{OpenFiles, Status};
use super::unavailable::{Unavailable, type_told};
use crate::http::RelativePath;
use crate::sys;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use smallvec::SmallVec;
use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

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
    open_files: Arc<OpenFiles>,
}

/// What a path led to.
#[derive(Debug)]
pub(crate) enum Node<'r> {
    /// A regular file.
    File(RegularFile),
    /// A directory.
    Directory(Directory<'r>),
}

/// An open regular file, and what it was like when it was opened, or found to be open.
#[derive(Debug)]
pub(crate) struct RegularFile {
    pub(crate) file: Arc<File>,
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
    handle: Option<Arc<File>>,
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
        match self.open_any(path) {
            Ok((file, status)) if status.kind == FileType::RegularFile => {
                if self.is_private(&file, path) {
                    return Err(Unavailable::Absent);
                }
                Ok(Node::File(RegularFile::new(file, &status)))
            }
            Ok((handle, status)) if status.kind == FileType::Directory => directory(Some(handle)),
            Err(Errno::ACCESS) if self.type_of(path)? == FileType::Directory => directory(None),
            Ok(_) => Err(Unavailable::Absent),
            Err(error) => Err(error.into()),
        }
    }

    /// The one place where a path of the tree is opened, unless what it leads to is open already.
    fn open_any(&self, path: &[u8]) -> rustix::io::Result<(Arc<File>, Status)> {
        if self.symlinks != Symlinks::Follow {
            // By what links a path leads to an open file cannot be seen from outside.
            let file = beneath::open(&self.directory, path, self.symlinks, FLAGS)?;
            return with_status(file);
        }
        // With its end, so that no call has to make a copy that has one.
        let mut full = self.full(path);
        full.push(0);
        let full = CStr::from_bytes_with_nul(&full).map_err(|_| Errno::INVAL)?;
        if let Some(found) = self.open_files.find(full) {
            return Ok(found);
        }
        let file = rustix::fs::open(full, FLAGS, Mode::empty())?;
        let (file, status) = with_status(file)?;
        if status.kind == FileType::RegularFile {
            self.open_files.remember(full, &file, &status);
        }
        Ok((file, status))
    }

    /// Whether an open file lies in one of the private directories: decided by which directories
    /// it is in, not by the names that led there, so neither links nor mounts lead around it.
    /// Where that cannot be told, it is.
    fn is_private(&self, file: &File, path: &[u8]) -> bool {
        if self.private.is_empty() {
            return false;
        }
        let path = self.full(path);
        self.is_in_private_directory(file, Path::new(OsStr::from_bytes(&path)))
            .unwrap_or(true)
    }

    fn is_in_private_directory(&self, file: &File, path: &Path) -> io::Result<bool> {
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
            beneath::open(&self.directory, path, self.symlinks, beneath::NO_ACCESS)
                .and_then(rustix::fs::fstat)
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
            match self.root.open_any(&path) {
                Ok((file, status)) if status.kind == FileType::RegularFile => {
                    if self.root.is_private(&file, &path) {
                        return Err(Unavailable::Absent);
                    }
                    return Ok(Some((RegularFile::new(file, &status), name)));
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
    fn new(file: Arc<File>, status: &Status) -> Self {
        Self {
            file,
            size: status.size,
            modified: status.modified(),
        }
    }
}

/// What has just been opened, and what it is like.
fn with_status(file: OwnedFd) -> rustix::io::Result<(Arc<File>, Status)> {
    let status = Status::from(&rustix::fs::fstat(&file)?);
    Ok((Arc::new(file.into()), status))
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
