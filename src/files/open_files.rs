//! Files and directories that are kept open and need not be opened again.
//!
//! Opening a file, reading its metadata and closing it again takes longer than sending a small one.
//! So files stay open for a moment after they were sent, and a single `stat` of the path shows
//! whether it still leads to the same state of the same file. Nothing found here can be stale: the
//! path is checked each time, and the content is read when it is sent. The same holds for
//! directories, but one has a position from which it is read, so only one request at a time has it.

use crate::http::{Coding, FileState, Representation, Timestamp};
use crate::sys;
use rustix::fs::{FileType, Stat};
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

/// The most files that are kept open. Two paths that share a slot evict each other.
const PLACES: usize = 256;
/// The least time for which an unused file stays open; at most it is twice as long.
const TIME_TO_LIVE: Duration = Duration::from_secs(1);

/// File metadata detailed enough to detect any change: if two snapshots are equal, it is the same
/// inode with the same content and permissions.
///
/// While a file is open, no other file gets its inode number, and any change of permissions, access
/// lists included, changes the `ctime`. The fields that change often are compared as well: the
/// system's clock may stand still between two changes, and some network file systems keep neither
/// inode numbers nor a `ctime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) kind: FileType,
    pub(crate) state: FileState,
    device: (u32, u32),
    inode: u64,
    mode: u32,
    owner: (u32, u32),
}

/// Open files by their paths: at most [`PLACES`], each for [`TIME_TO_LIVE`] after its last use, so
/// that removed files free their space and disks can be unmounted.
#[derive(Debug)]
pub(super) struct OpenFiles(Arc<Places>);

#[derive(Debug)]
struct Places {
    places: Box<[Mutex<Place>]>,
    /// Whether a thread is running that closes unused files.
    is_swept: AtomicBool,
}

/// The slot that holds the file of one path.
#[derive(Debug, Default)]
struct Place {
    known: Option<Known>,
    /// Whether it was requested since the last sweep.
    is_used: bool,
}

/// What is kept open, where it was found, and in which state.
#[derive(Debug)]
struct Known {
    path: CString,
    stamp: Stamp,
    kept: Kept,
}

impl Known {
    fn is_at(&self, path: &CStr, stamp: &Stamp) -> bool {
        *self.path == *path && self.stamp == *stamp
    }
}

/// What is kept open.
#[derive(Debug)]
enum Kept {
    File(Arc<Representation>),
    Directory(OwnedFd),
}

impl OpenFiles {
    /// The representation of the file at `path`, if that file is open, in the state shown by
    /// `stamp`, and stands for itself or for another file in `coding`, as requested.
    pub(super) fn find(
        &self,
        path: &CStr,
        stamp: &Stamp,
        coding: Option<Coding>,
    ) -> Option<Arc<Representation>> {
        let mut place = self.0.place(path)?;
        let place = &mut *place;
        let known = place
            .known
            .as_ref()
            .filter(|known| known.is_at(path, stamp))?;
        match &known.kept {
            Kept::File(representation) if representation.coding == coding => {
                place.is_used = true;
                Some(Arc::clone(representation))
            }
            _ => None,
        }
    }

    /// The descriptor of the directory at `path`, if it is open, in the state shown by `stamp`. It is
    /// the caller's from now on.
    pub(super) fn take_directory(&self, path: &CStr, stamp: &Stamp) -> Option<OwnedFd> {
        let mut place = self.0.place(path)?;
        let is_same = |known: &mut Known| {
            known.is_at(path, stamp) && matches!(known.kept, Kept::Directory(_))
        };
        match place.known.take_if(is_same)?.kept {
            Kept::Directory(handle) => Some(handle),
            Kept::File(_) => None,
        }
    }

    /// Keeps open a file that was found at `path`.
    pub(super) fn keep(&self, path: &CStr, stamp: Stamp, representation: &Arc<Representation>) {
        let file = Kept::File(Arc::clone(representation));
        self.0.keep(path, stamp, file);
    }

    /// Keeps open a directory that was found at `path`.
    pub(super) fn keep_directory(&self, path: &CStr, stamp: Stamp, handle: OwnedFd) {
        self.0.keep(path, stamp, Kept::Directory(handle));
    }

    /// Closes all files that are not being sent: the system is out of descriptors.
    pub(super) fn clear(&self) {
        for place in &self.0.places {
            lock(place).known = None;
        }
    }
}

/// How many files at most are kept open by a process that may have this many descriptors.
pub(crate) fn most_kept_open(descriptors: usize) -> usize {
    (descriptors / 16).clamp(1, PLACES)
}

impl Default for OpenFiles {
    fn default() -> Self {
        let count = most_kept_open(sys::descriptor_limit());
        Self(Arc::new(Places {
            places: (0..count).map(|_| Mutex::default()).collect(),
            is_swept: AtomicBool::new(false),
        }))
    }
}

