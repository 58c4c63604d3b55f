//! Directories that may receive files.

use super::beneath::{self, NO_ACCESS, Symlinks};
use super::root::{Directory, Root};
use super::unavailable::Unavailable;
use rustix::fs::{OFlags, fstat};
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

/// Why nothing can be put into a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoDestination {
    /// There is no directory, or none that the client may see.
    Absent,
    /// The directory is one of those whose files are not sent: the script directories.
    Private,
    /// No descriptor is available for it now.
    Shortage,
}

impl Root {
    /// The root `directory` for uploads: no link leads out of it, whatever this root follows.
    pub(crate) fn for_uploads(&self, directory: PathBuf) -> Self {
        let symlinks = match self.symlinks {
            Symlinks::Follow => Symlinks::Inside,
            stricter => stricter,
        };
        let mut root = Root::new(directory).with_symlinks(symlinks);
        root.private = Arc::clone(&self.private);
        root
    }

    /// Opens the directory at `path`, to the extent needed to put something into it.
    ///
    /// # Errors
    /// There is no directory at `path`, or it may not receive files.
    pub(crate) fn destination(&self, path: &[u8]) -> Result<OwnedFd, NoDestination> {
        let flags = NO_ACCESS | OFlags::DIRECTORY;
        let directory = beneath::open(self.directory(), path, self.symlinks, flags);
        let directory = directory.map_err(|error| match Unavailable::from(error) {
            Unavailable::Absent => NoDestination::Absent,
            Unavailable::Shortage => NoDestination::Shortage,
        })?;
        let full = || PathBuf::from(OsStr::from_bytes(&self.full(path)));
        if self.private.hold(&directory, full) {
            return Err(NoDestination::Private);
        }
        Ok(directory)
    }
}

impl Directory<'_> {
    /// Whether a directory that was opened is this one.
    pub(crate) fn is(&self, other: &OwnedFd) -> bool {
        let (Some(this), Ok(other)) = (&self.handle, fstat(other)) else {
            return false;
        };
        fstat(this).is_ok_and(|this| (this.st_dev, this.st_ino) == (other.st_dev, other.st_ino))
    }
}
