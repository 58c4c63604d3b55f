//! Listings of directories: which representation a client gets, and how it is sent.

use super::FileHandler;
use crate::files::remembered::{Metadata, RememberedListings, Snapshot, View};
use crate::files::rendering;
use crate::files::{Catalogue, Directory, Kind, Kinds, Sorting, Unavailable};
use crate::http::{
    Body, HeaderValue, HttpError, Representation, Request, Response, StatusCode, Validators, header,
};
use crate::representation::{ListingFormat, Precondition};
use crate::sys;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// How directories without an index page are listed.
///
/// ```
/// use rhttp::{FileHandler, ListingStyle};
///
/// // For programs that parse CPython's page, whatever they accept.
/// let mirror = FileHandler::new("/srv/mirror").with_listing(ListingStyle::Classic);
/// // Only what has an index page is shown.
/// let site = FileHandler::new("/srv/www").with_listing(ListingStyle::Off);
///
/// assert_eq!(ListingStyle::default(), ListingStyle::Auto);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListingStyle {
    /// As `Accept` asks: a page for people if the client is a browser, JSON if it names JSON, and
    /// CPython's page otherwise.
    #[default]
    Auto,
    /// CPython's page, for every client.
    Classic,
    /// No listings: 404, as for a directory that may not be read.
    Off,
}

/// What listings have in common, as long as index pages, links and media types are what they are.
#[derive(Debug, Default)]
pub(super) struct Listings {
    /// What they call files.
    kinds: Kinds,
    remembered: RememberedListings,
}

impl FileHandler {
    /// The listing of a directory without an index page.
    #[doc(alias = "list_directory")]
    pub(super) fn listing_response(
        &self,
        request: &Request<'_>,
        directory: &Directory<'_>,
    ) -> Result<Response, HttpError> {
        let classic = || self.with_room(|| classic(request, directory));
        match self.listing {
            ListingStyle::Auto => {}
            ListingStyle::Classic => return classic().map_err(not_listed),
            ListingStyle::Off => return Err(not_listed(Unavailable::Absent)),
        }
        let negotiated = || {
            let response = classic().map_err(not_listed)?;
            Ok(response.with_header(header::VARY, "Accept"))
        };
        let Some(view) = self.view(request, directory) else {
            return negotiated();
        };
        match self.with_room(|| self.view_response(request, directory, view)) {
            Ok(response) => response,
            // CPython's page is smaller.
            Err(Unavailable::Shortage) if matches!(view, View::Page(..)) => negotiated(),
            Err(why) => Err(not_listed(why)),
        }
    }

    /// What `make` returns. In a shortage it is called again if there is memory that only remembered
    /// listings take.
    fn with_room<T>(&self, make: impl Fn() -> Result<T, Unavailable>) -> Result<T, Unavailable> {
        match make() {
            Err(Unavailable::Shortage) if self.listings.remembered.forget() => make(),
            result => result,
        }
    }

    /// What was the answer when the directory was listed last, if all that is in it is as it was then:
    /// there is no index page now either.
    pub(super) fn same_listing(
        &self,
        request: &Request<'_>,
        directory: &Directory<'_>,
    ) -> Option<Result<Response, HttpError>> {
        let found = self.listings.remembered.find(request.target().path())?;
        if self.view(request, directory) != Some(found.view) || !found.is_of(directory) {
            return None;
        }
        let content = || Ok(Arc::clone(&found.rendering).into());
        conditional(request, &found.metadata, content).ok()
    }

    /// Whether the same names may come with an index page another time: one has come since it was
    /// looked for, or it is in another directory.
    fn may_have_index(&self, catalogue: &Catalogue) -> bool {
        let is_index = |name: &[u8]| {
            let mut pages = self.index_pages.iter();
            pages.any(|page| page.as_bytes().eq_ignore_ascii_case(name))
        };
        self.index_pages.iter().any(|page| page.contains('/'))
            || catalogue
                .iter()
                .any(|(entry, details)| details.is_file() && is_index(entry.name))
    }

    /// What the client is to see of a directory, unless that is CPython's page or nothing.
    fn view(&self, request: &Request<'_>, directory: &Directory<'_>) -> Option<View> {
        if self.listing != ListingStyle::Auto {
            return None;
        }
        let target = request.target();
        let sorting = || Sorting::of_query(target.query());
        match ListingFormat::wanted(request.headers()) {
            ListingFormat::Classic => None,
            ListingFormat::Page => {
                Some(View::Page(sorting(), self.offers.links(target, directory)))
            }
            ListingFormat::Json => Some(View::Json(sorting())),
        }
    }

    /// The page for people, or JSON.
    fn view_response(
        &self,
        request: &Request<'_>,
        directory: &Directory<'_>,
        view: View,
    ) -> Result<Result<Response, HttpError>, Unavailable> {
        let target = request.target();
        let mut catalogue = directory.catalogue(|name| self.kind_of(name))?;
        catalogue.sort(view.sorting());
        let metadata = metadata(view, target.path(), &catalogue);
        conditional(request, &metadata, || {
            let snapshot = if self.may_have_index(&catalogue) {
                None
            } else {
                Snapshot::of(&catalogue)
            };
            let rendering = match view {
                View::Page(sorting, links) => rendering::page(target, sorting, links, catalogue),
                View::Json(_) => rendering::json(catalogue),
            }?;
            let remembered = &self.listings.remembered;
            Ok(remembered.content(target.path(), view, snapshot, &metadata, rendering))
        })
    }

    /// What listings call a file of this name.
    fn kind_of(&self, name: &[u8]) -> Kind {
        let find =
            |name: &[u8]| Kind::of_media_type(self.media_type(&String::from_utf8_lossy(name)));
        self.listings.kinds.of(name, find)
    }
}

