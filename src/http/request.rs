//! Requests, as handlers see them.

use super::{
    FieldLines, HeaderName, Latin1, Method, Peer, RequestBody, RequestTarget, Scheme, Version,
};
use std::fmt;

/// The first line of a request (RFC 9112 §3).
///
/// ```
/// use rhttp::http::{Latin1, Method, RequestLine, RequestTarget, Version};
///
/// let line = RequestLine {
///     text: Latin1::new(b"GET /a%20b?c HTTP/1.1"),
///     method: Method::GET,
///     target: RequestTarget::new(b"/a%20b?c"),
///     version: Version::HTTP_11,
/// };
/// assert_eq!(line.text.words().count(), 3);
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "requestline")]
pub struct RequestLine<'a> {
    /// The line as received, without its line ending.
    pub text: Latin1<'a>,
    /// The method; empty for a line that could not be parsed.
    pub method: Method<'a>,
    /// The requested target.
    pub target: RequestTarget<'a>,
    /// The version; HTTP/0.9 if the line names none.
    #[doc(alias = "request_version")]
    pub version: Version,
}

/// One request.
///
/// Its body is read through [`Read`](std::io::Read): the framing is already removed, and the end of
/// the body reads as end of file. What a handler leaves unread is discarded.
///
/// ```
/// use rhttp::http::{HttpError, Method, Request, Response, Scheme, StatusCode, header};
/// use std::io::Read;
///
/// /// Shows programmers what they sent.
/// fn echo(request: &mut Request<'_>) -> Result<Response, HttpError> {
///     if request.scheme() == Scheme::Http && request.user().is_some() {
///         return Err(HttpError::new(StatusCode::FORBIDDEN));
///     }
///     let agent = request.header(header::USER_AGENT).unwrap_or_default();
///     let mut text = format!(
///         "{} from {} at {}, by {} over {}, in {} fields, to a server of {}:\n",
///         request.line().text,
///         agent.escape_ascii(),
///         request.client(),
///         request.user().unwrap_or("nobody"),
///         request.scheme(),
///         request.headers().iter().count(),
///         request.protocol(),
///     );
///     if request.method() == Method::POST {
///         request.body().take(1000).read_to_string(&mut text)?;
///     }
///     Ok(Response::new(StatusCode::OK).with_body(text))
/// }
/// ```
#[doc(alias = "BaseHTTPRequestHandler")]
pub struct Request<'a> {
    line: RequestLine<'a>,
    headers: FieldLines<'a>,
    client: &'a Peer,
    server: &'a Peer,
    protocol: Version,
    scheme: Scheme,
    user: Option<&'a str>,
    body: RequestBody<'a>,
}

impl<'a> Request<'a> {
    /// A request from its parts. The server makes them; a handler's tests can, too.
    ///
    /// ```
    /// use rhttp::http::{
    ///     FieldLines, Latin1, Method, Peer, Request, RequestBody, RequestLine, RequestTarget,
    ///     Scheme, StatusCode, Version,
    /// };
    /// use rhttp::{FileHandler, Handler};
    ///
    /// let line = RequestLine {
    ///     text: Latin1::new(b"GET /Cargo.toml HTTP/1.1"),
    ///     method: Method::GET,
    ///     target: RequestTarget::new(b"/Cargo.toml"),
    ///     version: Version::HTTP_11,
    /// };
    /// let client = Peer::Ip(([127, 0, 0, 1], 50_000).into());
    /// let server = Peer::Ip(([127, 0, 0, 1], 80).into());
    /// let (fields, body) = (FieldLines::default(), RequestBody::default());
    /// let mut request = Request::new(line, fields, (&client, &server), body)
    ///     .with_protocol(Version::HTTP_11)
    ///     .with_scheme(Scheme::Https);
    /// assert_eq!(request.server().port(), Some(80));
    ///
    /// let response = FileHandler::new(".").handle(&mut request)?;
    /// assert_eq!(response.status, StatusCode::OK);
    /// # Ok::<(), rhttp::http::HttpError>(())
    /// ```
    pub fn new(
        line: RequestLine<'a>,
        headers: FieldLines<'a>,
        (client, server): (&'a Peer, &'a Peer),
        body: RequestBody<'a>,
    ) -> Self {
        Self {
            line,
            headers,
            client,
            server,
            protocol: Version::HTTP_10,
            scheme: Scheme::Http,
            user: None,
            body,
        }
    }

