//! Files that are open already and need not be opened again.
//!
//! Opening a file, asking what it is and closing it again takes longer than reading a small one.
//! So who asks for a file that somebody else has open gets that, once one look at its path has
//! shown that it still leads there.

use rustix::fs::{FileType, Stat};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Paths that are remembered at a time. Two that share a place push each other out.
const PLACES: usize = 256;

/// What a file is like: what tells one state of one file from all others, and shows whether who may
/// read it has changed.
///
/// No other file gets the number of one that is open, and any change of permissions, an access
/// list among them, changes the time of the last change. What else is often changed shows beside
/// it: the system's clock may stand still between two changes, and some file systems of other
/// machines keep neither numbers nor that time. Where all this is the same, so is the entity tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) kind: FileType,
    /// Bytes.
    pub(super) size: u64,
    device: (u32, u32),
    number: u64,
    mode: u32,
    owner: (u32, u32),
    /// Seconds since 1970 and nanoseconds, like the next.
    modified: (i64, u32),
    changed: (i64, u32),
}

/// Open files by their paths.
///
/// It holds no file open: those are found that somebody still uses, as a connection does with
/// what it sent last. So a file that is removed gives its room back, and a disk can be taken away,
/// when no client has to do with them any more, and the files that are open are bounded by the
/// clients that are there.
///
/// Nothing that is found can be stale: size and times are those that the path shows now, and the
/// content is read when it is sent.
#[derive(Debug)]
pub(super) struct OpenFiles(Box<[Mutex<Place>]>);

/// Where the file of one path is remembered.
#[derive(Debug, Default)]
struct Place {
    path: CString,
    known: Option<(Weak<File>, Status)>,
}

impl OpenFiles {
    /// A file that is open and that `path` still leads to, and what it is like now.
    pub(super) fn find(&self, path: &CStr) -> Option<(Arc<File>, Status)> {
        let (file, known) = self.recall(path)?;
        let status = Status::of_path(path)?;
        (status == known).then_some((file, status))
    }

    /// Remembers an open file that `path` has led to.
    pub(super) fn remember(&self, path: &CStr, file: &Arc<File>, status: &Status) {
        let Some(place) = self.place(path) else {
            return;
        };
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        if *place.path != *path {
            place.path = path.into();
        }
        place.known = Some((Arc::downgrade(file), *status));
    }

    fn recall(&self, path: &CStr) -> Option<(Arc<File>, Status)> {
        let place = self.place(path)?;
        let place = place.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, status) = place.known.as_ref().filter(|_| *place.path == *path)?;
        Some((file.upgrade()?, *status))
    }

    fn place(&self, path: &CStr) -> Option<&Mutex<Place>> {
        let mut hasher = DefaultHasher::new();
        path.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % PLACES as u64).ok()?;
        self.0.get(index)
    }
}

impl Default for OpenFiles {
    fn default() -> Self {
        Self((0..PLACES).map(|_| Mutex::default()).collect())
    }
}

impl Status {
    /// When it was last modified, if the system's clock can show that time.
    pub(super) fn modified(&self) -> Option<SystemTime> {
        let (seconds, nanoseconds) = self.modified;
        system_time(seconds, nanoseconds)
    }

    /// What `path` leads to. A file system that others write to, too, is made to ask how things
    /// are now: opening a file would do the same.
    #[cfg(target_os = "linux")]
    fn of_path(path: &CStr) -> Option<Self> {
        use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
        let wanted = StatxFlags::BASIC_STATS;
        let seen = statx(CWD, path, AtFlags::STATX_FORCE_SYNC, wanted).ok()?;
        let (changed, modified) = (seen.stx_ctime, seen.stx_mtime);
        let is_whole = StatxFlags::from_bits_retain(seen.stx_mask).contains(wanted);
        is_whole.then(|| Self {
            kind: FileType::from_raw_mode(seen.stx_mode.into()),
            size: seen.stx_size,
            device: (seen.stx_dev_major, seen.stx_dev_minor),
            number: seen.stx_ino,
            mode: seen.stx_mode.into(),
            owner: (seen.stx_uid, seen.stx_gid),
            modified: (modified.tv_sec, modified.tv_nsec),
            changed: (changed.tv_sec, changed.tv_nsec),
        })
    }

