//! A directory to serve.

use super::Latin1;
use rhttp::http::HttpDate;
use serde::Deserialize;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// When files were modified last unless a test says otherwise.
const USUAL_TIME: i64 = 1_700_000_000;

/// A temporary directory, removed on drop.
pub(crate) struct Tree(TempDir);

/// A line of `tests/parity/tree.json`; `tests/parity/tree.py` says what it means.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry {
    pub(crate) path: Latin1,
    pub(crate) kind: Kind,
    content: Option<Latin1>,
    size: Option<usize>,
    target: Option<Latin1>,
    mtime: Option<i64>,
    #[serde(default)]
    nanoseconds: u32,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
}

impl Tree {
    /// An empty directory.
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a temporary directory can be made"))
    }

    /// The files that the parity rows were recorded on.
    pub(crate) fn recorded() -> Self {
        let tree = Self::new();
        for entry in Self::recorded_entries() {
            tree.add(&entry);
        }
        tree.settle();
        tree
    }

    /// What `tree.json` holds, directories before what is in them.
    pub(crate) fn recorded_entries() -> Vec<Entry> {
        serde_json::from_str(include_str!("../../parity/tree.json"))
            .expect("tree.json is well-formed")
    }

    /// Waits until what was added counts as left alone, so that files have entity tags.
    pub(crate) fn settle(&self) -> &Self {
        const SETTLED_AFTER: i64 = 2;
        let changed = |path: &Path| fs::symlink_metadata(path).map_or(0, |found| found.ctime());
        let mut newest = 0;
        let mut directories = vec![self.path().to_path_buf()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(&directory).expect("it can be read").flatten() {
                newest = newest.max(changed(&entry.path()));
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    directories.push(entry.path());
                }
            }
        }
        // The clock is the server's: by another, the last moment could be over too early.
        while HttpDate::now().as_unix() - newest <= SETTLED_AFTER {
            thread::sleep(Duration::from_millis(20));
        }
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Adds a file, and the directories that it needs.
    pub(crate) fn file(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path().join(path);
        let parent = path.parent().expect("a path below the tree has a parent");
        fs::create_dir_all(parent).expect("the directories can be made");
        write(&path, content.as_ref(), moment(USUAL_TIME, 0));
        self
    }

    /// Adds a file that can be run.
    pub(crate) fn script(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        self.file(path, content);
        let all_may_run_it = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.path().join(path), all_may_run_it).expect("the mode can be set");
        self
    }

    /// Adds a directory, and those it is in.
    pub(crate) fn directory(&self, path: &str) -> &Self {
        fs::create_dir_all(self.path().join(path)).expect("the directory can be made");
        self
    }

    /// Adds a symbolic link.
    pub(crate) fn link(&self, path: &str, target: impl AsRef<Path>) -> &Self {
        symlink(target, self.path().join(path)).expect("the link can be made");
        self
    }

    /// Adds a named pipe.
    pub(crate) fn fifo(&self, path: impl AsRef<OsStr>) -> &Self {
        let made = Command::new("mkfifo")
            .arg(self.path().join(path.as_ref()))
            .status();
        assert!(
            made.expect("mkfifo can be run").success(),
            "the FIFO was not made"
        );
        self
    }

    fn add(&self, entry: &Entry) {
        let name = OsStr::from_bytes(&entry.path.0);
        let path = self.path().join(name);
        match entry.kind {
            Kind::File => {
                let time = moment(entry.mtime.unwrap_or(USUAL_TIME), entry.nanoseconds);
                write(&path, &entry.content(), time);
            }
            Kind::Dir => fs::create_dir(&path).expect("the directory can be made"),
            Kind::Symlink => {
                let target = entry.target.as_ref().expect("a link has a target");
                symlink(OsStr::from_bytes(&target.0), &path).expect("the link can be made");
            }
            Kind::Fifo => {
                self.fifo(name);
            }
        }
    }
}

impl Entry {
    fn content(&self) -> Vec<u8> {
        match (&self.content, self.size) {
            (Some(content), _) => content.0.clone(),
            (None, Some(size)) => b"0123456789".iter().copied().cycle().take(size).collect(),
            (None, None) => panic!("a file has a content or a size: {self:?}"),
        }
    }
}

fn write(path: &Path, content: &[u8], modified: SystemTime) {
    let mut file = File::create_new(path).expect("the file can be made");
    file.write_all(content).expect("the file can be written");
    file.set_modified(modified).expect("the time can be set");
}

/// A time that may be before 1970; the nanoseconds always count forward.
fn moment(seconds: i64, nanoseconds: u32) -> SystemTime {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let second = if seconds < 0 {
        UNIX_EPOCH - whole
    } else {
        UNIX_EPOCH + whole
    };
    second + Duration::from_nanos(nanoseconds.into())
}
