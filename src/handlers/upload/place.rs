//! Where an upload goes.

use super::refusal::refusal;
use crate::files::{NoDestination, Root};
use crate::http::{HttpError, RequestTarget, StatusCode, unquote};
use crate::upload::check_name;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The characters that are never percent-encoded in a URL's path (RFC 3986 §2.3).
const QUOTED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The names in a target, decoded and checked.
pub(super) struct Names(Vec<String>);

impl Names {
    /// The names in a target's path; a slash at its end is ignored.
    ///
    /// Each name is decoded, and must then be the name of a file: it may not contain a slash or a
    /// backslash that was encoded, nor be a dot segment.
    pub(super) fn of(target: RequestTarget<'_>) -> Result<Self, HttpError> {
        let path = target.path();
        let path = path.strip_prefix(b"/").unwrap_or(path);
        let path = path.strip_suffix(b"/").unwrap_or(path);
        if path.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let names = path.split(|&byte| byte == b'/').map(|name| {
            let name = unquote(name).into_owned();
            check_name(&name).map_err(|why| refusal(StatusCode::BAD_REQUEST, why))?;
            String::from_utf8(name).map_err(|_| HttpError::new(StatusCode::BAD_REQUEST))
        });
        names.collect::<Result<_, _>>().map(Self)
    }

    /// Removes and returns the last name.
    pub(super) fn pop(&mut self) -> Option<String> {
        self.0.pop()
    }

    /// The names joined by slashes, as a path in the file system.
    fn path(&self) -> Vec<u8> {
        self.0.join("/").into_bytes()
    }

    /// The names as a URL's path, each after a slash.
    pub(super) fn to_url(&self) -> String {
        let quoted = |name: &String| format!("/{}", percent_encode(name.as_bytes(), QUOTED));
        self.0.iter().map(quoted).collect()
    }
}

/// The directory for uploads.
#[derive(Clone, Debug)]
pub(in crate::handlers) struct Place {
    root: Root,
    served: PathBuf,
    /// The path of this directory in the served one, without slashes at either end. It is empty for
    /// the served directory itself, and for a directory outside it.
    prefix: Vec<u8>,
}

impl Place {
    /// The served directory, except for its script directories.
    pub(in crate::handlers) fn of(files: &Root) -> Self {
        let served = files.directory().to_path_buf();
        Self {
            root: files.for_uploads(served.clone()),
            served,
            prefix: Vec::new(),
        }
    }

    /// The same with another directory.
    pub(in crate::handlers) fn with_directory(mut self, directory: PathBuf) -> Self {
        self.prefix = below(&directory, &self.served).unwrap_or_default();
        self.root = self.root.for_uploads(directory);
        self
    }

    /// Opens the directory with this path.
    pub(super) fn destination(&self, names: &Names) -> Result<OwnedFd, HttpError> {
        let path = self.path_in_target(&names.path()).ok_or_else(|| {
            refusal(
                StatusCode::FORBIDDEN,
                "Files can only be sent to the directory for them",
            )
        })?;
        self.root.destination(&path).map_err(|why| match why {
            NoDestination::Absent => refusal(
                StatusCode::CONFLICT,
                "There is no such directory to send to",
            ),
            NoDestination::Private => {
                refusal(StatusCode::FORBIDDEN, "Nothing can be sent to scripts")
            }
            NoDestination::Shortage => HttpError::overloaded(),
        })
    }

    /// Opens the directory that a form uploads to. The form at `/` uploads to the directory for
    /// uploads, wherever that is.
    pub(super) fn form_destination(&self, names: &Names) -> Result<OwnedFd, HttpError> {
        if names.0.is_empty() {
            let target = String::from_utf8(self.prefix.clone()).unwrap_or_default();
            let top = target.split('/').filter(|name| !name.is_empty());
            return self.destination(&Names(top.map(str::to_owned).collect()));
        }
        self.destination(names)
    }

    /// Opens the directory that the form at a target uploads to, if there is one.
    pub(in crate::handlers) fn behind_form(&self, target: RequestTarget<'_>) -> Option<OwnedFd> {
        let names = Names::of(target).ok()?;
        let names = Some(names).filter(|_| target.has_trailing_slash())?;
        self.form_destination(&names).ok()
    }

    /// A path in the served directory as a path in this one; `None` if it is elsewhere.
    fn path_in_target(&self, path: &[u8]) -> Option<Vec<u8>> {
        if self.prefix.is_empty() {
            return Some(path.to_vec());
        }
        match path.strip_prefix(self.prefix.as_slice())? {
            [] => Some(Vec::new()),
            [b'/', rest @ ..] => Some(rest.to_vec()),
            _ => None,
        }
    }
}

/// The path from one directory to another inside it.
fn below(directory: &Path, outer: &Path) -> Option<Vec<u8>> {
    let (directory, outer) = (
        fs::canonicalize(directory).ok()?,
        fs::canonicalize(outer).ok()?,
    );
    let path = directory.strip_prefix(outer).ok()?;
    Some(path.as_os_str().as_bytes().to_vec())
}
