//! Handlers around handlers: a macro that forwards what they do not change.

/// Forwards hooks of [`Handler`](crate::Handler) to an inner handler, for a handler that wraps one
/// and changes only part of its behaviour.
///
/// Without names, all hooks except [`Handler::handle`](crate::Handler::handle) are forwarded.
///
/// ```
/// use rhttp::http::{HttpError, Request, Response, header};
/// use rhttp::{FileHandler, Handler, forward_hooks};
///
/// /// Adds a field to what the inner handler answers.
/// struct NoStore<H>(H);
///
/// impl<H: Handler> Handler for NoStore<H> {
///     fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
///         Ok(self.0.handle(request)?.with_header(header::CACHE_CONTROL, "no-store"))
///     }
///
///     forward_hooks!(self => self.0);
/// }
/// ```
#[macro_export]
macro_rules! forward_hooks {
    ($self:ident => $inner:expr) => {
        $crate::forward_hooks!($self => $inner; server_version, expect_continue, error_response,
            amend, log_request, log_error, log_message);
    };
    ($self:ident => $inner:expr; $($hook:ident),+ $(,)?) => {
        $($crate::forward_hooks!(@$hook $self $inner);)+
    };
    (@server_version $self:ident $inner:expr) => {
        fn server_version(&$self) -> &str {
            $crate::Handler::server_version(&$inner)
        }
    };
    (@expect_continue $self:ident $inner:expr) => {
        fn expect_continue(
            &$self,
            request: &$crate::http::Request<'_>,
        ) -> ::core::result::Result<(), $crate::http::HttpError> {
            $crate::Handler::expect_continue(&$inner, request)
        }
    };
    (@error_response $self:ident $inner:expr) => {
        fn error_response(&$self, error: &$crate::http::HttpError) -> $crate::http::Response {
            $crate::Handler::error_response(&$inner, error)
        }
    };
    (@amend $self:ident $inner:expr) => {
        fn amend(
            &$self,
            line: &$crate::http::RequestLine<'_>,
            fields: $crate::http::FieldLines<'_>,
            response: &mut $crate::http::Response,
        ) {
            $crate::Handler::amend(&$inner, line, fields, response);
        }
    };
    (@log_request $self:ident $inner:expr) => {
        fn log_request(&$self, log: &dyn $crate::Log, answered: &$crate::Answered<'_>) {
            $crate::Handler::log_request(&$inner, log, answered);
        }
    };
    (@log_error $self:ident $inner:expr) => {
        fn log_error(&$self, log: &dyn $crate::Log, error: &$crate::http::HttpError) {
            $crate::Handler::log_error(&$inner, log, error);
        }
    };
    (@log_message $self:ident $inner:expr) => {
        fn log_message(&$self, log: &dyn $crate::Log, message: $crate::Message<'_>) {
            $crate::Handler::log_message(&$inner, log, message);
        }
    };
}