    /// The same request for another target: for handlers that ask an inner handler again. The rest
    /// of the body goes with it.
    ///
    /// ```
    /// use rhttp::http::{HttpError, Request, RequestTarget, Response, StatusCode};
    /// use rhttp::{FileHandler, Handler};
    ///
    /// /// Serves `/index.html` where nothing is.
    /// struct Fallback(FileHandler);
    ///
    /// impl Handler for Fallback {
    ///     fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
    ///         match self.0.handle(request) {
    ///             Err(error) if error.status() == StatusCode::NOT_FOUND => {
    ///                 let target = RequestTarget::new(b"/index.html");
    ///                 self.0.handle(&mut request.with_target(target))
    ///             }
    ///             answer => answer,
    ///         }
    ///     }
    /// }
    /// ```
    pub fn with_target<'b>(&'b mut self, target: RequestTarget<'b>) -> Request<'b> {
        Request {
            line: RequestLine {
                target,
                ..self.line
            },
            headers: self.headers,
            client: self.client,
            server: self.server,
            protocol: self.protocol,
            scheme: self.scheme,
            user: self.user,
            body: self.body.reborrow(),
        }
    }

    /// The same request from an authenticated user: for handlers that check passwords. Scripts see
    /// the name as `REMOTE_USER`. The rest of the body goes with it.
    ///
    /// ```
    /// use rhttp::Handler;
    /// use rhttp::http::{HeaderName, HttpError, Request, Response};
    ///
    /// const REMOTE_USER: HeaderName<'static> = HeaderName::from_static("X-Remote-User");
    ///
    /// /// Believes a proxy that has checked the password already.
    /// struct Behind<H>(H);
    ///
    /// impl<H: Handler> Handler for Behind<H> {
    ///     fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
    ///         let user = request.header(REMOTE_USER);
    ///         match user.and_then(|user| std::str::from_utf8(user).ok()) {
    ///             Some(user) => self.0.handle(&mut request.with_user(user)),
    ///             None => self.0.handle(request),
    ///         }
    ///     }
    /// }
    /// ```
    pub fn with_user<'b>(&'b mut self, user: &'b str) -> Request<'b> {
        let mut request = self.with_target(self.line.target);
        request.user = Some(user);
        request
    }

    /// A bare GET of `target` by the same client: for content that is sent along with another
    /// response.
    pub(crate) fn aside<'b>(&'b self, target: RequestTarget<'b>) -> Request<'b> {
        Request {
            line: RequestLine {
                method: Method::GET,
                target,
                ..self.line
            },
            headers: FieldLines::default(),
            client: self.client,
            server: self.server,
            protocol: self.protocol,
            scheme: self.scheme,
            user: self.user,
            body: RequestBody::default(),
        }
    }

    /// The same, answered in a version other than HTTP/1.0.
    pub fn with_protocol(mut self, protocol: Version) -> Self {
        self.protocol = protocol;
        self
    }

    /// The same, requested over this scheme.
    pub fn with_scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// The request line.
    pub fn line(&self) -> RequestLine<'a> {
        self.line
    }

    /// The method, CPython's `command`.
    #[doc(alias = "command")]
    pub fn method(&self) -> Method<'a> {
        self.line.method
    }

    /// The target, CPython's `path`.
    #[doc(alias = "path")]
    pub fn target(&self) -> RequestTarget<'a> {
        self.line.target
    }

    /// All header fields.
    pub fn headers(&self) -> FieldLines<'a> {
        self.headers
    }

    /// The first value of the header field `name`.
    pub fn header(&self, name: HeaderName<'_>) -> Option<&'a [u8]> {
        self.headers.get(name)
    }

    /// The client's address, CPython's `client_address`.
    #[doc(alias = "client_address")]
    pub fn client(&self) -> &'a Peer {
        self.client
    }

    /// The address that the server listens on, CPython's `server.server_address`.
    #[doc(alias = "server_address")]
    pub fn server(&self) -> &'a Peer {
        self.server
    }

    /// The version that the server speaks, CPython's `protocol_version`.
    #[doc(alias = "protocol_version")]
    pub fn protocol(&self) -> Version {
        self.protocol
    }

    /// The scheme that the client used: over TLS, or as a trusted proxy says.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The user, if a handler has authenticated one.
    pub fn user(&self) -> Option<&'a str> {
        self.user
    }

    /// The body, CPython's `rfile`.
    #[doc(alias = "rfile")]
    pub fn body(&mut self) -> &mut RequestBody<'a> {
        &mut self.body
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("line", &self.line)
            .field("headers", &self.headers)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}
