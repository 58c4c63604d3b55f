//! What must hold whatever the network sends: one function for each target in `fuzz/`, which
//! panics when it does not. The tests at the end replay the committed seeds and ask the same of
//! random inputs. Nothing here is part of the library.

#![allow(
    clippy::missing_panics_doc,
    reason = "to panic is how these functions tell what they found"
)]

mod archives;
mod asking;
mod conditions;
mod dates;
mod forms;
mod listings;
mod ranges;
mod requests;
mod scripts;
mod targets;

pub use archives::archives;
pub use conditions::preconditions;
pub use dates::dates;
pub use forms::forms;
pub use listings::listings;
pub use ranges::ranges;
pub use requests::requests;
pub use scripts::scripts;
pub use targets::targets;

/// A target: its name in `fuzz/` and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("archives", archives),
    ("dates", dates),
    ("forms", forms),
    ("listings", listings),
    ("preconditions", preconditions),
    ("ranges", ranges),
    ("requests", requests),
    ("scripts", scripts),
    ("targets", targets),
];

#[cfg(test)]
mod tests;
