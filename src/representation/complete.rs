//! What of a file a client gets: all of it, ranges of it, or the news that it has it already.
//!
//! This is done once for every handler's responses: a handler returns a file as the body of a 200,
//! and the rest follows from the request, in these steps:
//!
//! 1. The validators are found (RFC 9110 §8.8).
//! 2. The conditions of the request are evaluated (§13): 304 or 412 may be the answer.
//! 3. The fields are added, after those of the handler.
//! 4. The ranges that the request asks for are taken out (§14): 206 or 416.

use super::range::Selection;
use super::validators::{Precondition, Validators};
use crate::http::{
    Body, FilePart, HeaderName, HeaderValue, Headers, HttpDate, HttpError, Method, Request,
    Response, StatusCode, header,
};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

/// What the handler has said itself; it stands.
#[derive(Default)]
struct Said {
    etag: bool,
    last_modified: bool,
    accept_ranges: AcceptRanges,
}

/// What a handler has said of ranges.
#[derive(Default, PartialEq, Eq)]
enum AcceptRanges {
    #[default]
    Nothing,
    Bytes,
    /// Another unit, or `none`.
    Other,
}

/// Makes a handler's `response` the response to `request`.
///
/// # Errors
/// A condition of the request does not hold, or its ranges are all beyond the end.
pub(crate) fn respond(
    request: &Request<'_>,
    response: &mut Response,
    now: HttpDate,
) -> Result<(), HttpError> {
    let has_validators = response.status == StatusCode::OK
        && matches!(request.method(), Method::GET | Method::HEAD)
        && matches!(response.body, Body::File { .. });
    if !has_validators {
        return Ok(());
    }
    let (said, validators) = validators(response, now);
    let precondition = validators.evaluate(request.headers());
    match precondition {
        Precondition::Holds | Precondition::HoldsForWhole => {}
        Precondition::NotModified => {
            not_modified(response, &said, &validators);
            return Ok(());
        }
        Precondition::Failed => return Err(refused(StatusCode::PRECONDITION_FAILED, response)),
    }
    add_fields(&mut response.headers, &said, &validators);

    // Unlike CPython: `Range` counts, on GET only (§14.2). It is no list: two of them say nothing.
    let mut ranges = request.headers().get_all(header::RANGE);
    match (ranges.next(), ranges.next()) {
        (Some(range), None)
            if request.method() == Method::GET
                && precondition == Precondition::Holds
                && said.accept_ranges != AcceptRanges::Other =>
        {
            partial(response, range)
        }
        _ => Ok(()),
    }
}

/// The validators of a response: its own fields, and where there are none, those of its file.
fn validators(response: &Response, now: HttpDate) -> (Said, Validators) {
    let mut said = Said::default();
    let mut validators = match response.body {
        Body::File {
            modified: Some(modified),
            ..
        } => Validators::of_file(response.body.len().unwrap_or(0), modified, now),
        _ => Validators::default(),
    };
    if let Some(value) = response.headers.get(header::ETAG) {
        said.etag = true;
        validators = validators.with_etag(value);
    }
    if let Some(value) = response.headers.get(header::LAST_MODIFIED) {
        said.last_modified = true;
        if let Some(date) = HttpDate::parse(value) {
            validators = validators.with_modified(date.as_unix(), now);
        }
    }
    if let Some(value) = response.headers.get(header::ACCEPT_RANGES) {
        said.accept_ranges = if value.eq_ignore_ascii_case(b"bytes") {
            AcceptRanges::Bytes
        } else {
            AcceptRanges::Other
        };
    }
    (said, validators)
}

/// Adds what the handler has not said: `Last-Modified` where CPython sends it. Unlike CPython: what
/// caches and downloads need comes after that.
fn add_fields(headers: &mut Headers, said: &Said, validators: &Validators) {
    if let Some(date) = validators.last_modified()
        && !said.last_modified
    {
        headers.append(header::LAST_MODIFIED, date);
    }
    if said.accept_ranges == AcceptRanges::Nothing {
        headers.append(header::ACCEPT_RANGES, "bytes");
    }
    add_etag(headers, said, validators);
}

