//! A log in a file, which other programs may rotate: they move it away and have it reopened.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A file that lines are appended to; clones write to the same file.
#[derive(Clone, Debug)]
pub(super) struct LogFile {
    path: Arc<PathBuf>,
    file: Arc<Mutex<File>>,
}

impl LogFile {
    /// Opens the file at `path`, or creates it.
    ///
    /// # Errors
    /// It cannot be opened for appending.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let file = append_to(&path)?;
        Ok(Self {
            path: path.into(),
            file: Arc::new(file.into()),
        })
    }

    /// Opens what is at the path now. If that fails, the open file stays in use.
    pub(super) fn reopen(&self) -> io::Result<()> {
        // No line is written while this lock is held: once the new file is there, everything goes
        // into it.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        *file = append_to(&self.path)?;
        Ok(())
    }

    /// The path of the file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
