//! Files from clients (`--upload`): by PUT, as programs send them, and by a form.

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
    /// Bytes; none means what is free, less a twentieth.
    max_size: Option<u64>,
}

impl<H: Handler> UploadHandler<H> {
    /// Takes files into the directory that `files` serves, but not into those of scripts.
    pub fn new(inner: H, files: &FileHandler) -> Self {
        Self {
            inner,
            place: Place::of(files.root()),
            existing: Existing::Kept,
            max_size: None,
        }
    }

    /// The same, into another directory, which must be there. Where it is in the one that is served,
    /// files are sent to their paths there; otherwise their paths begin at `/`.
    pub fn with_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.place = self.place.with_directory(directory.into());
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

/// What one sends files with.
fn page(target: RequestTarget<'_>) -> Response {
    Response::new(StatusCode::OK)
        .with_header(Representation::CONTENT_TYPE, "text/html; charset=utf-8")
        .with_body(rendering::form(target))
        .hardened_by(rendering::FORM_POLICY)
}
