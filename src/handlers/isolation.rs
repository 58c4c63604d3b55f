//! Pages that have a process of their own: `--isolate` (the HTML standard, §7.1.3 and §7.1.4).

use crate::handler::Handler;
use crate::http::{FieldLines, Headers, HttpError, Request, RequestLine, Response, header};

/// Isolates the pages of another handler from other origins, so that `crossOriginIsolated` is true
/// and wasm can use threads and shared memory.
///
/// Workers and frames need the fields as well as pages, and browsers apply those of a 304, so every
/// response has them. Browsers honor them over HTTPS, and on localhost.
///
/// ```
/// use rhttp::{FileHandler, Isolation};
///
/// let files = Isolation::new(FileHandler::new("dist"));
/// // Images and scripts for the isolated pages of others.
/// let assets = Isolation::new(FileHandler::new("assets")).with_cross_origin_resources();
/// ```
#[derive(Debug)]
pub struct Isolation<H> {
    inner: H,
    fields: Headers,
}

impl<H> Isolation<H> {
    /// Isolates the responses of `inner`.
    pub fn new(inner: H) -> Self {
        let mut fields = Headers::new();
        fields.append(header::CROSS_ORIGIN_OPENER_POLICY, "same-origin");
        fields.append(header::CROSS_ORIGIN_EMBEDDER_POLICY, "require-corp");
        fields.append(header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin");
        Self { inner, fields }
    }

    /// The same, but isolated pages of other origins may embed what is served.
    pub fn with_cross_origin_resources(mut self) -> Self {
        let name = header::CROSS_ORIGIN_RESOURCE_POLICY;
        self.fields.set(name, "cross-origin");
        self
    }
}

impl<H: Handler> Handler for Isolation<H> {
    fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
        self.inner.handle(request)
    }

    fn amend(&self, line: &RequestLine<'_>, fields: FieldLines<'_>, response: &mut Response) {
        self.inner.amend(line, fields, response);
        response.headers.set_all(&self.fields);
    }

    forward_hooks!(self => self.inner; server_version, expect_continue, error_response,
        log_request, log_error, log_message);
}
