//! Uploads by PUT (RFC 9110 §9.3.4).

use super::place::Names;
use super::refusal::{Limit, check_origin, refusal, write_failed, write_failed_io};
use super::{Existing, UploadHandler};
use crate::files::Stamp;
use crate::handler::Handler;
use crate::http::{
    HeaderValue, HttpDate, HttpError, Method, Request, Response, StatusCode, Validators, header,
};
use crate::representation::Precondition;
use crate::upload::Incoming;
use rustix::fs::{AtFlags, statat};
use rustix::io::Errno;
use std::io::Read;
use std::os::fd::OwnedFd;

/// How many bytes are received and written at a time.
const PIECE: usize = 64 * 1024;

impl<H: Handler> UploadHandler<H> {
    /// Stores the file in a request. Whatever can be refused is refused before the client is asked
    /// for the body.
    pub(super) fn put(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
        check_origin(request.headers())?;
        if request.headers().contains(header::CONTENT_RANGE) {
            // §14.5: a part must not be stored as if it were the whole.
            return Err(refusal(
                StatusCode::BAD_REQUEST,
                "Only whole files can be sent, not ranges of them",
            ));
        }
        let target = request.target();
        let mut names = Names::of(target)?;
        let location = HeaderValue::from(names.to_url().as_str());
        let name = names.pop().filter(|_| !target.has_trailing_slash());
        let name =
            name.ok_or_else(|| refusal(StatusCode::BAD_REQUEST, "A file name is missing"))?;
        let directory = self.place.destination(&names)?;
        self.check_existing(request, &directory, &name)?;
        let mut limit = Limit::of(request, self.max_size, &directory)?;

        let mut file = Incoming::new(&directory).map_err(write_failed)?;
        let mut buffer = vec![0; PIECE];
        loop {
            let count = request.body().read(&mut buffer)?;
            let bytes = buffer.get(..count).unwrap_or_default();
            if bytes.is_empty() {
                break;
            }
            limit.count(count)?;
            file.write(bytes).map_err(|error| write_failed_io(&error))?;
        }
        file.sync().map_err(|error| write_failed_io(&error))?;
        // While it arrived, what has the name may have come, changed or gone.
        self.check_existing(request, &directory, &name)?;
        match (file.keep_as(&name), self.existing) {
            (Ok(()), _) => {
                Ok(Response::new(StatusCode::CREATED).with_header(header::LOCATION, location))
            }
            (Err(Errno::EXIST), Existing::Replaced) => {
                // It may have come only now.
                self.check_existing(request, &directory, &name)?;
                match file.replace(&name) {
                    Ok(()) => Ok(Response::new(StatusCode::NO_CONTENT)),
                    Err(Errno::ISDIR | Errno::NOTEMPTY | Errno::EXIST) => Err(no_file()),
                    Err(error) => Err(write_failed(error)),
                }
            }
            (Err(Errno::EXIST), Existing::Kept) => Err(taken()),
            (Err(error), _) => Err(write_failed(error)),
        }
    }

    /// Refuses a request if its name is taken, or one of its conditions does not hold (§13).
    fn check_existing(
        &self,
        request: &Request<'_>,
        directory: &OwnedFd,
        name: &str,
    ) -> Result<(), HttpError> {
        // A link counts as itself.
        let found = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
        let found = found.as_ref().map(Stamp::from).ok();
        let fields = request.headers();
        let holds = match &found {
            Some(found) => {
                let validators = Validators::of_state(&found.state, HttpDate::now());
                validators.evaluate(Method::PUT, fields) != Precondition::Failed
            }
            None => !fields.contains(header::IF_MATCH),
        };
        if !holds {
            return Err(HttpError::new(StatusCode::PRECONDITION_FAILED));
        }
        match (found, self.existing) {
            (None, _) => Ok(()),
            (Some(_), Existing::Kept) => Err(taken()),
            (Some(found), Existing::Replaced) if found.is_regular() => Ok(()),
            (Some(_), Existing::Replaced) => Err(no_file()),
        }
    }
}

fn taken() -> HttpError {
    refusal(StatusCode::CONFLICT, "There is a file of this name already")
}

/// Somebody made the link, the socket or the device for a purpose, which a file in its place would
/// not serve.
fn no_file() -> HttpError {
    refusal(StatusCode::CONFLICT, "What has this name is not a file")
}
