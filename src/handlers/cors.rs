//! Lets pages of other origins use what is served: `--cors` (the Fetch standard, §3.3).

use crate::handler::Handler;
use crate::http::{
    FieldLines, HeaderName, HeaderValue, Headers, HttpError, Method, Request, RequestLine,
    Response, StatusCode, header,
};
use std::str::FromStr;

/// Fields that scripts may read in addition to the few that they always may: reading a file by
/// ranges takes all of these.
const EXPOSED: &str =
    "Accept-Ranges, Content-Encoding, Content-Length, Content-Range, ETag, Last-Modified";
/// The [marks](HeaderName::mark) of fields that a script may have sent itself.
const OWN: u64 = header::ACCESS_CONTROL_ALLOW_ORIGIN.mark()
    | header::ACCESS_CONTROL_ALLOW_CREDENTIALS.mark()
    | header::ACCESS_CONTROL_EXPOSE_HEADERS.mark();
/// How long browsers may cache a preflight, in seconds: Chromium caches none for longer.
const MAX_AGE: u64 = 7200;

/// Lets pages of other origins read the responses of another handler, and answers their preflights.
///
/// This includes errors and redirects. If the inner handler checks passwords, this one has to be
/// around it: browsers send no password with a preflight.
///
/// ```
/// use rhttp::http::Method;
/// use rhttp::{Cors, FileHandler, Origins, UploadHandler};
///
/// let for_all = Cors::new(FileHandler::new("tiles"), Origins::Any);
///
/// // One page may send files, too, as a user that the browser knows the password of.
/// let files = FileHandler::new("drawings");
/// let uploads = UploadHandler::new(files.clone(), &files);
/// let for_one = Cors::new(uploads, "https://map.example".parse()?)
///     .with_methods([Method::GET, Method::PUT])
///     .with_credentials();
/// # Ok::<(), String>(())
/// ```
#[derive(Debug)]
pub struct Cors<H> {
    inner: H,
    origins: Origins,
    methods: HeaderValue,
    allows_credentials: bool,
    /// The fields of what any origin may read.
    for_any: Headers,
}

/// The origins whose pages may read what is served.
///
/// ```
/// use rhttp::Origins;
///
/// assert_eq!("*".parse(), Ok(Origins::Any));
/// let both = ["https://a.example".into(), "http://localhost:5173".into()];
/// assert_eq!("https://a.example,http://localhost:5173".parse(), Ok(Origins::Listed(both.into())));
/// assert!("a.example".parse::<Origins>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origins {
    /// Any origin.
    Any,
    /// These origins, spelled as browsers do: `https://a.example`.
    Listed(Vec<String>),
}

