//! What the page for people offers beside the files: links to what other handlers make of a directory.

use super::FileHandler;
use super::upload::Place;
use crate::files::Directory;
use crate::files::rendering::Links;
use crate::http::RequestTarget;
use std::path::PathBuf;

/// What a [`FileHandler`] is told about the handlers around it.
#[derive(Clone, Debug, Default)]
pub(super) struct Offers {
    archive: bool,
    uploads: Option<Place>,
}

impl Offers {
    /// The links for a directory. Files are sent to the directory that is shown, or to none: it is the
    /// same on the disk, whatever the target is called.
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
    /// The same with a link to the directory's archive in the page for people, for a
    /// [`TarHandler`](super::TarHandler) around this.
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

    /// The same with a link to the form for files in the page for people, for an
    /// [`UploadHandler`](super::UploadHandler) around this that takes them into `directory`. The link
    /// is there where a file that is sent appears in the directory that is shown.
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
