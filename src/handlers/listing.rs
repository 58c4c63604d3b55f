//! Listings of directories: which representation a client gets, and how it is sent.

use super::FileHandler;
use crate::files::remembered::{Metadata, RememberedListings, Snapshot, View};
use crate::files::rendering;
use crate::files::{Catalogue, Directory, Kind, Kinds, Sorting, Unavailable};
use crate::http::{
    Body, HeaderValue, Headers, HttpError, Representation, Request, Response, StatusCode,
    Validators, header,
};
use crate::representation::{ListingFormat, Precondition};
use crate::sys;
use std::hash::{DefaultHasher, Hash, Hasher};

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
        match self.listing {
            ListingStyle::Auto => {}
            ListingStyle::Classic => return classic(request, directory),
            ListingStyle::Off => return Err(not_listed(Unavailable::Absent)),
        }
        let classic = || Ok(classic(request, directory)?.with_header(header::VARY, "Accept"));
        let Some(view) = self.view(request, directory) else {
            return classic();
        };
        match (self.view_response(request, directory, view), view) {
            (Ok(response), _) => response,
            // CPython's page is smaller.
            (Err(Unavailable::Shortage), View::Page(..)) => classic(),
            (Err(why), _) => Err(not_listed(why)),
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
        // What is in other directories may have changed.
        if self.index_pages.iter().any(|page| page.contains('/')) {
            return None;
        }
        if self.view(request, directory) != Some(found.view) || !found.is_of(directory) {
            return None;
        }
        let content = found.clone();
        conditional(request, &found.metadata, || Ok(Body::shared(content))).ok()
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
            let snapshot = Snapshot::of(&catalogue);
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
fn classic(request: &Request<'_>, directory: &Directory<'_>) -> Result<Response, HttpError> {
    let title = request.target().to_display();
    let page = directory
        .entries()
        .and_then(|listing| rendering::classic(&title, listing))
        .map_err(not_listed)?;
    Ok(Response::new(StatusCode::OK)
        .with_header(Representation::CONTENT_TYPE, "text/html; charset=utf-8")
        .with_body(page)
        .hardened())
}

/// What is sent with a view. Its entity tag is the same for the same content.
fn metadata(view: View, path: &[u8], catalogue: &Catalogue) -> Metadata {
    let mut hasher = DefaultHasher::new();
    (view, catalogue).hash(&mut hasher);
    let mut fields = Headers::new();
    let mut append = |name, value: &'static str| fields.append(name, value);
    match view {
        View::Page(_, links) => {
            // The policy tells one version of the page's own style and script from another. A server
            // that is started again may be in another zone.
            (path, links.policy(), sys::time_zone_hash()).hash(&mut hasher);
            append(Representation::CONTENT_TYPE, "text/html; charset=utf-8");
            append(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
            append(header::CONTENT_SECURITY_POLICY, links.policy());
        }
        View::Json(_) => {
            append(Representation::CONTENT_TYPE, "application/json");
            append(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        }
    }
    let tag = HeaderValue::displayed(format_args!("W/\"{:016x}\"", hasher.finish()));
    let validators = Validators::default().with_etag(tag.as_bytes());
    fields.append(header::ETAG, tag);
    fields.append(header::VARY, "Accept");
    Metadata { fields, validators }
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
