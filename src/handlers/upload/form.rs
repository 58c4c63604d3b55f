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
/// The largest number that is added to a name.
const MOST_NUMBERED: u32 = 1 << 20;
/// How often a name is searched for one file: others may take the one that was found.
const MOST_SEARCHES: u32 = 100;

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
    for _ in 0..MOST_SEARCHES {
        if kept != Err(Errno::EXIST) {
            break;
        }
        let is_taken = |number| file.is_beside(&numbered(name, number));
        let Some(number) = free_number(is_taken) else {
            break;
        };
        kept = file.keep_as(&numbered(name, number));
    }
    kept.map_err(|error| match error {
        Errno::EXIST => refusal(StatusCode::CONFLICT, "There are files of this name already"),
        error => write_failed(error),
    })
}

/// A number that is not taken: the least, where the taken ones are without a gap. The number of
/// looks grows with its logarithm, or a form of many files with one name would take minutes.
fn free_number(is_taken: impl Fn(u32) -> bool) -> Option<u32> {
    let (mut taken, mut free) = (0, 1);
    while is_taken(free) {
        (taken, free) = (free, free * 2);
        if free > MOST_NUMBERED {
            return None;
        }
    }
    while free - taken > 1 {
        let middle = taken.midpoint(free);
        if is_taken(middle) {
            taken = middle;
        } else {
            free = middle;
        }
    }
    Some(free)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn the_next_number_is_found_with_few_looks() {
        for taken in [0, 1, 2, 3, 7, 8, 100, 9_999, MOST_NUMBERED - 1] {
            let looks = Cell::new(0);
            let number = free_number(|number| {
                looks.set(looks.get() + 1);
                number <= taken
            });
            assert_eq!(number, Some(taken + 1));
            assert!(looks.get() <= 42, "{taken}: {}", looks.get());
        }
        assert_eq!(free_number(|_| true), None);
        // Where there is a gap, another free number may be found.
        assert_eq!(
            free_number(|number| [1, 2, 4, 5].contains(&number)),
            Some(6)
        );
    }
}
