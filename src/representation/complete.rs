//! Which part of a file a client gets: all of it, ranges of it, or the answer that its copy is
//! current.
//!
//! This is done in one place for every handler's responses: a handler returns a file as the body of
//! a 200, and the rest follows from the request, in these steps:
//!
//! 1. What the handler has said of the content itself stands (RFC 9110 §8.8).
//! 2. The conditions of the request are evaluated (§13): 304 or 412 may be the answer.
//! 3. The ranges that the request asks for are taken out (§14): 206 or 416 may be the answer.

use super::conditions::Precondition;
use super::multipart::{ContentRange, multipart};
use super::range::Selection;
use crate::http::{
    Body, Content, FilePart, HeaderName, HeaderValue, Headers, HttpDate, HttpError, Method,
    Representation, Request, Response, StatusCode, Validators, header,
};
use std::ops::Range;
use std::sync::Arc;

/// Whether the client may ask for ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ranges {
    Bytes,
    /// The handler has declared that there are none, or only in another unit.
    Refused,
}

/// The [marks](HeaderName::mark) of what a handler may say of the content itself.
const OF_CONTENT: u64 =
    header::ETAG.mark() | header::LAST_MODIFIED.mark() | header::ACCEPT_RANGES.mark();

/// Turns a handler's `response` into the response to `request`.
///
/// # Errors
/// A condition of the request does not hold, or its ranges are all beyond the end.
pub(crate) fn complete(
    request: &Request<'_>,
    response: &mut Response,
    now: HttpDate,
) -> Result<(), HttpError> {
    let reads = matches!(request.method(), Method::GET | Method::HEAD);
    let is_current = response.status == StatusCode::OK && reads;
    let of = match &mut response.body.0 {
        Content::File { of, .. } => of,
        Content::Segments { .. } if is_current => return complete_segments(request, response),
        _ => return Ok(()),
    };
    if !is_current {
        // This is the content of a response, not the current representation of the target.
        *of = Arc::new(of.with_fields(Headers::new()));
        return Ok(());
    }
    let mut ranges = Ranges::Bytes;
    let own;
    let validators = if response.headers.may_contain(OF_CONTENT) {
        (*of, own, ranges) = as_said(of, &response.headers, now);
        &own
    } else {
        &of.validators
    };
    let precondition = validators.evaluate(request.method(), request.headers());
    let is_known = precondition == Precondition::NotModified;
    let etag = validators.etag().filter(|_| is_known).cloned();
    conclude(precondition, ranges, etag, request, response)
}

/// The same for an archive, which is identified by the tag that its handler has given it.
fn complete_segments(request: &Request<'_>, response: &mut Response) -> Result<(), HttpError> {
    let validators = Validators::default();
    let validators = match response.headers.get(header::ETAG) {
        Some(value) => validators.with_etag(value),
        None => validators,
    };
    let precondition = validators.evaluate(request.method(), request.headers());
    let etag = validators.etag().cloned();
    conclude(precondition, Ranges::Bytes, etag, request, response)
}

/// Acts on the outcome of a request's conditions.
fn conclude(
    precondition: Precondition,
    ranges: Ranges,
    etag: Option<HeaderValue>,
    request: &Request<'_>,
    response: &mut Response,
) -> Result<(), HttpError> {
    match precondition {
        Precondition::Holds if ranges == Ranges::Bytes => partial(request, response),
        Precondition::Holds | Precondition::HoldsForWhole => Ok(()),
        Precondition::NotModified => {
            not_modified(response, etag);
            Ok(())
        }
        Precondition::Failed => Err(refused(StatusCode::PRECONDITION_FAILED, response)),
    }
}

/// What a handler has declared about the content in `headers`, and what is left for the file to
/// declare.
fn as_said(
    of: &Representation,
    headers: &Headers,
    now: HttpDate,
) -> (Arc<Representation>, Validators, Ranges) {
    let mut validators = of.validators.clone();
    if let Some(value) = headers.get(header::ETAG) {
        validators = validators.with_etag(value);
    }
    if let Some(date) = headers.get(header::LAST_MODIFIED).and_then(HttpDate::parse) {
        validators = validators.with_modified(date.as_unix(), now);
    }
    let ranges = match headers.get(header::ACCEPT_RANGES) {
        Some(unit) if !unit.eq_ignore_ascii_case(b"bytes") => Ranges::Refused,
        _ => Ranges::Bytes,
    };
    let mut left = Headers::new();
    for (name, value) in of
        .fields
        .iter()
        .filter(|(name, _)| !headers.contains(*name))
    {
        left.extend_with(name, value);
    }
    (Arc::new(of.with_fields(left)), validators, ranges)
}

