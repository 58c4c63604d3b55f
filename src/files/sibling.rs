//! Compressed files stored beside others: `app.js.br` for `app.js`.

use super::opening::Opened;
use super::path::RelativePath;
use super::root::Root;
use super::unavailable::Unavailable;
use crate::http::{Coding, Headers, HttpDate, Representation};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// The length of the longest magic number of any coding.
const MOST_MAGIC: usize = 4;

impl Root {
    /// The file that stands in for `of`, which was found at `path`, in `coding`, with the fields
    /// that `kind` gives it: a regular file that may be sent, is in that coding, and is not older.
    /// If there is none, this costs one `stat` of its path; for a file that stays open, once in a
    /// second.
    pub(crate) fn open_sibling(
        &self,
        path: &[u8],
        of: &Representation,
        coding: Coding,
        kind: impl Fn() -> Headers,
    ) -> Result<Option<Arc<Representation>>, Unavailable> {
        let second = HttpDate::now().as_unix();
        if of.lacking.contains(coding, second) {
            return Ok(None);
        }
        let found = self.find_sibling(path, of, coding, kind)?;
        if found.is_none() {
            of.lacking.insert(coding, second);
        }
        Ok(found)
    }

    fn find_sibling(
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
            Ok(Opened::Directory(..) | Opened::Other) => Ok(None),
            Err(error) => match error.into() {
                Unavailable::Absent => Ok(None),
                Unavailable::Shortage => Err(Unavailable::Shortage),
            },
        }
    }
}

/// Whether a file begins as files in this coding do: one that merely has the name would break the
/// page. An empty one is in none: the program that makes it has only begun.
pub(super) fn is_in(coding: Coding, file: &OwnedFd) -> bool {
    let mut start = [0; MOST_MAGIC];
    let read = rustix::io::pread(file, &mut start, 0).unwrap_or(0);
    let start = start.get(..read).unwrap_or_default();
    !start.is_empty() && start.starts_with(coding.magic())
}
