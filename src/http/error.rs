//! Errors that are sent as responses.

use super::{
    Body, HeaderName, HeaderValue, Headers, Method, Representation, Response, StatusCode, header,
};
use std::borrow::Cow;
use std::sync::Arc;
use std::{fmt, io};

/// The message for a file that cannot be opened.
const FILE_NOT_FOUND: &str = "File not found";

/// Why a request is not served, and what to tell the client: CPython's `send_error`.
///
/// ```
/// use rhttp::http::{HttpError, Method, StatusCode, header};
///
/// let error = HttpError::new(StatusCode::TOO_MANY_REQUESTS)
///     .with_message("Slow down")
///     .with_explanation("One report a minute is enough")
///     .with_header(header::RETRY_AFTER, 60);
/// assert_eq!(error.status(), StatusCode::TOO_MANY_REQUESTS);
/// assert_eq!(error.message(), "Slow down");
/// assert_eq!(error.explanation(), "One report a minute is enough");
/// assert_eq!(error.to_string(), "code 429, message Slow down");
///
/// // The usual ones are ready.
/// assert!(HttpError::file_not_found().is_file_not_found());
/// assert_eq!(HttpError::overloaded().status(), StatusCode::SERVICE_UNAVAILABLE);
/// let error = HttpError::unsupported_method(Method::new(b"SPAM"));
/// assert_eq!(error.to_string(), "code 501, message Unsupported method ('SPAM')");
/// ```
#[derive(Debug)]
#[doc(alias = "send_error")]
pub struct HttpError {
    status: StatusCode,
    message: Option<Cow<'static, str>>,
    explanation: Option<Cow<'static, str>>,
    headers: Option<Box<Headers>>,
    page: Option<Arc<Representation>>,
}

impl HttpError {
    /// An error with the status's own phrase and explanation.
    pub const fn new(status: StatusCode) -> Self {
        Self {
            status,
            message: None,
            explanation: None,
            headers: None,
            page: None,
        }
    }

    /// The same with `message` on the status line, the page and in the log.
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// The same with `explanation` on the page.
    pub fn with_explanation(mut self, explanation: impl Into<Cow<'static, str>>) -> Self {
        self.explanation = Some(explanation.into());
        self
    }

    /// The same with one more header field.
    pub fn with_header(mut self, name: HeaderName<'_>, value: impl Into<HeaderValue>) -> Self {
        self.headers.get_or_insert_default().append(name, value);
        self
    }

