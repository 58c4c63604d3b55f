//! Links on the page for people to what other handlers make of a directory: its archive, and a form
//! for uploads.

use super::FileHandler;
use super::upload::Place;
use crate::files::Directory;
use crate::files::rendering::Links;
use crate::http::RequestTarget;
use std::path::PathBuf;

/// What a [`FileHandler`] knows about the handlers around it.
#[derive(Clone, Debug, Default)]
pub(super) struct Offers {
    archive: bool,
    uploads: Option<Place>,
}

impl Offers {
    /// The links for a directory. The form is linked only if it uploads into the directory shown:
    /// that is compared on the disk, because several targets may lead to one directory.
    pub(super) fn links(&self, target: RequestTarget<'_>, shown: &Directory<'_>) -> Links {
        let uploads = self.uploads.as_ref();
        let taken = uploads.and_then(|place| place.behind_form(target));
        Links {
            archive: self.archive,
            form: taken.is_some_and(|directory| shown.is(&directory)),
        }
    }
}

impl FileHandler {
    /// The same with a link to the directory's archive on the page for people, for use inside a
    /// [`TarHandler`](super::TarHandler).
    ///
    /// ```
    /// use rhttp::{FileHandler, TarHandler};
    ///
    /// let files = FileHandler::new("/srv/www").with_archive_link();
    /// let handler = TarHandler::new(files.clone(), &files);
    /// ```
    pub fn with_archive_link(mut self) -> Self {
        self.offers.archive = true;
        self
    }

    /// The same with a link to the upload form on the page for people, for use inside an
    /// [`UploadHandler`](super::UploadHandler) that stores files in `directory`. The link appears
    /// only where uploaded files end up in the directory that the page shows.
    ///
    /// ```
    /// use rhttp::{FileHandler, UploadHandler};
    ///
    /// let files = FileHandler::new("/srv/www").with_upload_link("/srv/www/incoming");
    /// let handler = UploadHandler::new(files.clone(), &files)
    ///     .with_directory("/srv/www/incoming");
    /// ```
    pub fn with_upload_link(mut self, directory: impl Into<PathBuf>) -> Self {
        let place = Place::of(&self.root).with_directory(directory.into());
        self.offers.uploads = Some(place);
        self
    }
}
