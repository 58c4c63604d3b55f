//! Pages that are found under another name, or replace what is not found: `--clean-urls`, `--spa`,
//! and the code that they share.

use crate::files;
use crate::handler::Handler;
use crate::http::{
    Body, Content, HttpError, Method, Request, RequestTarget, Response, StatusCode, header,
    names_html,
};

/// Finds `about.html` under `/about`, and under `/about/` if there is no such directory.
///
/// Nothing is redirected: the page is sent at the requested address, and the query stays with it. A
/// file or directory that has the name itself takes precedence. Paths with a known file extension
/// (`/app.js`) are not tried.
///
/// ```
/// use rhttp::{CleanUrls, FileHandler};
///
/// let files = CleanUrls::new(FileHandler::new("_site"));
/// ```
#[derive(Debug)]
pub struct CleanUrls<H> {
    inner: H,
}

/// Sends the root's index page for a navigation to a path that does not exist, for applications
/// that route in the browser.
///
/// A navigation is a GET or HEAD that names `text/html` in `Accept`, for a path without a known
/// file extension: a missing script or image stays missing. Without an index page, nothing changes.
///
/// ```
/// use rhttp::{FileHandler, Spa};
///
/// let application = Spa::new(FileHandler::new("dist"));
/// ```
#[derive(Debug)]
pub struct Spa<H> {
    inner: H,
}

impl<H> CleanUrls<H> {
    /// Answers as `inner` does, and tries names with `.html` and `.htm`.
    pub fn new(inner: H) -> Self {
        Self { inner }
    }
}

impl<H> Spa<H> {
    /// Answers as `inner` does, or with its `/index.html` or `/index.htm`.
    pub fn new(inner: H) -> Self {
        Self { inner }
    }
}

impl<H: Handler> Handler for CleanUrls<H> {
    fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
        let missing = match self.inner.handle(request) {
            Err(error) if error.is_file_not_found() && may_be_page(request) => error,
            answer => return answer,
        };
        let target = request.target();
        let path = target.path();
        let stem = path.strip_suffix(b"/").unwrap_or(path);
        let rest = target.as_text().as_bytes().get(path.len()..);
        for extension in [b".html".as_slice(), b".htm"] {
            let target = [stem, extension, rest.unwrap_or_default()].concat();
            if let Some(page) = page(&self.inner, request, RequestTarget::new(&target))? {
                return Ok(page);
            }
        }
        Err(missing)
    }

    forward_hooks!(self => self.inner);
}

impl<H: Handler> Handler for Spa<H> {
    fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
        let missing = match self.inner.handle(request) {
            Err(error) if error.is_file_not_found() && may_be_page(request) => error,
            answer => return answer,
        };
        if names_html(request.headers()) {
            for index in [b"/index.html".as_slice(), b"/index.htm"] {
                if let Some(mut page) = page(&self.inner, request, RequestTarget::new(index))? {
                    // The next build must not run with the old page.
                    page.headers.append(header::CACHE_CONTROL, "no-cache");
                    page.headers.vary_by(header::ACCEPT);
                    return Ok(page);
                }
            }
        }
        Err(missing.with_header(header::VARY, header::ACCEPT.as_str()))
    }

    forward_hooks!(self => self.inner);
}

/// Whether a request may be for a page: a GET or HEAD of a path without a known file extension.
fn may_be_page(request: &Request<'_>) -> bool {
    let Some(path) = request.target().to_relative_path() else {
        return false;
    };
    let name = String::from_utf8_lossy(&path);
    let reads = matches!(request.method(), Method::GET | Method::HEAD);
    reads && !path.is_empty() && !files::has_known_extension(&name)
}

/// The file that `inner` has at `target`; `None` if there is nothing or something else.
fn page<H: Handler>(
    inner: &H,
    request: &mut Request<'_>,
    target: RequestTarget<'_>,
) -> Result<Option<Response>, HttpError> {
    match inner.handle(&mut request.with_target(target)) {
        Ok(page) => Ok(Some(page).filter(is_file)),
        Err(error) if error.status() == StatusCode::NOT_FOUND => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_file(response: &Response) -> bool {
    response.status == StatusCode::OK && matches!(response.body, Body(Content::File { .. }))
}