impl Places {
    fn place(&self, path: &CStr) -> Option<MutexGuard<'_, Place>> {
        let index = hash(path.to_bytes()) % self.places.len().max(1) as u64;
        let place = self.places.get(usize::try_from(index).ok()?)?;
        Some(lock(place))
    }

    fn keep(self: &Arc<Self>, path: &CStr, stamp: Stamp, kept: Kept) {
        if !self.sweep() {
            return;
        }
        let Some(mut place) = self.place(path) else {
            return;
        };
        let before = place.known.replace(Known {
            path: path.into(),
            stamp,
            kept,
        });
        place.is_used = true;
        drop(place);
        // Perhaps this closes it, which takes a while.
        drop(before);
    }

    /// Makes sure that a thread closes unused files; false if none can be started.
    fn sweep(self: &Arc<Self>) -> bool {
        if self.is_swept.load(Ordering::Relaxed) || self.is_swept.swap(true, Ordering::Relaxed) {
            return true;
        }
        let places = Arc::downgrade(self);
        let sweeper = thread::Builder::new().name("files".into());
        let spawned = sweeper.stack_size(64 * 1024).spawn(move || sweep(&places));
        if spawned.is_err() {
            self.is_swept.store(false, Ordering::Relaxed);
        }
        spawned.is_ok()
    }

    /// Closes the files that were not requested since the last sweep; false when none is left.
    fn close_unused(&self) -> bool {
        let mut is_any_left = false;
        for place in &self.places {
            let mut place = lock(place);
            if !std::mem::take(&mut place.is_used) {
                place.known = None;
            }
            is_any_left |= place.known.is_some();
        }
        is_any_left
    }
}

/// Closes unused files, until nothing is left open or the cache itself is gone.
fn sweep(places: &Weak<Places>) {
    sys::yield_to_others();
    loop {
        thread::sleep(TIME_TO_LIVE);
        let Some(places) = places.upgrade() else {
            return;
        };
        if !places.close_unused() {
            places.is_swept.store(false, Ordering::Relaxed);
            // Another thread that saw the flag set may have kept a file in the meantime.
            if !places.close_unused() || places.is_swept.swap(true, Ordering::Relaxed) {
                return;
            }
        }
    }
}

fn lock(place: &Mutex<Place>) -> MutexGuard<'_, Place> {
    // Nothing panics while the lock is held.
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Distributes paths over the slots. Making paths collide gains an attacker nothing: they only
/// evict each other.
pub(super) fn hash(path: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(MULTIPLIER);
    let hash = match path.last_chunk::<8>() {
        // The last word may overlap the one before it.
        Some(last) => {
            let words = path.as_chunks::<8>().0.iter().chain([last]);
            words.fold(0, |hash, word| mix(hash, u64::from_le_bytes(*word)))
        }
        None => path.iter().fold(0, |hash, &byte| mix(hash, byte.into())),
    };
    hash >> 32
}

impl Stamp {
    /// What identifies it as long as it exists: device and inode number.
    pub(crate) fn inode(&self) -> ((u32, u32), u64) {
        (self.device, self.inode)
    }

    /// The permission bits, without those by which a program changes its user.
    pub(crate) fn permissions(&self) -> u16 {
        u16::try_from(self.mode & 0o777).unwrap_or(0)
    }

    /// Whether it belongs to this user and its owner may read it: for the owner no other bits
    /// count.
    pub(crate) fn is_readable_by_its_owner(&self, user: u32) -> bool {
        self.owner.0 == user && self.mode & 0o400 != 0
    }

    /// Whether it is a regular file: nothing else is sent.
    pub(crate) fn is_regular(&self) -> bool {
        self.kind == FileType::RegularFile
    }

    /// The stamp of the file at `path`. Opening a file revalidates the attributes that a network
    /// file system caches; this call is made to do the same.
    #[cfg(target_os = "linux")]
    pub(super) fn of_path(path: &CStr) -> rustix::io::Result<Self> {
        use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
        let seen = statx(
            CWD,
            path,
            AtFlags::STATX_FORCE_SYNC,
            StatxFlags::BASIC_STATS,
        );
        match seen {
            Ok(seen) => Ok(Self::from(&seen)),
            // Seccomp filters may forbid it.
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => rustix::fs::stat(path)
                .as_ref()
                .map(Self::from)
                .map_err(|error| *error),
            Err(error) => Err(error),
        }
    }

    /// The stamp of the file at `path`.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn of_path(path: &CStr) -> rustix::io::Result<Self> {
        rustix::fs::stat(path)
            .as_ref()
            .map(Self::from)
            .map_err(|error| *error)
    }
}

#[cfg(target_os = "linux")]
impl From<&rustix::fs::Statx> for Stamp {
    fn from(seen: &rustix::fs::Statx) -> Self {
        let (changed, modified) = (seen.stx_ctime, seen.stx_mtime);
        Self {
            kind: FileType::from_raw_mode(seen.stx_mode.into()),
            state: FileState {
                size: seen.stx_size,
                modified: Timestamp::new(modified.tv_sec, modified.tv_nsec.into()),
                changed: Timestamp::new(changed.tv_sec, changed.tv_nsec.into()),
            },
            device: (seen.stx_dev_major, seen.stx_dev_minor),
            inode: seen.stx_ino,
            mode: seen.stx_mode.into(),
            owner: (seen.stx_uid, seen.stx_gid),
        }
    }
}

