//! What a request is answered with.

use crate::handler::Handler;
use crate::http::{FieldLines, HttpError, Method, Request, RequestLine, Response, StatusCode};
use crate::representation;
use crate::server::access_log::Client;
use crate::server::clock::{Clock, Now};
use crate::server::context::Context;

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

/// What this client gets: the handler's answer, to which conditions and ranges are applied, or the
/// page for an error, which is logged. The stack that this takes is free again while the response is
/// sent.
#[inline(never)]
pub(super) fn respond(
    context: &Context<'_>,
    client: &Client,
    request: &mut Request<'_>,
    clock: &mut Clock,
) -> Response {
    let mut result = ask(context.handler, request);
    if is_shortage(&result) && reads(request) && context.admission.evict_stalled() {
        result = ask(context.handler, request);
    }
    let now = clock.now();
    // It is changed in place: a response is large to move.
    if let Ok(response) = &mut result
        && let Err(error) = complete(request, response, now)
    {
        result = Err(error);
    }
    let page = |error| error_response(context, client, &error, now);
    let mut response = result.unwrap_or_else(page);
    let (line, fields) = (request.line(), request.headers());
    context.handler.amend(&line, fields, &mut response);
    response
}

fn ask(handler: &dyn Handler, request: &mut Request<'_>) -> Result<Response, HttpError> {
    handler.expect_continue(request)?;
    handler.handle(request)
}

/// Whether the request failed for lack of something that another connection's response may hold.
fn is_shortage(result: &Result<Response, HttpError>) -> bool {
    matches!(result, Err(error) if error.status() == StatusCode::SERVICE_UNAVAILABLE)
}

/// Whether a request can be handled twice.
fn reads(request: &Request<'_>) -> bool {
    matches!(request.method(), Method::GET | Method::HEAD)
}

/// Applies the request's conditions and ranges.
fn complete(request: &Request<'_>, response: &mut Response, now: &Now) -> Result<(), HttpError> {
    // A 1xx cannot be the final response to a request.
    if response.status < StatusCode::OK {
        return Err(HttpError::new(StatusCode::INTERNAL_SERVER_ERROR));
    }
    representation::complete(request, response, now.second)
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
