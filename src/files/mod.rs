//! The tree on disk: names to open files, their media types, and listings.

mod beneath;
mod destination;
mod listing;
mod media_type;
mod open_files;
mod page;
mod private;
mod reservation;
mod root;
mod tree;
mod unavailable;

pub use beneath::Symlinks;
pub(crate) use beneath::open_file;
pub(crate) use destination::NoDestination;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use listing::{Entry, Listing};
pub(crate) use media_type::{builtin_media_type, split_extension, to_lowercase};
pub(crate) use open_files::{Stamp, most_kept_open};
pub(crate) use page::Page;
pub(crate) use reservation::{Reservation, grow};
pub(crate) use root::{Directory, Node, Root};
pub(crate) use tree::Tree;
pub(crate) use unavailable::Unavailable;