impl From<&Stat> for Stamp {
    #[allow(
        clippy::useless_conversion,
        clippy::unnecessary_fallible_conversions,
        reason = "these numbers have other types on other systems"
    )]
    fn from(stat: &Stat) -> Self {
        let nanoseconds = |count| i64::try_from(count).unwrap_or(-1);
        Self {
            kind: FileType::from_raw_mode(stat.st_mode),
            state: FileState {
                size: u64::try_from(stat.st_size).unwrap_or(0),
                modified: Timestamp::new(stat.st_mtime, nanoseconds(stat.st_mtime_nsec)),
                changed: Timestamp::new(stat.st_ctime, nanoseconds(stat.st_ctime_nsec)),
            },
            device: (
                rustix::fs::major(stat.st_dev),
                rustix::fs::minor(stat.st_dev),
            ),
            inode: stat.st_ino,
            mode: stat.st_mode.into(),
            owner: (stat.st_uid, stat.st_gid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Headers, HttpDate};
    use std::fs::{self, File, Permissions};
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::time::Instant;

    fn open(path: &Path) -> (Stamp, Arc<Representation>) {
        let file = File::open(path).expect("it opens");
        let stamp = Stamp::from(&rustix::fs::fstat(&file).expect("it is open"));
        let now = HttpDate::now();
        let representation = Representation::new(file.into(), stamp.state, Headers::new(), now);
        (stamp, representation.into())
    }

    fn c_path(path: &Path) -> CString {
        CString::new(path.as_os_str().as_bytes()).expect("it has no NUL")
    }

    #[test]
    fn only_what_a_path_still_leads_to_is_found() {
        let tree = tempfile::tempdir().expect("a temporary directory");
        let path = tree.path().join("a");
        let bytes = &*c_path(&path);
        let stamp = || Stamp::of_path(bytes).expect("it is there");
        let files = OpenFiles::default();
        fs::write(&path, "one").expect("it is written");
        assert!(files.find(bytes, &stamp(), None).is_none());
        let (opened, representation) = open(&path);
        files.keep(bytes, opened, &representation);
        let found = files.find(bytes, &stamp(), None).expect("it is open");
        assert!(Arc::ptr_eq(&found, &representation));

        // Another file has taken its place.
        let other = tree.path().join("b");
        fs::write(&other, "two").expect("it is written");
        fs::rename(&other, &path).expect("it is moved");
        assert!(files.find(bytes, &stamp(), None).is_none());
        let (opened, representation) = open(&path);
        files.keep(bytes, opened, &representation);
        assert!(files.find(bytes, &stamp(), None).is_some());

        // The permissions have changed.
        fs::set_permissions(&path, Permissions::from_mode(0o400)).expect("it is ours");
        assert!(files.find(bytes, &stamp(), None).is_none());
    }

    #[test]
    fn an_open_directory_is_one_caller_s_at_a_time() {
        let tree = tempfile::tempdir().expect("a temporary directory");
        let path = &*c_path(tree.path());
        let stamp = || Stamp::of_path(path).expect("it is there");
        let files = OpenFiles::default();
        let open = || OwnedFd::from(File::open(tree.path()).expect("it opens"));
        files.keep_directory(path, stamp(), open());
        assert!(files.find(path, &stamp(), None).is_none());
        let handle = files.take_directory(path, &stamp()).expect("it is open");
        assert!(files.take_directory(path, &stamp()).is_none());
        files.keep_directory(path, stamp(), handle);

        // What is in it has changed.
        let before = stamp();
        fs::create_dir(tree.path().join("a")).expect("a directory");
        assert_ne!(stamp(), before);
        assert!(files.take_directory(path, &stamp()).is_none());
        assert!(files.take_directory(path, &before).is_some());
    }

    #[test]
    fn a_file_that_nobody_asks_for_is_closed() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let files = OpenFiles::default();
        let path = c_path(file.path());
        let (stamp, representation) = open(file.path());
        files.keep(&path, stamp, &representation);
        let start = Instant::now();
        while Arc::strong_count(&representation) > 1 {
            assert!(start.elapsed() < Duration::from_secs(30), "it stays open");
            thread::sleep(Duration::from_millis(20));
        }
        // And the next file is kept again.
        files.keep(&path, stamp, &representation);
        assert!(files.find(&path, &stamp, None).is_some());
        files.clear();
        assert!(files.find(&path, &stamp, None).is_none());
    }

    #[test]
    fn both_ways_to_look_at_a_file_see_the_same() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let (by_descriptor, _) = open(file.path());
        let by_path = Stamp::of_path(&c_path(file.path())).expect("it is there");
        assert_eq!(by_path, by_descriptor);
    }
}
