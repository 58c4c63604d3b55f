//! Files that are read again when they change.

use super::uptime;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Files that are read again when they change, and what was seen of them when they were last read.
#[derive(Debug)]
pub(crate) struct Watched {
    paths: Vec<PathBuf>,
    /// The second of the last look, counted by [`uptime`].
    looked: AtomicU64,
    /// What it has shown.
    seen: Mutex<Vec<Option<Stamp>>>,
}

/// What changes when a file does: device, inode, size, and the time of the last change of its
/// content or its permissions.
type Stamp = (u64, u64, u64, i64, i64);

impl Watched {
    /// Watches these files. They are to be read after this, not before, so that a change between
    /// the two is noticed.
    pub(crate) fn new(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let paths: Vec<_> = paths.into_iter().collect();
        Self {
            looked: AtomicU64::new(uptime().as_secs()),
            seen: stamps(&paths).into(),
            paths,
        }
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter().map(PathBuf::as_path)
    }

    /// Calls `load` if a file has changed since this, or [`new`](Self::new), last found that. It
    /// looks once in each second, at the cost of one `stat` a file. While one thread loads, all
    /// others go on with what they have.
    pub(crate) fn on_change<T>(&self, load: impl FnOnce() -> T) -> Option<T> {
        let now = uptime().as_secs();
        if self.looked.load(Ordering::Relaxed) == now {
            return None;
        }
        let mut known = self.seen.try_lock().ok()?;
        self.looked.store(now, Ordering::Relaxed);
        let seen = stamps(&self.paths);
        if seen == *known {
            return None;
        }
        *known = seen;
        Some(load())
    }
}

fn stamps(paths: &[PathBuf]) -> Vec<Option<Stamp>> {
    let stamp = |path: &PathBuf| {
        let file = fs::metadata(path).ok()?;
        let (changed, nanoseconds) = (file.ctime(), file.ctime_nsec());
        Some((file.dev(), file.ino(), file.size(), changed, nanoseconds))
    };
    paths.iter().map(stamp).collect()
}
