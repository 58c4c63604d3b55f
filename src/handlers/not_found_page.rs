//! A custom page for what is not found: `--not-found`.

use crate::handler::Handler;
use crate::http::{
    Body, Content, Headers, HttpError, Request, RequestTarget, Response, StatusCode,
};
use percent_encoding::{AsciiSet, CONTROLS};

/// Characters that must be percent-encoded in a target.
const RESERVED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'?').add(b'#').add(b'\\');

/// Sends a page of the inner handler with every 404 that it answers.
///
/// The status stays the same, and so does the line in the log. The page has no date and no tag, and
/// no ranges of it are sent: it is not what was requested. If the page is missing, the usual one is
/// sent.
///
/// ```
/// use rhttp::{FileHandler, NotFoundPage};
///
/// let files = NotFoundPage::new(FileHandler::new("_site"), "404.html");
/// ```
#[derive(Debug)]
pub struct NotFoundPage<H> {
    inner: H,
    /// The target of a request for the page.
    target: Vec<u8>,
}

impl<H> NotFoundPage<H> {
    /// Answers as `inner` does; each 404 gets the file `page` from the directory that `inner`
    /// serves.
    pub fn new(inner: H, page: &str) -> Self {
        let name = percent_encoding::utf8_percent_encode(page, RESERVED);
        let target = format!("/{name}").into_bytes();
        Self { inner, target }
    }
}

impl<H: Handler> Handler for NotFoundPage<H> {
    fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
        let error = match self.inner.handle(request) {
            Err(error) if error.status() == StatusCode::NOT_FOUND => error,
            answer => return answer,
        };
        // A bare request: what this client asked for, or sent along, does not concern the page.
        let mut aside = request.aside(RequestTarget::new(&self.target));
        match self.inner.handle(&mut aside) {
            Ok(Response {
                status: StatusCode::OK,
                body: Body(Content::File { of, .. }),
                ..
            }) => Err(error.with_page(of.with_fields(Headers::new()))),
            _ => Err(error),
        }
    }

    forward_hooks!(self => self.inner);
}
