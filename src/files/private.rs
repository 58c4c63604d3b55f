//! Directories whose files are never sent: the script directories.
//!
//! Whether a file lies in one is decided by where the open file is, not by the names that led
//! there, so links cannot bypass it. A bind mount of a directory elsewhere in the tree is
//! recognized by the directory's inode. A second name of a single file, through a hard link or a
//! bind mount, cannot be recognized.
//!
//! A file that was found to lie elsewhere still does so as long as none of these directories has
//! changed: to get into one, it or a directory above it has to be moved or mounted there, or the
//! directory has to be replaced. So for a file that stays open, a request takes one `stat` of each
//! of the directories and nothing else. That is the least: nothing but a look at them shows that
//! they are the same, and any of them may have been replaced a moment ago.

use super::open_files::Stamp;
use crate::http::{HttpDate, Representation};
use crate::sys;
use rustix::fs::{Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::collections::HashSet;
use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The most directories that are tracked by inode. Beyond that, each directory on the way to a file
/// is compared with the outermost ones only.
const MOST_KNOWN: usize = 4096;

/// Directories whose files are not sent, with everything below them.
#[derive(Debug, Default)]
pub(super) struct PrivateDirectories {
    /// The outermost directories.
    roots: Vec<PathBuf>,
    known: Mutex<Arc<Known>>,
}

/// What is known about these directories.
#[derive(Debug, Default)]
struct Known {
    /// No other list has this number, of whichever directories; 0 before there is one.
    number: u64,
    /// Each directory as it was last seen; creating or removing a directory in it changes its
    /// stamp.
    seen: Vec<(CString, Option<Stamp>)>,
    inodes: HashSet<Inode>,
    /// The outermost directories, with symbolic links resolved.
    real_roots: Vec<PathBuf>,
    /// Whether some directories could not be read.
    is_partial: bool,
    /// Whether one of them had changed so recently that it might change again without a trace.
    is_fresh: bool,
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

    /// Whether an open file, found at `path`, lies in one of the directories at the time `now`. If
    /// that cannot be determined, the answer is yes.
    pub(super) fn contain(
        &self,
        file: &Representation,
        path: impl FnOnce() -> PathBuf,
        now: impl Fn() -> HttpDate,
    ) -> bool {
        if self.roots.is_empty() {
            return false;
        }
        // Looked at before the file is: what is moved in between is noticed either way.
        self.known(now)
            .and_then(|known| {
                if known.number == file.cleared_by.load(Ordering::Relaxed) {
                    return Ok(false);
                }
                let is_inside = known.are_around(&sys::location(&*file.file, path)?)?;
                if known.is_complete() && !is_inside {
                    file.cleared_by.store(known.number, Ordering::Relaxed);
                }
                Ok(is_inside)
            })
            .unwrap_or(true)
    }

    /// Whether an open directory, found at `path`, is one of them or lies in one. If that cannot be
    /// determined, the answer is yes.
    pub(super) fn hold(&self, directory: &impl AsFd, path: impl FnOnce() -> PathBuf) -> bool {
        if self.roots.is_empty() {
            return false;
        }
        self.known(HttpDate::now)
            .and_then(|known| {
                // The same test as for a file in it.
                known.are_around(&sys::location(directory, path)?.join("_"))
            })
            .unwrap_or(true)
    }

    /// What is known now.
    fn known(&self, now: impl Fn() -> HttpDate) -> io::Result<Arc<Known>> {
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // No system call is made while the lock is held.
        let known = Arc::clone(&lock());
        if !known.has_changed() && !known.has_settled_since(&now) {
            return Ok(known);
        }
        let known = Arc::new(Known::of(&self.roots, now())?);
        *lock() = Arc::clone(&known);
        Ok(known)
    }
}

impl Known {
    fn of(roots: &[PathBuf], now: HttpDate) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mut known = Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            ..Self::default()
        };
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
        known.is_fresh = known.is_fresh_at(now);
        Ok(known)
    }

    /// Whether a file at `location` lies in one of the directories.
    fn are_around(&self, location: &Path) -> io::Result<bool> {
        let is_below = |root: &PathBuf| location.starts_with(root);
        if self.real_roots.iter().any(is_below) {
            return Ok(true);
        }
        let nearest = if self.is_partial { usize::MAX } else { 1 };
        for directory in location.ancestors().skip(1).take(nearest) {
            let stamp = Stamp::of_path(&c_path(directory)?)?;
            if self.inodes.contains(&stamp.inode()) {
                return Ok(true);
            }
        }
        Ok(false)
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

    /// Whether all directories are known, and no change of them will go unnoticed.
    fn is_complete(&self) -> bool {
        !self.is_partial && !self.is_fresh
    }

    /// Whether a directory might change again without a trace, if it is still as it was seen.
    fn is_fresh_at(&self, now: HttpDate) -> bool {
        let mut stamps = self.seen.iter().filter_map(|(_, stamp)| *stamp);
        stamps.any(|stamp| stamp.state.is_fresh(now))
    }

    /// Whether another look now would show more: that changes will be noticed.
    fn has_settled_since(&self, now: impl Fn() -> HttpDate) -> bool {
        self.is_fresh && !self.is_fresh_at(now())
    }
}

fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{FileState, Headers};
    use std::fs::{self, File};
    use std::os::unix::fs::{MetadataExt, symlink};

    /// An hour from now, when everything is settled.
    fn later() -> HttpDate {
        let now = HttpDate::now().as_unix();
        HttpDate::from_unix(now + 3600).expect("a year with four digits")
    }

    fn opened(path: &Path) -> Representation {
        let file = File::open(path).expect("it opens");
        let state = FileState::from(&file.metadata().expect("it is open"));
        Representation::new(file.into(), state, Headers::new(), later())
    }

    /// Waits until the file system's clock has moved on, as between any two looks that are
    /// seconds apart.
    fn wait_for_the_clock(tree: &Path) {
        let probe = || {
            fs::write(tree.join("probe"), "").expect("it is written");
            let metadata = fs::metadata(tree.join("probe")).expect("it is there");
            (metadata.ctime(), metadata.ctime_nsec())
        };
        let start = probe();
        while probe() == start {
            std::thread::yield_now();
        }
    }

    #[test]
    fn an_open_file_that_gets_among_scripts_is_private_at_once() {
        type Change = fn(&Path) -> io::Result<()>;
        let changes: &[(&str, Change)] = &[
            ("moved", |tree| {
                fs::rename(tree.join("d"), tree.join("cgi-bin/d"))
            }),
            ("moved deeper", |tree| {
                fs::rename(tree.join("d"), tree.join("cgi-bin/sub/d"))
            }),
            ("moved with a directory above it", |tree| {
                fs::create_dir(tree.join("e"))?;
                fs::rename(tree.join("d"), tree.join("e/d"))?;
                fs::rename(tree.join("e"), tree.join("cgi-bin/sub/e"))
            }),
            ("swapped", |tree| {
                fs::rename(tree.join("cgi-bin"), tree.join("old"))?;
                fs::rename(tree.join("d"), tree.join("cgi-bin"))
            }),
            ("swapped for a link", |tree| {
                fs::rename(tree.join("cgi-bin"), tree.join("old"))?;
                symlink("d", tree.join("cgi-bin"))
            }),
            ("a first directory", |tree| {
                fs::rename(tree.join("d"), tree.join("htbin"))
            }),
            ("a first link", |tree| symlink(".", tree.join("htbin"))),
            ("the file alone", |tree| {
                fs::rename(tree.join("d/f"), tree.join("cgi-bin/f"))
            }),
        ];
        for (name, change) in changes {
            let tree = tempfile::tempdir().expect("a temporary directory");
            let tree = tree.path();
            fs::create_dir_all(tree.join("cgi-bin/sub")).expect("a directory");
            fs::create_dir(tree.join("d")).expect("a directory");
            fs::write(tree.join("d/f"), "f").expect("a file");
            let roots = ["cgi-bin", "htbin"].map(|root| tree.join(root));
            let private = PrivateDirectories::new(roots.into());
            let file = opened(&tree.join("d/f"));
            let is_private = || private.contain(&file, || tree.join("d/f"), later);

            wait_for_the_clock(tree);
            assert!(!is_private(), "{name}");
            let number = private.known(later).expect("it is known").number;
            assert_eq!(file.cleared_by.load(Ordering::Relaxed), number, "{name}");
            assert!(!is_private(), "{name}, cleared");
            change(tree).expect("it can be changed");
            assert!(is_private(), "{name}, changed");
            assert!(is_private(), "{name}, again");
        }
    }

    #[test]
    fn what_was_private_may_be_sent_once_it_lies_elsewhere() {
        let tree = tempfile::tempdir().expect("a temporary directory");
        let tree = tree.path();
        fs::create_dir_all(tree.join("cgi-bin/d")).expect("a directory");
        fs::write(tree.join("cgi-bin/d/f"), "f").expect("a file");
        let private = PrivateDirectories::new(vec![tree.join("cgi-bin")]);
        let file = opened(&tree.join("cgi-bin/d/f"));
        let is_private = || private.contain(&file, || tree.join("d/f"), later);
        wait_for_the_clock(tree);
        assert!(is_private());
        fs::rename(tree.join("cgi-bin/d"), tree.join("d")).expect("it is moved");
        assert!(!is_private());
    }

    #[test]
    fn nothing_is_taken_for_granted_while_a_directory_is_fresh() {
        let tree = tempfile::tempdir().expect("a temporary directory");
        let tree = tree.path();
        fs::create_dir(tree.join("cgi-bin")).expect("a directory");
        fs::write(tree.join("f"), "f").expect("a file");
        let private = PrivateDirectories::new(vec![tree.join("cgi-bin")]);
        let file = opened(&tree.join("f"));
        let cleared = || file.cleared_by.load(Ordering::Relaxed);
        assert!(!private.contain(&file, || tree.join("f"), HttpDate::now));
        assert_eq!(cleared(), 0);
        assert!(!private.contain(&file, || tree.join("f"), later));
        assert_ne!(cleared(), 0);
    }
}