impl<H> Cors<H> {
    /// Answers as `inner` does, and lets pages of these origins read the responses to GET and HEAD.
    pub fn new(inner: H, origins: Origins) -> Self {
        let mut for_any = Headers::new();
        for_any.append(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        for_any.append(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        let cors = Self {
            inner,
            origins,
            methods: HeaderValue::from(""),
            allows_credentials: false,
            for_any,
        };
        cors.with_methods([Method::GET, Method::HEAD])
    }

    /// The same for other methods.
    pub fn with_methods<'m>(mut self, methods: impl IntoIterator<Item = Method<'m>>) -> Self {
        let mut text = String::new();
        for method in methods {
            text.push_str(&method.to_string());
            text.push_str(", ");
        }
        text.push_str("OPTIONS");
        self.methods = HeaderValue::from(text.as_str());
        self
    }

    /// The same with passwords and cookies, for listed origins only, never for any origin.
    pub fn with_credentials(mut self) -> Self {
        self.allows_credentials = true;
        self
    }

    /// The origin that may read the response to a request from its page.
    fn reader<'a>(&self, fields: FieldLines<'a>) -> Option<&'a [u8]> {
        match &self.origins {
            Origins::Any => Some(b"*"),
            Origins::Listed(origins) => {
                let mut sent = fields.get_all(header::ORIGIN);
                let (Some(origin), None) = (sent.next(), sent.next()) else {
                    return None;
                };
                let mut known = origins.iter().map(String::as_bytes);
                let is_known = known.any(|known| known.eq_ignore_ascii_case(origin));
                is_known.then_some(origin)
            }
        }
    }

    /// The response to a preflight: what the announced request may contain.
    fn preflight(&self, fields: FieldLines<'_>) -> Response {
        let mut response = Response::new(StatusCode::NO_CONTENT);
        let headers = &mut response.headers;
        headers.vary_by(header::ACCESS_CONTROL_REQUEST_HEADERS);
        if self.reader(fields).is_none() {
            return response;
        }
        headers.append(header::ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
        // `*` would not include `Authorization`.
        let mut wanted = fields
            .list(header::ACCESS_CONTROL_REQUEST_HEADERS)
            .peekable();
        if wanted.peek().is_some() {
            let names: Option<Vec<_>> = wanted.map(token).collect();
            if let Some(names) = names {
                let names = HeaderValue::from(names.join(", ").as_str());
                headers.append(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
            }
        }
        headers.append(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        if fields.get(header::ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK) == Some(b"true") {
            headers.append(header::ACCESS_CONTROL_ALLOW_PRIVATE_NETWORK, "true");
        }
        response
    }
}

impl<H: Handler> Handler for Cors<H> {
    fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
        if is_preflight(request.method(), request.headers()) {
            return Ok(self.preflight(request.headers()));
        }
        self.inner.handle(request)
    }

    fn expect_continue(&self, request: &Request<'_>) -> Result<(), HttpError> {
        if is_preflight(request.method(), request.headers()) {
            return Ok(());
        }
        self.inner.expect_continue(request)
    }

    fn amend(&self, line: &RequestLine<'_>, fields: FieldLines<'_>, response: &mut Response) {
        self.inner.amend(line, fields, response);
        let headers = &mut response.headers;
        if self.origins != Origins::Any {
            headers.vary_by(header::ORIGIN);
        }
        let is_preflight = is_preflight(line.method, fields);
        if self.origins == Origins::Any && !is_preflight && !headers.may_contain(OWN) {
            return headers.extend(&self.for_any);
        }
        // A script that names the origin for its response knows best.
        if headers.contains(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
            return;
        }
        let Some(reader) = self.reader(fields) else {
            return;
        };
        headers.extend_with(header::ACCESS_CONTROL_ALLOW_ORIGIN, reader);
        if self.origins == Origins::Any {
            headers.remove(header::ACCESS_CONTROL_ALLOW_CREDENTIALS);
        } else if self.allows_credentials {
            headers.set(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
        let name = header::ACCESS_CONTROL_EXPOSE_HEADERS;
        if !is_preflight && !headers.contains(name) {
            headers.extend_with(name, EXPOSED.as_bytes());
        }
    }

    forward_hooks!(self => self.inner; server_version, error_response, log_request, log_error,
        log_message);
}

impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let origins = text.split(',').map(str::trim).map(|origin| {
            let is_origin = origin.split_once("://").is_some_and(|(scheme, rest)| {
                let is_host = |byte: u8| byte.is_ascii_graphic() && !b"/?#@*\\".contains(&byte);
                HeaderName::new(scheme).is_some() && !rest.is_empty() && rest.bytes().all(is_host)
            });
            let wrong = || format!("{origin} is not an origin, such as https://www.example.org");
            is_origin
                .then(|| origin.to_ascii_lowercase())
                .ok_or_else(wrong)
        });
        origins.collect::<Result<_, _>>().map(Self::Listed)
    }
}

/// Whether this is a browser's preflight request.
fn is_preflight(method: Method<'_>, fields: FieldLines<'_>) -> bool {
    method == Method::OPTIONS
        && fields.contains(header::ORIGIN)
        && fields.contains(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The text as a field name, if it is one.
fn token(name: &[u8]) -> Option<&str> {
    let name = HeaderName::new(std::str::from_utf8(name).ok()?)?;
    Some(name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for (text, expected) in [
            ("*", Some("Any")),
            ("https://a.example", Some("Listed([\"https://a.example\"])")),
            (
                "HTTP://A:8080, capacitor://localhost",
                Some("Listed([\"http://a:8080\", \"capacitor://localhost\"])"),
            ),
            ("http://[::1]:5173", Some("Listed([\"http://[::1]:5173\"])")),
            ("null", None),
            ("", None),
            ("https://a/", None),
            ("https://*.example", None),
            ("*,https://a", None),
            ("a.example", None),
        ] {
            let found = text.parse::<Origins>().ok();
            let found = found.map(|origins| format!("{origins:?}"));
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
