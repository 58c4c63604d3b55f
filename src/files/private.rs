//! Directories whose files are never sent: the script directories.
//!
//! Whether a file lies in one is decided by where the open file is, not by the names that led
//! there, so links cannot bypass it. A bind mount of a directory elsewhere in the tree is
//! recognized by the directory's inode. A second name of a single file, through a hard link or a
//! bind mount, cannot be recognized.

use super::open_files::Stamp;
use crate::sys;
use rustix::fs::{Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::collections::HashSet;
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The most directories that are tracked by inode. Beyond that, each directory on the way to a file
/// is compared with the outermost ones only.
const MOST_KNOWN: usize = 4096;

/// Directories whose files are not sent, with everything below them.
#[derive(Debug, Default)]
pub(super) struct PrivateDirectories {
    /// The outermost directories.
    roots: Vec<PathBuf>,
    known: Mutex<Known>,
}

/// What is known about these directories.
#[derive(Debug, Default)]
struct Known {
    /// Each directory as it was last seen; creating or removing a directory in it changes its
    /// stamp.
    seen: Vec<(CString, Option<Stamp>)>,
    inodes: HashSet<Inode>,
    /// The outermost directories, with symbolic links resolved.
    real_roots: Vec<PathBuf>,
    /// Whether some directories could not be read.
    is_partial: bool,
}

/// What identifies a directory.
type Inode = ((u32, u32), u64);

impl PrivateDirectories {
    pub(super) fn new(roots: Vec<PathBuf>) -> Self {
        Self {
            roots,
            known: Mutex::default(),
        }
    }

    /// Whether an open file, found at `path`, lies in one of the directories. If that cannot be
    /// determined, the answer is yes.
    pub(super) fn contain(&self, file: &File, path: impl FnOnce() -> PathBuf) -> bool {
        if self.roots.is_empty() {
            return false;
        }
        let location = sys::location(file, path);
        location
            .and_then(|location| self.are_around(&location))
            .unwrap_or(true)
    }

    /// Whether an open directory, found at `path`, is one of them or lies in one. If that cannot be
    /// determined, the answer is yes.
    pub(super) fn hold(&self, directory: &impl AsFd, path: impl FnOnce() -> PathBuf) -> bool {
        if self.roots.is_empty() {
            return false;
        }
        let location = sys::location(directory, path);
        location
            // The same test as for a file in it.
            .and_then(|location| self.are_around(&location.join("_")))
            .unwrap_or(true)
    }

    fn are_around(&self, location: &Path) -> io::Result<bool> {
        // Nothing panics while the lock is held.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.has_changed() {
            *known = Known::of(&self.roots)?;
        }
        if known
            .real_roots
            .iter()
            .any(|root| location.starts_with(root))
        {
            return Ok(true);
        }
        let nearest = if known.is_partial { usize::MAX } else { 1 };
        for directory in location.ancestors().skip(1).take(nearest) {
            let stamp = Stamp::of_path(&c_path(directory)?)?;
            if known.inodes.contains(&stamp.inode()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Known {
    fn of(roots: &[PathBuf]) -> io::Result<Self> {
        let mut known = Self::default();
        for root in roots {
            known.real_roots.extend(root.canonicalize());
            known.visit(c_path(root)?)?;
        }
        // Directories found on the way are appended to the list.
        let mut next = 0;
        while let Some((path, stamp)) = known.seen.get(next).cloned() {
            next += 1;
            if stamp.is_some_and(|stamp| stamp.kind == FileType::Directory) {
                known.look_into(&path)?;
            }
        }
        Ok(known)
    }

    /// Records the directory at `path`.
    fn visit(&mut self, path: CString) -> io::Result<()> {
        let stamp = match Stamp::of_path(&path) {
            Ok(stamp) => Some(stamp),
            Err(Errno::NOENT | Errno::NOTDIR) => None,
            Err(error) => return Err(error.into()),
        };
        self.inodes.extend(stamp.map(|stamp| stamp.inode()));
        self.seen.push((path, stamp));
        Ok(())
    }

    /// Visits the directories in a directory. Links are not followed: the target of a link is
    /// either found by its own name, or lies elsewhere.
    fn look_into(&mut self, path: &CString) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(path.as_c_str(), flags, Mode::empty());
        let entries = match opened.and_then(Dir::new) {
            Ok(entries) => entries,
            Err(Errno::ACCESS) => {
                self.is_partial = true;
                return Ok(());
            }
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            let may_be_directory =
                matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
            if !may_be_directory || matches!(name, b"." | b"..") {
                continue;
            }
            if self.seen.len() >= MOST_KNOWN {
                self.is_partial = true;
                return Ok(());
            }
            let below = Path::new(OsStr::from_bytes(path.to_bytes())).join(OsStr::from_bytes(name));
            self.visit(c_path(&below)?)?;
        }
        Ok(())
    }

    /// Whether a directory has changed since it was last seen, or none has been seen yet.
    fn has_changed(&self) -> bool {
        let is_same =
            |(path, stamp): &(CString, Option<Stamp>)| Stamp::of_path(path).ok() == *stamp;
        self.seen.is_empty() || !self.seen.iter().all(is_same)
    }
}

fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}
