//! Files and listings: Python's `SimpleHTTPRequestHandler`.

use super::ListingStyle;
use super::listing::Listings;
use super::negotiation::encoded_name;
use super::offers::Offers;
use crate::files::{self, Directory, Node, Root, Symlinks, Unavailable};
use crate::handler::Handler;
use crate::http::{
    Headers, HttpError, Method, Representation, Request, Response, StatusCode, header,
};
use rustix::fs::FileType;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The type of files that no table knows, unless another one is set.
const UNKNOWN: &str = "application/octet-stream";

/// Serves the files of a directory and lists what is in it.
///
/// ```no_run
/// use rhttp::{FileHandler, Server};
///
/// let files = FileHandler::new("/srv/www")
///     .with_index_pages(["index.html", "default.html"])
///     .with_extension(".webmanifest", "application/manifest+json");
/// Server::bind("127.0.0.1:8000", files)?.serve()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "SimpleHTTPRequestHandler")]
pub struct FileHandler {
    pub(super) root: Root,
    pub(super) index_pages: Vec<String>,
    extensions: BTreeMap<String, String>,
    pub(super) listing: ListingStyle,
    pub(super) offers: Offers,
    default_media_type: String,
    pub(super) compressed: Compressed,
    pub(super) listings: Arc<Listings>,
}

/// What compressed files are to be, beside files like any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compressed {
    /// Nothing.
    Plain,
    /// What is sent in place of their originals.
    Siblings,
}

impl FileHandler {
    /// Serves what is in `directory`; relative paths are taken from the current directory.
    #[doc(alias = "directory")]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let overrides = [
            (".gz", "application/gzip"),
            (".Z", "application/octet-stream"),
            (".bz2", "application/x-bzip2"),
            (".xz", "application/x-xz"),
        ];
        Self {
            root: Root::new(directory),
            index_pages: vec!["index.html".into(), "index.htm".into()],
            extensions: overrides
                .map(|(extension, kind)| (extension.into(), kind.into()))
                .into(),
            listing: ListingStyle::default(),
            offers: Offers::default(),
            default_media_type: UNKNOWN.into(),
            compressed: Compressed::Plain,
            listings: Arc::default(),
        }
    }

    /// The same with other names of index pages, the first that is there being sent.
    #[doc(alias = "index_pages")]
    pub fn with_index_pages<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.index_pages = names.into_iter().map(Into::into).collect();
        self.listings = Arc::default();
        self
    }

    /// The same with `media_type` for files whose name ends in `extension` (with its dot). It
    /// goes before all tables; the extension as written counts before its lower case.
    #[doc(alias = "extensions_map")]
    pub fn with_extension(
        mut self,
        extension: impl Into<String>,
        media_type: impl Into<String>,
    ) -> Self {
        self.extensions.insert(extension.into(), media_type.into());
        self.forget_types();
        self
    }

    /// The same with another type than `application/octet-stream` for files that no table knows.
    ///
    /// ```
    /// use rhttp::FileHandler;
    ///
    /// let files = FileHandler::new("/srv/www").with_default_media_type("text/plain");
    /// assert_eq!(files.media_type("LICENSE"), "text/plain");
    /// assert_eq!(files.media_type("a.html"), "text/html");
    /// ```
    #[doc(alias = "default_content_type")]
    pub fn with_default_media_type(mut self, media_type: impl Into<String>) -> Self {
        self.default_media_type = media_type.into();
        self.forget_types();
        self
    }

    /// The same with compressed files sent in place of their originals: for `app.js` a client that
    /// takes the coding gets `app.js.br`, `app.js.zst` or `app.js.gz`, if that is not older. Asked for
    /// by such a name itself, what browsers load (`game.wasm.br`) is sent as `application/wasm` in its
    /// coding.
    ///
    /// ```
    /// use rhttp::FileHandler;
    ///
    /// let files = FileHandler::new("dist").with_precompressed();
    /// ```
    pub fn with_precompressed(mut self) -> Self {
        self.compressed = Compressed::Siblings;
        self.forget_types();
        self
    }

    /// The same with symbolic links followed as `symlinks` says; by default all are, as in
    /// CPython.
    ///
    /// ```
    /// use rhttp::{FileHandler, Symlinks};
    ///
    /// let files = FileHandler::new("/srv/www").with_symlinks(Symlinks::Inside);
    /// ```
    pub fn with_symlinks(mut self, symlinks: Symlinks) -> Self {
        self.root = self.root.with_symlinks(symlinks);
        self.listings = Arc::default();
        self
    }

    /// The same with directories listed in this style; by default browsers get a page for people,
    /// programs that name it JSON, and all others CPython's page.
    ///
    /// ```
    /// use rhttp::{FileHandler, ListingStyle};
    ///
    /// let files = FileHandler::new("/srv/www").with_listing(ListingStyle::Classic);
    /// ```
    pub fn with_listing(mut self, listing: ListingStyle) -> Self {
        self.listing = listing;
        self
    }

    /// Forgets what followed from media types, which are others from now on.
    fn forget_types(&mut self) {
        self.root.forget_files();
        self.listings = Arc::default();
    }

    /// Sends no file in these directories from now on, whatever leads there: they are the
    /// scripts' of a [`CgiHandler`](super::CgiHandler).
    pub(super) fn keep_private(&mut self, directories: Vec<PathBuf>) {
        self.root.keep_private(directories);
    }

    /// Where the files are, and which of them are sent.
    pub(super) fn root(&self) -> &Root {
        &self.root
    }

    /// What `path` in the directory leads to, as far as links may be followed.
    pub(super) fn type_of(&self, path: &[u8]) -> Result<FileType, HttpError> {
        self.root.type_of(path).map_err(not_found)
    }

    /// The directory that is served.
    ///
    /// ```
    /// use rhttp::FileHandler;
    /// use std::path::Path;
    ///
    /// assert_eq!(FileHandler::new("/srv/www").directory(), Path::new("/srv/www"));
    /// ```
    pub fn directory(&self) -> &Path {
        self.root.directory()
    }

    /// The media type of a file called `name`: the extensions set for this handler, CPython's
    /// table, `mime_guess`'s, and `application/octet-stream` (or what was set) for the rest.
    #[doc(alias = "guess_type")]
    pub fn media_type(&self, name: &str) -> &str {
        let (_, extension) = files::split_extension(name);
        let set = |extension: &str| self.extensions.get(extension).map(String::as_str);
        set(extension)
            .or_else(|| match files::to_lowercase(extension) {
                Cow::Borrowed(_) => None,
                Cow::Owned(lower) => set(&lower),
            })
            .or_else(|| files::builtin_media_type(name))
            .unwrap_or(&self.default_media_type)
    }

    /// A directory: redirect to its name with a slash, or send its index page, or list it.
    fn directory_response(
        &self,
        request: &Request<'_>,
        directory: &Directory<'_>,
    ) -> Result<Response, HttpError> {
        let target = request.target();
        if !target.has_trailing_slash() {
            return Ok(Response::new(StatusCode::MOVED_PERMANENTLY)
                .with_header(header::LOCATION, target.to_directory_location())
                .with_header(header::CONTENT_LENGTH, 0));
        }
        if let Some(listing) = self.same_listing(request, directory) {
            return listing;
        }
        let index = directory.open_index(&self.index_pages, |name| self.kind(name));
        match index.map_err(not_found)? {
            Some((path, file)) => self.file_response(request, &path, file),
            None => self.listing_response(request, directory),
        }
    }

    /// The fields of a file called `name` that its name decides.
    pub(super) fn kind(&self, name: &str) -> Headers {
        let encoded = encoded_name(name, self);
        Representation::kind(match &encoded {
            Some(encoded) => encoded.media_type(self),
            None => self.media_type(name),
        })
    }
}

