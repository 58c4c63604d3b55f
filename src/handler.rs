//! What turns requests into responses.

use crate::http::{FieldLines, HttpError, Peer, Request, RequestLine, Response, StatusCode};
use std::fmt;
use std::sync::Arc;

/// Answers requests: Python's `BaseHTTPRequestHandler` as a trait.
///
/// One value serves all connections, each on a thread of its own, with a stack of 1 MiB. Only
/// [`handle`](Self::handle) must be written; it stands for all of `do_GET`, `do_HEAD`, `do_POST`
/// and so on. HEAD is answered like GET: the connection leaves the body out.
///
/// ```
/// use rhttp::Handler;
/// use rhttp::http::{HttpError, Method, Request, Response, StatusCode, header};
///
/// struct Hello;
///
/// impl Handler for Hello {
///     fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
///         match request.method() {
///             Method::GET | Method::HEAD => Ok(Response::new(StatusCode::OK)
///                 .with_header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
///                 .with_body(format!("You asked for {}\n", request.target().as_text()))),
///             other => Err(HttpError::unsupported_method(other)),
///         }
///     }
/// }
/// ```
#[doc(alias = "BaseHTTPRequestHandler")]
#[doc(alias = "do_GET")]
pub trait Handler: Send + Sync {
    /// Answers one request.
    ///
    /// A GET or HEAD that is answered with 503 is handled once more, if the server could free
    /// memory for it in the meantime.
    ///
    /// # Errors
    /// An [`HttpError`] is an answer too: it is logged, and sent as
    /// [`error_response`](Self::error_response) makes it.
    fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError>;

    /// The value of the `Server` field. Override it to name another program.
    #[doc(alias = "sys_version")]
    #[doc(alias = "version_string")]
    #[expect(
        clippy::unnecessary_literal_bound,
        reason = "an override may return its own text"
    )]
    fn server_version(&self) -> &str {
        concat!("rhttp/", env!("CARGO_PKG_VERSION"))
    }

    /// Decides what to tell a client that holds back its body (`Expect: 100-continue`). Override it
    /// to refuse a request before its body is sent.
    ///
    /// # Errors
    /// The answer instead of `100 Continue`.
    #[doc(alias = "handle_expect_100")]
    fn expect_continue(&self, request: &Request<'_>) -> Result<(), HttpError> {
        let _ = request;
        Ok(())
    }

    /// Makes the page that an error is answered with. Override it for pages with another look;
    /// [`HttpError::to_response`] gives the response without a page.
    #[doc(alias = "send_error")]
    #[doc(alias = "error_message_format")]
    #[doc(alias = "error_content_type")]
    fn error_response(&self, error: &HttpError) -> Response {
        error.to_page()
    }

    /// Adds to a response what every response needs, wherever it was made: CPython's `end_headers`,
    /// where its subclasses add fields.
    ///
    /// It is called once for each response, when its status is final: for a 304, a 206 and the page
    /// of an error, and for what the connection answers by itself (400, 431, 503). In the last
    /// case `fields` may be empty and `line` may have no target, because the request was not
    /// understood. Override it to let other origins read responses, for example.
    ///
    /// ```
    /// use rhttp::Handler;
    /// use rhttp::http::{FieldLines, HttpError, Request, RequestLine, Response, header};
    ///
    /// /// Lets no cache keep anything.
    /// struct NoStore<H>(H);
    ///
    /// impl<H: Handler> Handler for NoStore<H> {
    ///     fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
    ///         self.0.handle(request)
    ///     }
    ///
    ///     fn amend(&self, line: &RequestLine<'_>, fields: FieldLines<'_>, response: &mut Response) {
    ///         self.0.amend(line, fields, response);
    ///         response.headers.set(header::CACHE_CONTROL, "no-store");
    ///     }
    ///
    ///     rhttp::forward_hooks!(self => self.0; server_version, expect_continue, error_response,
    ///         log_request, log_error, log_message);
    /// }
    /// ```
    #[doc(alias = "end_headers")]
    fn amend(&self, line: &RequestLine<'_>, fields: FieldLines<'_>, response: &mut Response) {
        let _ = (line, fields, response);
    }

    /// Logs a request that is about to be answered.
    fn log_request(&self, log: &dyn Log, answered: &Answered<'_>) {
        self.log_message(log, Message::Request(answered));
    }

    /// Logs an error, before the request it belongs to.
    fn log_error(&self, log: &dyn Log, error: &HttpError) {
        self.log_message(log, Message::Error(error));
    }

    /// Logs a message; all other logging goes through here.
    fn log_message(&self, log: &dyn Log, message: Message<'_>) {
        log.write(message);
    }
}