/// 304 with the fields of the 200, except those that describe the content (§15.4.5).
fn not_modified(response: &mut Response, etag: Option<HeaderValue>) {
    for name in [
        header::ACCEPT_RANGES,
        header::CONTENT_ENCODING,
        header::CONTENT_LANGUAGE,
        header::CONTENT_TYPE,
    ] {
        response.headers.remove(name);
    }
    if let Some(etag) = etag {
        // The date is only of use where there is no tag.
        response.headers.remove(header::LAST_MODIFIED);
        if !response.headers.contains(header::ETAG) {
            response.headers.append(header::ETAG, etag);
        }
    }
    response.body = Body::default();
    set_status(response, StatusCode::NOT_MODIFIED);
}

/// Reduces a response to what the request's `Range` field asks for.
///
/// Unlike CPython: `Range` is honored, on GET only (§14.2). It is not a list field: two of them are
/// ignored.
fn partial(request: &Request<'_>, response: &mut Response) -> Result<(), HttpError> {
    let mut fields = request.headers().get_all(header::RANGE);
    let (Some(range), None, Method::GET) = (fields.next(), fields.next(), request.method()) else {
        return Ok(());
    };
    let size = response.body.len().unwrap_or(0);
    match Selection::new(range, size) {
        Selection::Whole => {}
        Selection::One(range) => one_range(response, &range, size),
        Selection::Several(ranges) => several_ranges(response, ranges, size),
        Selection::Unsatisfiable => {
            let all = HeaderValue::displayed(format_args!("bytes */{size}"));
            return Err(refused(StatusCode::RANGE_NOT_SATISFIABLE, response)
                .with_header(header::CONTENT_RANGE, all));
        }
    }
    Ok(())
}

/// An error instead of `response`. What the handler has declared that is not about its content (for
/// example, which origins may read it) applies to the error, too.
fn refused(status: StatusCode, response: &Response) -> HttpError {
    let is_about_content = |name: HeaderName<'_>| {
        let prefix = name.as_str().get(..b"Content-".len());
        prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case("Content-"))
            || [header::ACCEPT_RANGES, header::ETAG, header::LAST_MODIFIED].contains(&name)
    };
    let kept = response
        .headers
        .iter()
        .filter(|(name, _)| !is_about_content(*name));
    kept.fold(HttpError::new(status), |error, (name, value)| {
        HeaderValue::from_bytes(value)
            .into_iter()
            .fold(error, |error, value| error.with_header(name, value))
    })
}

/// 206 with one range of `size` bytes (§15.3.7.1).
fn one_range(response: &mut Response, part: &Range<u64>, size: u64) {
    response.headers.append(
        header::CONTENT_RANGE,
        HeaderValue::displayed(ContentRange(part, size)),
    );
    match &mut response.body.0 {
        Content::File { range, .. } => {
            *range = range.start + part.start..range.start + part.end;
        }
        Content::Segments { parts, .. } => {
            *parts = vec![FilePart {
                head: Vec::new(),
                range: part.clone(),
            }];
        }
        _ => {}
    }
    set_status(response, StatusCode::PARTIAL_CONTENT);
}

/// 206 with several ranges of `size` bytes as `multipart/byteranges` (§14.6, §15.3.7.2). Each part
/// has the content's type, which the multipart's own type replaces in the head.
fn several_ranges(response: &mut Response, ranges: Vec<Range<u64>>, size: u64) {
    let own_kind = response.headers.get(header::CONTENT_TYPE);
    let (media_type, body) = match &response.body.0 {
        Content::File { of, range } => {
            let kind = own_kind.or_else(|| of.kind.get(header::CONTENT_TYPE));
            let (media_type, parts) = multipart(kind, range, ranges, size);
            let of = Arc::clone(of);
            if own_kind.is_none() {
                let rest = std::mem::replace(&mut response.headers, of.kind.clone());
                response.headers.extend(&rest);
            }
            (media_type, Content::Parts { of, parts })
        }
        Content::Segments { of, .. } => {
            let (media_type, parts) = multipart(own_kind, &(0..size), ranges, size);
            let of = Arc::clone(of);
            (media_type, Content::Segments { of, parts })
        }
        _ => return,
    };
    response.headers.set(header::CONTENT_TYPE, media_type);
    response.body = Body(body);
    set_status(response, StatusCode::PARTIAL_CONTENT);
}

fn set_status(response: &mut Response, status: StatusCode) {
    response.status = status;
    response.reason = None;
}