impl Handler for FileHandler {
    /// Answers GET and HEAD in these steps: the target becomes a path, what is there is opened,
    /// a directory is redirected, indexed or listed, a file is sent.
    #[doc(alias = "send_head")]
    fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
        if !matches!(request.method(), Method::GET | Method::HEAD) {
            return Err(HttpError::unsupported_method(request.method()));
        }
        let Some(path) = request.target().to_relative_path() else {
            return Err(HttpError::file_not_found());
        };
        let kind = || self.kind(&String::from_utf8_lossy(&path));
        match self.root.open(&path, kind).map_err(not_found)? {
            Node::Directory(directory) => self.directory_response(request, &directory),
            // As in CPython, a file is not a directory, whatever the client thinks.
            Node::File(_) if request.target().has_trailing_slash() => {
                Err(HttpError::file_not_found())
            }
            Node::File(file) => self.file_response(request, &path, file),
        }
    }
}

/// The answer for a file that cannot be opened.
pub(super) fn not_found(why: Unavailable) -> HttpError {
    match why {
        Unavailable::Absent => HttpError::file_not_found(),
        Unavailable::Shortage => HttpError::overloaded(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_set_for_the_handler_go_first() {
        let files = FileHandler::new(".")
            .with_extension(".foo", "text/foo")
            .with_extension(".html", "text/x");
        for (name, expected) in [
            ("a.gz", "application/gzip"),
            ("a.tar.GZ", "application/gzip"),
            ("a.Z", "application/octet-stream"),
            ("a.z", "application/x-compress"),
            ("a.bz2", "application/x-bzip2"),
            ("a.xz", "application/x-xz"),
            ("a.foo", "text/foo"),
            ("a.FOO", "text/foo"),
            ("a.html", "text/x"),
            ("a.htm", "text/html"),
            ("a", "application/octet-stream"),
        ] {
            assert_eq!(files.media_type(name), expected, "{name}");
        }
    }
}
