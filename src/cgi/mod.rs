//! Scripts (RFC 3875): which one a request means, what it is told, how it runs, and what its
//! output becomes. Which files there are is somebody else's to say.

mod environment;
mod groups;
mod output;
mod process;
mod reaper;
mod script;

pub(crate) use environment::{Server, environment};
pub(crate) use groups::{GRACE, end_all};
pub(crate) use output::answer;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use output::{end_of_header, head};
pub(crate) use process::{Process, Setting};
pub(crate) use script::Script;
