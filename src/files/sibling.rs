//! Compressed files stored beside others: `app.js.br` for `app.js`.

use super::beneath::Symlinks;
use super::open_files::Stamp;
use super::root::{Opened, RelativePath, Root};
use super::unavailable::Unavailable;
use crate::http::{Beside, Coding, DirectoryState, Headers, HttpDate, Representation};
use crate::sys;
use rustix::io::Errno;
use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

/// The length of the longest magic number of any coding.
const MOST_MAGIC: usize = 4;
/// How long a directory's times are trusted to show new names in it: a few network file systems
/// keep none.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Root {
    /// Whether no compressed file stands beside `of`, which was found at `path`, as far as that is
    /// known; it costs one `stat` of the directory.
    ///
    /// A name appears in a directory only together with a later time. So that time says whether what
    /// was found still holds, unless it is so recent that the next one could be the same.
    pub(crate) fn is_known_alone(&self, path: &[u8], of: &Representation) -> bool {
        let known = *beside(of);
        known.alone_in.is_some()
            && sys::uptime() < known.until
            && known.alone_in == self.state_of_directory(path)
    }

    /// Looks for compressed files beside `of`, once in a while; returns whether there are none.
    pub(crate) fn is_alone(&self, path: &[u8], of: &Representation) -> bool {
        let now = sys::uptime();
        // From the outside there is no telling through which links a path leads to a directory.
        if self.symlinks != Symlinks::Follow || now < beside(of).until {
            return false;
        }
        let is_settled = |directory: &DirectoryState| !directory.state.is_fresh(HttpDate::now());
        let alone_in = self
            .state_of_directory(path)
            .filter(is_settled)
            .filter(|_| Coding::ALL.iter().all(|coding| self.has_no(path, *coding)));
        *beside(of) = Beside {
            alone_in,
            until: now + LOOK_AGAIN,
        };
        alone_in.is_some()
    }

    /// The state of the directory of the file at `path`.
    fn state_of_directory(&self, path: &[u8]) -> Option<DirectoryState> {
        let directory = match memchr::memrchr(b'/', path) {
            Some(slash) => path.get(..slash)?,
            None => b"",
        };
        let full = self.full_with_nul(directory);
        let stamp = Stamp::of_path(CStr::from_bytes_with_nul(&full).ok()?).ok()?;
        let (device, inode) = stamp.inode();
        Some(DirectoryState {
            device,
            inode,
            state: stamp.state,
        })
    }

    /// Whether there is nothing in this coding beside the file at `path`, not even a link that leads
    /// nowhere yet.
    fn has_no(&self, path: &[u8], coding: Coding) -> bool {
        let mut sibling = self.full(path);
        sibling.extend_from_slice(coding.suffix().as_bytes());
        matches!(rustix::fs::lstat(&*sibling), Err(Errno::NOENT))
    }

    /// The file that stands in for `of`, which was found at `path`, in `coding`, with the fields
    /// that `kind` gives it: a regular file that may be sent, is in that coding, and is not older.
    /// If there is none, this costs one `stat` of its path.
    pub(crate) fn open_sibling(
        &self,
        path: &[u8],
        of: &Representation,
        coding: Coding,
        kind: impl Fn() -> Headers,
    ) -> Result<Option<Arc<Representation>>, Unavailable> {
        let mut name = RelativePath::from_slice(path);
        name.extend_from_slice(coding.suffix().as_bytes());
        match self.open_any(&name, Some(coding), kind) {
            Ok(Opened::File(file)) => {
                // A file compressed before the last change does not hold the current content.
                let is_current = file.state.modified >= of.state.modified;
                let may_be_sent = is_current && !self.is_private(&file, &name);
                Ok(Some(file).filter(|_| may_be_sent))
            }
            Ok(Opened::Other(..)) => Ok(None),
            Err(error) => match error.into() {
                Unavailable::Absent => Ok(None),
                Unavailable::Shortage => Err(Unavailable::Shortage),
            },
        }
    }
}

fn beside(of: &Representation) -> MutexGuard<'_, Beside> {
    // Nothing panics while the lock is held.
    of.beside.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a file begins as files in this coding do: one that merely has the name would break the
/// page.
pub(super) fn is_in(coding: Coding, file: &OwnedFd) -> bool {
    let mut start = [0; MOST_MAGIC];
    let magic = coding.magic();
    let Some(start) = start.get_mut(..magic.len()) else {
        return false;
    };
    let mut is_read =
        || rustix::io::pread(file, &mut *start, 0).is_ok_and(|read| read == magic.len());
    magic.is_empty() || is_read() && *start == *magic
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Node;
    use std::fs;
    use std::time::Instant;

    #[test]
    fn a_file_is_alone_until_its_directory_changes() {
        let tree = tempfile::tempdir().expect("there is a place for it");
        let directory = tree.path().join("directory");
        fs::create_dir(&directory).expect("it can be made");
        fs::write(directory.join("a"), "a").expect("it can be written");
        let root = Root::new(tree.path());
        let path = b"directory/a";
        let Ok(Node::File(file)) = root.open(path, Headers::new) else {
            panic!("it is a file");
        };
        // What has just changed could change again without a trace.
        assert!(!root.is_alone(path, &file));
        let start = Instant::now();
        while !root.is_alone(path, &file) && !root.is_known_alone(path, &file) {
            assert!(start.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(root.is_known_alone(path, &file));
        let appear = || fs::write(directory.join("a.br"), "b").expect("it can be written");
        appear();
        assert!(!root.is_known_alone(path, &file));

        // The same if the answer is no longer trusted, and in another directory at the same path.
        fs::remove_file(directory.join("a.br")).expect("it can be removed");
        let know = || {
            *beside(&file) = Beside {
                alone_in: root.state_of_directory(path),
                until: sys::uptime() + LOOK_AGAIN,
            };
        };
        know();
        assert!(root.is_known_alone(path, &file));
        beside(&file).until = sys::uptime();
        assert!(!root.is_known_alone(path, &file));
        know();
        fs::rename(&directory, tree.path().join("other")).expect("it can be renamed");
        fs::create_dir(&directory).expect("it can be made");
        appear();
        assert!(!root.is_known_alone(path, &file));
    }
}
