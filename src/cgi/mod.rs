//! Scripts (RFC 3875): which one a request means, the environment it gets, how it runs, and how its
//! output becomes a response. Which files exist is decided elsewhere.

mod environment;
mod groups;
mod job;
mod launch;
mod output;
mod process;
mod script;
#[cfg(target_os = "linux")]
mod starter;
/// Elsewhere each script of another user is started with `fork`.
#[cfg(not(target_os = "linux"))]
#[path = "no_starter.rs"]
mod starter;

pub(crate) use environment::{ServerInfo, environment};
pub(crate) use groups::{GRACE, end_all, reap_orphans};
pub(crate) use launch::Launch;
pub(crate) use output::answer;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use output::{end_of_header, head};
pub(crate) use process::Process;
pub(crate) use script::Script;
pub(crate) use starter::{serve_if_asked, use_starter};
