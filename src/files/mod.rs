//! The tree on disk: names to open files, their types, validators and listings.

mod listing;
mod media_type;
mod range;
mod root;
mod validators;

pub(crate) use listing::{page, read_entries};
pub(crate) use media_type::{builtin_media_type, split_extension, to_lowercase};
pub use range::Selection;
pub(crate) use root::{Directory, Index, Node, RegularFile, Root};
pub(crate) use validators::{Precondition, Validators, evaluate};
