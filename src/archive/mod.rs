//! A directory as one tar archive, whose length is known before its first byte is sent.
//!
//! It is made in three steps. The tree is walked once ([`walk()`]), which leaves in memory the names,
//! sizes and times of everything in it, and nothing else. These alone determine where each byte of
//! the archive is ([`layout`], with the blocks that [`header`] writes), so any range of it can be
//! sent ([`send`]): the files are opened one after the other, and must be unchanged.

mod header;
mod layout;
mod send;
mod walk;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use layout::{Entry, Kind, Layout, Segment};
pub(crate) use walk::{Failed, walk};
