//! Listings of directories: which representation a client gets, and how it is sent.

use super::FileHandler;
use crate::files::rendering::{self, Rendering};
use crate::files::{Catalogue, Directory, Kind, Sorting, Unavailable};
use crate::http::{
    HeaderValue, HttpError, Representation, Request, Response, StatusCode, Validators, header,
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

impl FileHandler {
    /// The listing of a directory.
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
        let response = match ListingFormat::wanted(request.headers()) {
            ListingFormat::Classic => classic(request, directory)?,
            ListingFormat::Page => self.page(request, directory)?,
            ListingFormat::Json => self.json(request, directory)?,
        };
        Ok(response.with_header(header::VARY, "Accept"))
    }

    /// The page for people. If there is no memory for it, CPython's page is tried: it is smaller.
    fn page(
        &self,
        request: &Request<'_>,
        directory: &Directory<'_>,
    ) -> Result<Response, HttpError> {
        let target = request.target();
        let sorting = Sorting::of_query(target.query());
        let links = self.offers.links(target, directory);
        let response = Response::new(StatusCode::OK)
            .with_header(Representation::CONTENT_TYPE, "text/html; charset=utf-8")
            .hardened_by(links.policy());
        let made = self.sorted(directory, sorting).and_then(|catalogue| {
            // The policy tells one version of the page's own style and script from another. A server
            // that is started again may be in another zone.
            let of_page = (target.path(), sorting, links, links.policy());
            let of_page = (of_page, sys::time_zone_hash());
            let tag = tag(("page", of_page, &catalogue));
            validated(request, response, tag, || {
                rendering::page(target, sorting, links, catalogue)
            })
        });
        match made {
            Ok(response) => response,
            Err(Unavailable::Absent) => Err(not_listed(Unavailable::Absent)),
            Err(Unavailable::Shortage) => {
                directory.rewind().map_err(not_listed)?;
                classic(request, directory)
            }
        }
    }

    fn json(
        &self,
        request: &Request<'_>,
        directory: &Directory<'_>,
    ) -> Result<Response, HttpError> {
        let sorting = Sorting::of_query(request.target().query());
        let response = Response::new(StatusCode::OK)
            .with_header(Representation::CONTENT_TYPE, "application/json")
            .with_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        let made = self.sorted(directory, sorting).and_then(|catalogue| {
            let tag = tag(("json", sorting, &catalogue));
            validated(request, response, tag, || rendering::json(catalogue))
        });
        made.map_err(not_listed)?
    }

    /// What is in a directory, in order.
    fn sorted(
        &self,
        directory: &Directory<'_>,
        sorting: Sorting,
    ) -> Result<Catalogue, Unavailable> {
        let find =
            |name: &[u8]| Kind::of_media_type(self.media_type(&String::from_utf8_lossy(name)));
        let mut catalogue = directory.catalogue(|name| self.kinds.of(name, find))?;
        catalogue.sort(sorting);
        Ok(catalogue)
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

/// A weak entity tag: the same for the same content.
fn tag(content: impl Hash) -> HeaderValue {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    HeaderValue::displayed(format_args!("W/\"{:016x}\"", hasher.finish()))
}

/// Makes what is rendered the content of `response`, unless the client has it already: then it is
/// not rendered at all.
fn validated(
    request: &Request<'_>,
    response: Response,
    tag: HeaderValue,
    render: impl FnOnce() -> Result<Rendering, Unavailable>,
) -> Result<Result<Response, HttpError>, Unavailable> {
    let validators = Validators::default().with_etag(tag.as_bytes());
    Ok(
        match validators.evaluate(request.method(), request.headers()) {
            Precondition::Holds | Precondition::HoldsForWhole => {
                let response = response.with_header(header::ETAG, tag);
                Ok(response.with_body(render()?))
            }
            Precondition::NotModified => {
                let response = Response::new(StatusCode::NOT_MODIFIED);
                Ok(response.with_header(header::ETAG, tag))
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
