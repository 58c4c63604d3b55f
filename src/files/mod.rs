//! The tree on disk: names to open files, their media types, and listings.

mod beneath;
mod catalogue;
mod destination;
mod kind;
mod listing;
mod media_type;
mod names;
mod natural;
mod open_files;
mod opening;
mod path;
mod private;
pub(crate) mod remembered;
pub(crate) mod rendering;
mod reservation;
mod root;
mod sibling;
mod sorting;
mod tree;
mod unavailable;

pub use beneath::Symlinks;
pub(crate) use beneath::open_file;
pub(crate) use catalogue::Catalogue;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use catalogue::Details;
pub(crate) use destination::NoDestination;
pub(crate) use kind::{Kind, Kinds};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use listing::{Entry, Listing};
pub(crate) use media_type::{
    builtin_media_type, has_known_extension, split_extension, to_lowercase,
};
pub(crate) use open_files::{Stamp, most_kept_open};
pub(crate) use reservation::{Reservation, grow};
pub(crate) use root::{Directory, Node, Root};
pub(crate) use sorting::Sorting;
pub(crate) use tree::Tree;
pub(crate) use unavailable::Unavailable;
