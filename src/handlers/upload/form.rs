//! Uploads by a form (RFC 7578).

use super::UploadHandler;
use super::place::Names;
use super::refusal::{Limit, check_origin, refusal, write_failed, write_failed_io};
use crate::handler::Handler;
use crate::http::{HeaderValue, HttpError, Request, RequestBody, Response, StatusCode, header};
use crate::representation::ListingFormat;
use crate::upload::{Incoming, Multipart, boundary, check_name, numbered};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// The most parts in one form: no legitimate form has more.
const MOST_PARTS: usize = 10_000;
/// How many names are tried for one file.
const MOST_NAMES: u32 = 10_000;

impl<H: Handler> UploadHandler<H> {
    /// Stores the files in a form, if the request is for this handler.
    pub(super) fn form(&self, request: &mut Request<'_>) -> Result<Option<Response>, HttpError> {
        let target = request.target();
        let is_asked = target.query() == Some(b"upload");
        let boundary = request.header(header::CONTENT_TYPE).and_then(boundary);
        let is_plain = target.query().is_none() && boundary.is_some();
        if !target.has_trailing_slash() || !(is_asked || is_plain) {
            return Ok(None);
        }
        let place = Names::of(target).and_then(|names| {
            self.place
                .form_destination(&names)
                .map(|place| (names, place))
        });
        let (names, directory) = match place {
            // Forms for scripts go to the scripts.
            Err(_) if !is_asked => return Ok(None),
            place => place?,
        };
        check_origin(request.headers())?;
        let boundary = boundary.ok_or_else(|| {
            refusal(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Only a form with files can be sent here",
            )
        })?;
        let mut limit = Limit::of(request, self.max_size, &directory)?;
        let count = receive(request.body(), &boundary, &directory, &mut limit)?;
        if count == 0 {
            return Err(refusal(StatusCode::BAD_REQUEST, "No file was chosen"));
        }
        let location = format!("{}/", names.to_url());
        let location = HeaderValue::from(location.as_str());
        // A script on a page, such as ours, cannot avoid following a redirect.
        let status = match ListingFormat::wanted(request.headers()) {
            ListingFormat::Json => StatusCode::CREATED,
            ListingFormat::Page | ListingFormat::Classic => StatusCode::SEE_OTHER,
        };
        let response = Response::new(status).with_header(header::LOCATION, location);
        Ok(Some(response))
    }
}

/// Stores the files of a form and returns their number. If one fails, those before it stay.
fn receive(
    body: &mut RequestBody<'_>,
    boundary: &[u8],
    directory: &OwnedFd,
    limit: &mut Limit,
) -> Result<usize, HttpError> {
    let mut form = Multipart::new(body, boundary);
    let (mut parts, mut files) = (0, 0);
    while let Some(part) = form.next_part()? {
        parts += 1;
        if parts > MOST_PARTS {
            return Err(refusal(
                StatusCode::BAD_REQUEST,
                "A form has too many parts",
            ));
        }
        // The field is not for a file, or no file was chosen in it.
        let Some(name) = part.file_name.filter(|name| !name.is_empty()) else {
            while let Some(bytes) = form.chunk()? {
                limit.count(bytes.len())?;
            }
            continue;
        };
        check_name(&name).map_err(|why| refusal(StatusCode::BAD_REQUEST, why))?;
        let name = String::from_utf8(name).map_err(|_| HttpError::new(StatusCode::BAD_REQUEST))?;
        let mut file = Incoming::new(directory).map_err(write_failed)?;
        while let Some(bytes) = form.chunk()? {
            limit.count(bytes.len())?;
            file.write(bytes).map_err(|error| write_failed_io(&error))?;
        }
        file.sync().map_err(|error| write_failed_io(&error))?;
        keep(&file, &name)?;
        files += 1;
    }
    Ok(files)
}

/// Gives a file its name, with a number added if the name is taken.
fn keep(file: &Incoming<'_>, name: &str) -> Result<(), HttpError> {
    let mut kept = file.keep_as(name);
    for number in 1..MOST_NAMES {
        if kept != Err(Errno::EXIST) {
            break;
        }
        kept = file.keep_as(&numbered(name, number));
    }
    kept.map_err(|error| match error {
        Errno::EXIST => refusal(StatusCode::CONFLICT, "There are files of this name already"),
        error => write_failed(error),
    })
}
