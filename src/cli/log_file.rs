//! A log in a file, which other programs may rotate: they move it away and have it reopened.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A file that lines are appended to; clones write to the same file.
#[derive(Clone, Debug)]
pub(super) struct LogFile {
    path: Arc<PathBuf>,
    file: Arc<Mutex<File>>,
}

impl LogFile {
    /// Opens the file or FIFO at `path`, or creates a file.
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

/// Opens what is at a path for appending, or creates a file there, and never waits.
///
/// A FIFO is opened for both directions: it can then be opened before it has a reader, and its
/// readers may come and go. What nobody reads is dropped in the end, as with every log.
fn append_to(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).custom_flags(libc::O_NONBLOCK);
    match options.clone().create(true).open(path) {
        // It has no reader.
        Err(error) if error.raw_os_error() == Some(libc::ENXIO) => {}
        Ok(file) if file.metadata()?.file_type().is_fifo() => {}
        opened => return opened,
    }
    options.read(true).open(path)
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
