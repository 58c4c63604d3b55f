//! Uploads (`--upload`): by PUT, as programs send them, and by a form.

mod form;
mod place;
mod put;
mod refusal;

use super::FileHandler;
use crate::files::rendering;
use crate::handler::Handler;
use crate::http::{
    FieldLines, HttpError, Method, Representation, Request, RequestLine, RequestTarget, Response,
    StatusCode, header,
};
use std::path::PathBuf;

pub(super) use place::Place;

/// What happens to an existing file of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Existing {
    Kept,
    Replaced,
}

/// Stores uploads in one directory and nowhere else; every other request goes to the inner handler.
///
/// `PUT /DIRECTORY/NAME` creates a file and is answered with 201. `POST /DIRECTORY/` with a form
/// (`multipart/form-data`) creates one file for each in the form, and redirects to the directory
/// with 303. `GET /DIRECTORY/?upload` is a page with such a form. A file appears under its name only
/// when it is complete, and existing files are never replaced, unless that is allowed for PUT.
///
/// Every client that can send requests can upload: wrap this in an
/// [`Authentication`](crate::Authentication) if not everybody should. Pages of other sites cannot
/// upload through a visitor's browser.
///
/// ```no_run
/// use rhttp::{FileHandler, Server, UploadHandler};
///
/// let files = FileHandler::new("/srv/www");
/// let handler = UploadHandler::new(files.clone(), &files)
///     .with_directory("/srv/www/incoming")
///     .with_overwrite()
///     .with_max_size(100_000_000);
/// Server::bind("127.0.0.1:8000", handler)?.serve()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct UploadHandler<H> {
    inner: H,
    place: Place,
    existing: Existing,
    /// Bytes; `None` stands for the free space less 5 %.
    max_size: Option<u64>,
}

impl<H: Handler> UploadHandler<H> {
    /// Stores uploads in the directory that `files` serves, but not in its script directories.
    pub fn new(inner: H, files: &FileHandler) -> Self {
        Self {
            inner,
            place: Place::of(files.root()),
            existing: Existing::Kept,
            max_size: None,
        }
    }

    /// The same with another directory, which must exist. If it is inside the served one, uploads
    /// go to the paths under which they will be served; otherwise to paths from `/`.
    pub fn with_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.place = self.place.with_directory(directory.into());
        self
    }

    /// The same, but PUT may replace a regular file, and nothing else.
    pub fn with_overwrite(mut self) -> Self {
        self.existing = Existing::Replaced;
        self
    }

    /// The same with a limit, in bytes, for one file by PUT or one form. The default is the free
    /// space on the disk at the time of the upload, less 5 %.
    pub fn with_max_size(mut self, bytes: u64) -> Self {
        self.max_size = Some(bytes);
        self
    }
}

impl<H: Handler> Handler for UploadHandler<H> {
    fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
        let target = request.target();
        let answer = match request.method() {
            Method::PUT => Some(self.put(request)?),
            Method::POST => self.form(request)?,
            Method::GET | Method::HEAD if target.query() == Some(b"upload") => {
                self.place.behind_form(target).map(|_| page(target))
            }
            _ => None,
        };
        answer.map_or_else(|| self.inner.handle(request), Ok)
    }

    /// Browsers must not guess another type for a file that a stranger has uploaded.
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

/// The page with the upload form.
fn page(target: RequestTarget<'_>) -> Response {
    Response::new(StatusCode::OK)
        .with_header(Representation::CONTENT_TYPE, "text/html; charset=utf-8")
        .with_body(rendering::form(target))
        .hardened_by(rendering::FORM_POLICY)
}