/// CPython's page.
fn classic(request: &Request<'_>, directory: &Directory<'_>) -> Result<Response, Unavailable> {
    let title = request.target().to_display();
    let page = rendering::classic(&title, directory.entries()?)?;
    Ok(Response::new(StatusCode::OK)
        .with_header(Representation::CONTENT_TYPE, "text/html; charset=utf-8")
        .with_body(page)
        .hardened())
}

/// What is sent with a view. Its entity tag is the same for the same content.
fn metadata(view: View, path: &[u8], catalogue: &Catalogue) -> Metadata {
    let mut hasher = DefaultHasher::new();
    (view, catalogue).hash(&mut hasher);
    let response = Response::new(StatusCode::OK);
    let response = match view {
        View::Page(_, links) => {
            // The policy tells one version of the page's own style and script from another. A server
            // that is started again may be in another zone.
            (path, links.policy(), sys::time_zone_hash()).hash(&mut hasher);
            response
                .with_header(Representation::CONTENT_TYPE, "text/html; charset=utf-8")
                .hardened_by(links.policy())
        }
        View::Json(_) => response
            .with_header(Representation::CONTENT_TYPE, "application/json")
            .with_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    };
    let tag = HeaderValue::displayed(format_args!("W/\"{:016x}\"", hasher.finish()));
    let validators = Validators::default().with_etag(tag.as_bytes());
    let response = response
        .with_header(header::ETAG, tag)
        .with_header(header::VARY, "Accept");
    Metadata {
        fields: response.headers,
        validators,
    }
}

/// A view that is sent with this metadata, unless the client has it already.
fn conditional(
    request: &Request<'_>,
    metadata: &Metadata,
    content: impl FnOnce() -> Result<Body, Unavailable>,
) -> Result<Result<Response, HttpError>, Unavailable> {
    let Metadata { fields, validators } = metadata;
    Ok(
        match validators.evaluate(request.method(), request.headers()) {
            Precondition::Holds | Precondition::HoldsForWhole => Ok(Response {
                headers: fields.clone(),
                ..Response::new(StatusCode::OK).with_body(content()?)
            }),
            Precondition::NotModified => {
                let mut response = Response::new(StatusCode::NOT_MODIFIED);
                if let Some(tag) = validators.etag() {
                    response.headers.append(header::ETAG, tag.clone());
                }
                Ok(response.with_header(header::VARY, "Accept"))
            }
            Precondition::Failed => Err(HttpError::new(StatusCode::PRECONDITION_FAILED)),
        },
    )
}

fn not_listed(why: Unavailable) -> HttpError {
    match why {
        Unavailable::Absent => {
            HttpError::new(StatusCode::NOT_FOUND).with_message("No permission to list directory")
        }
        Unavailable::Shortage => HttpError::overloaded(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::Handler;
    use crate::http::{
        FieldLine, FieldLines, Latin1, Method, Peer, RequestBody, RequestLine, RequestTarget,
        Version,
    };
    use std::cell::Cell;
    use std::fs;
    use std::net::{Ipv4Addr, SocketAddr};
    use std::path::Path;

    /// Asks for a page, and returns whether that is remembered.
    fn remembers(files: &FileHandler) -> bool {
        let line = RequestLine {
            text: Latin1::new(b""),
            method: Method::GET,
            target: RequestTarget::new(b"/"),
            version: Version::HTTP_11,
        };
        let fields = [FieldLine::new("Accept", b"text/html")];
        let address = Peer::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
        let peers = (&address, &address);
        let body = RequestBody::default();
        let mut request = Request::new(line, FieldLines::new(&fields), peers, body);
        let response = files.handle(&mut request).expect("it is listed");
        assert_eq!(response.status, StatusCode::OK);
        files.listings.remembered.find(b"/").is_some()
    }

    #[test]
    fn a_shortage_makes_a_handler_forget_listings() {
        let tree = tempfile::tempdir().expect("a temporary directory");
        let files = FileHandler::new(tree.path());
        let calls = Cell::new(0);
        let make = || {
            calls.set(calls.get() + 1);
            match calls.get() {
                1 => Err(Unavailable::Shortage),
                calls => Ok(calls),
            }
        };
        assert_eq!(files.with_room(make), Err(Unavailable::Shortage));
        assert!(remembers(&files));
        calls.set(0);
        assert_eq!(files.with_room(make), Ok(2));
        assert!(files.listings.remembered.find(b"/").is_none());
    }

    #[test]
    fn a_listing_with_what_may_be_an_index_page_is_not_remembered() {
        let tree = tempfile::tempdir().expect("a temporary directory");
        let files = || FileHandler::new(tree.path());
        let write = |path: &Path| fs::write(path, "").expect("a file");
        write(&tree.path().join("a"));
        fs::create_dir(tree.path().join("index.html")).expect("a directory");
        assert!(remembers(&files()));
        assert!(!remembers(&files().with_index_pages(["index.html/a"])));
        // As if it had come after it was looked for: here, no other case is looked for.
        write(&tree.path().join("INDEX.HTM"));
        assert!(!remembers(&files()));
        assert!(remembers(&files().with_index_pages(["index.html"])));
    }

    #[test]
    fn another_handler_does_not_find_what_one_remembers() {
        let tree = tempfile::tempdir().expect("a temporary directory");
        let files = FileHandler::new(tree.path());
        assert!(remembers(&files));
        let others = [
            files.clone().with_index_pages(["a"]),
            files.clone().with_symlinks(crate::Symlinks::Never),
            files.clone().with_extension(".a", "text/a"),
        ];
        for other in others {
            assert!(other.listings.remembered.find(b"/").is_none());
        }
    }
}
