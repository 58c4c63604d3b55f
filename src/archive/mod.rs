//! A directory as one tar archive, whose length is known before its first byte.
//!
//! It is made in three steps. The tree is walked once ([`walk`]), which leaves the names, sizes and
//! times of all that is in it, and nothing else in memory. From these alone follows where each byte
//! of the archive is ([`layout`], with the blocks that [`header`] writes), so any range of it can be
//! sent ([`send`]): the files are opened one after the other, and must still be what they were.

mod header;
mod layout;
mod send;
mod walk;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use layout::{Entry, Kind, Layout, Segment};
pub(crate) use walk::{Failed, walk};