/// A request and its answer, for the log.
///
/// ```
/// use rhttp::http::{HttpError, Request, Response, header};
/// use rhttp::{Answered, FileHandler, Handler, Log};
///
/// /// Logs who was sent how much, and by which program.
/// struct Accounting(FileHandler);
///
/// impl Handler for Accounting {
///     fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
///         self.0.handle(request)
///     }
///
///     fn log_request(&self, log: &dyn Log, answered: &Answered<'_>) {
///         let agent = answered.fields.get(header::USER_AGENT).unwrap_or(b"unknown");
///         let line = format_args!(
///             "{}: {} with {} bytes to {} at {}",
///             answered.line.text,
///             answered.status,
///             answered.length.unwrap_or(0),
///             agent.escape_ascii(),
///             log.client().host(),
///         );
///         log.write(line.into());
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Answered<'a> {
    /// The request line; without method and target if it was not understood.
    pub line: &'a RequestLine<'a>,
    /// The header fields of the request; none if they were not understood.
    pub fields: FieldLines<'a>,
    /// The status of the response.
    pub status: StatusCode,
    /// The bytes of the response's content, if their number is known before they are sent. A
    /// response to HEAD does not send them.
    pub length: Option<u64>,
}

impl<'a> Answered<'a> {
    pub(crate) fn new(
        line: &'a RequestLine<'a>,
        fields: FieldLines<'a>,
        response: &Response,
    ) -> Self {
        Self {
            line,
            fields,
            status: response.status,
            length: response.body.len(),
        }
    }
}

/// What a line of the log says after the address and the time. It displays as CPython writes it,
/// with nothing escaped.
///
/// ```
/// use rhttp::http::{HttpError, Request, Response, StatusCode};
/// use rhttp::{FileHandler, Handler, Log, Message};
///
/// /// Logs what went wrong, and nothing else.
/// struct Quiet(FileHandler);
///
/// impl Handler for Quiet {
///     fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
///         self.0.handle(request)
///     }
///
///     fn log_message(&self, log: &dyn Log, message: Message<'_>) {
///         if !matches!(message, Message::Request(answered) if answered.status.as_u16() < 400) {
///             log.write(message);
///         }
///     }
/// }
///
/// let error = HttpError::new(StatusCode::NOT_FOUND);
/// assert_eq!(Message::Error(&error).to_string(), "code 404, message Not Found");
/// let ready = Message::Text(format_args!("{}!", "ready"));
/// assert_eq!(ready.to_string(), "ready!");
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Message<'a> {
    /// A request is about to be answered: its line, and the status.
    Request(&'a Answered<'a>),
    /// A request is about to be answered with an error: the code, and the error's message.
    Error(&'a HttpError),
    /// Anything else.
    Text(fmt::Arguments<'a>),
}

impl<'a> From<fmt::Arguments<'a>> for Message<'a> {
    fn from(text: fmt::Arguments<'a>) -> Self {
        Self::Text(text)
    }
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(Answered { line, status, .. }) => {
                write!(f, "\"{}\" {status} -", line.text)
            }
            Self::Error(error) => write!(f, "{error}"),
            Self::Text(text) => f.write_fmt(*text),
        }
    }
}

/// The log of one connection.
pub trait Log {
    /// The client, shown in the log as Python's `address_string` does.
    #[doc(alias = "address_string")]
    fn client(&self) -> &Peer;

    /// Writes a line: address, local time, and `message` with control characters escaped.
    #[doc(alias = "log_date_time_string")]
    fn write(&self, message: Message<'_>);
}

/// A handler behind a pointer is a handler.
macro_rules! forward_pointers {
    ($($pointer:ty),*) => {$(
        impl<H: Handler + ?Sized> Handler for $pointer {
            fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
                (**self).handle(request)
            }

            forward_hooks!(self => **self);
        }
    )*};
}

forward_pointers!(&H, Box<H>, Arc<H>);
