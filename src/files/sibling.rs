//! Files that stand beside others in a coding: `app.js.br` for `app.js`.

use super::root::{Opened, Root};
use super::unavailable::Unavailable;
use crate::http::{Coding, Headers, RelativePath, Representation};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// No coding begins with more bytes that tell it.
const MOST_MAGIC: usize = 4;

impl Root {
    /// The file that stands for `of`, which `path` led to, in `coding`, with the fields that `kind`
    /// gives it: a regular file that may be sent, is in that coding, and is not older. Where there is
    /// none, that takes one look at its path.
    pub(crate) fn open_sibling(
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
                // What was compressed before the last change is not what the file says now.
                let is_current = file.state.modified >= of.state.modified;
                let may_be_sent = is_current && !self.is_private(&file.file, &name);
                Ok(Some(file).filter(|_| may_be_sent))
            }
            Ok(Opened::Other(..)) => Ok(None),
            Err(error) => match error.into() {
                Unavailable::Absent => Ok(None),
                Unavailable::Shortage => Err(Unavailable::Shortage),
            },
        }
    }
}

/// Whether a file begins as files in this coding do: what only has the name would break the page.
pub(super) fn is_in(coding: Coding, file: &OwnedFd) -> bool {
    let mut start = [0; MOST_MAGIC];
    let magic = coding.magic();
    let Some(start) = start.get_mut(..magic.len()) else {
        return false;
    };
    let mut is_read =
        || rustix::io::pread(file, &mut *start, 0).is_ok_and(|read| read == magic.len());
    magic.is_empty() || is_read() && *start == *magic
}
