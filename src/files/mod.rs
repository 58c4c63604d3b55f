//! The tree on disk: names to open files, their types, validators, ranges and listings.

mod beneath;
mod conditional;
mod listing;
mod media_type;
mod open_files;
mod page;
mod range;
mod room;
mod root;
mod unavailable;
mod validators;

pub use beneath::Symlinks;
pub(crate) use conditional::respond;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use listing::{Entry, Listing};
pub(crate) use media_type::{builtin_media_type, split_extension, to_lowercase};
pub(crate) use page::Page;
pub use range::Selection;
pub(crate) use root::{Directory, Node, RegularFile, Root};
pub(crate) use unavailable::Unavailable;
pub use validators::{Precondition, Validators};