    /// 404, `File not found`, whatever the reason why a file cannot be opened.
    pub fn file_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND).with_message(FILE_NOT_FOUND)
    }

    /// Whether it says that there is no such file, as [`file_not_found`](Self::file_not_found)
    /// does; a handler may then try another name. A directory that may not be listed and a missing
    /// script are different errors.
    pub fn is_file_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && self.message.as_deref() == Some(FILE_NOT_FOUND)
    }

    /// The same with a file as its page.
    pub(crate) fn with_page(mut self, page: Representation) -> Self {
        self.page = Some(page.into());
        self
    }

    /// 503: the server has no resources at the moment for another connection or file. The client
    /// may try again in a second.
    pub fn overloaded() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE).with_header(header::RETRY_AFTER, 1)
    }

    /// 501, in CPython's words for a handler that has no `do_SPAM`.
    pub fn unsupported_method(method: Method<'_>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED)
            .with_message(format!("Unsupported method ({})", method.as_text().repr()))
    }

    /// The status code.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The message: its own, or the status's phrase.
    pub fn message(&self) -> &str {
        self.message
            .as_deref()
            .or(self.status.phrase())
            .unwrap_or("???")
    }

    /// The explanation: its own, or the status's.
    pub fn explanation(&self) -> &str {
        self.explanation
            .as_deref()
            .or(self.status.explanation())
            .unwrap_or("???")
    }

    /// CPython's error page, byte for byte (`DEFAULT_ERROR_MESSAGE`), in a response that closes
    /// the connection.
    ///
    /// ```
    /// use rhttp::http::HttpError;
    ///
    /// let page = HttpError::file_not_found().to_page();
    /// let html = page.body.as_bytes().expect("it is in memory");
    /// assert!(html.starts_with(b"<!DOCTYPE HTML>"));
    /// ```
    #[doc(alias = "error_message_format")]
    #[doc(alias = "error_content_type")]
    pub fn to_page(&self) -> Response {
        let mut response = self.bare_response();
        if let Some(page) = &self.page {
            let media_type = page.kind.get(header::CONTENT_TYPE).unwrap_or_default();
            response
                .headers
                .extend_with(header::CONTENT_TYPE, media_type);
            response
                .headers
                .append(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
            response.body = Body::representation(Arc::clone(page));
        } else if self.status.allows_content() {
            let message = html_escape::encode_text(self.message());
            let explanation = html_escape::encode_text(self.explanation());
            let code = self.status;
            response.body = Body::from(format!(
                "<!DOCTYPE HTML>\n\
                 <html lang=\"en\">\n\
                 \x20   <head>\n\
                 \x20       <meta charset=\"utf-8\">\n\
                 \x20       <title>Error response</title>\n\
                 \x20   </head>\n\
                 \x20   <body>\n\
                 \x20       <h1>Error response</h1>\n\
                 \x20       <p>Error code: {code}</p>\n\
                 \x20       <p>Message: {message}.</p>\n\
                 \x20       <p>Error code explanation: {code} - {explanation}.</p>\n\
                 \x20   </body>\n\
                 </html>\n"
            ));
            response
                .headers
                .append(header::CONTENT_TYPE, "text/html;charset=utf-8");
            response = response.hardened();
        }
        self.with_own_headers(response)
    }

    /// The response without a page: the status line, `Connection: close` and the error's own
    /// fields, for handlers that write pages of their own.
    ///
    /// ```
    /// use rhttp::Handler;
    /// use rhttp::http::{HttpError, Request, Response, header};
    ///
    /// /// An interface for programs: its errors are JSON.
    /// struct Api;
    ///
    /// impl Handler for Api {
    ///     fn handle(&self, _: &mut Request<'_>) -> Result<Response, HttpError> {
    ///         Err(HttpError::file_not_found())
    ///     }
    ///
    ///     fn error_response(&self, error: &HttpError) -> Response {
    ///         error
    ///             .to_response()
    ///             .with_header(header::CONTENT_TYPE, "application/json")
    ///             .with_body(format!("{{\"status\": {}}}\n", error.status()))
    ///     }
    /// }
    ///
    /// let response = Api.error_response(&HttpError::file_not_found());
    /// assert_eq!(response.body.as_bytes(), Some(b"{\"status\": 404}\n".as_slice()));
    /// ```
    pub fn to_response(&self) -> Response {
        self.with_own_headers(self.bare_response())
    }

    fn with_own_headers(&self, mut response: Response) -> Response {
        if let Some(headers) = &self.headers {
            response.headers.extend(headers);
        }
        response
    }

    fn bare_response(&self) -> Response {
        let mut response = Response::new(self.status).with_header(header::CONNECTION, "close");
        response.reason = Some(self.message().to_owned().into());
        response
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "code {}, message {}", self.status, self.message())
    }
}

impl std::error::Error for HttpError {}

impl From<io::Error> for HttpError {
    /// For handlers that read a request's body: malformed or late data is the client's fault,
    /// anything else the server's. The system's error text stays on the server; it is not for the
    /// client.
    fn from(error: io::Error) -> Self {
        Self::new(match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => StatusCode::BAD_REQUEST,
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_escapes_its_message() {
        let error = HttpError::unsupported_method(Method::new(b"<b>&'"));
        let body = error.to_page().body;
        let page = String::from_utf8_lossy(body.as_bytes().expect("a page is bytes"));
        assert!(
            page.contains("<p>Message: Unsupported method (\"&lt;b&gt;&amp;'\").</p>"),
            "{page}"
        );
        assert!(
            page.contains("501 - Server does not support this operation.</p>"),
            "{page}"
        );
    }

    #[test]
    fn an_error_s_own_fields_are_sent_with_any_page() {
        let error =
            HttpError::new(StatusCode::SERVICE_UNAVAILABLE).with_header(header::RETRY_AFTER, "1");
        for response in [error.to_page(), error.to_response()] {
            let last = response.headers.iter().last();
            assert_eq!(last, Some((header::RETRY_AFTER, b"1".as_slice())));
        }
    }

    #[test]
    fn statuses_without_content_have_no_page() {
        for code in [204, 205, 304] {
            let response =
                HttpError::new(StatusCode::new(code).unwrap_or(StatusCode::OK)).to_page();
            assert!(response.body.is_empty());
            assert_eq!(response.headers.iter().count(), 1);
        }
    }
}
