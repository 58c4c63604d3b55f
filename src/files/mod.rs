//! The tree on disk: names to open files, their types, validators, ranges and listings.

mod conditional;
mod listing;
mod media_type;
mod range;
mod root;
mod validators;

pub(crate) use conditional::respond;
pub(crate) use listing::{page, read_entries};
pub(crate) use media_type::{builtin_media_type, split_extension, to_lowercase};
pub use range::Selection;
pub(crate) use root::{Directory, Index, Node, RegularFile, Root};
pub use validators::{Precondition, Validators};
