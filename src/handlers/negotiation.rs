//! In which coding a file is sent: its own, or that of a compressed file beside it (RFC 9110 §12.5.3).
//!
//! What is chosen is the representation that everything else is about: its length, its tag, its
//! ranges. `Vary` says so on each answer for a file of which there could be several.

use super::file::{Compressed, FileHandler, not_found};
use crate::http::{Body, Coding, HttpError, Representation, Request, Response, StatusCode, header};
use std::sync::Arc;

/// SVG images in the gzip coding, which have a suffix of their own.
const SVGZ: &str = ".svgz";
/// What browsers load, and so what a compressed file with such a name in it is meant to be: the
/// exports of game engines ask for them by their whole names.
const LOADED: [&str; 7] = [".js", ".mjs", ".wasm", ".json", ".css", ".html", ".svg"];
/// The same of which only their own engine knows what they are.
const OPAQUE: [&str; 4] = [".data", ".mem", ".pck", ".unityweb"];

/// A file whose name says that it is something else in a coding.
pub(super) struct Encoded<'n> {
    coding: Coding,
    /// What it is called without its coding.
    inner: &'n str,
}

impl Encoded<'_> {
    /// The type of what is in it.
    pub(super) fn media_type<'t>(&self, files: &'t FileHandler) -> &'t str {
        if has_any_suffix(self.inner, &OPAQUE) {
            "application/octet-stream"
        } else {
            files.media_type(self.inner)
        }
    }
}

/// What `name` says of a coding, as far as `files` heeds that.
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
    /// A regular file, or what stands for it. The connection finds out what the client has of it
    /// already.
    pub(super) fn file_response(
        &self,
        request: &Request<'_>,
        path: &[u8],
        file: Arc<Representation>,
    ) -> Result<Response, HttpError> {
        let name = String::from_utf8_lossy(path);
        let fields = request.headers();
        if let Some(Encoded { coding, .. }) = encoded_name(&name, self) {
            // Unlike CPython, which names the type but not the coding, so that no browser can use it.
            let mut response = whole(file);
            if coding.is_accepted(fields) {
                let name = coding.name();
                response.headers.append(header::CONTENT_ENCODING, name);
            } else {
                let media_type = coding.media_type();
                let name = Representation::CONTENT_TYPE;
                response.headers.append(name, media_type);
            }
            response.headers.append(header::VARY, "Accept-Encoding");
            return Ok(response);
        }
        if self.compressed == Compressed::Plain {
            return Ok(whole(file));
        }
        for coding in Coding::preferred(fields) {
            let kind = || self.kind(&name);
            let sibling = self.root.open_sibling(path, &file, coding, kind);
            if let Some(sibling) = sibling.map_err(not_found)? {
                let mut response = whole(sibling);
                let name = coding.name();
                response.headers.append(header::CONTENT_ENCODING, name);
                response.headers.append(header::VARY, "Accept-Encoding");
                return Ok(response);
            }
        }
        let mut response = whole(file);
        response.headers.append(header::VARY, "Accept-Encoding");
        Ok(response)
    }
}

/// A file as it is.
fn whole(file: Arc<Representation>) -> Response {
    let mut response = Response::new(StatusCode::OK);
    response.body = Body::representation(file);
    response
}

fn has_any_suffix(name: &str, suffixes: &[&str]) -> bool {
    suffixes.iter().any(|suffix| has_suffix(name, suffix))
}

fn has_suffix(name: &str, suffix: &str) -> bool {
    let start = name.len().checked_sub(suffix.len());
    start
        .and_then(|start| name.get(start..))
        .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
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
