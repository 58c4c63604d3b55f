//! What a request is answered with.

use crate::handler::Handler;
use crate::http::{FieldLines, HttpError, Method, Request, RequestLine, Response, StatusCode};
use crate::representation;
use crate::server::access_log::Client;
use crate::server::clock::Now;
use crate::server::context::Context;

/// Whether the request failed for lack of something that another connection's response may hold.
pub(super) fn is_shortage(result: &Result<Response, HttpError>) -> bool {
    matches!(result, Err(error) if error.status() == StatusCode::SERVICE_UNAVAILABLE)
}

/// Whether a request can be handled twice.
pub(super) fn reads(line: &RequestLine<'_>) -> bool {
    matches!(line.method, Method::GET | Method::HEAD)
}

/// Whether a response delivers, to its end, what its client asked for by name: a file or an
/// archive.
pub(super) fn delivers(line: &RequestLine<'_>, response: &Response) -> bool {
    let is_page = line.target.has_trailing_slash() && line.target.query().is_none();
    let is_content = matches!(
        response.status,
        StatusCode::OK | StatusCode::PARTIAL_CONTENT
    );
    line.method == Method::GET && !is_page && is_content && response.body.completes_file()
}

/// What the handler answers. The stack that this takes is free again while the response is sent.
#[inline(never)]
pub(super) fn ask(handler: &dyn Handler, request: &mut Request<'_>) -> Result<Response, HttpError> {
    handler.expect_continue(request)?;
    let result = handler.handle(request);
    // A 1xx cannot be the final response to a request.
    if matches!(&result, Ok(response) if response.status < StatusCode::OK) {
        return Err(HttpError::new(StatusCode::INTERNAL_SERVER_ERROR));
    }
    result
}

/// Turns what a handler answers into what this client gets: applies conditions and ranges, and
/// makes the page for an error, which is logged.
#[inline(never)]
pub(super) fn into_response(
    context: &Context<'_>,
    client: &Client,
    request: &Request<'_>,
    result: Result<Response, HttpError>,
    now: &Now,
) -> Response {
    let (line, fields) = (request.line(), request.headers());
    let page = |error| error_response(context, client, &error, now);
    let mut response = match result {
        Ok(mut response) => match representation::complete(request, &mut response, now.second) {
            Ok(()) => response,
            Err(error) => page(error),
        },
        Err(error) => page(error),
    };
    context.handler.amend(&line, fields, &mut response);
    response
}

/// The response to a request that was refused before a handler saw it.
#[inline(never)]
pub(super) fn refusal(
    context: &Context<'_>,
    client: &Client,
    (line, fields): (&RequestLine<'_>, FieldLines<'_>),
    error: &HttpError,
    now: &Now,
) -> Response {
    let mut response = error_response(context, client, error, now);
    context.handler.amend(line, fields, &mut response);
    response
}

/// The page for an error, which is logged.
#[inline(never)]
fn error_response(
    context: &Context<'_>,
    client: &Client,
    error: &HttpError,
    now: &Now,
) -> Response {
    let handler = context.handler;
    // A record already has the status.
    if context.records.is_none() {
        handler.log_error(&context.log.of(client, now), error);
    }
    handler.error_response(error)
}
