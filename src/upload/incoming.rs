//! A file that is being received. Until it is complete, and on the disk, it has no name, or a
//! temporary one; then it gets its own in one step.

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, RenameFlags, linkat, openat, renameat, statat, unlinkat,
};
use rustix::io::{Errno, Result};
use std::ffi::OsStr;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
#[cfg(target_os = "linux")]
use std::num::NonZeroU64;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

/// How a file is created. Its permissions follow the process's umask.
const FLAGS: OFlags = OFlags::WRONLY.union(OFlags::CLOEXEC);
const MODE: Mode = Mode::from_raw_mode(0o666);

/// Bytes after which the system is asked to write them.
const TOGETHER: u64 = 32 * 1024 * 1024;

/// A file that is being received. If it is dropped without a name, it is gone.
#[derive(Debug)]
pub(crate) struct Incoming<'d> {
    directory: &'d OwnedFd,
    file: File,
    /// Bytes that have arrived.
    length: u64,
    /// How many of them the system was asked to write.
    asked_for: u64,
    /// Its temporary name, where files without a name are not supported.
    temporary: Option<String>,
}

impl<'d> Incoming<'d> {
    /// Creates an empty file that will end up in `directory`.
    pub(crate) fn new(directory: &'d OwnedFd) -> Result<Self> {
        #[cfg(target_os = "linux")]
        match openat(directory, ".", FLAGS | OFlags::TMPFILE, MODE) {
            // Not every file system supports unnamed files, and old kernels do not.
            Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::ISDIR | Errno::NOENT) => {}
            file => {
                return Ok(Self::of(directory, file?, None));
            }
        }
        Self::with_name(directory)
    }

    fn with_name(directory: &'d OwnedFd) -> Result<Self> {
        let name = temporary_name();
        let flags = FLAGS | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let file = openat(directory, name.as_str(), flags, MODE)?;
        Ok(Self::of(directory, file, Some(name)))
    }

    fn of(directory: &'d OwnedFd, file: OwnedFd, temporary: Option<String>) -> Self {
        Self {
            directory,
            file: file.into(),
            length: 0,
            asked_for: 0,
            temporary,
        }
    }

    /// Appends received bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        if self.length - self.asked_for >= TOGETHER {
            self.begin_to_sync();
            self.asked_for = self.length;
        }
        Ok(())
    }

    /// Has the system begin to write what has arrived since the last time, without waiting for it:
    /// left to itself, it would begin when most of the file is there.
    #[cfg(target_os = "linux")]
    fn begin_to_sync(&self) {
        use rustix::fs::{Advice, fadvise};
        let length = NonZeroU64::new(self.length - self.asked_for);
        // Pages that are not on the disk cannot be dropped, and are sent there instead.
        let _ = fadvise(&self.file, self.asked_for, length, Advice::DontNeed);
    }

    /// Other systems choose the time themselves.
    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "Linux has something to do")]
    fn begin_to_sync(&self) {}

    /// Waits until the whole file is on the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// [`Errno::EXIST`]: the name is taken.
    pub(crate) fn keep_as(&self, name: &str) -> Result<()> {
        self.link(name)?;
        self.sync_directory();
        Ok(())
    }

    /// Gives it its name, replacing whatever has that name, in one step.
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

    /// Whether something called `name` is in the directory.
    pub(crate) fn is_beside(&self, name: &str) -> bool {
        statat(self.directory, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    fn link(&self, name: &str) -> Result<()> {
        let Some(temporary) = &self.temporary else {
            // The descriptor's path in `/proc` is the way that needs no privileges.
            let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
            let linked = linkat(CWD, path, self.directory, name, AtFlags::SYMLINK_FOLLOW);
            if linked == Err(Errno::NOENT) {
                // There is no /proc; newer kernels allow this without it.
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
            // Some file systems have no hard links.
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => self.rename(temporary, name),
            linked => linked,
        }
    }

    #[cfg(target_os = "linux")]
    fn link_descriptor(&self, name: &str) -> Result<()> {
        linkat(&self.file, "", self.directory, name, AtFlags::EMPTY_PATH)
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "Linux has something to do")]
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

    /// The name should survive a power failure, too. This is best effort: not every directory may
    /// be opened for reading.
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

/// A name that no file has, and that no client may choose.
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
