//! A page of the person's own for what is not there: `--not-found`.

use crate::handler::Handler;
use crate::http::{
    Body, Content, Headers, HttpError, Request, RequestTarget, Response, StatusCode,
};
use percent_encoding::{AsciiSet, CONTROLS};

/// What is not itself in a target.
const RESERVED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'?').add(b'#').add(b'\\');

/// Sends a page of the inner handler with every 404 that this answers.
///
/// The status stays, and so does the line in the log. The page has no date and no tag, and no range of
/// it is sent: it is not what was asked for. Without the page, the usual one is sent.
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
    /// Answers as `inner` does, with the file `page` in the directory that it serves for each 404.
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
        // By itself: what this client asked for, or sent along, is of no concern to the page.
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