    /// What `path` leads to.
    #[cfg(not(target_os = "linux"))]
    fn of_path(path: &CStr) -> Option<Self> {
        rustix::fs::stat(path).ok().as_ref().map(Self::from)
    }
}

impl From<&Stat> for Status {
    #[allow(
        clippy::useless_conversion,
        clippy::unnecessary_fallible_conversions,
        reason = "these numbers have other types on other systems"
    )]
    fn from(stat: &Stat) -> Self {
        // What a system tells that is no number of nanoseconds shows no time.
        let nanoseconds = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            kind: FileType::from_raw_mode(stat.st_mode),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            device: (
                rustix::fs::major(stat.st_dev),
                rustix::fs::minor(stat.st_dev),
            ),
            number: stat.st_ino,
            mode: stat.st_mode.into(),
            owner: (stat.st_uid, stat.st_gid),
            modified: (stat.st_mtime, nanoseconds(stat.st_mtime_nsec)),
            changed: (stat.st_ctime, nanoseconds(stat.st_ctime_nsec)),
        }
    }
}

/// A time of a file, if the system's clock can show it. Nanoseconds count forward from the second,
/// before 1970 too.
fn system_time(seconds: i64, nanoseconds: u32) -> Option<SystemTime> {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let second = if seconds < 0 {
        UNIX_EPOCH.checked_sub(whole)
    } else {
        UNIX_EPOCH.checked_add(whole)
    };
    let is_part = nanoseconds < 1_000_000_000;
    second?.checked_add(Duration::new(0, is_part.then_some(nanoseconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn open(path: &Path) -> (Arc<File>, Status) {
        let file = File::open(path).expect("it opens");
        let status = Status::from(&rustix::fs::fstat(&file).expect("it is open"));
        (Arc::new(file), status)
    }

    fn c_path(path: &Path) -> CString {
        CString::new(path.as_os_str().as_bytes()).expect("it has no NUL")
    }

    #[test]
    fn only_what_a_path_still_leads_to_is_found() {
        let tree = tempfile::tempdir().expect("a temporary directory");
        let path = tree.path().join("a");
        let bytes = &*c_path(&path);
        fs::write(&path, "one").expect("it is written");
        let files = OpenFiles::default();
        let (file, status) = open(&path);
        assert!(files.find(bytes).is_none());
        files.remember(bytes, &file, &status);
        let (found, seen) = files.find(bytes).expect("it is open");
        assert!(Arc::ptr_eq(&found, &file));
        assert_eq!((seen.size, seen.modified()), (3, status.modified()));

        // Another file has taken its place.
        let other = tree.path().join("b");
        fs::write(&other, "two").expect("it is written");
        fs::rename(&other, &path).expect("it is moved");
        assert!(files.find(bytes).is_none());
        let (file, status) = open(&path);
        files.remember(bytes, &file, &status);
        assert!(files.find(bytes).is_some());

        // Who may read it has changed.
        fs::set_permissions(&path, Permissions::from_mode(0o400)).expect("it is ours");
        assert!(files.find(bytes).is_none());
        let (file, status) = open(&path);
        files.remember(bytes, &file, &status);
        assert!(files.find(bytes).is_some());

        // Nobody uses it any more.
        drop((file, found));
        assert!(files.find(bytes).is_none());
    }

    #[test]
    fn both_ways_to_look_at_a_file_see_the_same() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let (_, by_descriptor) = open(file.path());
        let by_path = Status::of_path(&c_path(file.path())).expect("it is there");
        assert_eq!(by_path, by_descriptor);
    }
}
