//! Why an upload is refused.

use crate::http::{FieldLines, HeaderName, HttpError, Request, StatusCode, header, parse_decimal};
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;

const ORIGIN: HeaderName<'static> = HeaderName::from_static("Origin");
const SEC_FETCH_SITE: HeaderName<'static> = HeaderName::from_static("Sec-Fetch-Site");

/// An error with the same text on the page and in the log.
pub(super) fn refusal(status: StatusCode, why: &'static str) -> HttpError {
    HttpError::new(status)
        .with_message(why)
        .with_explanation(why)
}

/// Whether a request comes from a page of this server, or from a program that is not a browser. Any
/// other page could submit a form to this server without its reader's knowledge.
pub(super) fn check_origin(fields: FieldLines<'_>) -> Result<(), HttpError> {
    let is_own = match fields.get(SEC_FETCH_SITE) {
        Some(site) => matches!(site, b"same-origin" | b"none"),
        None => fields
            .get_all(ORIGIN)
            .all(|origin| is_of_host(origin, fields.get(header::HOST))),
    };
    is_own.then_some(()).ok_or_else(|| {
        refusal(
            StatusCode::FORBIDDEN,
            "A page of another site cannot send files here",
        )
    })
}

/// Whether an origin is that of the requested host. `null` never is.
fn is_of_host(origin: &[u8], host: Option<&[u8]>) -> bool {
    let authority = ["http://", "https://"]
        .iter()
        .find_map(|scheme| origin.strip_prefix(scheme.as_bytes()));
    match (authority, host) {
        (Some(authority), Some(host)) => authority.eq_ignore_ascii_case(host),
        _ => false,
    }
}

/// How many bytes an upload may still send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    bytes: u64,
    received: u64,
}

impl Limit {
    /// The limit for a request, whose length may already be known. `most` is the configured limit;
    /// the default is the free space on the disk of `directory`, less 5 %.
    pub(super) fn of(
        request: &Request<'_>,
        most: Option<u64>,
        directory: &OwnedFd,
    ) -> Result<Self, HttpError> {
        let free = rustix::fs::fstatvfs(directory)
            .map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        let bytes = most.unwrap_or(free - free / 20);
        let length = request
            .header(header::CONTENT_LENGTH)
            .map(<[u8]>::trim_ascii);
        let length = length.and_then(parse_decimal).unwrap_or(0);
        if length > bytes {
            return Err(too_large());
        }
        if length > free {
            return Err(disk_full());
        }
        Ok(Self { bytes, received: 0 })
    }

    /// Counts received bytes.
    pub(super) fn count(&mut self, bytes: usize) -> Result<(), HttpError> {
        self.received = self.received.saturating_add(bytes as u64);
        let is_within = self.received <= self.bytes;
        is_within.then_some(()).ok_or_else(too_large)
    }
}

fn too_large() -> HttpError {
    refusal(
        StatusCode::CONTENT_TOO_LARGE,
        "This is more than may be sent here",
    )
}

fn disk_full() -> HttpError {
    refusal(StatusCode::INSUFFICIENT_STORAGE, "The disk is full")
}

/// The answer if a file cannot be created or written.
pub(super) fn write_failed(error: Errno) -> HttpError {
    match error {
        Errno::NOSPC | Errno::DQUOT => disk_full(),
        Errno::FBIG => too_large(),
        Errno::ACCESS | Errno::PERM | Errno::ROFS => refusal(
            StatusCode::FORBIDDEN,
            "The server may not write to this directory",
        ),
        Errno::NAMETOOLONG => refusal(StatusCode::BAD_REQUEST, "The file name is too long"),
        // It was removed in the meantime.
        Errno::NOENT => refusal(
            StatusCode::CONFLICT,
            "There is no such directory to send to",
        ),
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => HttpError::overloaded(),
        _ => HttpError::new(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// The same for errors of the standard library.
pub(super) fn write_failed_io(error: &io::Error) -> HttpError {
    write_failed(Errno::from_io_error(error).unwrap_or(Errno::IO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_compared_with_the_host() {
        for (origin, host, expected) in [
            ("http://a:8000", "a:8000", true),
            ("https://a", "A", true),
            ("http://a:8000", "a", false),
            ("http://evil", "a", false),
            ("http://a.evil", "a", false),
            ("null", "null", false),
            ("", "", false),
        ] {
            let found = is_of_host(origin.as_bytes(), Some(host.as_bytes()));
            assert_eq!(found, expected, "{origin} {host}");
        }
        assert!(!is_of_host(b"http://a", None));
    }
}
