//! A file that is on its way. Until it is whole, and on the disk, it has no name, or one that
//! nobody asked for; then it gets its own in one step.

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, linkat, openat, renameat, unlinkat};
use rustix::io::{Errno, Result};
use std::ffi::OsStr;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
#[cfg(target_os = "linux")]
use std::num::NonZeroU64;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

/// How a file is made: who may read it, the process's mask says.
const FLAGS: OFlags = OFlags::WRONLY.union(OFlags::CLOEXEC);
const MODE: Mode = Mode::from_raw_mode(0o666);

/// Bytes after which the system is asked to begin with writing them to the disk: what is left to be
/// waited for in the end is then never more than the disk is behind.
const AHEAD: u64 = 8 * 1024 * 1024;

/// A file that is being received. Dropped without a name it is gone.
#[derive(Debug)]
pub(crate) struct Incoming<'d> {
    directory: &'d OwnedFd,
    file: File,
    /// Bytes that were written, and of these, those that the system was asked to write to the disk.
    written: u64,
    begun: u64,
    /// The name that it has in the meantime, where files without one cannot be had.
    temporary: Option<String>,
}

impl<'d> Incoming<'d> {
    /// An empty file that will be in `directory`.
    pub(crate) fn new(directory: &'d OwnedFd) -> Result<Self> {
        #[cfg(target_os = "linux")]
        match openat(directory, ".", FLAGS | OFlags::TMPFILE, MODE) {
            // Not every file system, and no old kernel, has them.
            Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::ISDIR | Errno::NOENT) => {}
            file => {
                return Ok(Self {
                    directory,
                    file: file?.into(),
                    written: 0,
                    begun: 0,
                    temporary: None,
                });
            }
        }
        Self::with_name(directory)
    }

    fn with_name(directory: &'d OwnedFd) -> Result<Self> {
        let name = temporary_name();
        let flags = FLAGS | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        Ok(Self {
            directory,
            file: openat(directory, name.as_str(), flags, MODE)?.into(),
            written: 0,
            begun: 0,
            temporary: Some(name),
        })
    }

    /// Adds what has come.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.written += bytes.len() as u64;
        if self.written - self.begun >= AHEAD {
            self.begin_writing();
        }
        Ok(())
    }

    /// Has the system begin with writing to the disk what has come, without waiting for that. For
    /// Linux, not to need something any more means to write it out first.
    #[cfg(target_os = "linux")]
    fn begin_writing(&mut self) {
        use rustix::fs::{Advice, fadvise};
        let length = NonZeroU64::new(self.written - self.begun);
        let _ = fadvise(&self.file, self.begun, length, Advice::DontNeed);
        self.begun = self.written;
    }

    #[cfg(not(target_os = "linux"))]
    fn begin_writing(&mut self) {
        self.begun = self.written;
    }

    /// Waits until all of it is on the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// [`Errno::EXIST`]: something else has it.
    pub(crate) fn keep_as(&self, name: &str) -> Result<()> {
        self.link(name)?;
        self.sync_directory();
        Ok(())
    }

    /// Gives it its name in place of whatever has it, in one step.
    pub(crate) fn replace(&self, name: &str) -> Result<()> {
        let temporary = if let Some(name) = &self.temporary {
            name.clone()
        } else {
            let name = temporary_name();
            self.link(&name)?;
            name
        };
        let renamed = renameat(self.directory, temporary.as_str(), self.directory, name);
        if renamed.is_err() {
            let _ = unlinkat(self.directory, temporary.as_str(), AtFlags::empty());
        } else {
            self.sync_directory();
        }
        renamed
    }

    fn link(&self, name: &str) -> Result<()> {
        let Some(temporary) = &self.temporary else {
            // A descriptor's path is the way that needs no privilege.
            let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
            let linked = linkat(CWD, path, self.directory, name, AtFlags::SYMLINK_FOLLOW);
            if linked == Err(Errno::NOENT) {
                // There is no /proc; newer kernels allow it without.
                return self.link_descriptor(name);
            }
            return linked;
        };
        let temporary = temporary.as_str();
        match linkat(
            self.directory,
            temporary,
            self.directory,
            name,
            AtFlags::empty(),
        ) {
            // Some file systems have no links.
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => self.rename(temporary, name),
            linked => linked,
        }
    }

    #[cfg(target_os = "linux")]
    fn link_descriptor(&self, name: &str) -> Result<()> {
        linkat(&self.file, "", self.directory, name, AtFlags::EMPTY_PATH)
    }

    #[cfg(not(target_os = "linux"))]
    fn link_descriptor(&self, _: &str) -> Result<()> {
        Err(Errno::NOENT)
    }

    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    fn rename(&self, temporary: &str, name: &str) -> Result<()> {
        let flags = RenameFlags::NOREPLACE;
        rustix::fs::renameat_with(self.directory, temporary, self.directory, name, flags)
    }

    #[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
    fn rename(&self, _: &str, _: &str) -> Result<()> {
        Err(Errno::OPNOTSUPP)
    }

    /// The name is to outlast a failure of the power, too. Not every directory may be read for that.
    fn sync_directory(&self) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(self.directory, ".", flags, Mode::empty());
        let _ = directory.and_then(rustix::fs::fsync);
    }
}

impl Drop for Incoming<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.temporary {
            let name = OsStr::from_bytes(name.as_bytes());
            let _ = unlinkat(self.directory, name, AtFlags::empty());
        }
    }
}

/// A name that nobody has, and that nobody may give.
fn temporary_name() -> String {
    format!(".rhttp-upload-{:016x}", RandomState::new().hash_one(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn names(directory: &tempfile::TempDir) -> Vec<String> {
        let entries = fs::read_dir(directory.path()).expect("it can be read");
        let mut names: Vec<_> = entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .into_string()
                    .expect("text")
            })
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_has_its_name_when_it_is_whole_and_never_takes_another_s() {
        for is_named in [false, true] {
            let tree = tempfile::tempdir().expect("a directory");
            let directory = OwnedFd::from(File::open(tree.path()).expect("it opens"));
            let make = || {
                if is_named {
                    Incoming::with_name(&directory)
                } else {
                    Incoming::new(&directory)
                }
            };
            let read = |name: &str| fs::read_to_string(tree.path().join(name)).ok();
            let mut first = make().expect("a file");
            first.write(b"first").expect("it is written");
            assert_eq!(read("name"), None);
            first.sync().expect("it is on the disk");
            assert_eq!(first.keep_as("name"), Ok(()));
            drop(first);

            let mut second = make().expect("a file");
            second.write(b"second").expect("it is written");
            assert_eq!(second.keep_as("name"), Err(Errno::EXIST));
            assert_eq!(read("name").as_deref(), Some("first"));
            assert_eq!(second.replace("name"), Ok(()));
            assert_eq!(read("name").as_deref(), Some("second"));
            drop(second);

            drop(make().expect("a file"));
            fs::create_dir(tree.path().join("d")).expect("a directory");
            let third = make().expect("a file");
            assert!(third.replace("d").is_err());
            drop(third);
            assert_eq!(names(&tree), ["d", "name"]);
        }
    }
}
