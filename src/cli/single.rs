//! A single file instead of a directory (`--directory FILE`).

use crate::handler::Handler;
use crate::handlers::FileHandler;
use crate::http::{HeaderValue, HttpError, Method, Request, Response, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// Characters that need no encoding in a URL's path (RFC 3986 §2.3).
const QUOTED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Serves one file of a directory, to which `/` leads; nothing else can be reached.
pub(super) struct SingleFile {
    files: FileHandler,
    name: Vec<u8>,
}

impl SingleFile {
    /// Serves the file called `name` from what `files` serves.
    pub(super) fn new(files: FileHandler, name: Vec<u8>) -> Self {
        Self { files, name }
    }
}

impl Handler for SingleFile {
    fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
        let path = request.target().to_relative_path();
        match path.as_deref() {
            Some([]) if matches!(request.method(), Method::GET | Method::HEAD) => {
                let location = format!("/{}", percent_encode(&self.name, QUOTED));
                Ok(Response::new(StatusCode::FOUND)
                    .with_header(header::LOCATION, HeaderValue::from(location.as_str())))
            }
            Some(path) if path == self.name => self.files.handle(request),
            _ if matches!(request.method(), Method::GET | Method::HEAD) => {
                Err(HttpError::file_not_found())
            }
            _ => Err(HttpError::unsupported_method(request.method())),
        }
    }
}
