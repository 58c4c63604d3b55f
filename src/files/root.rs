//! From a relative path to something open: the one place that opens what is served.
//!
//! Files are opened first and judged by their descriptor, so nothing can be exchanged between
//! the look and the opening. Every step starts again at the directory's path: a served directory
//! that is removed and made anew is served again.

use crate::http::RelativePath;
use crate::sys;
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use smallvec::SmallVec;
use std::ffi::OsStr;
use std::fs::File;
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
    /// Directories whose files are not sent, by whatever way they are reached.
    private: Arc<[PathBuf]>,
}

/// What a path led to.
#[derive(Debug)]
pub(crate) enum Node {
    /// A regular file.
    File(RegularFile),
    /// A directory.
    Directory(Directory),
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

/// A directory.
#[derive(Debug)]
pub(crate) struct Directory {
    path: Vec<u8>,
    private: Arc<[PathBuf]>,
    /// Its descriptor; `None` where only names in it may be opened, but not listed.
    pub(crate) handle: Option<OwnedFd>,
}

/// The page that stands for a directory.
#[derive(Debug)]
pub(crate) enum Index<'n> {
    /// It has none.
    None,
    /// It has one that cannot be opened.
    Unreadable,
    /// It has this one, with this name.
    Page(RegularFile, &'n str),
}

impl Root {
    /// Serves what is in `directory`.
    pub(crate) fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            private: Arc::default(),
        }
    }

    /// Sends no file in `directories` from now on.
    pub(crate) fn keep_private(&mut self, directories: Vec<PathBuf>) {
        self.private = directories.into();
    }

    /// The directory's path.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Opens what is at `path`; `None` is for all that cannot be served, whatever the reason.
    pub(crate) fn open(&self, path: &RelativePath) -> Option<Node> {
        let directory = self.directory.as_os_str().as_bytes();
        let mut full = PathBytes::from_slice(directory);
        if !path.is_empty() {
            full.push(b'/');
            full.extend_from_slice(path);
        }
        open(&full, &self.private)
    }
}

impl Directory {
    /// Opens the first of `names` that is a regular file in this directory.
    pub(crate) fn open_index<'n>(&self, names: &'n [String]) -> Index<'n> {
        for name in names {
            let mut full = PathBytes::from_slice(&self.path);
            full.push(b'/');
            full.extend_from_slice(name.as_bytes());
            match open_descriptor(&full) {
                Ok((file, _)) if is_private(&file, &full, &self.private) => {
                    return Index::Unreadable;
                }
                Ok((file, stat)) if is(&stat, FileType::RegularFile) => {
                    return Index::Page(RegularFile::new(file, &stat), name);
                }
                Ok(_) | Err(Errno::NOENT) => {}
                // As the reference: a page that is there but may not be read is not passed over.
                Err(_) if status(&full).is_some_and(|stat| is(&stat, FileType::RegularFile)) => {
                    return Index::Unreadable;
                }
                Err(_) => {}
            }
        }
        Index::None
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

/// Opens `path` and tells files and directories from the rest, which is not served.
fn open(path: &PathBytes, private: &Arc<[PathBuf]>) -> Option<Node> {
    match open_descriptor(path) {
        Ok((file, stat))
            if is(&stat, FileType::RegularFile) && is_private(&file, path, private) =>
        {
            None
        }
        Ok((file, stat)) if is(&stat, FileType::RegularFile) => {
            Some(Node::File(RegularFile::new(file, &stat)))
        }
        Ok((handle, stat)) if is(&stat, FileType::Directory) => Some(Node::Directory(Directory {
            path: path.to_vec(),
            private: Arc::clone(private),
            handle: Some(handle),
        })),
        Err(Errno::ACCESS) if status(path).is_some_and(|stat| is(&stat, FileType::Directory)) => {
            Some(Node::Directory(Directory {
                path: path.to_vec(),
                private: Arc::clone(private),
                handle: None,
            }))
        }
        _ => None,
    }
}

fn open_descriptor(path: &PathBytes) -> rustix::io::Result<(OwnedFd, Stat)> {
    let file = rustix::fs::open(OsStr::from_bytes(path), FLAGS, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    Ok((file, stat))
}

/// Whether an open file lies in one of the private directories: decided by where the file is,
/// not by the name that led there. Where that cannot be told, it is.
fn is_private(file: &OwnedFd, path: &PathBytes, private: &[PathBuf]) -> bool {
    if private.is_empty() {
        return false;
    }
    let Ok(location) = sys::location(file, Path::new(OsStr::from_bytes(path))) else {
        return true;
    };
    private
        .iter()
        .filter_map(|directory| directory.canonicalize().ok())
        .any(|directory| location.starts_with(directory))
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

fn status(path: &PathBytes) -> Option<Stat> {
    rustix::fs::stat(OsStr::from_bytes(path)).ok()
}

fn is(stat: &Stat, kind: FileType) -> bool {
    FileType::from_raw_mode(stat.st_mode) == kind
}
