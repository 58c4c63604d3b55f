//! Chooses the coding in which a file is sent: its own, or that of a compressed file beside it
//! (RFC 9110 §12.5.3).
//!
//! The length, the tag and the ranges are all those of the chosen representation. `Vary` is on
//! every response for a file that could have several.

use super::file::{Compressed, FileHandler, not_found};
use crate::http::{
    Body, Coding, HttpDate, HttpError, Representation, Request, Response, StatusCode, header,
};
use std::sync::Arc;

/// The suffix of SVG images in the gzip coding, which have one of their own.
const SVGZ: &str = ".svgz";
/// Extensions of files that browsers load. A compressed file with such an extension in its name is
/// meant to be loaded, too: the exports of game engines request them by their full names.
const LOADED: [&str; 7] = [".js", ".mjs", ".wasm", ".json", ".css", ".html", ".svg"];
/// More such extensions, of files that only their own engine understands.
const OPAQUE: [&str; 4] = [".data", ".mem", ".pck", ".unityweb"];

/// A file whose name says that it is some other file in a coding.
pub(super) struct Encoded<'n> {
    coding: Coding,
    /// Its name without the suffix of the coding.
    inner: &'n str,
}

impl Encoded<'_> {
    /// The media type of the decoded content.
    pub(super) fn media_type<'t>(&self, files: &'t FileHandler) -> &'t str {
        if has_any_suffix(self.inner, &OPAQUE) {
            "application/octet-stream"
        } else {
            files.media_type(self.inner)
        }
    }
}

/// The coding that `name` indicates, as far as `files` takes codings into account.
pub(super) fn encoded_name<'n>(name: &'n str, files: &FileHandler) -> Option<Encoded<'n>> {
    if has_suffix(name, SVGZ) {
        let is_picture = files.media_type(name) == "image/svg+xml";
        let coding = Coding::Gzip;
        return is_picture.then_some(Encoded {
            coding,
            inner: name,
        });
    }
    if files.compressed == Compressed::Plain {
        return None;
    }
    Coding::ALL.into_iter().find_map(|coding| {
        let end = name.len().checked_sub(coding.suffix().len())?;
        let (inner, suffix) = name.split_at_checked(end)?;
        let is_known = has_any_suffix(inner, &LOADED) || has_any_suffix(inner, &OPAQUE);
        let is_in_coding = suffix.eq_ignore_ascii_case(coding.suffix());
        (is_in_coding && is_known).then_some(Encoded { coding, inner })
    })
}

impl FileHandler {
    /// A regular file, or the compressed file that stands in for it. The connection finds out what
    /// the client already has of it.
    pub(super) fn file_response(
        &self,
        request: &Request<'_>,
        path: &[u8],
        file: Arc<Representation>,
    ) -> Result<Response, HttpError> {
        if self.compressed == Compressed::Plain && !ends_with(path, SVGZ) {
            return Ok(whole(file));
        }
        self.negotiated_response(request, path, file)
    }

    #[inline(never)]
    fn negotiated_response(
        &self,
        request: &Request<'_>,
        path: &[u8],
        file: Arc<Representation>,
    ) -> Result<Response, HttpError> {
        if file.lacking.contains_all(HttpDate::now().as_unix()) {
            return Ok(varying(whole(file)));
        }
        let name = String::from_utf8_lossy(path);
        let fields = request.headers();
        if let Some(Encoded { coding, .. }) = encoded_name(&name, self) {
            // Unlike CPython, which sends the type but not the coding, so that no browser can use
            // the file.
            let validators = file.validators.clone();
            let mut response = whole(file);
            if coding.is_accepted(fields) {
                // The same bytes, but not the same representation: a cache that has both must not
                // take a 304 for the one to be about the other.
                if let Some(etag) = validators.in_coding(Some(coding)).etag() {
                    response.headers.append(header::ETAG, etag.clone());
                }
                let name = coding.name();
                response
                    .headers
                    .extend_with(header::CONTENT_ENCODING, name.as_bytes());
            } else {
                let media_type = coding.media_type();
                let name = Representation::CONTENT_TYPE;
                response.headers.append(name, media_type);
            }
            return Ok(varying(response));
        }
        if self.compressed == Compressed::Plain {
            return Ok(whole(file));
        }
        let compressed = self.compressed_response(request, path, &file, &name)?;
        Ok(varying(compressed.unwrap_or_else(|| whole(file))))
    }

    /// The compressed file that stands in for `file`, in the coding that the client likes best.
    fn compressed_response(
        &self,
        request: &Request<'_>,
        path: &[u8],
        file: &Arc<Representation>,
        name: &str,
    ) -> Result<Option<Response>, HttpError> {
        let sibling = |coding| {
            let opened = self
                .root
                .open_sibling(path, file, coding, || self.kind(name));
            opened.map_err(not_found)
        };
        let is_first = file.lacking.begin(HttpDate::now().as_unix());
        for coding in Coding::preferred(request.headers()) {
            if let Some(sibling) = sibling(coding)? {
                let mut response = whole(sibling);
                response
                    .headers
                    .extend_with(header::CONTENT_ENCODING, coding.name().as_bytes());
                return Ok(Some(response));
            }
        }
        // The others are looked for, too, where that is remembered: until the second ends it need not be
        // read what a client accepts if none is there.
        let is_kept_open = Arc::strong_count(file) > 1;
        if is_first && is_kept_open {
            for coding in Coding::ALL {
                sibling(coding)?;
            }
        }
        Ok(None)
    }
}

/// The same, saying that another client may get the file in another coding.
fn varying(mut response: Response) -> Response {
    let headers = &mut response.headers;
    headers.extend_with(header::VARY, b"Accept-Encoding");
    response
}

/// A file served as itself.
fn whole(file: Arc<Representation>) -> Response {
    Response {
        body: Body::representation(file),
        ..Response::new(StatusCode::OK)
    }
}

fn has_any_suffix(name: &str, suffixes: &[&str]) -> bool {
    suffixes.iter().any(|suffix| has_suffix(name, suffix))
}

fn has_suffix(name: &str, suffix: &str) -> bool {
    ends_with(name.as_bytes(), suffix)
}

fn ends_with(name: &[u8], suffix: &str) -> bool {
    let end = name
        .len()
        .checked_sub(suffix.len())
        .and_then(|start| name.get(start..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(suffix.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_file_is_what_its_name_says_if_browsers_load_that() {
        let plain = FileHandler::new(".");
        let files = FileHandler::new(".").with_precompressed();
        for (name, expected) in [
            ("game.wasm.br", Some("application/wasm br")),
            ("game.WASM.BR", Some("application/wasm br")),
            ("game.framework.js.gz", Some("text/javascript gzip")),
            ("game.symbols.json.zst", Some("application/json zstd")),
            ("game.data.gz", Some("application/octet-stream gzip")),
            ("game.pck.br", Some("application/octet-stream br")),
            ("a.svgz", Some("image/svg+xml gzip")),
            ("archive.tar.gz", None),
            ("notes.txt.gz", None),
            ("x.gz", None),
            (".gz", None),
            ("js.gz", None),
            ("game.wasm", None),
        ] {
            let found = encoded_name(name, &files).map(|encoded| {
                let media_type = encoded.media_type(&files);
                format!("{media_type} {}", encoded.coding.name())
            });
            assert_eq!(found.as_deref(), expected, "{name}");
            let is_picture = name == "a.svgz";
            assert_eq!(encoded_name(name, &plain).is_some(), is_picture, "{name}");
        }
    }
}
