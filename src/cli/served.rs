//! What is served: a directory, or a single file.

use super::args::Args;
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{self, Path, PathBuf};

/// What is served. Paths are absolute, so that it can always be found again.
#[derive(Clone, Debug)]
pub(super) enum Served {
    Directory(PathBuf),
    /// The file with this name in this directory.
    File(PathBuf, Vec<u8>),
}

impl Served {
    /// What the command line asks to serve.
    pub(super) fn of(args: &Args) -> Result<Self> {
        let wanted = args.directory.as_deref().unwrap_or(Path::new("."));
        let served = path::absolute(wanted).map(|path| Self::file(&path).ok_or(path));
        let served = served.and_then(|found| match found {
            Ok(file) => Ok(file),
            Err(path) => fs::read_dir(&path).map(|_| Self::Directory(path)),
        });
        let served = served.with_context(|| format!("cannot serve {}", wanted.display()))?;
        let flags = [("--cgi", args.cgi), ("--tar", args.sharing.tar)];
        match (&served, flags.iter().find(|(_, is_given)| *is_given)) {
            (Self::File(..), Some((flag, _))) => bail!("{flag} takes a directory to serve"),
            (Self::File(..), None) if args.sharing.uploads_where_it_serves() => {
                bail!("--upload takes a directory where a file is served")
            }
            _ => Ok(served),
        }
    }

    /// A file, if it can be read.
    fn file(path: &Path) -> Option<Self> {
        if !fs::metadata(path).ok()?.is_file() || File::open(path).is_err() {
            return None;
        }
        let (directory, name) = (path.parent()?, path.file_name()?);
        Some(Self::File(directory.into(), name.as_bytes().to_vec()))
    }

    /// The directory that it is, or is in.
    pub(super) fn directory(&self) -> &Path {
        match self {
            Self::Directory(directory) | Self::File(directory, _) => directory,
        }
    }

    /// Its own path.
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::Directory(directory) => directory.clone(),
            Self::File(directory, name) => directory.join(std::ffi::OsStr::from_bytes(name)),
        }
    }
}

/// The directory that uploads go to, if they are accepted.
pub(super) fn uploads(args: &Args, served: &Path) -> Result<Option<PathBuf>> {
    let Some(wanted) = args.sharing.uploads(served) else {
        return Ok(None);
    };
    let absolute = path::absolute(wanted).and_then(|path| fs::read_dir(&path).map(|_| path));
    let absolute = absolute.with_context(|| format!("cannot take uploads to {}", wanted.display()));
    absolute.map(Some)
}
