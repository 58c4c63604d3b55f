//! Files from clients (`--upload`): by PUT, as programs send them, and by a form.

mod form;
mod place;
mod put;
mod refusal;

use super::FileHandler;
use crate::files::Root;
use crate::handler::Handler;
use crate::http::{
    FieldLines, HttpError, Method, Representation, Request, RequestLine, Response, StatusCode,
    header,
};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What one would send files with where no other page has a form.
const PAGE: &str = include_str!("page.html");

/// Whether a file may take the place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Existing {
    Kept,
    Replaced,
}

/// Takes files into a directory, and into no other; all else is for the handler that it is around.
///
/// `PUT /DIRECTORY/NAME` makes a file, and is answered with 201; `POST /DIRECTORY/` with a form
/// (`multipart/form-data`) makes one for each of its files, and leads back to the directory with 303.
/// `GET /DIRECTORY/?upload` has a page with such a form. A file is there when it is whole, and
/// nothing that is there already is replaced, unless that is allowed for PUT.
///
/// Whoever may send requests may send files: put it behind an authentication where not everybody
/// should. Pages of other sites cannot send any by way of a visitor's browser.
///
/// ```no_run
/// use rhttp::{FileHandler, Server, UploadHandler};
///
/// let files = FileHandler::new("/srv/www");
/// let handler = UploadHandler::new(files.clone(), &files)
///     .with_directory("/srv/www/incoming")
///     .with_max_size(100_000_000);
/// Server::bind("127.0.0.1:8000", handler)?.serve()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct UploadHandler<H> {
    inner: H,
    served: PathBuf,
    root: Root,
    /// Where in the served directory the target is: a path without slashes around it. It is empty for
    /// the served directory itself, and for one that is not served.
    prefix: Vec<u8>,
    existing: Existing,
    /// Bytes; none means what is free, less a twentieth.
    max_size: Option<u64>,
}

impl<H: Handler> UploadHandler<H> {
    /// Takes files into the directory that `files` serves, but not into those of scripts.
    pub fn new(inner: H, files: &FileHandler) -> Self {
        let served = files.directory().to_path_buf();
        Self {
            inner,
            root: files.root().for_uploads(served.clone()),
            served,
            prefix: Vec::new(),
            existing: Existing::Kept,
            max_size: None,
        }
    }

    /// The same, into another directory, which must be there. Where it is in the one that is served,
    /// files are sent to their paths there; otherwise their paths begin at `/`.
    pub fn with_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        self.prefix = below(&directory, &self.served).unwrap_or_default();
        self.root = self.root.for_uploads(directory);
        self
    }

    /// The same, where a PUT may replace a file.
    pub fn with_overwrite(mut self) -> Self {
        self.existing = Existing::Replaced;
        self
    }

    /// The same with this many bytes at most in a file or a form; by default, what is free on the
    /// disk when it comes, less a twentieth.
    pub fn with_max_size(mut self, bytes: u64) -> Self {
        self.max_size = Some(bytes);
        self
    }
}

/// The path that leads from one directory to another that is in it.
fn below(directory: &Path, outer: &Path) -> Option<Vec<u8>> {
    let (directory, outer) = (
        fs::canonicalize(directory).ok()?,
        fs::canonicalize(outer).ok()?,
    );
    let path = directory.strip_prefix(outer).ok()?;
    Some(path.as_os_str().as_bytes().to_vec())
}

impl<H: Handler> Handler for UploadHandler<H> {
    fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
        let target = request.target();
        let answer = match request.method() {
            Method::PUT => Some(self.put(request)?),
            Method::POST => self.form(request)?,
            Method::GET | Method::HEAD if target.query() == Some(b"upload") => {
                self.takes_forms(target).then(page)
            }
            _ => None,
        };
        answer.map_or_else(|| self.inner.handle(request), Ok)
    }

    /// What was sent by somebody is not taken for something else than it is called.
    fn amend(&self, line: &RequestLine<'_>, fields: FieldLines<'_>, response: &mut Response) {
        self.inner.amend(line, fields, response);
        if !response.headers.contains(header::X_CONTENT_TYPE_OPTIONS) {
            response
                .headers
                .append(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        }
    }

    forward_hooks!(self => self.inner; server_version, expect_continue, error_response, log_request,
        log_error, log_message);
}

fn page() -> Response {
    Response::new(StatusCode::OK)
        .with_header(Representation::CONTENT_TYPE, "text/html; charset=utf-8")
        .with_body(PAGE)
        .hardened()
}
