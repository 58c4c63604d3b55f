//! Directories as archives (`--tar`).

use super::FileHandler;
use crate::archive::{self, Failed};
use crate::files::{Node, Root, Tree};
use crate::handler::Handler;
use crate::http::{
    Body, HeaderName, HeaderValue, Headers, HttpDate, HttpError, Method, Request, Response,
    StatusCode, header,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

const CONTENT_DISPOSITION: HeaderName<'static> = HeaderName::from_static("Content-Disposition");

/// The name used for the served directory, whose own name is not disclosed.
const ROOT_NAME: &[u8] = b"files";

/// The characters that need no encoding in an extended value (RFC 8187 §3.2.1).
const EXTENDED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// Answers `GET DIRECTORY/?tar` with the directory as one tar archive; everything else goes to the
/// inner handler.
///
/// The length of the archive is known before its first byte, so it has a `Content-Length`, an
/// `ETag` and ranges, as files have: an interrupted download can be resumed. Files are sent by the
/// kernel where possible; memory use depends only on the number of names.
///
/// ```no_run
/// use rhttp::{FileHandler, Server, TarHandler};
///
/// let files = FileHandler::new("/srv/www");
/// let handler = TarHandler::new(files.clone(), &files);
/// Server::bind("127.0.0.1:8000", handler)?.serve()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TarHandler<H> {
    inner: H,
    root: Root,
}

impl<H: Handler> TarHandler<H> {
    /// Makes archives of what `files` serves: of its directory, under the same rule for symbolic
    /// links, and without the script directories.
    pub fn new(inner: H, files: &FileHandler) -> Self {
        let root = files.root().clone();
        Self { inner, root }
    }

    /// The tree that a request asks for as an archive; `None` if it does not ask for one.
    fn tree(&self, request: &Request<'_>) -> Result<Option<Tree>, HttpError> {
        let target = request.target();
        let asks = matches!(request.method(), Method::GET | Method::HEAD)
            && target.query() == Some(b"tar")
            && target.has_trailing_slash();
        let Some(path) = target.to_relative_path().filter(|_| asks) else {
            return Ok(None);
        };
        // For anything else, or nothing, the inner handler decides the response.
        let Ok(Node::Directory(directory)) = self.root.open(&path, Headers::new) else {
            return Ok(None);
        };
        let tree = directory.into_tree().map_err(|why| refusal(why.into()))?;
        let is_private = tree.is_private(&tree.top(), b"");
        Ok(Some(tree).filter(|_| !is_private))
    }
}

impl<H: Handler> Handler for TarHandler<H> {
    fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
        let Some(tree) = self.tree(request)? else {
            return self.inner.handle(request);
        };
        let name = tree.name().unwrap_or(ROOT_NAME).to_vec();
        let archive = archive::walk(tree, &name, HttpDate::now()).map_err(refusal)?;
        let mut response = Response::new(StatusCode::OK)
            .with_header(header::CONTENT_TYPE, "application/x-tar")
            .with_header(CONTENT_DISPOSITION, disposition(&name))
            .with_header(header::ACCEPT_RANGES, "bytes");
        if let Some(etag) = archive.etag() {
            response.headers.append(header::ETAG, etag);
        }
        response.body = Body::segments(archive);
        Ok(response)
    }

    forward_hooks!(self => self.inner);
}

fn refusal(why: Failed) -> HttpError {
    match why {
        Failed::Shortage => HttpError::overloaded(),
        Failed::Absent => {
            HttpError::new(StatusCode::NOT_FOUND).with_message("No permission to list directory")
        }
        Failed::TooDeep => HttpError::new(StatusCode::INTERNAL_SERVER_ERROR)
            .with_message("Directories are nested too deeply for an archive"),
    }
}

/// The file name under which to save the archive of a directory called `name`: in ASCII for all
/// clients, and unchanged for those that support RFC 8187.
fn disposition(name: &[u8]) -> HeaderValue {
    let name = String::from_utf8_lossy(name);
    let is_plain = |&character: &char| {
        matches!(character, ' '..='~') && !matches!(character, '"' | '\\' | '%' | '/')
    };
    let plain: String = name
        .chars()
        .map(|character| Some(character).filter(is_plain).unwrap_or('_'))
        .collect();
    let exact = percent_encode(name.as_bytes(), EXTENDED);
    HeaderValue::displayed(format_args!(
        "attachment; filename=\"{plain}.tar\"; filename*=UTF-8''{exact}.tar"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_given_twice() {
        for (name, plain, exact) in [
            ("v1.2", "v1.2", "v1.2"),
            ("a b", "a b", "a%20b"),
            ("a\"b\\c%", "a_b_c_", "a%22b%5Cc%25"),
            ("\u{e9}'\n", "_'_", "%C3%A9%27%0A"),
        ] {
            let expected =
                format!("attachment; filename=\"{plain}.tar\"; filename*=UTF-8''{exact}.tar");
            assert_eq!(disposition(name.as_bytes()).as_bytes(), expected.as_bytes());
        }
    }
}