fn add_etag(headers: &mut Headers, said: &Said, validators: &Validators) {
    if let Some(etag) = validators.etag()
        && !said.etag
    {
        headers.append(header::ETAG, etag.clone());
    }
}

/// 304 with the fields of the 200, but for those that describe the content (§15.4.5).
fn not_modified(response: &mut Response, said: &Said, validators: &Validators) {
    for name in [
        header::ACCEPT_RANGES,
        header::CONTENT_ENCODING,
        header::CONTENT_LANGUAGE,
        header::CONTENT_TYPE,
    ] {
        response.headers.remove(name);
    }
    // The date is of use where there is no tag.
    if validators.etag().is_some() {
        response.headers.remove(header::LAST_MODIFIED);
    }
    add_etag(&mut response.headers, said, validators);
    response.body = Body::Empty;
    set_status(response, StatusCode::NOT_MODIFIED);
}

/// Leaves of a response what the value of a `Range` field asks for.
fn partial(response: &mut Response, range: &[u8]) -> Result<(), HttpError> {
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

/// An error instead of `response`: what the handler has said that is not about its content, who
/// may read it from another origin, say, goes for the error, too.
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
    if let Body::File { range, .. } = &mut response.body {
        *range = within(range, part);
    }
    set_status(response, StatusCode::PARTIAL_CONTENT);
}

/// 206 with several ranges of `size` bytes as `multipart/byteranges` (§14.6, §15.3.7.2). Each part
/// has the content's type, which gives its place to that.
fn several_ranges(response: &mut Response, ranges: Vec<Range<u64>>, size: u64) {
    let Body::File { file, range, .. } = &response.body else {
        return;
    };
    let (file, content) = (Arc::clone(file), range.clone());
    let boundary = boundary();
    let mut kind = Vec::new();
    if let Some(value) = response.headers.get(header::CONTENT_TYPE) {
        kind.extend_from_slice(b"Content-Type: ");
        kind.extend_from_slice(value);
        kind.extend_from_slice(b"\r\n");
    }
    let mut parts = Vec::with_capacity(ranges.len() + 1);
    for range in ranges {
        let line_end = if parts.is_empty() { "" } else { "\r\n" };
        let content_range = ContentRange(&range, size);
        let mut head = Vec::with_capacity(kind.len() + 128);
        // Writing to memory cannot fail.
        let _ = write!(head, "{line_end}--{boundary}\r\n");
        head.extend_from_slice(&kind);
        let _ = write!(head, "Content-Range: {content_range}\r\n\r\n");
        let range = within(&content, &range);
        parts.push(FilePart { head, range });
    }
    let head = format!("\r\n--{boundary}--\r\n").into_bytes();
    parts.push(FilePart { head, range: 0..0 });

    response.body = Body::Parts { file, parts };
    response.headers.set(
        header::CONTENT_TYPE,
        HeaderValue::displayed(format_args!("multipart/byteranges; boundary={boundary}")),
    );
    set_status(response, StatusCode::PARTIAL_CONTENT);
}

/// Displays the value of `Content-Range` (§14.4): the last byte's number, not the end's.
struct ContentRange<'a>(&'a Range<u64>, u64);

impl fmt::Display for ContentRange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(range, size) = self;
        let last = range.end.saturating_sub(1);
        write!(f, "bytes {}-{last}/{size}", range.start)
    }
}

/// Where in the file a part of its `content` is.
fn within(content: &Range<u64>, part: &Range<u64>) -> Range<u64> {
    content.start + part.start..content.start + part.end
}

fn set_status(response: &mut Response, status: StatusCode) {
    response.status = status;
    response.reason = None;
}

/// A line that no file has: it is made by chance for each response, so that nobody can put it
/// into a file beforehand.
fn boundary() -> String {
    let chance = || RandomState::new().hash_one(());
    format!("{:016x}{:016x}", chance(), chance())
}
