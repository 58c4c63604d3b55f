//! Everything below a directory, for code that walks it: an archive.
//!
//! Each directory is opened by its names from the top directory, none of which may have become a
//! link, so nothing that is swapped in the meantime leads elsewhere.

use super::beneath::{self, Symlinks};
use super::path::{RelativePath, join};
use super::root::{Directory, Root};
use super::unavailable::Unavailable;
use rustix::fs::FileType;
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// An open directory and everything below it.
#[derive(Debug)]
pub(crate) struct Tree {
    root: Root,
    path: RelativePath,
    handle: OwnedFd,
}

impl Directory<'_> {
    /// The tree below this directory.
    ///
    /// # Errors
    /// It may not be listed.
    pub(crate) fn into_tree(mut self) -> Result<Tree, Unavailable> {
        Ok(Tree {
            root: self.root.clone(),
            path: RelativePath::from_slice(self.path),
            handle: self.handle.take().ok_or(Unavailable::Absent)?,
        })
    }
}

impl Tree {
    /// The directory at the top.
    pub(crate) fn top(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    /// The name of the directory at the top; `None` for the served directory itself, whose name the
    /// client must not learn.
    pub(crate) fn name(&self) -> Option<&[u8]> {
        self.path
            .rsplit(|&byte| byte == b'/')
            .next()
            .filter(|name| !name.is_empty())
    }

    /// Opens a directory below the top; no name in `path` may be a link.
    pub(crate) fn open(&self, path: &[u8]) -> rustix::io::Result<OwnedFd> {
        beneath::open_directory(self.top(), path)
    }

    /// Whether an open directory, found at `path`, is one of those whose files are not sent.
    pub(crate) fn is_private(&self, directory: &impl AsFd, path: &[u8]) -> bool {
        let full: RelativePath = join(&self.path, path);
        let full = || PathBuf::from(OsStr::from_bytes(&self.root.full(&full)));
        self.root.private.hold(directory, full)
    }

    /// Whether a link at `path` with this target may be shown: always where links are followed
    /// anywhere, never where they are not followed. Otherwise, only if it leads to something in the
    /// tree itself, and would do so wherever the tree is put.
    pub(crate) fn shows_link(&self, path: &[u8], target: &[u8]) -> Result<bool, Unavailable> {
        match self.root.symlinks {
            Symlinks::Follow => Ok(true),
            Symlinks::Never => Ok(false),
            Symlinks::Inside if !stays_below(path, target) => Ok(false),
            Symlinks::Inside => {
                let full: RelativePath = join(&self.path, path);
                Ok(self.root.type_of(&full)? != FileType::Unknown)
            }
        }
    }
}

/// Whether the names in `target`, starting in the directory that holds `path`, never lead above the
/// top.
fn stays_below(path: &[u8], target: &[u8]) -> bool {
    if target.starts_with(b"/") {
        return false;
    }
    let mut depth = path.split(|&byte| byte == b'/').skip(1).count();
    for name in target.split(|&byte| byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => match depth.checked_sub(1) {
                Some(above) => depth = above,
                None => return false,
            },
            _ => depth += 1,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_followed_by_its_names() {
        for (path, target, expected) in [
            ("link", "file", true),
            ("link", "./a//b", true),
            ("link", "../file", false),
            ("a/link", "../file", true),
            ("a/link", "../../file", false),
            ("a/link", "../b/../../file", false),
            ("a/link", "../b/../file", true),
            ("link", "a/../..", false),
            ("link", "/a", false),
            ("link", "/", false),
            ("a/link", "..", true),
        ] {
            let found = stays_below(path.as_bytes(), target.as_bytes());
            assert_eq!(found, expected, "{path} -> {target}");
        }
    }
}
